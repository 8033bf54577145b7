#!/usr/bin/env python3
"""Kills a training (SIGKILL) at its n-th system call, while it writes checkpoints over an older model.

Usage: kills.py [--all] [--seed N]. By
default some calls are drawn by the seed; --all takes every write, sync, rename, open and close.

What a user expects, and what is checked: the model is always whole, the old one or one of this training's; the
next training ends as it would have without the kill, and removes what the killed one left.
"""

import argparse
import signal
import sys

import fault_harness as harness
from scenarios import prepare, training

KINDS = ("open", "write", "fsync", "rename", "close")
PER_KIND = 5


def models_of_all_epochs(scenario, directories):
    """Digests of every model that the training writes, and of the one before it."""
    epochs = int(scenario.arguments[scenario.arguments.index("--epochs") + 1])
    known = set()
    for last in range(1, epochs + 1):
        with directories.fresh() as directory:
            known.update(harness.digests(directory, scenario.outputs))
            arguments = list(scenario.arguments)
            arguments[arguments.index("--epochs") + 1] = last
            done = harness.run(arguments, directory)
            if done.returncode != 0:
                sys.exit(done.stderr.decode())
            known.update(harness.digests(directory, scenario.outputs))
    return known


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--all", action="store_true", help="every n")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    harness.check_environment()
    scenario = training("retrain", "flowers.csv", "--backend", "simd", model="model")
    failures = kills = 0
    with harness.Directories.prepared_by(prepare) as directories:
        models = models_of_all_epochs(scenario, directories)
        reference = harness.Reference(scenario, directories)
        cases = []
        for kind in KINDS:
            with directories.fresh() as directory:
                total = harness.count(scenario.arguments, directory, kind)
            cases += [f"{kind}:{n}:KILL"
                      for n in harness.chosen(total, None if options.all else PER_KIND, options.seed)]

        def run(case):
            with directories.fresh() as directory:
                done = harness.run(scenario.arguments, directory, case)
                if done.returncode != -signal.SIGKILL:
                    return f"was not killed: {done.returncode} {done.stderr.decode()}"
                if harness.digests(directory, scenario.outputs)[0] not in models:
                    return "the model is none that was ever complete"
                done = harness.run(scenario.arguments, directory)
                if done.returncode != 0 or harness.digests(directory, scenario.outputs) != reference.new:
                    return f"the next training failed: {done.stderr.decode()}"
                left = harness.unexpected_files(directory, directories, scenario.outputs)
                return f"left for ever: {left}" if left else None

        for case, what in zip(cases, harness.in_parallel(run, cases)):
            kills += 1
            if what is not None:
                failures += 1
                print(f"{case}: {what}", flush=True)
    print(f"{kills} kills, {failures} failures")
    sys.exit(1 if failures or not kills else 0)


if __name__ == "__main__":
    main()
