#!/usr/bin/env python3
"""Checks that what the hosted workflows name exists, and lets actionlint read them if it is there.

Usage: workflows.py SOURCE_TREE [--build BUILD]. Of .github/workflows/*.yml it looks at
  - paths of scripts, which have to be there, executable where they are the command of a step, and
    know the options that they are given,
  - presets (configure, build and test preset alike), CMake options, groups of tools/packages.txt,
  - labels and names of tests (ctest -L, -R, -E), in the build directory BUILD,
  - actions, which are pinned to a major version or a commit.
Every preset of CMakePresets.json is used by some step, or by the script of its name.
Prints one line per fault; exits 1 if there is one, or if no step was found.
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

TOPS = r"(?:bench|cmake|docs|examples|packaging|tests|tools|\.ci)"
PATH = re.compile(rf"(?<![\w/.-])({TOPS}/[\w./-]*[\w-])")
STEP = re.compile(r"^\s*(?:- )?run: +(.*)$", re.MULTILINE)
PRESETS = re.compile(r"(?:--preset |\bpreset: *)(\[[^\]]*\]|[\w-]+)")
GROUPS = re.compile(r"(?:tools/install-deps|\bpackages:) +([a-z0-9 ]+)$", re.MULTILINE)
OPTIONS = re.compile(r"-D(LAMELLA_\w+)=")
TESTS = re.compile(r"\bctest\b.* -(?:L|R|E) +'?([^'\s]+)|^\s*tests: -(?:L|R|E) +'?([^'\n ]+)",
                   re.MULTILINE)
USES = re.compile(r"\buses: *(\S+)")
PINNED = re.compile(r"[\w./-]+@(v\d+(\.\d+)*|[0-9a-f]{40})")


class Tree:
    """What there is to name."""

    def __init__(self, root):
        self.root = root
        presets = json.loads((root / "CMakePresets.json").read_text())
        kinds = [{preset["name"] for preset in presets[kind] if not preset.get("hidden")}
                 for kind in ("configurePresets", "buildPresets", "testPresets")]
        self.presets = set.intersection(*kinds)
        self.options = set(re.findall(r"^option\((\w+)", (root / "CMakeLists.txt").read_text(),
                                      re.MULTILINE))
        self.groups = {line.split()[0] for line in
                       (root / "tools/packages.txt").read_text().splitlines()
                       if line.strip() and not line.startswith("#")}


def without_comments(text):
    return re.sub(r"(^|\s)#.*$", r"\1", text, flags=re.MULTILINE)


def faults_of_step(tree, command):
    """One command line of a step."""
    words = command.split()
    script = words[1] if words[0] == "python3" else words[0]
    path = tree.root / script
    if not re.match(rf"{TOPS}/", script) or not path.is_file():
        return  # a program, or a path that is said to be missing anyway
    if script == words[0] and not os.access(path, os.X_OK):
        yield f"runs {script}, which is not executable"
    text = path.read_text()
    for word in words:
        if word.startswith("--") and not re.search(rf"(?<![\w-]){word}(?![\w-])", text):
            yield f"gives {script} the option {word}, which it does not have"


def faults_of_tests(pattern, build):
    """Whether a pattern of `ctest -L`, `-R` or `-E` finds a test of the build."""
    for option in ("-L", "-R"):
        listed = subprocess.run(["ctest", "--test-dir", build, "-N", option, pattern],
                                capture_output=True, text=True).stdout
        if not re.search(r"^Total Tests: 0$", listed, re.MULTILINE):
            return
    yield f"names the tests {pattern}, and there are none"


def faults_of_workflow(tree, text, build):
    text = without_comments(text)
    for name in dict.fromkeys(PATH.findall(text)):
        if not (tree.root / name).exists():
            yield f"names {name}, which does not exist"
    for command in STEP.findall(text):
        if command in ("|", ">", ">-", "|-"):
            yield "has a step of several lines, which belong into a script in tools/"
        else:
            yield from faults_of_step(tree, command)
    for found in PRESETS.findall(text):
        for preset in found.strip("[]").replace(",", " ").split():
            if preset not in tree.presets:
                yield f"names the preset {preset}, which is not one to configure, build and test"
    for found in GROUPS.findall(text):
        for group in found.split():
            if group not in tree.groups:
                yield f"installs {group}, which is no group of tools/packages.txt"
    for option in OPTIONS.findall(text):
        if option not in tree.options:
            yield f"sets {option}, which is no option of CMakeLists.txt"
    for action in USES.findall(text):
        if not PINNED.fullmatch(action):
            yield f"uses {action}, which is pinned neither to a major version nor to a commit"
    if build is not None:
        for groups in TESTS.findall(text):
            yield from faults_of_tests(groups[0] or groups[1], build)


def faults(tree, build):
    steps, used = 0, set()
    for path in sorted((tree.root / ".github/workflows").glob("*.yml")):
        text = path.read_text()
        steps += len(STEP.findall(text))
        used.update(preset for found in PRESETS.findall(without_comments(text))
                    for preset in found.strip("[]").replace(",", " ").split())
        used.update(Path(name).name for name in PATH.findall(text))
        yield from (f"{path.name} {fault}"
                    for fault in dict.fromkeys(faults_of_workflow(tree, text, build)))
    # tools/check is the one way to have everything of a preset at once.
    if "check" in used:
        used.add("release")
    for preset in sorted(tree.presets - used):
        yield f"no workflow uses the preset {preset}"
    if steps == 0:
        yield "there is no step"


def actionlint(root):
    program = shutil.which("actionlint")
    if program is None:
        print("actionlint is not installed: what GitHub makes of the workflows is not checked")
        return 0
    done = subprocess.run([program, *sorted((root / ".github/workflows").glob("*.yml"))], cwd=root)
    return done.returncode


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tree", type=Path)
    parser.add_argument("--build", type=Path)
    options = parser.parse_args()
    root = options.tree.resolve()
    found = list(faults(Tree(root), options.build))
    for fault in found:
        print(fault)
    print(f"{len(found)} faults")
    return 1 if found or actionlint(root) != 0 else 0


if __name__ == "__main__":
    sys.exit(main())
