#!/usr/bin/env python3
"""Checks that links and pictures of the pages that Doxygen has made lead to something that is there.

Usage: html_links.py HTML_DIRECTORY. Looks at the main page and the pages of docs/, and prints one line
per fault; exits 1 if there is one, or if there is no page. What leads out of the directory is not tried.
"""
import re
import sys
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote

TARGET = re.compile(r'<(?:a|img|object)\b[^>]*?\b(?:href|src|data)="([^"]+)"')
ANCHOR = re.compile(r'\b(?:id|name)="([^"]+)"')


@lru_cache(maxsize=None)
def anchors(file):
    return set(ANCHOR.findall(file.read_text()))


def faults(directory):
    for page in [directory / "index.html", *sorted(directory.glob("page_*.html"))]:
        for target in TARGET.findall(page.read_text()):
            if re.match(r"[a-z]+:", target):
                continue
            name, _, anchor = unquote(target).partition("#")
            file = directory / name if name else page
            if not file.is_file():
                yield f"{page.name}: {target} does not exist"
            elif anchor and file.suffix == ".html" and anchor not in anchors(file):
                yield f"{page.name}: {target} has no such anchor"


def main():
    directory = Path(sys.argv[1])
    if not (directory / "index.html").is_file() or not list(directory.glob("page_*.html")):
        print(f"no pages in {directory}")
        return 1
    found = list(faults(directory))
    for line in found:
        print(line)
    print(f"{len(found)} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
