"""`lamella evaluate`: figures that follow from each other, and data that do not fit the model."""

import csv
import pathlib

from harness import ToolTest, flower_rows, main, write_csv, write_mnist_directory


class Evaluate(ToolTest):
    def flowers(self, **how):
        return write_csv(self.dir / "flowers.csv", flower_rows(), **how)

    def test_figures_agree_with_the_confusion_matrix(self):
        data = self.flowers()
        model = self.train("--data", data, "--epochs", "1", "--learning-rate", "0.01")
        result = self.evaluate(model, data)
        self.assertLessEqual({"accuracy", "log_loss", "confusion_matrix", "per_class"},
                             set(result))
        matrix = result["confusion_matrix"]
        total = sum(map(sum, matrix))
        self.assertEqual(total, 90)
        self.assertEqual(result["samples"], 90)
        self.assertEqual(result["split"], "all")
        self.assertAlmostEqual(result["accuracy"], sum(matrix[c][c] for c in range(3)) / 90)
        self.assertEqual([c["class"] for c in result["per_class"]], ["fern", "lily", "rose"])
        for c, metrics in enumerate(result["per_class"]):
            predicted = sum(row[c] for row in matrix)
            precision = matrix[c][c] / predicted if predicted else 0
            recall = matrix[c][c] / sum(matrix[c])
            f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0
            self.assertEqual(metrics["support"], 30)
            self.assertAlmostEqual(metrics["precision"], precision)
            self.assertAlmostEqual(metrics["recall"], recall)
            self.assertAlmostEqual(metrics["f1"], f1)

        recalls = [c["recall"] for c in result["per_class"]]
        self.assertAlmostEqual(result["balanced_accuracy"], sum(recalls) / 3)
        self.assertAlmostEqual(result["macro_f1"], sum(c["f1"] for c in result["per_class"]) / 3)

    def test_figures_of_probabilities(self):
        data = self.flowers()
        model = self.train("--data", data, "--epochs", "60")
        result = self.evaluate(model, data)
        self.assertEqual(result["top_k"], 3)  # of three classes
        self.assertEqual(result["top_k_accuracy"], 1)
        self.assertGreater(result["roc_auc"], 0.9)
        self.assertGreater(result["average_precision"], 0.9)
        output = self.dir / "predicted.csv"
        self.succeed("predict", "--model", model, "--input", data, "--label-column", "-1", "--output", output)
        with open(output, encoding="utf-8") as file:
            predicted = list(csv.DictReader(file))
        truth = [name for _, name in flower_rows()]
        squares = sum((float(row[f"p_{c}"]) - (name == c)) ** 2
                      for row, name in zip(predicted, truth) for c in ("fern", "lily", "rose"))
        self.assertAlmostEqual(result["brier_score"], squares / 90, places=5)
        text = self.succeed("evaluate", "--model", model, "--data", data)
        for name in ("balanced accuracy", "ROC-AUC", "PR-AUC", "Brier score", "calibration error"):
            self.assertRegex(text, rf"(?m)^{name} +\d\.\d{{4}}$")

    def test_no_area_without_a_second_class(self):
        model = self.train("--data", self.flowers(), "--epochs", "1")
        only = write_csv(self.dir / "only.csv", [row for row in flower_rows() if row[1] == "lily"])
        self.assertIsNone(self.evaluate(model, only)["roc_auc"])
        self.assertNotIn("ROC-AUC", self.succeed("evaluate", "--model", model, "--data", only))

    def test_tables_for_people(self):
        data = write_mnist_directory(self.dir / "images")
        model = self.train("--data", data, "--epochs", "20")
        text = self.succeed("evaluate", "--model", model, "--data", data)
        self.assertIn("(its test data)", text)
        self.assertRegex(text, r"(?m)^accuracy +\d\.\d{4}$")
        self.assertRegex(text, r"(?m)^class  precision  recall +f1  support$")
        self.assertRegex(text, r"(?m)^true \\ predicted +0 +1 +2$")
        self.assertRegex(text, r"(?m)^2 +0 +0 +10$")

    def test_wide_matrices_are_left_to_json(self):
        rows = [([float(c), 1.0], f"c{c:02}") for c in range(25) for _ in range(2)]
        data = write_csv(self.dir / "many.csv", rows)
        model = self.train("--data", data)
        self.assertIn("25 x 25", self.succeed("evaluate", "--model", model, "--data", data))
        self.assertEqual(len(self.evaluate(model, data)["confusion_matrix"]), 25)

    def test_names_that_json_has_to_escape(self):
        names = ["back\\slash", 'a "quote"', "control\x01\x1f\x7f", "\u00e4\u20ac\U0001f642", "/"]
        rows = [f'{i},{-i},"{name}"'.replace('a "quote"', 'a ""quote""')
                for i, name in enumerate(names) for _ in range(3)]
        data = self.dir / "names.csv"
        data.write_text("\n".join(rows) + "\n", encoding="utf-8")
        result = self.evaluate(self.train("--data", data), data)
        self.assertEqual([c["class"] for c in result["per_class"]], sorted(names, key=str.encode))
        # Names that are not UTF-8 are data all the same; JSON has U+FFFD for what it cannot say.
        data.write_bytes(b"1,2,a\xffz\n3,4,b\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80\n" * 5)
        model = self.dir / "other"
        self.succeed("train", "--data", data, "--epochs", "1", "--quiet", "--model", model)
        result = self.evaluate(model, data)
        self.assertEqual([c["class"].strip("\ufffd") for c in result["per_class"]], ["a\ufffdz", "b"])

    def test_a_file_with_some_of_the_classes(self):
        model = self.train("--data", self.flowers())
        some = write_csv(self.dir / "some.csv", [r for r in flower_rows() if r[1] == "rose"])
        result = self.evaluate(model, some)
        self.assertEqual([c["support"] for c in result["per_class"]], [0, 0, 30])

    def test_generated_data_follow_the_seed(self):
        model = self.train("--seed", "3")
        self.assertNotEqual(self.evaluate(model, "moons", "--seed", "3")["log_loss"],
                            self.evaluate(model, "moons", "--seed", "4")["log_loss"])

    def test_both_precisions(self):
        data = self.flowers()
        losses = [self.evaluate(self.train("--data", data, "--precision", p), data)["log_loss"]
                  for p in ("f32", "f64")]
        self.assertNotEqual(*losses)
        self.assertAlmostEqual(*losses, places=3)

    def test_an_unknown_label_is_named_with_its_line(self):
        model = self.train("--data", self.flowers())
        bad = write_csv(self.dir / "bad.csv", flower_rows()[:4] + [([1, 2, 3, 4], "cactus")])
        self.fail_with(1, r"bad\.csv.*5.*cactus|cactus.*5", "evaluate", "--model", model,
                       "--data", bad)

    def test_other_features(self):
        model = self.train("--data", self.flowers())
        bad = write_csv(self.dir / "bad.csv", [(x[:3], y) for x, y in flower_rows()])
        self.fail_with(1, r"bad\.csv.*3 features.*4", "evaluate", "--model", model, "--data", bad)

    def test_other_classes(self):
        model = self.train("--data", self.flowers())
        self.fail_with(1, "moons.*classes", "evaluate", "--model", model, "--data", "moons")

    def test_models_that_are_none(self):
        for name, content in (("empty", b""), ("text", b"hello, model"),
                              ("huge", b"\xff" * 8 + b"{}"), ("json", b"\2\0\0\0\0\0\0\0{}")):
            path = self.dir / name
            path.write_bytes(content)
            self.fail_with(1, name, "evaluate", "--model", path, "--data", "moons")
        self.fail_with(1, "absent", "evaluate", "--model", self.dir / "absent", "--data", "moons")
        self.fail_with(1, str(self.dir), "evaluate", "--model", self.dir, "--data", "moons")

    def test_a_model_cut_short_anywhere(self):
        whole = pathlib.Path(self.train()).read_bytes()
        cut = self.dir / "cut.safetensors"
        for length in (1, 8, 9, len(whole) // 2, len(whole) - 1):
            cut.write_bytes(whole[:length])
            self.fail_with(1, r"cut\.safetensors", "evaluate", "--model", cut, "--data", "moons")


if __name__ == "__main__":
    main()
