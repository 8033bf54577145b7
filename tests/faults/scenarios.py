"""Runs of the program that the fault tests repeat with a fault in each place."""

import dataclasses
import pathlib
import struct
import subprocess

from fault_harness import TOOL, cli


@dataclasses.dataclass
class Scenario:
    name: str
    arguments: list
    outputs: list = dataclasses.field(default_factory=list)  # files that hold the result
    code: int = 0
    compares_stdout: bool = True  # whether standard output is the same in each run

    @property
    def trains(self):
        return self.arguments[1] == "train" and bool(self.outputs)


def prepare(directory):
    """Data in every format, and a model: the files of all scenarios."""
    directory = pathlib.Path(directory)
    flowers = cli.flower_rows(60)
    cli.write_csv(directory / "flowers.csv", flowers, header=["a", "b", "c", "d", "kind"])
    cli.write_csv(directory / "x.csv", [(row, None) for row, _ in flowers])
    cli.write_mnist_directory(directory / "idx", train=60, test=20)
    cli.write_mnist_directory(directory / "gz", train=60, test=20, compress=True)
    cli.write_npy(directory / "X.npy", [row for row, _ in flowers])
    labels = ["fern", "lily", "rose"]
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({len(flowers)},), }}".ljust(117) + "\n"
    (directory / "y.npy").write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() +
                                      bytes(labels.index(name) for _, name in flowers))
    subprocess.run([TOOL, "train", "--data", "flowers.csv", "--hidden", "4", "--epochs", "1", "--seed", "9",
                    "--quiet", "--model", "model"], cwd=directory, check=True)


def training(name, data, *more, model="new"):
    usual = {"--hidden": "8", "--epochs": "3", "--checkpoint-every": "1", "--batch-size": "32"}
    usual = [word for option, value in usual.items() if option not in more for word in (option, value)]
    return Scenario(name, [TOOL, "train", "--data", data, *usual, "--quiet", "--model", model, *more], [model])


def scenarios(backend):
    choose = ["--backend", backend, "--threads", "2"]
    return [
        training("train", "moons", *choose),
        training("train-csv", "flowers.csv", "--log", "log", "--optimizer", "adam", *choose),
        training("train-idx", "idx", "--augment", "shift=1,flip", "--dropout", "0.2", *choose),
        training("train-gzip", "gz", "--precision", "f64", *choose),
        training("train-npy", "X.npy", *choose),
        training("retrain", "flowers.csv", *choose, model="model"),
        Scenario("train-json", [TOOL, "train", "--data", "moons", *cli.QUICK, "--json", *choose],
                 compares_stdout=False),
        Scenario("predict", [TOOL, "predict", "--model", "model", "--input", "x.csv", "--output", "out",
                             *choose], ["out"]),
        Scenario("predict-stdout", [TOOL, "predict", "--model", "model", "--input", "X.npy", *choose]),
        Scenario("evaluate", [TOOL, "evaluate", "--model", "model", "--data", "flowers.csv", "--json",
                              *choose], compares_stdout=False),
    ]


def others():
    """Runs to which a backend does not matter."""
    return [
        Scenario("info", [TOOL, "info"]),
        Scenario("info-json", [TOOL, "info", "--json"]),
        Scenario("help", [TOOL, "train", "--help"]),
        Scenario("usage", [TOOL, "train", "--epochs", "-3"], code=2),
        Scenario("no-data", [TOOL, "train", "--data", "no-such-file.csv"], code=1),
    ]
