#!/usr/bin/env python3
"""Kills trainings (SIGKILL) at their n-th system call, and at random moments, and lets them go on.

Usage: kills.py [--all] [--seed N]. By
default some calls and moments are drawn by the seed; --all takes every write, sync, rename, open and close, and 200
moments.

What a user expects, and what is checked: the model is always whole, the old one or one of this training's; the run
that goes on from it (or, where no checkpoint was written, the next training) ends at the bits of a training that was
not killed, and removes what the killed one left.
"""

import argparse
import json
import random
import signal
import struct
import subprocess
import sys
import time

import fault_harness as harness
from scenarios import prepare, training

KINDS = ("open", "write", "fsync", "rename", "close")
PER_KIND = 5
MOMENTS = 12
ALL_MOMENTS = 200

# Everything that a checkpoint has to hold: what is added to training gets an option here.
EVERYTHING = (
    training("images", "idx", "--epochs", "60", "--batch-size", "4", "--normalization", "batch", "--optimizer", "adam",
             "--dropout", "0.2", "--augment", "shift=1,flip,rotate=10", "--average", "ema", "--schedule", "cosine",
             "--validation-fraction", "0.2", "--keep", "best", model="model"),
    training("table", "flowers.csv", "--epochs", "200", "--batch-size", "2", "--momentum", "0.9", "--nesterov",
             "--augment", "noise=0.1", "--average", "swa", "--schedule", "one-cycle", "--class-weights", "balanced",
             "--precision", "f64", "--threads", "1", model="model"),
)


def is_checkpoint(path):
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    return "run" in json.loads(data[8:8 + length])["__metadata__"]


def weights(path):
    return harness.cli.read_model(path)


def models_of_all_epochs(scenario, directories):
    """The weights of every model that the training writes, and of the one before it."""
    epochs = int(scenario.arguments[scenario.arguments.index("--epochs") + 1])
    known = []
    for last in range(1, epochs + 1):
        with directories.fresh() as directory:
            known.append(weights(directory / scenario.outputs[0]))
            arguments = list(scenario.arguments)
            arguments[arguments.index("--epochs") + 1] = last
            done = harness.run(arguments, directory)
            if done.returncode != 0:
                sys.exit(done.stderr.decode())
            known.append(weights(directory / scenario.outputs[0]))
    return known


def problem_of_going_on(scenario, reference, directories, directory):
    """What is wrong after a kill, or None. A run that left a checkpoint is resumed, another one begun again."""
    model = directory / scenario.outputs[0]
    arguments = scenario.arguments
    if is_checkpoint(model):
        arguments = [harness.TOOL, "train", "--resume", scenario.outputs[0], "--quiet"]
    done = harness.run(arguments, directory)
    if done.returncode != 0:
        return f"{arguments} failed: {done.stderr.decode()}"
    if harness.digests(directory, scenario.outputs) != reference.new:
        return f"{arguments} ended at other bits"
    left = harness.unexpected_files(directory, directories, scenario.outputs)
    return f"left for ever: {left}" if left else None


def kills_at_calls(directories, every, seed):
    """Names of the kills and what was wrong after each."""
    scenario = training("retrain", "flowers.csv", "--backend", "simd", model="model")
    models = models_of_all_epochs(scenario, directories)
    reference = harness.Reference(scenario, directories)
    cases = []
    for kind in KINDS:
        with directories.fresh() as directory:
            total = harness.count(scenario.arguments, directory, kind)
        cases += [f"{kind}:{n}:KILL" for n in harness.chosen(total, None if every else PER_KIND, seed)]

    def run(case):
        with directories.fresh() as directory:
            done = harness.run(scenario.arguments, directory, case)
            if done.returncode != -signal.SIGKILL:
                return f"was not killed: {done.returncode} {done.stderr.decode()}"
            if weights(directory / scenario.outputs[0]) not in models:
                return "the model is none that was ever complete"
            return problem_of_going_on(scenario, reference, directories, directory)

    yield from zip(cases, harness.in_parallel(run, cases))


def kills_at_moments(scenario, directories, count, seed):
    """The same, at moments spread over the time that the run takes."""
    reference = harness.Reference(scenario, directories)
    with directories.fresh() as directory:
        begin = time.monotonic()
        harness.run(scenario.arguments, directory)
        duration = time.monotonic() - begin
    moments = [random.Random(seed + i).uniform(0, duration) for i in range(count)]
    resumed = 0
    for moment in moments:
        with directories.fresh() as directory:
            process = subprocess.Popen([str(a) for a in scenario.arguments], cwd=directory,
                                       env=harness.environment(), stderr=subprocess.DEVNULL)
            try:
                process.wait(moment)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            resumed += is_checkpoint(directory / scenario.outputs[0])
            yield (f"{scenario.name} after {moment:.3f} s",
                   problem_of_going_on(scenario, reference, directories, directory))
    if resumed == 0:
        yield scenario.name, "no kill left a checkpoint"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--all", action="store_true", help="every n, and 200 moments")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    harness.check_environment()
    failures = kills = 0
    with harness.Directories.prepared_by(prepare) as directories:
        moments = (ALL_MOMENTS if options.all else MOMENTS) // len(EVERYTHING)
        for found in (kills_at_calls(directories, options.all, options.seed),
                      *(kills_at_moments(scenario, directories, moments, options.seed)
                        for scenario in EVERYTHING)):
            for case, what in found:
                kills += 1
                if what is not None:
                    failures += 1
                    print(f"{case}: {what}", flush=True)
    print(f"{kills} kills, {failures} failures")
    sys.exit(1 if failures or not kills else 0)


if __name__ == "__main__":
    main()
