"""Images: how accurate multilayer perceptrons get on Fashion-MNIST, and in what time.

Options were chosen on a split of the training data (--tune shows that figure); only runs without --tune see the test
data.
"""
from pathlib import Path

FASHION = Path("/usr/share/datasets/fashion-mnist")


class Images:
    """A recipe: one training run on a directory of four IDX files."""

    def __init__(self, doc, *options):
        self.__doc__ = doc
        self.options = options

    def run(self, tool, seed, directory, tune=False):
        source, split, figures = FASHION, [], "test"
        if tune:  # a sixth of the training data, as many samples as there are to test on
            source = next(FASHION.glob("train-images*"))
            split, figures = ["--validation-fraction", "0.16667"], "tuning"
        log = directory / "log.jsonl"
        seconds = tool("train", "--data", source, *split, *self.options, "--seed", seed, "--quiet", "--log", log,
                       "--model", directory / "model.safetensors")
        last = tool.last_line(log)
        name = "validation" if "validation_accuracy" in last else "test"
        return {figures: {"accuracy": last[f"{name}_accuracy"], "log-loss": last[f"{name}_loss"],
                          "seconds of the program": seconds}}


FASHION_5S = Images(
    "Fashion-MNIST within five seconds on two cores",
    "--hidden", "512,256", "--normalization", "batch", "--epochs", "12", "--batch-size", "256",
    "--optimizer", "adamw", "--learning-rate", "0.002", "--weight-decay", "0.02",
    "--schedule", "cosine", "--warmup", "1", "--label-smoothing", "0.05",
    "--average", "ema", "--average-decay", "0.998")
