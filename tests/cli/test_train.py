"""`lamella train`: data sources, log, summary, model file, and what a seed promises."""

import json
import signal
import subprocess
import time

from harness import (LOG_KEYS, LOG_KEYS_WITH_TEST, QUICK, TIMEOUT, TOOL, ToolTest,
                     clean_environment, flower_rows, main, read_log, read_model, usable_backends, write_csv,
                     write_mnist_directory)


class Log(ToolTest):
    def test_one_line_an_epoch_with_test_figures(self):
        log = self.dir / "run.jsonl"
        self.train("--log", log)
        lines = read_log(log)
        self.assertEqual([line["epoch"] for line in lines], [1, 2, 3])
        for line in lines:
            self.assertEqual(list(line), LOG_KEYS_WITH_TEST)
            self.assertGreater(line["train_loss"], 0)
            self.assertTrue(0 <= line["train_accuracy"] <= 1)
            self.assertTrue(0 <= line["test_accuracy"] <= 1)
            self.assertGreater(line["seconds"], 0)
            self.assertGreater(line["samples_per_second"], 0)

    def test_no_test_keys_without_test_data(self):
        log = self.dir / "run.jsonl"
        data = write_csv(self.dir / "flowers.csv", flower_rows())
        self.train("--data", data, "--log", log)
        for line in read_log(log):
            self.assertEqual(list(line), LOG_KEYS)

    def test_a_new_run_replaces_the_log_only_when_it_starts(self):
        log = self.dir / "run.jsonl"
        log.write_text("of an earlier and much longer run\n" * 100)
        self.fail_with(1, "absent", "train", "--data", self.dir / "absent.csv", "--log", log)
        self.assertIn("earlier", log.read_text())
        self.train("--log", log)
        self.assertEqual(len(read_log(log)), 3)

    def test_the_log_agrees_with_evaluate(self):
        log = self.dir / "run.jsonl"
        model = self.train("--log", log)
        last = read_log(log)[-1]
        evaluation = self.evaluate(model, "moons")
        self.assertEqual(evaluation["split"], "test")
        self.assertEqual(evaluation["accuracy"], last["test_accuracy"])
        self.assertAlmostEqual(evaluation["log_loss"], last["test_loss"], places=9)


class Sources(ToolTest):
    def accuracy(self, model, data, *args):
        return self.evaluate(model, data, *args)["accuracy"]

    def test_moons_are_learnt(self):
        model = self.train("--hidden", "16", "--epochs", "60", "--learning-rate", "0.3",
                           "--batch-size", "16")
        self.assertGreater(self.accuracy(model, "moons"), 0.95)

    def test_blobs_are_learnt_without_hidden_layers(self):
        for none in ("", "none"):
            model = self.train("--data", "blobs", "--hidden", none, "--epochs", "30")
            self.assertGreater(self.accuracy(model, "blobs"), 0.9)

    def test_csv_with_names(self):
        data = write_csv(self.dir / "flowers.csv", flower_rows(), delimiter=";", label_first=True,
                         header=("kind", "a", "b", "c", "d"))
        for column in ("kind", "0", "-5"):
            how = ["--label-column", column, "--delimiter", ";"]
            model = self.train("--data", data, "--epochs", "30", *how)
            self.assertGreater(self.accuracy(model, data, *how), 0.95)

    def test_csv_of_numbers_only_and_no_header(self):
        numbers = {"fern": 10, "lily": 2, "rose": 7}
        data = write_csv(self.dir / "flowers.csv", [(x, numbers[y]) for x, y in flower_rows()])
        model = self.train("--data", data, "--no-header", "--epochs", "30")
        result = self.evaluate(model, data, "--no-header")
        self.assertEqual([c["class"] for c in result["per_class"]], ["2", "7", "10"])
        self.assertEqual(result["samples"], 90)
        self.assertGreater(result["accuracy"], 0.95)

    def test_a_header_can_be_insisted_on(self):
        data = write_csv(self.dir / "flowers.csv", flower_rows())
        model = self.train("--data", data, "--header")
        self.assertEqual(self.evaluate(model, data, "--header")["samples"], 89)

    def test_mnist_directory(self):
        for compress in (False, True):
            data = write_mnist_directory(self.dir / f"images{compress}", compress=compress)
            model = self.train("--data", data, "--epochs", "20")
            result = self.evaluate(model, data)
            self.assertEqual((result["samples"], result["split"]), (30, "test"))
            self.assertGreater(result["accuracy"], 0.95)

    def test_held_out_samples_are_test_data(self):
        log = self.dir / "run.jsonl"
        data = write_csv(self.dir / "flowers.csv", flower_rows(90))
        out = self.succeed("train", "--data", data, *QUICK, "--json", "--quiet", "--log", log,
                           "--validation-fraction", "0.2")
        summary = json.loads(out)
        self.assertEqual((summary["train_samples"], summary["test_samples"]), (72, 18))
        self.assertEqual(list(read_log(log)[0]), LOG_KEYS_WITH_TEST)

    def test_held_out_samples_beside_test_data_are_validation_data(self):
        log = self.dir / "run.jsonl"
        out = self.succeed("train", "--data", "moons", *QUICK, "--json", "--quiet", "--log", log,
                           "--validation-fraction", "0.2")
        summary = json.loads(out)
        self.assertEqual((summary["train_samples"], summary["validation_samples"],
                          summary["test_samples"]), (800, 200, 1000))
        self.assertEqual(summary["held_out"]["log_loss"], summary["validation_loss"])
        self.assertNotEqual(summary["validation_loss"], summary["test_loss"])
        self.assertEqual(read_log(log)[-1]["validation_loss"], summary["validation_loss"])

    def test_a_fraction_that_leaves_nothing(self):
        data = write_csv(self.dir / "flowers.csv", flower_rows(9))
        for fraction in ("0.001", "0.999"):
            self.fail_with(1, "holding out .* of 9 samples", "train", "--data", data,
                           "--validation-fraction", fraction)

    def test_preprocessing(self):
        # One feature in the millions: useless as it is, harmless when scaled or standardized.
        rows = [([x[0], x[1], 1e6 + 1e3 * x[2], 5], y) for x, y in flower_rows()]
        data = write_csv(self.dir / "flowers.csv", rows)
        for kind in ("auto", "standardize", "scale"):
            model = self.train("--data", data, "--preprocess", kind, "--epochs", "60")
            self.assertGreater(self.accuracy(model, data), 0.95, kind)
        done = self.run_tool("train", "--data", data, "--preprocess", "none", *QUICK, "--json")
        if done.returncode == 0:  # else the loss was not finite
            self.assertLess(json.loads(done.stdout)["train_accuracy"], 0.7)

    def test_preprocessing_of_images(self):
        data = write_mnist_directory(self.dir / "images")
        models = {kind: self.train("--data", data, "--preprocess", kind, "--epochs", "20",
                                   "--learning-rate", "0.05").read_bytes()
                  for kind in ("auto", "scale", "standardize")}
        self.assertEqual(models["auto"], models["scale"])
        self.assertNotEqual(models["auto"], models["standardize"])

    def test_a_batch_larger_than_the_data(self):
        self.train("--batch-size", str(2**63 - 1))


class Seeds(ToolTest):
    def test_a_seed_fixes_the_model(self):
        log = self.dir / "run.jsonl"
        first = self.train("--seed", "7", "--log", log).read_bytes()
        losses = [line["train_loss"] for line in read_log(log)]
        self.assertEqual(first, self.train("--seed", "7", "--log", log).read_bytes())
        self.assertEqual(losses, [line["train_loss"] for line in read_log(log)])
        self.assertNotEqual(first, self.train("--seed", "8").read_bytes())

    def test_all_seeds_of_64_bits(self):
        models = {self.train("--seed", str(seed)).read_bytes() for seed in (0, 2**32, 2**64 - 1)}
        self.assertEqual(len(models), 3)

    def test_threads_and_executors_do_not_change_a_bit(self):
        data = write_mnist_directory(self.dir / "images", train=300, side=8)
        backends = [b for b in usable_backends() if b in ("simd", "openmp", "tbb")]
        self.assertIn("simd", backends)
        for precision in ("f32", "f64"):
            models = set()
            for backend in backends:
                for threads in ("1", "2", "3"):
                    model = self.train("--data", data, "--hidden", "96,64", "--momentum", "0.9",
                                       "--learning-rate", "0.02", "--batch-size", "64",
                                       "--precision", precision, "--backend", backend,
                                       "--threads", threads)
                    models.add(model.read_bytes())
            self.assertEqual(len(models), 1, precision)

    def test_threads_and_executors_do_not_change_what_is_random(self):
        data = write_mnist_directory(self.dir / "images", train=300, side=8)
        models = set()
        for backend in (b for b in usable_backends() if b in ("simd", "openmp", "tbb")):
            for threads in ("1", "2", "3"):
                model = self.train(
                    "--data", data, "--hidden", "96,64", "--batch-size", "64",
                    "--dropout", "0.2,0.4", "--input-dropout", "0.1", "--augment",
                    "shift=1,flip,rotate=10,scale=0.1,shear=5,cutout=2", "--backend", backend,
                    "--threads", threads)
                models.add(model.read_bytes())
        self.assertEqual(len(models), 1)

    def test_augmentation(self):
        data = write_mnist_directory(self.dir / "images", train=100, side=8)
        variants = ["none", "shift=1", "flip", "rotate=20", "noise=0.1", "shift=1,flip,noise=0.1"]
        train = lambda *more: self.train("--data", data, *more).read_bytes()
        models = [train("--augment", variant) for variant in variants]
        self.assertEqual(len(set(models)), len(models))
        self.assertEqual(models[0], train())
        self.assertEqual(models[1], train("--augment", "shift=1"))
        self.assertEqual(models[1], train("--augment", "shift=1", "--image-shape", "8x8"))
        self.assertNotEqual(models[1], train("--augment", "shift=1", "--image-shape", "4x16"))

    def test_augmentation_needs_images(self):
        self.fail_with(2, "need images, but the samples of moons are rows of 2 values; --image-shape",
                       "train", "--data", "moons", "--augment", "flip")
        self.fail_with(1, "image_shape 3 x 3 is not that of samples of 2 values", "train",
                       "--data", "moons", "--augment", "flip", "--image-shape", "3x3")
        self.train("--augment", "noise=0.05")

    def test_every_option_of_the_optimiser_takes_effect(self):
        variants = [[], ["--momentum", "0.9"], ["--momentum", "0.9", "--nesterov"],
                    ["--weight-decay", "0.01"], ["--dropout", "0.2"],
                    ["--input-dropout", "0.2"], ["--hidden", "8,8", "--dropout", "0.2,0"],
                    ["--learning-rate", "0.05"], ["--l1", "0.01"], ["--max-norm", "0.5"],
                    ["--batch-size", "16"], ["--activation", "leaky_relu"],
                    ["--activation", "tanh"], ["--activation", "sigmoid"],
                    ["--activation", "identity"], ["--precision", "f64"], ["--hidden", "8,8"],
                    *[["--optimizer", "adam", *more]
                      for more in ([], ["--beta1", "0.8"], ["--beta2", "0.99"],
                                   ["--epsilon", "0.001"], ["--weight-decay", "0.1"],
                                   ["--learning-rate", "0.01"])],
                    ["--optimizer", "adamw"],  # differs from adam by its default decay
                    ["--optimizer", "adamw", "--weight-decay", "0.1"]]
        models = {self.train(*variant).read_bytes() for variant in variants}
        self.assertEqual(len(models), len(variants))
        undecayed = self.train("--optimizer", "adamw", "--weight-decay", "0").read_bytes()
        self.assertEqual(undecayed, self.train("--optimizer", "adam").read_bytes())


class Output(ToolTest):
    def test_summary_and_plain_progress(self):
        model = self.dir / "m.safetensors"
        done = self.run_tool("train", "--data", "moons", *QUICK, "--model", model)
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"(?m)^trained for 3 epochs in .* samples/s$")
        self.assertRegex(done.stdout, r"(?m)^test   loss \d\.\d{4}  accuracy \d\.\d{4}$")
        self.assertIn(str(model), done.stdout)
        self.assertRegex(done.stderr.splitlines()[0], r"^training 2-8-2 \(relu, f32, 42 parameters\)")
        epochs = [line for line in done.stderr.splitlines() if line.startswith("epoch ")]
        self.assertEqual(len(epochs), 3)
        self.assertNotIn("\r", done.stderr)
        self.assertNotIn("\033", done.stderr)

    def test_quiet_is_quiet(self):
        done = self.run_tool("train", "--data", "moons", *QUICK, "--quiet")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_json_summary(self):
        summary = json.loads(self.succeed("train", "--data", "moons", *QUICK, "--json", "--seed",
                                          str(2**64 - 1), "--backend", "scalar"))
        self.assertEqual(summary["epochs"], 3)
        self.assertEqual(summary["seed"], 2**64 - 1)
        self.assertEqual(summary["backend"], "scalar")
        self.assertEqual(summary["parameters"], 42)
        self.assertNotIn("model", summary)
        self.assertLessEqual({"train_loss", "test_loss", "test_accuracy", "seconds"}, set(summary))

    def test_the_model_replaces_an_older_one_whole(self):
        model = self.dir / "model.safetensors"
        model.write_text("old")
        self.train()
        self.assertGreater(model.stat().st_size, 100)
        self.assert_no_leftovers("model.safetensors")

    def test_divergence_is_an_error_and_leaves_no_model(self):
        model = self.dir / "model.safetensors"
        self.fail_with(1, "loss .*epoch", "train", "--data", "moons", *QUICK, "--learning-rate",
                       "1e30", "--model", model)
        self.assert_no_leftovers()


class Checkpoints(ToolTest):
    # The decay turns weights into -3 times themselves in each of an epoch's 32 steps: they
    # overflow in the third epoch.
    BLOWS_UP = ["--hidden", "none", "--batch-size", "32", "--learning-rate", "0.01",
                "--weight-decay", "400"]

    def test_the_last_one_stands_when_training_fails(self):
        two_epochs = read_model(self.train(*self.BLOWS_UP, "--epochs", "2"))
        model = self.dir / "model.safetensors"
        for every, left in (("1", two_epochs), ("2", two_epochs), ("3", None)):
            model.unlink(missing_ok=True)
            saved = "" if left is None else ".*model.safetensors holds the run after epoch 2"
            self.fail_with(1, "the loss is .* in epoch 3" + saved, "train", "--data", "moons", "--quiet",
                           "--epochs", "9", *self.BLOWS_UP, "--model", model,
                           "--checkpoint-every", every)
            self.assertEqual(read_model(model) if model.exists() else None, left)
            self.assert_no_leftovers(*([] if left is None else ["model.safetensors"]))

    def test_they_change_nothing_of_the_result(self):
        plain = self.train("--epochs", "5").read_bytes()
        for every in ("1", "2", "5", "7"):
            self.assertEqual(
                self.train("--epochs", "5", "--checkpoint-every", every).read_bytes(), plain)

    def test_the_last_one_stands_when_training_is_stopped(self):
        model, log = self.dir / "model.safetensors", self.dir / "log"
        process = subprocess.Popen(
            [TOOL, "train", "--data", "moons", "--hidden", "8", "--epochs", "1000000", "--quiet",
             "--model", model, "--log", log, "--checkpoint-every", "1"],
            env=clean_environment(), stderr=subprocess.PIPE, text=True)
        while not log.exists() or len(log.read_text().splitlines()) < 3:
            self.assertIsNone(process.poll())
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, 130, stderr)
        self.assertRegex(stderr, r"model\.safetensors holds the run after (epoch )?\d+")
        self.assertEqual(self.evaluate(model, "moons")["samples"], 1000)
        self.assert_no_leftovers("log", "model.safetensors")


class BadData(ToolTest):
    def test_missing_file(self):
        self.fail_with(1, r"absent\.csv", "train", "--data", self.dir / "absent.csv")

    def test_empty_directory(self):
        self.fail_with(1, "train-images-idx3-ubyte", "train", "--data", self.dir)

    def test_malformed_csv(self):
        path = self.dir / "bad.csv"
        path.write_text("1,2,a\n3,4,b\n5,x,a\n")
        self.fail_with(1, r"bad\.csv.*3", "train", "--data", path, "--no-header")

    def test_empty_csv(self):
        path = self.dir / "empty.csv"
        path.write_text("")
        self.fail_with(1, r"empty\.csv", "train", "--data", path)

    def test_truncated_images(self):
        data = write_mnist_directory(self.dir / "images")
        images = data / "train-images-idx3-ubyte"
        images.write_bytes(images.read_bytes()[:-7])
        self.fail_with(1, "train-images-idx3-ubyte", "train", "--data", data)

    def test_unknown_label_column(self):
        data = write_csv(self.dir / "f.csv", flower_rows(), header=("a", "b", "c", "d", "kind"))
        self.fail_with(1, "species", "train", "--data", data, "--label-column", "species")


if __name__ == "__main__":
    main()
