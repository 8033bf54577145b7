"""The memory that `lamella train` takes at most, on data of Fashion-MNIST's size.

Peaks are those of the whole process, as the kernel counts them (ru_maxrss). A child's count starts
from what its parent had when it made it, so this script keeps itself small: data are written piece
by piece.
"""

import gzip
import os
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


if __name__ == "__main__":
    main()
