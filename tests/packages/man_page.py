#!/usr/bin/env python3
"""Holds the man page of `lamella` to what the program says of itself.

Usage: man_page.py SOURCE_TREE TOOL... The page must have the subcommands and options of `lamella
--help`, in the same words and no others, its exit codes, and the environment variables that the
sources read. If groff is there, it must format the page without a warning. Exits 1 otherwise.
"""
import re
import shutil
import subprocess
import sys
from pathlib import Path


def sections(page):
    """The page's sections: name -> {term: text} of its .TP entries."""
    found, name, lines = {}, "", iter(page.splitlines())
    for line in lines:
        if line.startswith(".SH "):
            name = line[4:]
            found[name] = {}
        elif line == ".TP":
            term = re.sub(r'^\.[BRI]+ |"', "", next(lines)).replace("\\-", "-").replace(" , ", ",")
            found[name][term] = next(lines)
    return found


def help_entries(text, heading):
    """The lines below a heading of --help: {term: text}."""
    block = text.partition(f"\n{heading}:\n")[2].partition("\n\n")[0]
    return dict(re.split(r"  +", line.strip(), maxsplit=1) for line in block.splitlines())


def variables_of(tree):
    """The names of environment variables in the library's and the program's sources."""
    names = set()
    for room in ("core", "tools"):
        for path in (tree / room).rglob("*.cpp"):
            names.update(re.findall(r'"(LAMELLA_(?!WITH_)[A-Z_]+)"', path.read_text()))
    return names


def faults(page, variables, help_text):
    """Yields what is wrong, a sentence each."""
    found = sections(page)
    for heading in ("Subcommands", "Options"):
        said, written = help_entries(help_text, heading), found.get(heading.upper(), {})
        if not said:
            yield f"--help has no {heading}"
        for term in sorted({*said, *written}):
            if said.get(term) != written.get(term):
                yield f"{term}: --help says {said.get(term)!r}, the page {written.get(term)!r}"
    for name in sorted(variables ^ set(found.get("ENVIRONMENT", {}))):
        yield f"{name} is in the sources or in the page, but not in both"
    codes = re.search(r"^Exit codes: 0 (.*?); 1 (.*?); 2 (.*?); 128 \+ n", help_text, re.MULTILINE)
    for code, meaning in enumerate(codes.groups() if codes else ["--help has no exit codes"]):
        if found.get("EXIT STATUS", {}).get(str(code)) != meaning:
            yield f"the page does not say of exit code {code}: {meaning}"


def main():
    tree = Path(sys.argv[1])
    page = tree / "tools/lamella.1"
    help_text = subprocess.run([*sys.argv[2:], "--help"], check=True, text=True,
                               capture_output=True).stdout
    found = list(faults(page.read_text(), variables_of(tree), help_text))
    if shutil.which("groff"):
        run = subprocess.run(["groff", "-man", "-ww", "-Tutf8", "-Z", page], check=True, text=True,
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        found += run.stderr.splitlines()
    for fault in found:
        print(fault)
    print(f"{len(found)} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
