"""A result file of `bench/peers/run --json`, read and checked: who trained what, and how fast."""
import json
import math
import re
import statistics
from dataclasses import dataclass
from pathlib import Path

LAMELLA = "lamella"

# What people call the peers, and what has to be said about them beside the version.
NAMES = {LAMELLA: ("lamella", ""), "jax": ("JAX", ""), "torch": ("PyTorch", ""),
         "torch-compile": ("PyTorch", "compiled"), "sklearn": ("scikit-learn", ""),
         "numpy": ("NumPy", "by hand"), "eigen": ("Eigen", "by hand"), "dlib": ("dlib", ""),
         "fann": ("FANN", ""), "tinydnn": ("tiny-dnn", "")}


class ResultError(Exception):
    """A file that no table can be made of; says which and why."""


@dataclass
class Speed:
    """What one library reached in one comparison; speeds in epochs a second."""
    peer: str
    version: str
    rounds: list
    epochs_per_second: float
    percent_of_peak: float
    test_accuracy: float
    ours_over_peer: float  # 1 for lamella itself

    @property
    def name(self):
        return NAMES.get(self.peer, (self.peer, ""))[0]

    @property
    def short_version(self):
        """The number alone."""
        found = re.search(r"\d+(\.\d+)+", self.version)
        return found[0] if found else ""

    @property
    def remark(self):
        """The version and what else has to be said: "2.4.6, by hand"."""
        return ", ".join(text for text in (self.short_version,
                                           NAMES.get(self.peer, ("", ""))[1]) if text)


class ResultFile:
    def __init__(self, path):
        self.path = Path(path)
        try:
            self.data = json.loads(self.path.read_text())
            if self.data.get("format") != 1:
                raise ResultError(f"{self.path.name}: format {self.data.get('format')}, not 1")
            self._check()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ResultError(f"{self.path.name}: not a result file: {error!r}") from error

    def _check(self):
        """Medians must be those of the rounds: a figure that was changed by hand is not one."""
        for result in self.training:
            where = f"{self.path.name}: {result['workload']}, {result['peer']}, " \
                    f"threads: {result['threads']}"
            speeds = {side: [r["samples_per_second"] for r in rounds]
                      for side, rounds in result["rounds"].items()}
            pairs = list(zip(speeds["ours"], speeds["peer"], strict=True))
            expected = {"ours_over_peer": statistics.median(a / b for a, b in pairs)}
            found = {"ours_over_peer": result["ours_over_peer"]}
            for side in ("ours", "peer"):
                expected[side] = statistics.median(speeds[side])
                found[side] = result["samples_per_second"][side]
            for key in expected:
                if not math.isclose(expected[key], found[key], rel_tol=1e-9):
                    raise ResultError(f"{where}: {key} is {found[key]}, by its rounds "
                                      f"{expected[key]}")

    @property
    def training(self):
        """The comparisons that were measured; those that failed have no figures."""
        return [r for r in self.data.get("training", []) if "error" not in r]

    @property
    def workloads(self):
        return list(dict.fromkeys(r["workload"] for r in self.training))

    def threads_of(self, workload):
        return sorted({r["threads"] for r in self.training if r["workload"] == workload})

    def speeds(self, workload, threads):
        """Everyone's Speed, the fastest first."""
        results = [r for r in self.training
                   if r["workload"] == workload and r["threads"] == threads]

        def speed(result, side, peer, version, ratio):
            samples = result["samples_per_epoch"]
            return Speed(peer, version,
                         [r["samples_per_second"] / samples for r in result["rounds"][side]],
                         result["samples_per_second"][side] / samples,
                         result["percent_of_peak"][side], result["test_accuracy"][side], ratio)
        found = [speed(r, "peer", r["peer"], r["version"], r["ours_over_peer"]) for r in results]
        if results:  # lamella's rounds are the same in all of them, unless a run was resumed
            found.append(speed(results[0], "ours", LAMELLA, self.data["lamella"]["version"], 1.0))
        return sorted(found, key=lambda one: -one.epochs_per_second)


def read_directory(directory):
    """All result files of a directory by their names."""
    return [ResultFile(path) for path in sorted(Path(directory).glob("*.json"))]
