#!/usr/bin/env python3
"""Lets the n-th allocation of the `lamella` program fail, alone and with all that follow it.

Usage: allocations.py [--all] [--backend NAME,...] [SCENARIO...]. The library is tested for every n, in the host
program of library.cpp. Of the program, n takes some values of each scenario, drawn by a seed; --all takes every n,
which takes most of an hour on two cores.

What a user expects, and what is checked: no signal; with one failure, either the result that a run without it
has, or exit code 1 and a message; with all failing, exit code 1 and a message; no temporary is left by a run
that could clean up; a model is the old one or a new one, whole.
"""

import argparse
import collections
import os
import re
import subprocess
import sys
import tempfile

import fault_harness as harness
from scenarios import others, prepare, scenarios

LIBRARY = os.environ["LAMELLA_FAULT_LIBRARY"]
# What libgomp prints before it ends its host. Its gomp_malloc() has no other answer (libgomp's alloc.c), so
# lamella can only avoid the library: the default backend and tbb do.
LIBGOMP = b"libgomp: Out of memory"
LAST_RESORT = b"stopped at once"
PER_SCENARIO = 12  # values of n in a run without --all


class Checker:
    """What a run of a scenario has to be like in which an allocation fails."""

    def __init__(self, scenario, directories):
        self.scenario = scenario
        self.directories = directories
        self.reference = harness.Reference(scenario, directories)
        with directories.fresh() as directory:
            self.total = harness.count(scenario.arguments, directory, "malloc")

    def run(self, number, then):
        """(what is wrong or None, how the run ended) if allocation `number` fails."""
        with self.directories.fresh() as directory:
            done = harness.run(self.scenario.arguments, directory, f"malloc:{number}{then}")
            how = f"exit {done.returncode}"
            for text in (LAST_RESORT, LIBGOMP):
                if text in done.stderr:
                    how += f", {text.decode()}"
            return self.problem(done, directory, then == "+" and number < self.total * 0.9), how

    def problem(self, done, directory, must_fail):
        text = done.stderr.decode(errors="replace")
        killed = LAST_RESORT in done.stderr or LIBGOMP in done.stderr
        if done.returncode < 0:
            return f"signal {-done.returncode}: {text}"
        if done.returncode not in (0, 1, self.scenario.code):
            return f"exit {done.returncode}: {text}"
        if done.returncode != 0 and "lamella: error: " not in text and not killed:
            return f"exit {done.returncode} without a message: {text}"
        if done.returncode == 0 and must_fail:
            return "success without memory"
        results = harness.digests(directory, self.scenario.outputs)
        if done.returncode == 0:
            if results != self.reference.new or (self.scenario.compares_stdout and
                                                 done.stdout != self.reference.stdout):
                return "success with another result"
        elif results not in (self.reference.old, self.reference.new):  # a checkpoint?
            if not self.scenario.trains or not harness.is_whole_model(directory / self.scenario.outputs[0]):
                return "half a result"
        left = harness.unexpected_files(directory, self.directories, self.scenario.outputs, text)
        if left and not killed:
            return f"left {left}"
        return None


def library_problems(backend, then):
    """Runs library.cpp, in which each n is a call within one process; what it reports."""
    # libgomp's own allocations end the process, so only operator new's count with openmp.
    kind = ("new" if backend == "openmp" else "malloc") + then
    with tempfile.TemporaryDirectory(prefix="lamella-faults-") as directory:
        try:
            done = harness.run([LIBRARY, kind, backend, "all"], directory, "")
        except subprocess.TimeoutExpired as hanging:
            print(f"library {backend} {kind}: hangs at {(hanging.stdout or b'').decode()[-40:]!r}")
            return 1
    lines = [line.split("\r")[-1] for line in done.stdout.decode(errors="replace").split("\n") if line.strip()]
    allocations = sum(int(re.search(r"(\d+) allocations", line).group(1)) for line in lines
                      if "allocations" in line)
    print(f"library {backend} {kind}: {allocations} allocations", flush=True)
    if done.returncode == 0 and lines and lines[-1] == "0 problems":
        return 0
    print("\n".join(line for line in lines if "allocations" not in line))
    print(f"library {backend} {kind}: ended with {done.returncode}: {done.stderr.decode(errors='replace')}")
    return 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--all", action="store_true", help="every n")
    parser.add_argument("--backend", default="simd,openmp,tbb")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("names", nargs="*", metavar="SCENARIO")
    options = parser.parse_args()
    harness.check_environment()
    usable = harness.cli.usable_backends()
    failures = runs = 0
    if not options.names or "library" in options.names:
        for backend in ["scalar", *options.backend.split(",")]:
            for then in ("", "+"):
                if backend in usable:
                    runs += 1
                    failures += library_problems(backend, then)
    with harness.Directories.prepared_by(prepare) as directories:
        todo = [(s, "") for s in others()]
        todo += [(s, b) for b in options.backend.split(",") if b in usable for s in scenarios(b)]
        for scenario, backend in todo:
            if options.names and scenario.name not in options.names:
                continue
            checker = Checker(scenario, directories)
            most = None if options.all else PER_SCENARIO
            cases = [(n, then) for then in ("", "+") for n in harness.chosen(checker.total, most, options.seed)]
            ends = collections.Counter()
            for (n, then), (what, how) in zip(cases, harness.in_parallel(lambda c: checker.run(*c), cases)):
                ends[how] += 1
                runs += 1
                if what is not None:
                    failures += 1
                    if failures <= 50:
                        print(f"{scenario.name} {backend}: malloc:{n}{then}: {what}", flush=True)
            print(f"{scenario.name} {backend}: {checker.total} allocations, {dict(ends)}", flush=True)
    print(f"{runs} runs, {failures} failures")
    sys.exit(1 if failures or not runs else 0)


if __name__ == "__main__":
    main()
