#!/usr/bin/env python3
"""Checks what the pages of a tree promise about each other and about their commands.

Usage: pages.py SOURCE_TREE [--build BUILD] [--ctest CTEST]. Prints one line per fault; exits 1 if there is one:
  - a page of docs/ to which no links lead from docs/README.md;
  - a public header that docs/reference.md does not name;
  - a public header that cites docs/math.md without a section (references.py checks that it exists);
  - a block without a mark (run_blocks.py), or one that is `not run` for a reason that names no test of
    BUILD and no known need, or that is no shell script.
"""
import argparse
import fnmatch
import re
import subprocess
import sys
from pathlib import Path

import run_blocks

sys.path.append(str(Path(__file__).resolve().parent.parent / "structure"))
from references import LINK  # noqa: E402

# Why a command cannot be run by a test. A reason that has none of these words has to name a test.
NEEDS = re.compile(r"\b(root|minutes|hours?|needs|builds?|no finding|tools/check)\b")
TEST = re.compile(r"(?<![\w./])([a-z_]+(?:\.[\w*-]+)+)(?![\w/])")


def pages(tree):
    return sorted(page.relative_to(tree).as_posix() for page in (tree / "docs").rglob("*.md"))


def faults_of_indices(tree):
    reached, todo = set(), ["docs/README.md"]
    while todo:
        page = todo.pop()
        if page in reached or not (tree / page).is_file():
            continue
        reached.add(page)
        for target in LINK.findall((tree / page).read_text()):
            path = ((tree / page).parent / target.partition("#")[0]).resolve()
            if path.suffix == ".md" and path.is_relative_to(tree / "docs"):
                todo.append(path.relative_to(tree).as_posix())
    for page in pages(tree):
        if page not in reached:
            yield f"{page}: no links lead to it from docs/README.md"


def faults_of_headers(tree):
    reference = (tree / "docs/reference.md").read_text()
    for header in sorted((tree / "include/lamella").glob("*.h")):
        if f"<lamella/{header.name}>" not in reference:
            yield f"docs/reference.md does not say what {header.name} is for"


def faults_of_citations(tree):
    for header in sorted((tree / "include/lamella").glob("*.h")):
        if re.search(r"docs/math\.md(?!#)", header.read_text()):
            yield f"include/lamella/{header.name} cites docs/math.md without a section"


def faults_of_reasons(tree, tests):
    others = [page.relative_to(tree).as_posix()
              for pattern in ("*.md", "bench/*/*.md") for page in sorted(tree.glob(pattern))]
    for page in [*others, *pages(tree)]:
        for block in run_blocks.blocks((tree / page).read_text()):
            place = f"{page}, line {block.line}"
            if not block.action:
                yield f"{place}: no mark says whether to run the block"
            if block.action != "not run":
                continue
            named = TEST.findall(block.argument)
            named += re.findall(r"\bthe test (\w+)\b", block.argument)
            for name in named:
                if tests and not fnmatch.filter(tests, name):
                    yield f"{place}: there is no test {name}"
            if not named and not NEEDS.search(block.argument):
                yield f"{place}: no test and no known need is named: {block.argument}"
            if block.language in ("", "sh"):
                syntax = subprocess.run(["bash", "-n"], input=block.text, text=True,
                                        capture_output=True)
                if syntax.returncode != 0:
                    yield f"{place}: {syntax.stderr.strip()}"


def tests_of(ctest, build):
    listed = subprocess.run([ctest, "--test-dir", build, "-N"], capture_output=True, text=True,
                            check=True).stdout
    return re.findall(r"Test +#\d+: (\S+)", listed)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tree", type=Path)
    parser.add_argument("--build", help="whose tests reasons may name; without it any name will do")
    parser.add_argument("--ctest", default="ctest")
    options = parser.parse_args()
    tree = options.tree.resolve()
    tests = tests_of(options.ctest, options.build) if options.build else []
    found = [*faults_of_indices(tree), *faults_of_headers(tree), *faults_of_citations(tree),
             *faults_of_reasons(tree, tests)]
    for line in found:
        print(line)
    print(f"{len(pages(tree))} pages, {len(tests)} tests, {len(found)} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
