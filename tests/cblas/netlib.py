#!/usr/bin/env python3
"""Runs one of Netlib's CBLAS test programs on liblamella_cblas.so, put under it by LD_PRELOAD.

The input is the program's own, with T for the routines that lamella offers and F for the others.
Fails unless every one of them passes its computational tests in both layouts and its error exits,
LD_DEBUG shows that the program's calls were bound to our library, and LAMELLA_VERBOSE that the
backend computed them.

Usage: netlib.py --library FILE --backend NAME --directory DIR PROGRAM
where DIR holds the programs and inputs (Debian's libblas-test), and PROGRAM is xdcblat3 or a
sibling. Exits 77 if they are not installed.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

OFFERED = {"2": ("gemv", "ger"), "3": ("gemm",)}
SKIPPED = 77


def chosen_input(text, routines):
    """The input file with the flag of each routine set to whether it is among `routines`."""
    lines = []
    for line in text.splitlines():
        match = re.match(r"(cblas_\w+)(\s+)[TF]\b(.*)", line)
        if match:
            line = f"{match[1]}{match[2]}{'T' if match[1] in routines else 'F'}{match[3]}"
        lines.append(line)
    return "\n".join(lines) + "\n"


def faults(output, routines):
    """What the output of a test program says that it should not, or does not say that it should."""
    found = [line.strip() for line in output.splitlines()
             if re.search(r"FAIL|\*\*\*\*\*|SUSPECT|LESS THAN HALF|ERROR-EXITS \*|CANCELLED", line)]
    for routine in routines:
        passed = re.findall(rf"{routine}\s+PASSED THE (\S+ +)?COMPUTATIONAL TESTS", output)
        if len(passed) != 2:
            found.append(f"{routine}: {len(passed)} of 2 layouts passed the computational tests")
        exits = re.findall(rf"{routine}\s+PASSED THE TESTS OF ERROR-EXITS", output)
        if not exits:
            found.append(f"{routine}: no word of the tests of error exits")
    return found


def bound_elsewhere(bindings, program, library, routines):
    """Why the calls of `program` did not all go to `library`, from the output of LD_DEBUG."""
    found = []
    for routine in routines:
        targets = set(re.findall(
            rf"binding file \S*{program} \[0\] to (\S+) \[0\]: normal symbol `{routine}'", bindings))
        if targets != {library}:
            found.append(f"{routine} was bound to {targets or 'nothing'}, not to {library}")
    # The other direction: our errors go to the handler that the program defines.
    if not re.search(rf"binding file {re.escape(library)} \[0\] to \S*{program} \[0\]: "
                     r"normal symbol `cblas_xerbla'", bindings):
        found.append("cblas_xerbla of the library was not bound to the program's")
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--library", required=True)
    parser.add_argument("--backend", required=True)
    parser.add_argument("--directory", required=True)
    parser.add_argument("program")
    options = parser.parse_args()
    program = Path(options.directory, options.program)
    kind, level = re.fullmatch(r"x([sd])cblat([23])", options.program).groups()
    source = Path(options.directory, f"{kind}in{level}")
    if not (program.exists() and source.exists()):
        print(f"skipped: {program} is not there (Debian package libblas-test)")
        return SKIPPED
    routines = [f"cblas_{kind}{name}" for name in OFFERED[level]]
    library = os.path.realpath(options.library)
    with tempfile.TemporaryDirectory() as directory:
        environment = {**os.environ, "LD_PRELOAD": library, "LD_DEBUG": "bindings",
                       "LD_DEBUG_OUTPUT": str(Path(directory, "bindings")), "LAMELLA_VERBOSE": "1",
                       "LAMELLA_BACKEND": options.backend}
        run = subprocess.run([program], input=chosen_input(source.read_text(), routines), text=True,
                             capture_output=True, cwd=directory, env=environment)
        bindings = "".join(path.read_text() for path in Path(directory).glob("bindings.*"))
    print(run.stdout)
    found = faults(run.stdout, routines)
    found += bound_elsewhere(bindings, options.program, library, routines)
    if run.returncode != 0:
        found.append(f"exit code {run.returncode}")
    traced = re.findall(rf"^lamella: (?:gemm|outer_product) .* {options.backend}/", run.stderr,
                        re.MULTILINE)
    if not traced:
        found.append(f"the {options.backend} backend computed nothing:\n{run.stderr[:2000]}")
    for line in found:
        print("FAULT:", line)
    print(f"{', '.join(routines)} on {library}: {len(traced)} kernel calls by {options.backend}, "
          f"{len(found)} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
