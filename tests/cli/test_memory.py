"""The memory that `lamella train` takes at most, on data of Fashion-MNIST's size; and what happens if
there is too little.

Peaks are those of the whole process, as the kernel counts them (ru_maxrss). A child's count starts
from what its parent had when it made it, so this script keeps itself small: data are written piece
by piece.
"""

import gzip
import os
import pathlib
import resource
import struct
import subprocess

from harness import TOOL, ToolTest, clean_environment, main, usable_backends

SIDE, TRAIN, TEST, CLASSES = 28, 60000, 10000, 10
TRAINING_BYTES = TRAIN * SIDE * SIDE
ALLOWED_BESIDE = 60_000_000  # test data, program, libraries, weights, mini-batches


def write_images(path, samples):
    """Images whose bytes take every value, a thousand at a time."""
    thousand = bytes((i * 7 + i // 784 * 31) % 256 for i in range(1000 * SIDE * SIDE))
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(struct.pack(">IIII", 0x803, samples, SIDE, SIDE))
        for _ in range(samples // 1000):
            file.write(thousand)


def write_labels(path, samples):
    with gzip.open(path, "wb") as file:
        file.write(struct.pack(">II", 0x801, samples))
        file.write(bytes(range(CLASSES)) * (samples // CLASSES))


class Memory(ToolTest):
    def peak_bytes(self, *args):
        with subprocess.Popen([TOOL, *map(str, args)], env=clean_environment()) as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(process.returncode, 0, args)
        return usage.ru_maxrss * 1024

    def test_training_takes_little_beside_its_data(self):
        for name, samples in (("train", TRAIN), ("t10k", TEST)):
            write_images(self.dir / f"{name}-images-idx3-ubyte.gz", samples)
            write_labels(self.dir / f"{name}-labels-idx1-ubyte.gz", samples)
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        self.assertLess(own, TRAINING_BYTES, "this script is too large to measure its children")
        for backend in set(usable_backends()) - {"scalar"}:
            peak = self.peak_bytes("train", "--data", self.dir, "--hidden", "512,256",
                                   "--batch-size", 128, "--epochs", 1, "--quiet", "--backend",
                                   backend)
            # All data are held as bytes, or they were not what this test means to train on.
            self.assertGreater(peak, TRAINING_BYTES)
            self.assertLess(peak, TRAINING_BYTES + ALLOWED_BESIDE, backend)


class TooLittle(ToolTest):
    """Limits are those of the address space, which every user may set, and of control groups."""

    def limited(self, megabytes):
        limit = megabytes * 1_000_000
        return {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit))}

    def write_sparse_npy(self, megabytes):
        """X.npy of that size, which takes no room on the disk, and labels for it."""
        rows = megabytes * 1000
        for name, descr, shape, size in (("X", "<f4", (rows, 250), rows * 1000),
                                         ("y", "<i4", (rows,), rows * 4)):
            header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}}}\n".encode()
            with open(self.dir / f"{name}.npy", "wb") as file:
                file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
                file.truncate(file.tell() + size)
        return self.dir / "X.npy"

    def test_data(self):
        data = self.write_sparse_npy(2000)
        how = self.limited(1500)
        message = (r"takes? (at least )?2\.0\d GB of memory, and \d+\.\d\d [MG]B are free \(the limit on "
                   r"address space \(ulimit -v\) of 1\.50 GB\)")
        model = self.train()
        self.fail_with(1, message, "train", "--data", data, "--epochs", "1", "--quiet", **how)
        self.fail_with(1, message, "evaluate", "--data", data, "--model", model, **how)
        self.fail_with(1, message, "predict", "--input", data, "--model", model, **how)

    def test_data_that_a_name_does_not_tell(self):
        """A pipe has no size, so only its header says what is coming."""
        data = self.write_sparse_npy(2000)
        compressed = self.dir / "images.idx"
        header = struct.pack(">BBBBIII", 0, 0, 8, 3, 2_000_000, 1, 1000)
        member = gzip.compress(bytes(10_000_000), compresslevel=1)
        compressed.write_bytes(gzip.compress(header) + 200 * member)
        model = self.train()
        self.assertLess(compressed.stat().st_size, data.stat().st_size / 50)
        self.fail_with(1, r"2\.00 GB of memory, and .* free", "predict", "--input", compressed,
                       "--model", model, **self.limited(1500))

    def test_weights(self):
        self.fail_with(1, r"training 40\d+ parameters takes at least 3\.2\d GB of memory, and .* are "
                          r"free \(the limit on address space", "train", "--data", "moons",
                       "--hidden", "20000,20000", "--momentum", "0.9", "--epochs", "1", "--quiet",
                       **self.limited(2500))

    def test_a_tight_limit_is_a_warning(self):
        """A table of a gigabyte takes half of that if its numbers are of the usual length. This one is
        no table, so that the run ends soon."""
        data = self.dir / "x.csv"
        with open(data, "wb") as file:
            file.truncate(1_000_000_000)
        done = self.fail_with(1, "is this a text file", "train", "--data", data, "--quiet",
                              "--backend", "simd", **self.limited(530))
        warnings = [line for line in done.stderr.splitlines() if "warning" in line]
        self.assertEqual(len(warnings), 1, done.stderr)
        self.assertRegex(warnings[0], r"^lamella: warning: the data of .*x\.csv take about 500\.00 MB of "
                                      r"memory, and .* are free \(the limit on address space")

    def test_a_control_group(self):
        for parent, limit in (("", "memory.max"), ("memory", "memory.limit_in_bytes")):
            group = pathlib.Path("/sys/fs/cgroup", parent, f"lamella-test-{os.getpid()}")
            if not (group.parent / "cgroup.procs").exists():
                continue  # no hierarchy is mounted there
            try:
                group.mkdir()
                self.addCleanup(group.rmdir)
                (group / limit).write_text("500000000")
                break
            except OSError:
                continue
        else:
            self.skipTest("no control group with a limit of memory can be made here")
        data = self.write_sparse_npy(2000)
        self.fail_with(1, r"at least 2\.0\d GB of memory, and \d+\.\d\d MB are free \(the control "
                          r"group's limit of 500\.00 MB\)", "train", "--data", data, "--quiet",
                       preexec_fn=lambda: (group / "cgroup.procs").write_text(str(os.getpid())))


if __name__ == "__main__":
    main()
