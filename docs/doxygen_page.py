#!/usr/bin/env python3
"""A page or a header of the tree as Doxygen takes it: FILTER_PATTERNS of the Doxyfile.

Usage: doxygen_page.py FILE. Of a header, what cites a section of a page becomes a reference. Of a
page, this is printed:
  - headings have the anchors that GitHub gives them, each below the name of its page,
  - links to pages and public headers are references, and other links of the tree are plain text:
    what they lead to is in a checkout and not in the reference,
  - figures are as wide as the page, at most,
  - links of an index (README.md) to pages below it make these its subpages,
  - code blocks are fenced, and the marks of tests/docs/run_blocks.py are gone.
"""
import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "structure"))
from references import LINK, slugs  # noqa: E402

MAIN = "docs/reference.md"
DIRECTORIES = ("", "docs", "docs/design", "docs/performance")  # as INPUT of the Doxyfile
MARK = re.compile(r"<!-- .* -->")
CITATION = re.compile(r"(docs/[\w/.-]+\.md)#([\w-]+)")
FIGURE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")
BOLD_CODE = re.compile(r"\*\*(`[^*]*)\*\*")  # which Doxygen does not take for bold
LINK_OR_CODE = re.compile(f"{LINK.pattern}|`[^`]*`")
# The languages whose syntax Doxygen colours; the text of others stands as it is.
COLOURED = {"cpp": "cpp", "c": "c"}


def is_page(path):
    return path.endswith(".md") and os.path.dirname(path) in DIRECTORIES


def label(page, anchor=""):
    """The name that Doxygen knows a page, or a heading of it, by."""
    if page == MAIN and not anchor:
        return "index"
    name = "page_" + re.sub(r"\W", "_", page.removesuffix(".md"))
    return f"{name}_{anchor}" if anchor else name


class Filter:
    def __init__(self, page):
        self.page = page
        self.subpages = set()

    def is_below(self, target):
        """Whether this page is the index of `target`: of a page beside it, or of a folder's index.
        Of a page called results-something that is the page called results."""
        family = re.sub(r"-\w+\.md$", ".md", target)
        if family != target and (ROOT / family).is_file():
            return self.page == family
        if not self.page.endswith("README.md") or self.page == "README.md" or target == MAIN:
            return False
        here, there = os.path.dirname(self.page), os.path.dirname(target)
        if target.endswith("README.md"):
            return target != self.page and os.path.dirname(there) == here
        return here == there

    def link(self, match):
        text, target = match[0][1:match[0].index("]")], match[1]
        if re.match(r"[a-z]+:", target):
            return match[0]
        name_of_link = " ".join(text.replace("`", "").split())
        name, _, anchor = target.partition("#")
        path = os.path.normpath(os.path.join(os.path.dirname(self.page), name)) if name else self.page
        if is_page(path):
            command = "@ref"
            if not anchor and self.is_below(path) and path not in self.subpages:
                self.subpages.add(path)
                command = "@subpage"
            return f'{command} {label(path, anchor)} "{name_of_link}"'
        if path.startswith("include/lamella/"):
            return f'@ref {path.removeprefix("include/")} "{name_of_link}"'
        return text

    def text(self, paragraph):
        """Lines that are neither code nor a heading."""
        if figure := FIGURE.fullmatch(paragraph):
            # As wide as there is room, which Doxygen's own element is not.
            return f'<img src="{os.path.basename(figure[2])}" alt="{figure[1]}" style="max-width: 100%">'
        paragraph = BOLD_CODE.sub(r"<b>\1</b>", paragraph)
        return LINK_OR_CODE.sub(lambda m: m[0] if m[0][0] == "`" else self.link(LINK.match(m[0])),
                                paragraph)

    def lines(self, markdown):
        source = markdown.splitlines()
        names = iter(slugs(markdown))
        i, first, after_blank = 0, True, True
        while i < len(source):
            line = source[i]
            i += 1
            if MARK.fullmatch(line.strip()):
                yield ""
                after_blank = True
            elif line.startswith("```"):
                end = next(j for j in range(i, len(source)) if source[j].startswith("```"))
                yield from fenced(source[i:end], line[3:])
                i, after_blank = end + 1, True
            elif line.startswith("    ") and after_blank and line.strip():
                end = i
                while end < len(source) and (source[end].startswith("    ") or not source[end].strip()):
                    end += 1
                code = [text[4:] for text in source[i - 1:end]]
                while not code[-1].strip():
                    code.pop()
                yield from fenced(code, "")
                yield ""
                i, after_blank = end, True
            elif re.match(r"#{1,6} ", line):
                name = next(names)
                heading = LINK.sub(lambda m: m[0][1:m[0].index("]")], line)
                own_label = label(self.page, "" if first else name)
                yield heading if own_label == "index" else f"{heading} {{#{own_label}}}"
                first, after_blank = False, False
            elif not line.strip():
                yield ""
                after_blank = True
            else:
                end = i
                while end < len(source) and source[end].strip() and not MARK.fullmatch(source[end]):
                    end += 1
                yield self.text("\n".join(source[i - 1:end]))
                i, after_blank = end, False


def fenced(code, language):
    yield ""
    yield f"~~~{{.{COLOURED.get(language, 'unparsed')}}}"
    yield from code
    yield "~~~"


def header(text):
    return CITATION.sub(lambda m: f'@ref {label(m[1], m[2])} "{m[0]}"', text)


def main():
    file = Path(sys.argv[1]).resolve().relative_to(ROOT).as_posix()
    text = (ROOT / file).read_text()
    if file.endswith(".md"):
        print("\n".join(Filter(file).lines(text)))
    else:
        print(header(text), end="")


if __name__ == "__main__":
    main()
