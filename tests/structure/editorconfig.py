#!/usr/bin/env python3
"""Checks that files are as .editorconfig says, and that it agrees with .clang-format.

Usage: editorconfig.py SOURCE_TREE. Of every text file: UTF-8, no carriage returns, no tabs where
blanks are asked for, no blanks at the ends of lines, one newline at the end. Of C and C++: the width
and the indentation of .clang-format. How long lines of other files are is left to their editors.
Prints one line per fault; exits 1 if there is one, or if it found no file.
"""
import configparser
import fnmatch
import itertools
import re
import sys
from pathlib import Path

TOPS = (".ci", ".github", "backends", "bench", "cblas", "cmake", "core", "docs", "examples",
        "include", "packaging", "tests", "tools")
# Inputs of fuzzers are any bytes; editors leave files of their own.
OTHERS = re.compile(r"^tests/fuzz/regressions/|\.(png|gz|safetensors|swp|orig|rej)$|~$")
INDENT_OF_STYLE = {"Google": "2", "LLVM": "2"}


def alternatives(pattern):
    """a.{b,c} is a.b and a.c."""
    parts = [part.split(",") for part in re.split(r"[{}]", pattern)]
    outside = [[",".join(part)] if i % 2 == 0 else part for i, part in enumerate(parts)]
    return ["".join(choice) for choice in itertools.product(*outside)]


class Config:
    def __init__(self, path):
        parser = configparser.ConfigParser(delimiters="=", comment_prefixes="#")
        parser.read_string("[root]\n" + path.read_text())
        self.sections = [(alternatives(name), dict(parser[name]))
                         for name in parser.sections() if name != "root"]

    def of(self, name):
        """The properties of a file; later sections go before earlier ones."""
        found = {}
        for patterns, properties in self.sections:
            if any(fnmatch.fnmatch(name, pattern) for pattern in patterns):
                found.update(properties)
        return found


def files(tree):
    for path in sorted(tree.iterdir()):
        if path.is_file() and path.name != "CMakeUserPresets.json":
            yield path.name
    for top in TOPS:
        for path in sorted((tree / top).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(tree).as_posix()


def faults_of_file(content, properties):
    try:
        text = content.decode(properties["charset"])
    except UnicodeDecodeError:
        yield "is not UTF-8"
        return
    if properties["end_of_line"] == "lf" and "\r" in text:
        yield "has carriage returns"
    if properties["indent_style"] == "space" and "\t" in text:
        yield "has tabs"
    if properties["trim_trailing_whitespace"] == "true" and re.search(r"[ \t]$", text, re.MULTILINE):
        yield "has blanks at the end of a line"
    if properties["insert_final_newline"] == "true" and text and not re.search(r"[^\n]\n\Z", text):
        yield "does not end with one newline"


def faults_of_style(config, clang_format):
    style = dict(re.findall(r"^(\w+): *(\S+)$", clang_format, re.MULTILINE))
    wanted = {"max_line_length": style["ColumnLimit"],
              "indent_size": style.get("IndentWidth", INDENT_OF_STYLE[style["BasedOnStyle"]])}
    for suffix in ("c", "cpp", "h"):
        for key, value in wanted.items():
            if config.of(f"a.{suffix}").get(key) != value:
                yield f".editorconfig has another {key} for *.{suffix} than .clang-format ({value})"


def main():
    tree = Path(sys.argv[1]).resolve()
    config = Config(tree / ".editorconfig")
    found = list(faults_of_style(config, (tree / ".clang-format").read_text()))
    names = [name for name in files(tree) if not OTHERS.search(name)]
    for name in names:
        properties = config.of(Path(name).name)
        found += [f"{name} {fault}"
                  for fault in faults_of_file((tree / name).read_bytes(), properties)]
    for fault in found:
        print(fault)
    print(f"{len(names)} files, {len(found)} faults")
    return 1 if found or len(names) < 3 else 0


if __name__ == "__main__":
    sys.exit(main())
