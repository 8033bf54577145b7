#!/usr/bin/env python3
"""Inspects the objects of instruction-set units for symbols that must not be there.

Of an inline function that several objects hold, the linker keeps one copy: should that be the
AVX-512 one, the program dies on an AVX2 machine. So these objects may hold no weak symbol, define
globals in lamella::backends only, and call nothing but C functions.

Usage: isa_symbols.py --nm NM --objects FILE SOURCE... where FILE lists the library's objects, one a
line, and each SOURCE (like backends/simd/avx2_f32.cpp) must have its object among them. Exits 1 if a
symbol is wrong or an object is missing.
"""
import argparse
import re
import subprocess
import sys

LINE = re.compile(r"^[0-9a-f]*\s+(?P<kind>[A-Za-z])\s(?P<name>.*)$")
FORBIDDEN_UNDEFINED = re.compile(r"::|^operator|^__cxa_|^_Unwind_|^__gxx_|^vtable|^typeinfo")


def without_template_arguments(name):
    """'a<b> f<c<d>>(e)' becomes 'a f(e)'."""
    depth, kept = 0, []
    for character in name.replace("(anonymous namespace)", "{anonymous}"):
        depth += character == "<"
        if depth == 0:
            kept.append(character)
        depth -= character == ">"
    return "".join(kept)


def is_ours(name):
    """Whether the function or object, not its arguments or return type, is in our namespace."""
    return re.match(r"(?:[^(]*\s)?lamella::backends::", without_template_arguments(name)) is not None


def fault(kind, name):
    """What is wrong with a symbol, or None."""
    if kind in "WVu":
        return "weak symbol: the linker may merge it with another unit's"
    if kind == "U":
        if FORBIDDEN_UNDEFINED.search(name) and not is_ours(name):
            return "calls C++ code outside lamella::backends"
        return None
    if kind in "Tti" and not is_ours(name):
        return "code outside lamella::backends"
    if kind.isupper() and kind not in "NA" and not is_ours(name):
        return "global outside lamella::backends"
    return None


def faults(nm, path):
    listing = subprocess.run([nm, "-C", path], check=True, capture_output=True, text=True).stdout
    symbols = [match for match in map(LINE.match, listing.splitlines()) if match]
    if not symbols:
        return ["no symbols: not the object it should be"]
    found = ((match["kind"], match["name"], fault(match["kind"], match["name"]))
             for match in symbols)
    return [f"{kind} {name}\n    {why}" for kind, name, why in found if why]


def main():
    parser = argparse.ArgumentParser(description="see the top of this file")
    parser.add_argument("--nm", default="nm")
    parser.add_argument("--objects", required=True)
    parser.add_argument("sources", nargs="+")
    options = parser.parse_args()
    with open(options.objects, encoding="utf-8") as file:
        objects = file.read().split()
    wrong = 0
    for source in options.sources:
        mine = [path for path in objects if path.endswith(f"/{source}.o")]
        if len(mine) != 1:
            print(f"{source}: {len(mine)} objects in {options.objects}, expected 1")
            wrong += 1
            continue
        found = faults(options.nm, mine[0])
        for line in found:
            print(f"{source}: {line}")
        wrong += len(found)
    print(f"{len(options.sources)} units, {wrong} faults")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
