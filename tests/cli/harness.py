"""What the tests of the command line share: running the tool, making data, a main() that is strict.

The tool under test is named by the environment variable LAMELLA_TOOL.
"""

import gzip
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

TOOL = os.environ.get("LAMELLA_TOOL", "")
TIMEOUT = 300  # seconds; generous, because sanitizers and emulators run these tests too

# A network and a schedule that fit the built-in data in a moment.
QUICK = ["--hidden", "8", "--epochs", "3", "--batch-size", "32"]

LOG_KEYS = ["epoch", "learning_rate", "train_loss", "train_accuracy", "seconds", "samples_per_second"]
LOG_KEYS_WITH_TEST = LOG_KEYS[:4] + ["test_loss", "test_accuracy"] + LOG_KEYS[4:]


def clean_environment(**variables):
    """The environment without settings of lamella, OpenMP and Slurm but those given."""
    foreign = ("LAMELLA_", "OMP_", "SLURM_")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
    environment.update(variables)
    return environment


class ToolTest(unittest.TestCase):
    """A test with a directory of its own, self.dir, and ways to run the tool."""

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="lamella-cli-"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def run_tool(self, *args, env=None, **how):
        how.setdefault("capture_output", True)
        return subprocess.run([TOOL, *map(str, args)], env=clean_environment(**(env or {})),
                              timeout=TIMEOUT, text=True, **how)

    def succeed(self, *args, **how):
        """Standard output of a run that must end with 0."""
        done = self.run_tool(*args, **how)
        self.assertEqual(done.returncode, 0, f"{args}: {done.stderr}")
        return done.stdout

    def fail_with(self, code, pattern, *args, **how):
        """A run that must end with `code` and a message that matches `pattern`."""
        done = self.run_tool(*args, **how)
        self.assertEqual(done.returncode, code, f"{args}: {done.stderr}")
        self.assertRegex(done.stderr, r"(?m)^lamella: error: ")
        self.assertRegex(done.stderr, pattern)
        return done

    def train(self, *args, **how):
        """Trains quietly on moons unless told otherwise; returns the model's path."""
        model = self.dir / "model.safetensors"
        defaults = {"--data": "moons", **dict(zip(QUICK[::2], QUICK[1::2]))}
        missing = [part for pair in defaults.items() if pair[0] not in args for part in pair]
        self.succeed("train", *missing, "--quiet", "--model", model, *args, **how)
        return model

    def evaluate(self, model, data, *args, **how):
        return json.loads(
            self.succeed("evaluate", "--model", model, "--data", data, "--json", *args, **how))

    def assert_no_leftovers(self, *expected):
        """self.dir holds the files named and nothing else, no temporary in particular."""
        self.assertEqual(sorted(p.name for p in self.dir.iterdir()), sorted(expected))


def read_log(path):
    return [json.loads(line) for line in pathlib.Path(path).read_text().splitlines()]


def read_model(path):
    """The tensors of a model, by name, without those of a run that is not complete."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    return {name: data[8 + length:][slice(*tensor["data_offsets"])]
            for name, tensor in header.items() if name.startswith("layers.")}


def usable_backends():
    """Names of the backends that this build and machine can use."""
    done = subprocess.run([TOOL, "info", "--json"], env=clean_environment(), timeout=TIMEOUT,
                          capture_output=True, check=True)
    return [b["name"] for b in json.loads(done.stdout)["backends"] if b["usable"]]


def flower_rows(samples=90, seed=1):
    """(features, name) of three clusters in four dimensions, far enough apart to be learnt."""
    generator = random.Random(seed)
    rows = []
    for i in range(samples):
        name = ("rose", "lily", "fern")[i % 3]
        centre = {"rose": (0, 3, 0, 0), "lily": (3, 0, 0, 1), "fern": (0, 0, 3, -1)}[name]
        rows.append(([round(generator.gauss(c, 0.4), 4) for c in centre], name))
    return rows


def write_csv(path, rows, header=None, delimiter=",", label_first=False):
    """Rows are (features, label); a label of None is left out. Labels are written as they are."""
    lines = [] if header is None else [delimiter.join(header)]
    for features, label in rows:
        fields = [str(value) for value in features]
        if label is not None:
            fields.insert(0 if label_first else len(fields), str(label))
        lines.append(delimiter.join(fields))
    path.write_text("\n".join(lines) + "\n")
    return path


def write_idx(path, type_code, shape, payload, compress=False):
    data = struct.pack(">BBBB", 0, 0, type_code, len(shape))
    data += b"".join(struct.pack(">I", n) for n in shape) + bytes(payload)
    path.write_bytes(gzip.compress(data) if compress else data)
    return path


def write_npy(path, rows, descr="<f4", letter="f"):
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': ({len(rows)}, {len(rows[0])}), }}"
    header += " " * (-(10 + len(header) + 1) % 64) + "\n"
    body = b"".join(struct.pack(f"{descr[0]}{len(row)}{letter}", *row) for row in rows)
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + body)
    return path


def tiny_images(samples, side=4, classes=3, seed=1):
    """(pixels, label) of noisy images in which class c has its row c lit."""
    generator = random.Random(seed)
    images = []
    for i in range(samples):
        label = i % classes
        images.append(([generator.randrange(180, 256) if k // side == label else
                        generator.randrange(0, 60) for k in range(side * side)], label))
    return images


def write_mnist_directory(path, train=120, test=30, side=4, compress=False):
    """The four files of an MNIST-like data set of tiny images; returns the directory."""
    path.mkdir()
    end = ".gz" if compress else ""
    for name, count, seed in (("train", train, 1), ("t10k", test, 2)):
        images = tiny_images(count, side, seed=seed)
        write_idx(path / f"{name}-images-idx3-ubyte{end}", 8, (count, side, side),
                  [pixel for pixels, _ in images for pixel in pixels], compress)
        write_idx(path / f"{name}-labels-idx1-ubyte{end}", 8, (count,),
                  [label for _, label in images], compress)
    return path


def main():
    """As unittest.main(), but a run in which nothing was tested fails."""
    if not os.access(TOOL, os.X_OK):
        sys.exit("LAMELLA_TOOL must name the lamella program to be tested")
    program = unittest.main(module="__main__", exit=False)
    result = program.result
    if result.testsRun <= len(result.skipped):
        sys.exit("no test ran, which counts as a failure")
    sys.exit(0 if result.wasSuccessful() else 1)
