"""What every Python peer trains: arguments, data, and the loop that times epochs.

A peer derives from Peer. The output is the same as that of the C++ peers and of
`lamella train --log`.
"""
import argparse
import gzip
import json
import struct
import time
from pathlib import Path

import numpy as np


class Peer:
    """Also has version(), epoch(x, y, order) -> mean loss or None, and accuracy(x, y)."""

    def prepare(self, x, y):
        """What is done once, before epochs are timed, such as to compile. Nothing by default."""


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True, type=Path, help="directory with MNIST's four files")
    parser.add_argument("--layers", required=True,
                        type=lambda text: [int(n) for n in text.split(",")])
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--optimizer", choices=["sgd", "adam"], default="sgd")
    parser.add_argument("--learning-rate", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--compile", action="store_true", help="torch.compile")
    return parser.parse_args()


def read_idx(directory, name):
    plain, packed = directory / name, directory / (name + ".gz")
    data = plain.read_bytes() if plain.exists() else gzip.decompress(packed.read_bytes())
    dimensions = data[3]
    shape = struct.unpack(f">{dimensions}I", data[4:4 + 4 * dimensions])
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def load(directory):
    """(x, y, test x, test y): one sample per row, float32 in [0, 1]; labels int64."""
    arrays = []
    for prefix in ("train", "t10k"):
        images = read_idx(directory, f"{prefix}-images-idx3-ubyte")
        arrays.append(images.reshape(len(images), -1).astype(np.float32) / np.float32(255))
        arrays.append(read_idx(directory, f"{prefix}-labels-idx1-ubyte").astype(np.int64))
    return arrays


def train(peer, args):
    print(json.dumps({"version": peer.version()}), flush=True)
    x, y, test_x, test_y = load(args.data)
    random = np.random.default_rng(args.seed)
    peer.prepare(x, y)
    for epoch in range(1, args.epochs + 1):
        start = time.perf_counter()
        loss = peer.epoch(x, y, random.permutation(len(x)))
        seconds = time.perf_counter() - start
        line = {"epoch": epoch, "seconds": seconds, "samples_per_second": len(x) / seconds,
                "test_accuracy": peer.accuracy(test_x, test_y)}
        if loss is not None:
            line["train_loss"] = loss
        print(json.dumps(line), flush=True)
