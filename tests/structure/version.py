#!/usr/bin/env python3
"""Checks that every text that names lamella's version means the one of CMakeLists.txt.

Usage: version.py SOURCE_TREE. The version stands in project() of CMakeLists.txt, and builds take it
from there. What cannot be derived is held to it here:
  - names of libraries and packages, and versions that users write (find_package, tags of git), in
    every text but history (CHANGELOG.md, the performance pages) and samples of tests,
  - the version of the vcpkg port,
  - the headings of CHANGELOG.md: the newest is this version, and each has a date.
Prints one line per fault; exits 1 if there is one, or if it found no version to compare.
"""
import json
import re
import sys
from datetime import date
from pathlib import Path

TOPS = (".github", "backends", "bench", "cblas", "cmake", "core", "docs", "examples", "include",
        "packaging", "tests", "tools")
SUFFIXES = {".c", ".cmake", ".cpp", ".h", ".in", ".json", ".md", ".py", ".txt", ".yml", ""}
OTHERS = re.compile(
    r"^(CHANGELOG\.md|docs/performance/.*|tests/.*selftest\.py|tests/tools/test_\w+\.py)$")
# Each has the version, whole or its first two numbers, as a group.
MENTIONS = [re.compile(pattern, re.MULTILINE) for pattern in (
    r"\bliblamella(?:[-_]cblas)?(?:\.so\.)?(\d+\.\d+(?:\.\d+)?)\b",
    r"\bLAMELLA_(\d+\.\d+)\b",
    r"\bfind_package\(lamella (\d+\.\d+(?:\.\d+)?)\b",
    r"\bGIT_TAG\s+v(\d+\.\d+\.\d+)\b",
    r"^\| (\d+\.\d+) \| yes\b",  # SECURITY.md: the versions that are mended
    r"(?<![\w/])lamella[ /@](\d+\.\d+\.\d+)\b",
)]
VERSION = re.compile(r"^project\(lamella VERSION (\d+\.\d+\.\d+)\b", re.MULTILINE)
HEADING = re.compile(r"^## \[(\d+\.\d+\.\d+)\](?: - (\S+))?$", re.MULTILINE)


def texts(tree):
    for path in sorted(tree.iterdir()):
        if path.is_file() and path.suffix in SUFFIXES and not path.name.startswith("."):
            yield path
    for top in TOPS:
        for path in sorted((tree / top).rglob("*")):
            if path.is_file() and path.suffix in SUFFIXES and "__pycache__" not in path.parts:
                yield path


def faults(tree):
    """Yields what is wrong, a sentence each."""
    match = VERSION.search((tree / "CMakeLists.txt").read_text())
    if match is None:
        yield "CMakeLists.txt has no project(lamella VERSION a.b.c)"
        return
    version = match[1]
    short = version.rpartition(".")[0]
    mentions = 0
    for path in texts(tree):
        name = path.relative_to(tree).as_posix()
        if OTHERS.match(name):
            continue
        text = path.read_text(errors="replace")
        for pattern in MENTIONS:
            for mention in pattern.finditer(text):
                mentions += 1
                if mention[1] not in (version, short):
                    yield f"{name} says {mention[0]!r}, and the version is {version}"
    if mentions == 0:
        yield "no text names the version"
    port = json.loads((tree / "packaging/vcpkg/lamella/vcpkg.json").read_text())
    if port["version"] != version:
        yield f"vcpkg.json says {port['version']}, and the version is {version}"

    changelog = (tree / "CHANGELOG.md").read_text()
    headings = HEADING.findall(changelog)
    if not headings or headings[0][0] != version:
        newest = headings[0][0] if headings else "none"
        yield f"the newest version in CHANGELOG.md is {newest}, and that of CMakeLists.txt {version}"
    for heading, day in headings:
        try:
            date.fromisoformat(day)
        except ValueError:
            yield f"CHANGELOG.md gives {heading} the date {day!r}, which is none"
    if "## [Unreleased]" not in changelog.partition(f"## [{version}]")[0]:
        yield "CHANGELOG.md has no heading [Unreleased] above the newest version"


def main():
    found = list(faults(Path(sys.argv[1]).resolve()))
    for fault in found:
        print(fault)
    print(f"{len(found)} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
