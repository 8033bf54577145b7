#!/usr/bin/env python3
"""Runs programs that use CBLAS through another library, with liblamella_cblas.so under them.

Usage: preload.py --library FILE PROGRAM     a build of program.c
       preload.py --library FILE --numpy     NumPy, where one is linked with the system's BLAS

Fails unless results are right and LD_DEBUG shows that the calls were bound to our library. Exits 77
if there is no such NumPy.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

SKIPPED = 77
ROUTINES = {f"cblas_{kind}{name}" for kind in "sd" for name in ("gemm", "gemv", "ger")}
EXPECTED = """gemm 14 32 32 77  14 32 32 77
gemv 16 22  16 22
ger 6 8 12 16  6 8 12 16
"""
# Integers are multiplied without BLAS, so they are the reference. np.outer does not use ger.
NUMPY = """
import numpy as np
random = np.random.default_rng(1)
a, b, x = (random.integers(-9, 9, shape) for shape in ((70, 50), (50, 90), (50,)))
for kind in np.float32, np.float64:
    f = [array.astype(kind) for array in (a, b, x)]
    assert (np.dot(f[0], f[1]) == np.dot(a, b)).all()
    assert (np.dot(f[1].T, f[0].T) == np.dot(b.T, a.T)).all()
    assert (np.dot(np.asfortranarray(f[0]), f[1]) == np.dot(a, b)).all()
    assert (f[0] @ f[1][:, ::-1] == a @ b[:, ::-1]).all()
    assert (np.dot(f[0], f[2]) == np.dot(a, x)).all()
    assert (np.dot(f[2][::-1], f[1]) == np.dot(x[::-1], b)).all()
print("right")
"""


def run(command, library):
    """Output of a command that must succeed, and {routine: libraries it was bound to}."""
    with tempfile.TemporaryDirectory() as directory:
        environment = {**os.environ, "LD_PRELOAD": library, "LD_DEBUG": "bindings",
                       "LD_DEBUG_OUTPUT": str(Path(directory, "bindings"))}
        result = subprocess.run(command, text=True, capture_output=True, env=environment)
        text = "".join(path.read_text() for path in Path(directory).glob("bindings.*"))
    if result.returncode != 0:
        sys.exit(f"exit code {result.returncode}: {result.stdout}{result.stderr}")
    bindings = {}
    for target, symbol in re.findall(
            r"binding file \S+ \[0\] to (\S+) \[0\]: normal symbol `(cblas_\w+)'", text):
        if symbol in ROUTINES:
            bindings.setdefault(symbol, set()).add(target)
    return result.stdout, bindings


def check(output, expected, bindings, routines, library):
    if output != expected:
        sys.exit(f"wrong output:\n{output}expected:\n{expected}")
    for routine in sorted(routines):
        if bindings.get(routine) != {library}:
            sys.exit(f"{routine} was bound to {bindings.get(routine)}, not to {library}")
    print(f"right, on {library}: {', '.join(sorted(routines))}")


def system_numpy():
    """A Python whose NumPy asks the dynamic linker for BLAS, or None."""
    find = "import numpy.core._multiarray_umath as module; print(module.__file__)"
    for python in dict.fromkeys([sys.executable, "/usr/bin/python3"]):
        found = subprocess.run([python, "-c", find], text=True, capture_output=True)
        if found.returncode == 0:
            needed = subprocess.run(["ldd", found.stdout.strip()], text=True, capture_output=True)
            if re.search(r"libc?blas\.so\.3", needed.stdout):
                return python
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--library", required=True)
    parser.add_argument("--numpy", action="store_true")
    parser.add_argument("program", nargs="?")
    options = parser.parse_args()
    library = os.path.realpath(options.library)
    if not options.numpy:
        output, bindings = run([options.program], library)
        check(output, EXPECTED, bindings, ROUTINES, library)
        return 0
    python = system_numpy()
    if python is None:
        print("skipped: no NumPy that is linked with the system's BLAS (Debian's python3-numpy)")
        return SKIPPED
    output, bindings = run([python, "-c", NUMPY], library)
    check(output, "right\n", bindings, {r for r in ROUTINES if not r.endswith("ger")}, library)
    return 0


if __name__ == "__main__":
    sys.exit(main())
