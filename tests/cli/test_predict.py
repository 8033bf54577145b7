"""`lamella predict`: the CSV it writes, the formats it reads, and inputs that do not fit."""

import csv
import io
import pathlib

from harness import (ToolTest, flower_rows, main, tiny_images, write_csv, write_idx,
                     write_mnist_directory, write_npy)


def parse(text):
    rows = list(csv.reader(io.StringIO(text)))
    return rows[0], [(row[0], [float(p) for p in row[1:]]) for row in rows[1:]]


class Predict(ToolTest):
    def setUp(self):
        super().setUp()
        self.rows = flower_rows()
        self.labelled = write_csv(self.dir / "flowers.csv", self.rows)
        self.input = write_csv(self.dir / "input.csv", [(x, None) for x, _ in self.rows])

    def flower_model(self, *args):
        return self.train("--data", self.labelled, "--epochs", "30", *args)

    def predict(self, model, path, *args, **how):
        return self.succeed("predict", "--model", model, "--input", path, *args, **how)

    def test_classes_and_probabilities(self):
        header, predictions = parse(self.predict(self.flower_model(), self.input))
        self.assertEqual(header, ["class", "p_fern", "p_lily", "p_rose"])
        self.assertEqual(len(predictions), 90)
        correct = 0
        for (name, probabilities), (_, label) in zip(predictions, self.rows):
            self.assertAlmostEqual(sum(probabilities), 1, places=5)
            self.assertEqual(header[1 + probabilities.index(max(probabilities))], "p_" + name)
            correct += name == label
        self.assertGreater(correct, 85)

    def test_predictions_agree_with_evaluate(self):
        for precision in ("f32", "f64"):
            model = self.flower_model("--precision", precision)
            _, predictions = parse(self.predict(model, self.input))
            correct = sum(name == label for (name, _), (_, label) in zip(predictions, self.rows))
            self.assertAlmostEqual(correct / 90, self.evaluate(model, self.labelled)["accuracy"])

    def test_the_same_again_and_on_every_executor(self):
        model = self.flower_model()
        first = self.predict(model, self.input, "--backend", "simd")
        self.assertEqual(first, self.predict(model, self.input, "--backend", "simd"))
        copy = self.dir / "copy"
        copy.write_bytes(model.read_bytes())
        self.assertEqual(first, self.predict(copy, self.input, "--backend", "simd"))

    def test_csv_npy_and_headers_are_the_same_to_it(self):
        model = self.flower_model()
        expected = self.predict(model, self.input)
        features = [x for x, _ in self.rows]
        headed = write_csv(self.dir / "headed.csv", [(x, None) for x in features],
                           header=("a", "b", "c", "d"))
        self.assertEqual(expected, self.predict(model, headed))
        self.assertEqual(expected, self.predict(model, write_npy(self.dir / "x.npy", features)))
        self.assertEqual(expected, self.predict(model, self.labelled, "--label-column", "-1"))
        tabbed = write_csv(self.dir / "t.tsv", [(x, None) for x in features], delimiter="\t")
        self.assertEqual(expected, self.predict(model, tabbed, "--delimiter", "tab"))

    def test_standard_input(self):
        model = self.flower_model()
        expected = self.predict(model, self.input)
        with open(self.input) as text:
            self.assertEqual(expected, self.predict(model, "/dev/stdin", stdin=text))

    def test_images(self):
        data = write_mnist_directory(self.dir / "images")
        model = self.train("--data", data, "--epochs", "20")
        _, predictions = parse(self.predict(model, data / "t10k-images-idx3-ubyte"))
        labels = [str(label) for _, label in tiny_images(30, seed=2)]
        self.assertEqual([name for name, _ in predictions], labels)
        pixels = [p for image, _ in tiny_images(30, seed=2) for p in image]
        compressed = write_idx(self.dir / "named-anyhow", 8, (30, 4, 4), pixels, compress=True)
        self.assertEqual(parse(self.predict(model, compressed))[1], predictions)
        flat = write_idx(self.dir / "flat.idx", 8, (30, 16), pixels)
        self.assertEqual(parse(self.predict(model, flat))[1], predictions)

    def test_more_samples_than_fit_a_chunk(self):
        model = self.flower_model("--backend", "simd")
        many = write_csv(self.dir / "many.csv", [(x, None) for x, _ in self.rows] * 50)
        lines = self.predict(model, many, "--backend", "simd").splitlines()
        once = self.predict(model, self.input, "--backend", "simd").splitlines()
        self.assertEqual(lines, once[:1] + once[1:] * 50)

    def test_names_that_need_quotes(self):
        names = {"rose": '"a, b"', "lily": '"say ""x"""', "fern": "fougère"}
        data = write_csv(self.dir / "names.csv", [(x, names[y]) for x, y in self.rows])
        model = self.train("--data", data, "--epochs", "30")
        header, predictions = parse(self.predict(model, self.input))
        self.assertEqual(sorted(header), sorted(["class", "p_a, b", 'p_say "x"', "p_fougère"]))
        self.assertEqual({name for name, _ in predictions}, {"a, b", 'say "x"', "fougère"})

    def test_output_file(self):
        model = self.flower_model()
        out = self.dir / "out.csv"
        out.write_text("old")
        out.chmod(0o640)
        self.assertEqual(self.predict(model, self.input, "--output", out), "")
        self.assertEqual(out.read_text(), self.predict(model, self.input))
        self.assertEqual(out.stat().st_mode & 0o777, 0o640)
        self.assert_no_leftovers("flowers.csv", "input.csv", "model.safetensors", "out.csv")

    def test_output_through_a_link(self):
        model = self.flower_model()
        link, target = self.dir / "link.csv", self.dir / "target.csv"
        link.symlink_to("target.csv")
        for _ in "absent", "existing":
            self.predict(model, self.input, "--output", link)
            self.assertTrue(link.is_symlink())
            self.assertEqual(target.read_text(), self.predict(model, self.input))
            target.write_text("old")

    def test_a_failure_leaves_the_old_output(self):
        model = self.flower_model()
        out = self.dir / "out.csv"
        out.write_text("old")
        bad = write_csv(self.dir / "bad.csv", [([1, 2, 3, 4], None)] * 3000 + [([1, 2, 3, "nan"], None)])
        done = self.run_tool("predict", "--model", model, "--input", bad, "--output", out,
                             "--no-header")
        self.assertEqual(done.returncode, 1)
        self.assertIn("3001", done.stderr)
        self.assertEqual(out.read_text(), "old")
        self.assertFalse([p for p in self.dir.iterdir() if p.name.endswith(".tmp")])

    def test_other_features(self):
        model = self.flower_model()
        self.fail_with(1, r"flowers\.csv", "predict", "--model", model, "--input", self.labelled)
        wide = write_csv(self.dir / "wide.csv", [([1, 2, 3, 4, 5], None)] * 2)
        done = self.fail_with(1, r"wide\.csv.*5 features.*4", "predict", "--model", model,
                              "--input", wide)
        self.assertEqual(done.stdout, "")

    def test_inputs_that_cannot_be_read(self):
        model = self.flower_model()
        cases = {"empty.csv": b"", "bad.npy": b"\x93NUMPY\x01\x00", "bad.idx": b"\0\0\x08\x03\0",
                 "bad.gz": b"\x1f\x8b\x08\0nothing", "scalar.idx": b"\0\0\x08\0\x07"}
        for name, content in cases.items():
            path = self.dir / name
            path.write_bytes(content)
            self.fail_with(1, name, "predict", "--model", model, "--input", path)
        self.fail_with(1, "absent", "predict", "--model", model, "--input", self.dir / "absent")
        self.fail_with(1, str(self.dir), "predict", "--model", model, "--input", self.dir)

    def test_a_bad_output_directory(self):
        model = self.flower_model()
        self.fail_with(1, "out", "predict", "--model", model, "--input", self.input, "--output",
                       pathlib.Path(self.dir / "absent" / "out.csv"))
        self.fail_with(1, "directory", "predict", "--model", model, "--input", self.input,
                       "--output", self.dir)


if __name__ == "__main__":
    main()
