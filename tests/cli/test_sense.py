"""Data that are not what their user takes them for: what cannot be right is refused, the rest is said."""

import json
import math
import random
import struct

from harness import QUICK, ToolTest, flower_rows, main, read_log, write_csv, write_idx, write_npy

LEARN = ["--hidden", "8", "--epochs", "30", "--batch-size", "16"]


def write_array(path, values, descr, letter, shape=None):
    """An array of any shape, [n] unless given."""
    shape = shape or (len(values),)
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() +
                     struct.pack(f"<{len(values)}{letter}", *values))
    return path


def patients(samples=200, seed=4):
    """(age, dose, noise) and whether age exceeds dose."""
    generator = random.Random(seed)
    rows = []
    for _ in range(samples):
        age, dose = generator.uniform(10, 60), generator.uniform(10, 60)
        rows.append((round(age, 3), round(dose, 3), round(generator.random(), 3),
                     "well" if age > dose else "sick"))
    return rows


class SenseTest(ToolTest):
    def write(self, name, header, rows):
        lines = ([",".join(header)] if header else []) + [",".join(map(str, row)) for row in rows]
        path = self.dir / name
        path.write_text("\n".join(lines) + "\n")
        return path

    def arrays(self, labels, descr="<i8", letter="q", shape=None, end=".npy"):
        """X.npy and y.npy; the feature of a sample is its label's rank."""
        numbers = labels if shape is None else range(shape[0])
        ranks = {label: float(i) for i, label in enumerate(sorted(set(numbers)))}
        write_npy(self.dir / f"X{end}", [[ranks[n], 0.5] for n in numbers])
        write_array(self.dir / f"y{end}", labels, descr, letter, shape)
        return self.dir / f"X{end}"

    def warnings(self, *args, **how):
        """The lines of warnings of a run that must succeed."""
        done = self.run_tool(*args, **how)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [line for line in done.stderr.splitlines() if "warning" in line]

    def classes(self, model, data):
        return [c["class"] for c in self.evaluate(model, data)["per_class"]]


class Columns(SenseTest):
    def setUp(self):
        super().setUp()
        self.rows = patients()
        self.model = self.train("--data", self.write(
            "train.csv", ("age", "dose", "noise", "state"), self.rows), *LEARN)
        self.swapped = self.write("swapped.csv", ("noise", "dose", "age"),
                                  [(n, d, a) for a, d, n, _ in self.rows])

    def predict(self, path):
        return self.succeed("predict", "--model", self.model, "--input", path)

    def test_another_order(self):
        labelled = self.write("labelled.csv", ("state", "noise", "dose", "age"),
                              [(s, n, d, a) for a, d, n, s in self.rows])
        self.assertGreater(self.evaluate(self.model, labelled)["accuracy"], 0.95)
        self.assertEqual(self.predict(self.swapped), self.predict(self.dir / "train.csv"))

    def test_other_names(self):
        renamed = self.write("renamed.csv", ("height", "weight", "noise"), [(1, 2, 3)])
        done = self.fail_with(1, "'age', 'dose', 'noise'.*'height', 'weight', 'noise'", "predict",
                              "--model", self.model, "--input", renamed)
        self.assertEqual(done.stdout, "")

    def test_evaluation_without_the_label(self):
        self.fail_with(1, "no column is called 'state'.*'noise', 'dose', 'age'", "evaluate",
                       "--model", self.model, "--data", self.swapped)

    def test_no_header_goes_by_position(self):
        bare = self.write("bare.csv", None, [row[:3] for row in self.rows])
        self.assertEqual(self.predict(bare), self.predict(self.swapped))

    def test_columns_too_many_are_said(self):
        wide = self.write("wide.csv", ("id", "age", "dose", "noise"), [("x", 50, 20, 0.5)])
        args = ("predict", "--model", self.model, "--input", wide)
        self.assertRegex(self.warnings(*args)[0], r"wide\.csv: the model does not use 'id'")
        self.assertTrue(self.succeed(*args).splitlines()[1].startswith("well,"))

    def test_the_label_by_its_name(self):
        kaggle = self.write("kaggle.csv", ("label", "p0", "p1", "p2"),
                            [(s, a, d, 0) for a, d, _, s in self.rows])
        args = ("train", "--data", kaggle, *LEARN, "--model", self.dir / "m")
        self.assertIn("labels are taken from column 'label'", self.warnings(*args)[0])
        self.assertGreater(self.evaluate(self.dir / "m", kaggle)["accuracy"], 0.95)

    def test_a_header_of_numbers(self):
        rows = [(a, d, int(s == "well")) for a, d, _, s in self.rows]
        years = self.write("years.csv", ("2019", "2020", "region"), rows)
        self.fail_with(1, r"years\.csv:1: .*'2019', '2020', 'region'.*--header or --no-header",
                       "train", "--data", years, *QUICK)
        self.model = self.train("--data", years, "--header", *LEARN)
        self.assertEqual(self.evaluate(self.model, years)["samples"], 200)
        unlabelled = self.write("u.csv", ("2019", "2020"), [row[:2] for row in rows])
        self.assertEqual(len(self.predict(unlabelled).splitlines()), 201)

    def test_an_index(self):
        rows = sorted(self.rows, key=lambda row: row[3])
        table = self.write("index.csv", ("", "age", "dose", "state"),
                           [(i, a, d, s) for i, (a, d, _, s) in enumerate(rows)])
        for quiet in ([], ["--quiet"]):
            self.assertRegex("\n".join(self.warnings("train", "--data", table, *QUICK, *quiet)),
                             r"^lamella: warning: .*index\.csv: feature 1, which has no name, counts")


class Labels(SenseTest):
    def test_one_class(self):
        table = self.write("one.csv", ("f", "label"), [(i % 7, "a") for i in range(40)])
        self.fail_with(1, r"one\.csv: the labels \(column 'label'\) name one class only, 'a'",
                       "train", "--data", table, *QUICK, "--model", self.dir / "m")
        self.assert_no_leftovers("one.csv")
        self.fail_with(1, "one class only", "train", "--data", self.arrays([3] * 20), *QUICK)
        one_row = self.write("row.csv", None, [(1, 2, "a")])
        self.fail_with(1, "one class only", "train", "--data", one_row, *QUICK)

    def test_a_quantity(self):
        generator = random.Random(1)
        table = self.write("price.csv", ("f", "price"), [
            (round(generator.random(), 3), round(1e5 * generator.random(), 2)) for _ in range(300)])
        self.fail_with(1, r"column 'price'\) are \d+ different numbers .*a quantity, not classes",
                       "train", "--data", table, *QUICK)

    def test_as_many_classes_as_rows(self):
        table = self.write("id.csv", ("f", "id"), [(i * i % 11, f"n{i}") for i in range(60)])
        self.assertIn("name 60 classes for 60 samples",
                      self.warnings("train", "--data", table, *QUICK)[0])

    def test_numbers_that_are_no_indices(self):
        for numbers in ([90001, 90210, 99950], [-1, 1], list(range(1, 27)), [-5, 2**40]):
            data = self.arrays(numbers * 20)
            model = self.train("--data", data, *LEARN)
            self.assertEqual(self.classes(model, data), [str(n) for n in numbers])
            predicted = self.succeed("predict", "--model", model, "--input", data)
            self.assertEqual(predicted.splitlines()[0],
                             ",".join(["class"] + [f"p_{n}" for n in numbers]))

    def test_a_class_without_samples_is_said(self):
        data = self.arrays([0, 1, 3] * 20)
        args = ("train", "--data", data, *QUICK, "--model", self.dir / "m")
        self.assertEqual(len(self.warnings(*args)), 1)
        self.assertIn("no sample of class '2'", self.warnings(*args)[0])
        self.assertEqual(self.warnings(*args, "--quiet"), [])
        self.assertEqual(self.classes(self.dir / "m", data), ["0", "1", "2", "3"])

    def test_shapes(self):
        column = self.arrays([0, 1, 1, 0] * 10, shape=(40, 1))
        self.assertEqual(self.classes(self.train("--data", column), column), ["0", "1"])
        one_hot = self.arrays([1, 0, 0, 0, 0, 1] * 20, "|u1", "B", shape=(40, 3))
        self.assertEqual(self.classes(self.train("--data", one_hot), one_hot), ["0", "1", "2"])
        soft = self.arrays([0.5, 0.5] * 40, "<f8", "d", shape=(40, 2))
        self.fail_with(1, r"y\.npy: .*row 0 is not one-hot.*argmax", "train", "--data", soft, *QUICK)

    def test_fractions_and_labels_too_large(self):
        self.fail_with(1, "label 1.5 of sample 1 is not a whole number", "train", "--data",
                       self.arrays([0, 1.5] * 10, "<f8", "d"), *QUICK)
        self.fail_with(1, "of sample 1 is too large", "train", "--data",
                       self.arrays([0, 2**63] * 10, "<u8", "Q"), *QUICK)

    def test_classes_that_the_model_does_not_know(self):
        model = self.train("--data", self.arrays([-1, 1] * 20))
        self.fail_with(1, "label 0 of sample 0 is not one of the classes '-1', '1'", "evaluate",
                       "--model", model, "--data", self.arrays([0, 1] * 20))


class Values(SenseTest):
    def test_bits_are_not_divided_by_255(self):
        generator = random.Random(2)
        bits = [[generator.randrange(2) for _ in range(32)] for _ in range(600)]
        labels = [int(sum(row[:16]) > sum(row[16:])) for row in bits]
        flat = [bit for row in bits for bit in row]
        learn = ["--hidden", "16", "--epochs", "20", "--batch-size", "16"]
        for descr in ("|b1", "|u1"):
            data = write_array(self.dir / "X.npy", flat, descr, "B", (600, 32))
            write_array(self.dir / "y.npy", labels, "|u1", "B")
            model = self.train("--data", data, *learn)
            self.assertGreater(self.evaluate(model, data)["accuracy"], 0.95)
        images = write_idx(self.dir / "images-idx3-ubyte", 8, (600, 4, 8), flat)
        write_idx(self.dir / "labels-idx1-ubyte", 8, (600,), labels)
        model = self.train("--data", images, *learn)
        self.assertGreater(self.evaluate(model, images)["accuracy"], 0.95)

    def test_a_dark_image_is_scaled_as_the_model_says(self):
        generator = random.Random(2)
        pixels = [generator.randrange(256) for _ in range(40 * 4)]
        data = write_array(self.dir / "X.npy", pixels, "|u1", "B", (40, 4))
        write_array(self.dir / "y.npy", [0, 1] * 20, "|u1", "B")
        model = self.train("--data", data)
        dark = [0, 1, 1, 0]
        as_bytes = self.succeed("predict", "--model", model, "--input",
                                write_array(self.dir / "dark.npy", dark, "|u1", "B", (1, 4)))
        as_numbers = self.succeed("predict", "--model", model, "--input",
                                  self.write("dark.csv", None, [dark]))
        self.assertEqual(as_bytes, as_numbers)

    def test_timestamps_in_milliseconds(self):
        generator = random.Random(3)
        rows = [(1700000000000 + 20000 * (i % 2) + generator.randrange(8000), i % 2)
                for i in range(400)]
        table = self.write("t.csv", ("t_ms", "session"), rows)
        unlabelled = self.write("u.csv", ("t_ms",), [row[:1] for row in rows[:2]])
        for precision in ("f32", "f64"):
            model = self.train("--data", table, "--precision", precision, *LEARN)
            self.assertEqual(self.evaluate(model, table)["accuracy"], 1)
            lines = self.succeed("predict", "--model", model, "--input", unlabelled).splitlines()
            self.assertEqual([line[0] for line in lines[1:]], ["0", "1"])

    def test_a_table_is_read_for_prediction_as_it_was_for_training(self):
        # Float does not hold the constant. What is left of it must be nothing in both.
        generator = random.Random(3)
        for stamp in (1700000000123, 0):
            rows = [(1700000000123, stamp + 20000 * (i % 2) + generator.randrange(8000), i % 2)
                    for i in range(200)]
            for header in (("t", "u", "k"), None):
                table = self.write("t.csv", header, rows)
                model = self.train("--data", table, *LEARN)
                unlabelled = self.write("u.csv", header and header[:2], [r[:2] for r in rows[:2]])
                lines = self.succeed("predict", "--model", model, "--input", unlabelled)
                self.assertEqual([line[0] for line in lines.splitlines()[1:]], ["0", "1"])
                self.assertEqual(self.evaluate(model, table)["accuracy"], 1)

    def test_extreme_numbers(self):
        for unit in ("e200", "e-200", "e307", "e39"):
            rows = [(f"{1 + i % 2 + i % 5 / 10}{unit}", "ab"[i % 2]) for i in range(100)]
            table = self.write("extreme.csv", ("x", "label"), rows)
            for precision in ("f32", "f64"):
                model = self.train("--data", table, "--precision", precision, *LEARN)
                self.assertEqual(self.evaluate(model, table)["accuracy"], 1, unit)

    def test_numbers_too_small_for_double(self):
        rows = [("1e-473" if i % 2 else "0.25", 0.1 * (i % 5), "ab"[i % 2]) for i in range(60)]
        table = self.write("tiny.csv", ("p_value", "effect", "label"), rows)
        model = self.train("--data", table, *LEARN)
        self.assertEqual(self.evaluate(model, table)["accuracy"], 1)
        table.write_text(table.read_text().replace("e-473", "e400"))
        self.fail_with(1, "'1e400' is out of the range", "train", "--data", table, *QUICK)

    def test_a_constant_column(self):
        # Many rows, so that the rounding errors of their sum are no longer small.
        rows = [(36.6, 1 if i * i % 7 < 3 else -1, i * i % 7 < 3) for i in range(100_000)]
        data = write_array(self.dir / "X.npy", [v for row in rows for v in row[:2]], "<f8", "d",
                           (len(rows), 2))
        write_array(self.dir / "y.npy", [row[2] for row in rows], "|u1", "B")
        for how in ("auto", "standardize"):
            model = self.train("--data", data, "--epochs", "1", "--preprocess", how)
            text = model.read_bytes()[8:2000].decode(errors="replace")
            scale = text.split('scale\\":[')[1].split(",")[0]
            self.assertEqual(float(scale), 1, how)

    def test_infinite_features_are_refused_whatever_the_activation(self):
        table = write_csv(self.dir / "flowers.csv", flower_rows())
        model = self.train("--data", table, "--activation", "tanh")
        for bad in (math.inf, math.nan):
            rows = write_npy(self.dir / "bad.npy", [[0, 0, 0, 0], [0, bad, 0, 0]])
            done = self.fail_with(1, "sample 2 gives no probabilities", "predict", "--model", model,
                                  "--input", rows)
            self.assertEqual(done.stdout, "")

    def test_features_that_are_all_the_same(self):
        data = write_array(self.dir / "X.npy", [0] * 80, "|u1", "B", (20, 4))
        write_array(self.dir / "y.npy", [0, 1] * 10, "|u1", "B")
        self.assertIn("features of all samples are the same",
                      self.warnings("train", "--data", data, *QUICK)[0])


class HeldOut(SenseTest):
    def test_their_figures_are_in_the_summary(self):
        log = self.dir / "log"
        data = write_csv(self.dir / "flowers.csv", flower_rows())
        args = ("train", "--data", data, *QUICK, "--validation-fraction", "0.2", "--log", log)
        held_out = json.loads(self.succeed(*args, "--json"))["held_out"]
        self.assertEqual(sum(map(sum, held_out["confusion_matrix"])), 18)
        self.assertEqual(held_out["accuracy"], read_log(log)[-1]["test_accuracy"])
        self.assertRegex(self.succeed(*args), r"samples held out:\nsamples +18\n")
        self.assertNotIn("held_out", json.loads(self.succeed("train", "--data", "moons", *QUICK,
                                                             "--json")))

    def test_many_classes_do_not_flood_the_summary(self):
        table = self.write("many.csv", ("x", "label"), [(c + i / 9, f"c{c}") for c in range(201)
                                                        for i in range(4)])
        args = ("train", "--data", table, *QUICK, "--validation-fraction", "0.25")
        self.assertNotIn("held_out", json.loads(self.succeed(*args, "--json")))
        self.assertLess(len(self.succeed(*args).splitlines()), 9)

    def test_rare_classes_are_in_both_parts(self):
        rows = [(i % 11, i * i % 13, "rare" if i in (2, 50, 98) else "ab"[i % 2])
                for i in range(100)]
        table = self.write("rare.csv", ("a", "b", "label"), rows)
        said = 0
        for seed in range(6):
            done = self.run_tool("train", "--data", table, *QUICK, "--validation-fraction", "0.1",
                                 "--json", "--seed", seed)
            self.assertEqual(done.returncode, 0, done.stderr)
            per_class = json.loads(done.stdout)["held_out"]["per_class"]
            support = next(c["support"] for c in per_class if c["class"] == "rare")
            self.assertIn(support, (1, 2))
            said += "class 'rare' out of one part" in done.stderr
        self.assertGreater(said, 0)


class LearningRate(SenseTest):
    def test_a_loss_worse_than_guessing_is_said(self):
        args = ["train", "--data", "moons", "--hidden", "none", "--epochs", "3", "--batch-size", "32",
                "--learning-rate"]
        for quiet in ([], ["--quiet"]):
            self.assertIn("far above that of guessing", self.warnings(*args, "1000", *quiet)[0])
        self.assertEqual(self.warnings(*args, "0.1"), [])


if __name__ == "__main__":
    main()
