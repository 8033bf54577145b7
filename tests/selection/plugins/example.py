#!/usr/bin/env python3
"""Builds an example plugin as its users do: outside the tree, against an installed lamella. Proves it
by `lamella conformance`, and trains with it through the installed program, by path and by name, to
the accuracy of the scalar backend. Prints why and stops where the plugin's own dependency is missing.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys

POINTS = 0.005  # accuracies that far apart are the same


def parse_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", required=True, help="of the plugin, in examples/plugin-NAME")
    parser.add_argument("--source", required=True, type=pathlib.Path)
    parser.add_argument("--cmake", required=True)
    parser.add_argument("--build", required=True, help="the build of lamella to install")
    parser.add_argument("--config", required=True)
    parser.add_argument("--work", required=True, type=pathlib.Path, help="scratch, emptied first")
    parser.add_argument("options", nargs="*", help="of cmake, such as -DCMAKE_C_COMPILER=gcc")
    return parser.parse_args()


def run(*command, **environment):
    command = [str(part) for part in command]
    print("+", *command, flush=True)
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("LAMELLA_")}
    return subprocess.run(command, check=True, text=True, env={**inherited, **environment},
                          stdout=subprocess.PIPE).stdout


def main():
    args = parse_arguments()
    shutil.rmtree(args.work, ignore_errors=True)
    # A copy: the example must not reach into the repository around it.
    shutil.copytree(args.source, args.work / "source")
    prefix, build = args.work / "prefix", args.work / "build"
    run(args.cmake, "--install", args.build, "--config", args.config, "--prefix", prefix)
    run(args.cmake, "-S", args.work / "source", "-B", build, f"-DCMAKE_BUILD_TYPE={args.config}",
        f"-DCMAKE_PREFIX_PATH={prefix}", *args.options)
    run(args.cmake, "--build", build)

    lamella, plugin = prefix / "bin/lamella", build / f"lamella-{args.name}.so"
    print(run(lamella, "conformance", "--backend", plugin), flush=True)

    def accuracy(backend, name):
        summary = json.loads(run(
            lamella, "train", "--data", "moons", "--epochs", 30, "--hidden", 16, "--learning-rate",
            0.3, "--quiet", "--json", LAMELLA_BACKEND=str(backend), LAMELLA_PLUGIN_PATH=str(build)))
        assert summary["backend"] == name, summary
        return summary["test_accuracy"]

    expected = accuracy("scalar", "scalar")
    for backend in (plugin, args.name):
        got = accuracy(backend, args.name)
        print(f"{backend}: test accuracy {got}, scalar {expected}")
        if not abs(got - expected) <= POINTS:
            sys.exit("the accuracies differ by more than half a point")


if __name__ == "__main__":
    main()
