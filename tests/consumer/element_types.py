#!/usr/bin/env python3
"""Checks that element types other than float and double are refused when a program is compiled.

Usage: element_types.py --include DIRECTORY COMPILER [FLAG...]

A program has one line per function template of Backend, and for Network and PackedMatrix. With float
it has to compile. With a wrong type, another one in each line, every line has to be refused by
lamella's static_assert. Exits 1 if one is not.
"""
import argparse
import re
import subprocess
import sys
from pathlib import Path

MESSAGE = "lamella computes with elements of type float or double"
KERNEL = re.compile(r"^ *X\((\w+), \w+, (?:required|optional), ", re.MULTILINE)
PREAMBLE = """#include <memory>
#include <lamella/backend.h>
#include <lamella/network.h>
#include <lamella/packed_matrix.h>
using namespace lamella;
template <int> struct Wrong { Wrong(double = 0) {} };
std::shared_ptr<const Backend> b;
template <class T> View<T> m;
template <class T> ConstView<T> a;
template <class T> ConstVectorView<T> v;
template <class T> const PackedMatrix<T>* packed = nullptr;
void use() {
"""
CALLS = ["b->gemm<T>(1, a<T>, a<T>, 0, m<T>);", "b->gemm<T>(1, a<T>, *packed<T>, 0, m<T>);",
         "b->bias_add<T>(v<T>, m<T>);", "b->softmax<T>(a<T>, m<T>);",
         "b->outer_product<T>(1, v<T>, v<T>, m<T>);", "(void)b->kernels<T>();",
         "(void)sizeof(PackedMatrix<T>);", "(void)sizeof(Network<T>);"]


def compile_program(command, calls, element):
    """(exit code, output) of the compiler; the i-th call is of type element(i)."""
    text = PREAMBLE
    for i, call in enumerate(calls):
        text += re.sub(r"\bT\b", element(i), call) + "\n"
    run = subprocess.run([*command, "-x", "c++", "-"], input=text + "}\n", text=True, check=False,
                         stderr=subprocess.STDOUT, stdout=subprocess.PIPE)
    return run.returncode, run.stdout


def faults(command, calls):
    """Yields what is wrong, a sentence each."""
    code, output = compile_program(command, calls, lambda _: "float")
    if code != 0:
        yield f"the program does not compile with float:\n{output}"
        return
    _, output = compile_program(command, calls, "Wrong<{}>".format)
    first = PREAMBLE.count("\n") + 1
    for line, call in enumerate(calls, first):
        if not re.search(rf"^<stdin>:{line}:", output, re.MULTILINE):
            yield f"'{call}' is accepted"
    said = sum("error:" in line and MESSAGE in line for line in output.splitlines())
    if said < len(calls):
        yield f"the message stands {said} times for {len(calls)} calls:\n{output}"
    print(f"{len(calls)} calls, {said} times '{MESSAGE}'")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--include", type=Path, required=True)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    kernels = KERNEL.findall((options.include / "lamella/kernels.h").read_text())
    if len(kernels) < 4:
        sys.exit("element_types.py: found no list of kernels in kernels.h")
    calls = [f"b->run({kernel}<T>{{}});" for kernel in kernels] + CALLS
    command = [*options.command, "-std=c++20", "-fsyntax-only", f"-I{options.include}"]
    version = subprocess.run([*options.command, "--version"], check=True, text=True,
                             capture_output=True).stdout
    if "clang" in version:
        command.append("-ferror-limit=0")  # it stops after 20
    found = list(faults(command, calls))
    for fault in found:
        print(fault)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
