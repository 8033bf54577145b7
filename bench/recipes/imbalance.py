"""A table with 1 % positives: what class weights are worth.

The data are made here: 20 features, of which 6 matter. Negatives are normal; positives are normal too, but shifted
along a direction of their own in each of three clusters, so that no line separates them and many cannot be told
apart. Training and test data are drawn independently.
"""
import csv
import random

FEATURES = 20
INFORMATIVE = 6
CLUSTERS = 3
SHIFT = 3.0  # length of a cluster's shift, in standard deviations of a feature
POSITIVES = 0.01
SAMPLES = 30000

OPTIONS = ["--hidden", "64,32", "--optimizer", "adamw", "--weight-decay", "0.1", "--epochs", "20", "--schedule",
           "cosine", "--batch-size", "256"]
VARIANTS = {
    "plain": [],
    "balanced": ["--class-weights", "balanced"],
}


def write_table(path, random_numbers):
    """Writes a table of SAMPLES rows, the label last; returns the labels."""
    labels = []
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        for _ in range(SAMPLES):
            label = int(random_numbers.random() < POSITIVES)
            row = [random_numbers.gauss(0, 1) for _ in range(FEATURES)]
            if label:
                cluster = random_numbers.randrange(CLUSTERS)
                for feature in (2 * cluster, 2 * cluster + 1):
                    row[feature] += SHIFT / 2**0.5 * (1 if cluster != 1 else -1)
            table.writerow([f"{value:.4f}" for value in row] + [label])
            labels.append(label)
    return labels


def recall_at(precision, scores, labels):
    """The most recall that any threshold has at this precision or more: a point of the precision-recall curve."""
    recall, true = 0.0, 0
    for count, (_, label) in enumerate(sorted(zip(scores, labels), reverse=True), 1):
        true += label
        if true / count >= precision:
            recall = true / sum(labels)
    return recall


def usual(scores, labels):
    """Precision and recall of the predicted classes; precision 1 if no sample is predicted positive."""
    chosen = [label for score, label in zip(scores, labels) if score >= 0.5]
    return (sum(chosen) / len(chosen) if chosen else 1.0), sum(chosen) / sum(labels)


def run(tool, seed, directory):
    """{variant: {figure: value}} of one seed, which draws the data too. `tool(...)` runs lamella."""
    random_numbers = random.Random(seed)
    write_table(directory / "train.csv", random_numbers)
    labels = write_table(directory / "test.csv", random_numbers)
    model, output = directory / "model.safetensors", directory / "predictions.csv"
    figures = {}
    for variant, options in VARIANTS.items():
        seconds = tool("train", "--data", directory / "train.csv", "--model", model, "--seed", seed, *OPTIONS,
                       *options)
        tool("predict", "--model", model, "--input", directory / "test.csv", "--label-column", "-1",
             "--output", output)
        with open(output, encoding="utf-8") as file:
            scores = [float(row["p_1"]) for row in csv.DictReader(file)]
        precision, recall = usual(scores, labels)
        figures[variant] = {"recall at precision 0.5": recall_at(0.5, scores, labels),
                            "recall at precision 0.3": recall_at(0.3, scores, labels),
                            "recall of predicted classes": recall,
                            "precision of predicted classes": precision,
                            "seconds of training": seconds}
    return figures
