"""bench/recipes: its figures are what their names say, and its runner tells good options from bad ones.

Usage: test_recipes.py LAMELLA
"""
import subprocess
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench" / "recipes"))

import imbalance  # noqa: E402

TOOL = sys.argv.pop()


def run(*arguments):
    return subprocess.run([ROOT / "bench/recipes/run", *arguments], capture_output=True, text=True, check=False)


class Figures(unittest.TestCase):
    # Ranked by score: + - + - - +. Precision is 1, 1/2, 2/3, 1/2, 2/5, 3/6; recall 1/3, 1/3, 2/3, 2/3, 2/3, 1.
    scores = [0.9, 0.8, 0.7, 0.6, 0.4, 0.3]
    labels = [1, 0, 1, 0, 0, 1]

    def test_recall_is_the_most_at_that_precision(self):
        for precision, recall in ((1, 1 / 3), (0.6, 2 / 3), (0.5, 1), (0.1, 1)):
            self.assertEqual(imbalance.recall_at(precision, self.scores, self.labels), recall)

    def test_order_of_samples_does_not_matter(self):
        self.assertEqual(imbalance.recall_at(0.6, self.scores[::-1], self.labels[::-1]), 2 / 3)

    def test_predicted_classes(self):
        self.assertEqual(imbalance.usual(self.scores, self.labels), (2 / 4, 2 / 3))
        self.assertEqual(imbalance.usual([0.1, 0.2], [0, 1]), (1.0, 0.0))


class Runner(unittest.TestCase):
    def test_a_recipe_prints_each_variant(self):
        done = run("imbalance", "--seeds", "1", "--tool", TOOL)
        self.assertEqual(done.returncode, 0, done.stderr)
        for text in ("imbalance, plain (1 seed)", "imbalance, balanced (1 seed)", "recall at precision 0.5"):
            self.assertIn(text, done.stdout)

    def test_a_failing_run_is_said_with_its_command(self):
        done = run("imbalance", "--seeds", "1", "--tool", "/bin/false")
        self.assertEqual(done.returncode, 1)
        self.assertIn("/bin/false train --data", done.stderr)

    def test_bad_usage(self):
        for arguments, text in ((["no-such"], "no recipe no-such; there are: imbalance"), ([], "name a recipe"),
                                (["imbalance", "--seeds", "0"], "--seeds needs at least 1"),
                                (["imbalance", "--tune"], "--tune is for recipes of images"),
                                (["imbalance", "--tool", "/no/such"], "/no/such does not exist")):
            done = run(*arguments)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(text, done.stderr)

    def test_list(self):
        self.assertIn("imbalance", run("--list").stdout)


unittest.main()
