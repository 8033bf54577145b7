"""What the fault tests share: the program under the preload library of inject.cpp, run many times.

LAMELLA_TOOL names the program, LAMELLA_INJECT the preload library, LAMELLA_FAULT_LIBRARY the host program of
library.cpp; without these variables they are those of build/release.
"""

import concurrent.futures
import contextlib
import hashlib
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile

TREE = pathlib.Path(__file__).resolve().parent.parent.parent
for variable, path in {"LAMELLA_TOOL": "tools/lamella",
                       "LAMELLA_INJECT": "tests/faults/liblamella_fault_inject.so",
                       "LAMELLA_FAULT_LIBRARY": "tests/faults/lamella_fault_library"}.items():
    os.environ.setdefault(variable, str(TREE / "build" / "release" / path))

sys.path.insert(0, str(TREE / "tests" / "cli"))
import harness as cli  # noqa: E402

TOOL = os.environ["LAMELLA_TOOL"]
INJECT = os.environ["LAMELLA_INJECT"]
TIMEOUT = 120  # seconds; a watchdog against hangs


def environment(fault=None, **variables):
    variables = dict(variables)
    if fault is not None:
        variables.update(LD_PRELOAD=INJECT, LAMELLA_FAULT=fault)
    return cli.clean_environment(**variables)


def run(arguments, directory, fault=None, **variables):
    return subprocess.run([str(a) for a in arguments], cwd=directory, timeout=TIMEOUT,
                          capture_output=True, env=environment(fault, **variables))


def count(arguments, directory, kind):
    """How many calls of a kind the program makes."""
    counted = pathlib.Path(directory) / "count"
    done = run(arguments, directory, f"{kind}:0", LAMELLA_FAULT_COUNT=str(counted))
    if not counted.exists():
        raise RuntimeError(f"{arguments} ended with {done.returncode}: {done.stderr.decode()}")
    number = int(counted.read_text())
    counted.unlink()
    return number


def chosen(total, most, seed):
    """All of 1 to `total`, or, if these are more than `most`, a part drawn by the seed."""
    numbers = range(1, total + 1)
    if most is None or total <= most:
        return list(numbers)
    return sorted(random.Random(seed).sample(numbers, most))


class Directories:
    """Copies of a directory with the files of all scenarios, one for each run."""

    def __init__(self, root):
        self.root = root
        self.prepared = root / "prepared"

    @classmethod
    @contextlib.contextmanager
    def prepared_by(cls, prepare):
        with tempfile.TemporaryDirectory(prefix="lamella-faults-") as root:
            directories = cls(pathlib.Path(root))
            directories.prepared.mkdir()
            prepare(directories.prepared)
            yield directories

    @contextlib.contextmanager
    def fresh(self):
        with tempfile.TemporaryDirectory(dir=self.root) as directory:
            shutil.copytree(self.prepared, directory, dirs_exist_ok=True)
            yield pathlib.Path(directory)


def digests(directory, names):
    """Of files, None for those that are not there."""
    return [hashlib.sha256((directory / name).read_bytes()).hexdigest() if (directory / name).exists() else None
            for name in names]


class Reference:
    """What a scenario finds and what it gives without faults."""

    def __init__(self, scenario, directories):
        with directories.fresh() as directory:
            self.old = digests(directory, scenario.outputs)
            done = run(scenario.arguments, directory)
            if done.returncode != scenario.code:
                sys.exit(f"{scenario.name} without faults: {done.returncode}, {done.stderr.decode()}")
            self.stdout = done.stdout
            self.new = digests(directory, scenario.outputs)


def in_parallel(function, items):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(function, items)


def unexpected_files(directory, directories, outputs, message=""):
    """Names that neither the scenario's preparation nor its run accounts for. A model that could not be written to
    its place may be in another that the message names."""
    known = {p.name for p in directories.prepared.iterdir()} | set(outputs) | {"log", "count"}
    return sorted(p.name for p in directory.iterdir() if p.name not in known and not (
        p.name.startswith("lamella-rescued-") and p.name in message and is_whole_model(p)))


def is_whole_model(path):
    """Whether a safetensors file has all of its bytes."""
    data = pathlib.Path(path).read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    end = max(t["data_offsets"][1] for name, t in header.items() if name != "__metadata__")
    return len(data) == 8 + length + end


def check_environment():
    for variable in ("LAMELLA_TOOL", "LAMELLA_INJECT", "LAMELLA_FAULT_LIBRARY"):
        if not os.access(os.environ[variable], os.X_OK):
            sys.exit(f"{variable}: {os.environ[variable]} is no file that can be run or loaded")
