#!/usr/bin/env python3
"""Compares the symbols that a shared library shows with what the public headers mark LAMELLA_API.

Nothing else may show: neither lamella's inside nor instances of other libraries' templates; and all
that is marked must be there.

Usage: exported_symbols.py --nm NM LIBRARY HEADER... Prints one line per fault; exits 1 if
there is one.
"""
import argparse
import re
import subprocess
import sys
from pathlib import Path

CLASS = re.compile(r"^class LAMELLA_API (\w+)", re.MULTILINE)
FUNCTION = re.compile(r"^(?!\s*#)\s*LAMELLA_API\b[^;{(]*?(\w+)\(", re.MULTILINE)
DATA = re.compile(r"^LAMELLA_API extern [\w ]+?(\w+);", re.MULTILINE)
# A function, or the virtual table or type information of a class, of namespace lamella.
MANGLED = re.compile(r"_Z(?:T[ISV])?NK?[RO]?7lamella(\d+)(\w+)")
# Pimpls: nested in an exported class, but not part of the interface.
PRIVATE = re.compile(r"\d+Impl")


def declared(headers):
    """The names that the headers export."""
    names = set()
    for header in headers:
        text = Path(header).read_text()
        names.update(CLASS.findall(text), FUNCTION.findall(text), DATA.findall(text))
    return names


def exported(nm, library):
    """The symbols that programs can link with, without their versions."""
    lines = subprocess.run([nm, "--dynamic", "--defined-only", library], check=True, text=True,
                           capture_output=True).stdout.splitlines()
    symbols = (line.split()[1:] for line in lines)
    # Absolute symbols stand for version nodes.
    return [name.partition("@")[0] for kind, name in symbols if kind != "A"]


def public_name(symbol):
    """The C name, or the function or class of namespace lamella that a symbol is of, or None."""
    match = MANGLED.match(symbol)
    if match:
        length = int(match[1])
        return None if PRIVATE.search(symbol) else match[2][:length]
    return None if symbol.startswith("_Z") else symbol


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--nm", default="nm")
    parser.add_argument("library")
    parser.add_argument("headers", nargs="+")
    options = parser.parse_args()
    wanted = declared(options.headers)
    symbols = exported(options.nm, options.library)
    faults = [f"{symbol} shows but is not marked LAMELLA_API" for symbol in symbols
              if public_name(symbol) not in wanted]
    missing = wanted - {public_name(symbol) for symbol in symbols}
    faults += [f"{name} is marked LAMELLA_API but does not show" for name in sorted(missing)]
    if not wanted:
        faults.append("no header marks anything LAMELLA_API")
    for fault in faults:
        print(fault)
    print(f"{len(symbols)} symbols of {len(wanted)} names, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
