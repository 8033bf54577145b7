#!/usr/bin/env python3
"""Lets the n-th system call of a kind of the `lamella` program fail, be interrupted, or do a part of its work.

Usage: system_calls.py [--all] [SCENARIO...]. By default n takes some values of each scenario and kind, drawn by a
seed; --all takes every n.

What a user expects, and what is checked: a call that was interrupted or did a part of its work is not seen at
all; after any other fault the run either has the result of one without, or exit code 1 and a message that names
the file; no temporary is left; a model or an output is the old one or the new one, whole.
"""

import argparse
import collections
import re
import sys

import fault_harness as harness
from scenarios import others, prepare, scenarios

# Kinds of calls, and what they can answer. EINTR and short transfers are no errors: the result has to be right.
FAULTS = {
    "open": ["EIO", "EMFILE", "EINTR"],
    "read": ["EIO", "EINTR", "short"],
    "pread": ["EIO", "EINTR", "short"],
    "write": ["EIO", "ENOSPC", "EINTR", "short"],
    "fsync": ["EIO", "ENOSPC", "EINTR"],
    "rename": ["EIO", "EACCES"],
    "close": ["EIO", "EINTR"],
}
NO_ERRORS = ("EINTR", "short")
PER_KIND = 3  # values of n for each kind of a scenario, in a run without --all


def problem(scenario, reference, done, directory, directories, fault):
    text = done.stderr.decode(errors="replace")
    if done.returncode < 0:
        return f"signal {-done.returncode}: {text}"
    results = harness.digests(directory, scenario.outputs)
    left = harness.unexpected_files(directory, directories, scenario.outputs, text)
    if left:
        return f"left {left}"
    if done.returncode == scenario.code:
        if results != reference.new or (scenario.compares_stdout and done.stdout != reference.stdout):
            return f"success with another result: {text}"
        return None
    if fault in NO_ERRORS:
        return f"{fault} is no error: {text}"
    if done.returncode != 1:
        return f"exit {done.returncode}: {text}"
    named = "|".join([r"standard output", *(re.escape(p.name) for p in directory.rglob("*")),
                      *map(re.escape, scenario.outputs), "log"])
    if not re.search(rf"(?m)^lamella: error: .*({named})", text):
        return f"exit 1 without a message that names the file: {text}"
    if results not in (reference.old, reference.new) and not (
            scenario.trains and harness.is_whole_model(directory / scenario.outputs[0])):
        return f"half a result: {text}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--all", action="store_true", help="every n")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("names", nargs="*", metavar="SCENARIO")
    options = parser.parse_args()
    harness.check_environment()
    failures = runs = 0
    with harness.Directories.prepared_by(prepare) as directories:
        for scenario in scenarios("simd") + others():
            if options.names and scenario.name not in options.names:
                continue
            reference = harness.Reference(scenario, directories)
            cases = []
            for kind, faults in FAULTS.items():
                with directories.fresh() as directory:
                    total = harness.count(scenario.arguments, directory, kind)
                most = None if options.all else PER_KIND
                for fault in faults:
                    cases += [f"{kind}:{n}:{fault}" for n in harness.chosen(total, most, options.seed)]
                    if total > 0 and kind != "close" and fault in ("short", "ENOSPC", "EIO"):
                        cases.append(f"{kind}:1+:{fault}")

            def run(case):
                with directories.fresh() as directory:
                    done = harness.run(scenario.arguments, directory, case)
                    return done.returncode, problem(scenario, reference, done, directory, directories,
                                                    case.split(":")[-1])

            ends = collections.Counter()
            for case, (code, what) in zip(cases, harness.in_parallel(run, cases)):
                ends[code] += 1
                runs += 1
                if what is not None:
                    failures += 1
                    print(f"{scenario.name}: {case}: {what}", flush=True)
            print(f"{scenario.name}: exits {dict(ends)}", flush=True)
    print(f"{runs} runs, {failures} failures")
    sys.exit(1 if failures or not runs else 0)


if __name__ == "__main__":
    main()
