#!/usr/bin/env python3
"""Checks that what texts refer to exists, and that header guards are named after their files.

Usage: references.py SOURCE_TREE. Looks at every source, script and page of the tree, for
  - links of Markdown pages to files and to headings,
  - names of pages anywhere (`docs/math.md#loss` in a comment), with their headings,
  - paths of sources anywhere (`core/base/text.h`), except in the performance log, which is history,
  - names in `code` on pages of docs/ (`train()`, `Kernels::run`): their words must occur in a source,
  - #ifndef, #define and the last #endif of headers.
Prints one line per fault; exits 1 if there is one, or if it found nothing to look at.
"""
import re
import sys
from pathlib import Path

TOPS = ("backends", "bench", "cblas", "cmake", "core", "docs", "examples", "include", "packaging",
        "tests", "tools")
SUFFIXES = {".c", ".cmake", ".cpp", ".h", ".in", ".md", ".py", ".sh", ".txt", ".json", ""}
# These name files that do not exist, to show what is found.
SELFTESTS = {"tests/structure/selftest.py", "tests/docs/selftest.py"}
HISTORY = {"docs/performance/log.md"}

# The text of a link may go on in the next line, but not in the next paragraph.
LINK = re.compile(r"\[(?:[^\[\]\n]|\n(?!\n))*\]\(([^)\s]+)\)")
PAGE = re.compile(r"(?<![\w/.*<>-])((?:[\w.-]+/)*[\w-]+\.md)(#[\w-]+)?(?![\w*])")
SOURCE = re.compile(rf"(?<![\w/.*<>-])((?:{'|'.join(TOPS)})/[\w/.-]+\.(?:h|cpp|c|py|cmake|txt|in))\b")
# Not what ends in an underscore: that is the beginning of names.
NAME = re.compile(r"(?<!`)`([A-Za-z_]\w*(?:::\w+)*)(?<!_)(?:\(\))?`(?!`)")
STYLES = {"snake_case", "PascalCase", "kPascalCase"}  # names of ways to name
HEADING = re.compile(r"^#{1,6} +(.*?)\s*$", re.MULTILINE)


def texts(tree):
    """Every text file of the tree, as a path relative to it."""
    for path in sorted(tree.iterdir()):
        if path.is_file() and path.suffix in SUFFIXES and not path.name.startswith("."):
            yield path.name
    for top in TOPS:
        for path in sorted((tree / top).rglob("*")):
            hidden = any(part.startswith((".", "__")) for part in path.relative_to(tree).parts)
            if path.is_file() and path.suffix in SUFFIXES and not hidden:
                yield path.relative_to(tree).as_posix()


def slugs(markdown):
    """The anchors that GitHub gives the headings of a page, in their order."""
    without_code = re.sub(r"^```.*?^```", "", markdown, flags=re.MULTILINE | re.DOTALL)
    seen = {}
    for heading in HEADING.findall(without_code):
        heading = LINK.sub(lambda m: m[0][1:m[0].index("]")], heading)
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        count = seen.get(slug, 0)
        seen[slug] = count + 1
        yield slug if count == 0 else f"{slug}-{count}"


class Tree:
    def __init__(self, root):
        self.root = root
        self.files = list(texts(root))
        self.names = {Path(file).name for file in self.files}
        self.checked = 0
        self._anchors = {}
        self._words = None

    def anchors(self, page):
        if page not in self._anchors:
            self._anchors[page] = set(slugs((self.root / page).read_text()))
        return self._anchors[page]

    def page(self, file, name):
        """The page that `file` means by `name`, relative to the tree; None if there is none."""
        for base in (self.root, (self.root / file).parent):
            path = (base / name).resolve()
            if path.is_file() and path.is_relative_to(self.root):
                return path.relative_to(self.root).as_posix()
        return None

    def faults_of_links(self, file, text):
        for target in LINK.findall(text):
            if re.match(r"[a-z]+:", target):
                continue
            self.checked += 1
            name, _, anchor = target.partition("#")
            path = (self.root / file).parent / name if name else self.root / file
            if not path.exists():
                yield f"links to {target}, which does not exist"
            elif anchor and anchor not in self.anchors(
                    path.resolve().relative_to(self.root).as_posix()):
                yield f"links to {target}, but that page has no such heading"

    def faults_of_pages(self, file, text):
        for name, anchor in PAGE.findall(text):
            self.checked += 1
            page = self.page(file, name)
            if page is None and "/" not in name and name in self.names:
                continue  # README.md, of any directory
            if page is None:
                yield f"names {name}, which does not exist"
            elif anchor and anchor[1:] not in self.anchors(page):
                yield f"names {name}{anchor}, but that page has no such heading"

    def faults_of_sources(self, file, text):
        if file.endswith((".cmake", "CMakeLists.txt")):  # CMake looks for what is not a comment
            text = "\n".join(re.findall(r"#.*", text))
        for name in SOURCE.findall(text):
            self.checked += 1
            if not (self.root / name).exists() and not (self.root / file).parent.joinpath(
                    name).exists():
                yield f"names {name}, which does not exist"

    def words(self):
        """Every word of every file that is no page."""
        if self._words is None:
            self._words = set()
            for file in self.files:
                if not file.endswith(".md") and file not in SELFTESTS:
                    text = (self.root / file).read_text(errors="replace")
                    self._words.update(re.findall(r"[A-Za-z_]\w*", text))
        return self._words

    def faults_of_names(self, file, text):
        without_code = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
        for name in NAME.findall(without_code):
            self.checked += 1
            if name not in STYLES and not self.words().issuperset(name.split("::")):
                yield f"names {name}, which no source has"

    def faults_of_guards(self, file, text):
        self.checked += 1
        path = file.removeprefix("include/lamella/").removeprefix("include/")
        guard = "LAMELLA_" + re.sub(r"[/.]", "_", path).upper() + "_"
        directives = re.findall(r"^#\s*(?:ifndef|define|endif).*$", text, re.MULTILINE)
        if directives[:2] != [f"#ifndef {guard}", f"#define {guard}"]:
            yield f"does not begin with the guard {guard}"
        elif guard not in directives[-1]:
            yield f"does not end with the guard {guard}"

    def faults(self):
        for file in self.files:
            if file in SELFTESTS:
                continue
            text = (self.root / file).read_text(errors="replace")
            found = []
            if file.endswith(".md"):
                found += self.faults_of_links(file, text)
                if file.startswith("docs/") and file not in HISTORY:
                    found += self.faults_of_names(file, text)
                text = LINK.sub("", text)
            found += self.faults_of_pages(file, text)
            if file not in HISTORY:
                found += self.faults_of_sources(file, text)
            if file.endswith(".h"):
                found += self.faults_of_guards(file, text)
            yield from (f"{file} {fault}" for fault in dict.fromkeys(found))


def main():
    tree = Tree(Path(sys.argv[1]).resolve())
    found = list(tree.faults())
    for line in found:
        print(line)
    print(f"{len(tree.files)} files, {tree.checked} references and guards, {len(found)} faults")
    return 1 if found or tree.checked == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
