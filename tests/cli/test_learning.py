"""`lamella train`: the schedule of the learning rate, what counts how much in the loss, averages."""

import json
import math
import random

from harness import ToolTest, flower_rows, main, read_log, write_csv, write_npy


class Schedules(ToolTest):
    def rates(self, *args):
        """The learning rate of the last step of each of 4 epochs of 10 steps, at a rate of 0.1."""
        log = self.dir / "run.jsonl"
        self.train("--epochs", "4", "--batch-size", "100", "--log", log, *args)
        return [line["learning_rate"] for line in read_log(log)]

    def assert_rates(self, expected, *args):
        for rate, wanted in zip(self.rates(*args), expected, strict=True):
            self.assertAlmostEqual(rate, 0.1 * wanted, places=12)

    def test_courses(self):
        def cosine(steps, last=0):
            return last + (1 - last) * (1 + math.cos(math.pi * steps)) / 2

        self.assert_rates([1, 1, 1, 1])
        self.assert_rates([1, 1, 0.1, 0.1], "--schedule", "step", "--rate-every", "2")
        self.assert_rates([0.5 ** (step / 10) for step in (9, 19, 29, 39)],
                          "--schedule", "exponential", "--rate-factor", "0.5")
        self.assert_rates([cosine(step / 40) for step in (9, 19, 29, 39)], "--schedule", "cosine")
        self.assert_rates([1, *(cosine(step / 30, 0.2) for step in (9, 19, 29))],
                          "--schedule", "cosine", "--warmup", "1", "--final-rate", "0.2")
        self.assert_rates([0.5, 1, 1, 1], "--warmup", "2")
        self.assertAlmostEqual(self.rates("--schedule", "one-cycle")[-1], 0.1 * 4e-6, places=15)
        self.assertLess(self.rates("--schedule", "coslog", "--cycles", "2")[-1], 0.01 * 0.1)

    def test_plateau(self):
        log = self.dir / "run.jsonl"
        self.train("--epochs", "40", "--learning-rate", "1.5", "--log", log, "--schedule", "plateau",
                   "--validation-fraction", "0.1", "--rate-patience", "1", "--rate-factor", "0.5",
                   "--final-rate", "0.25")
        lines = read_log(log)
        rate, best, waited = 1.5, math.inf, 0
        for line in lines:
            self.assertEqual(line["learning_rate"], rate)
            waited = 0 if line["validation_loss"] < best * (1 - 1e-4) else waited + 1
            best = line["validation_loss"] if waited == 0 else best
            if waited > 1:
                rate, waited = max(rate / 2, 0.375), 0
        self.assertEqual(rate, 0.375)

    def test_what_does_not_go_together_is_refused(self):
        for pattern, *args in (
                ("--rate-factor is an option of step, exponential and plateau, and --schedule is constant",
                 "--rate-factor", "0.5"),
                ("--rate-every is an option of step", "--schedule", "cosine", "--rate-every", "2"),
                ("--final-rate is an option of cosine, one-cycle and plateau",
                 "--schedule", "step", "--final-rate", "0.5"),
                ("--cycles is an option of coslog", "--cycles", "3"),
                ("--rate-patience is an option of plateau", "--rate-patience", "3"),
                ("--rate-factor of plateau must be below 1", "--schedule", "plateau",
                 "--rate-factor", "1"),
                ("--schedule plateau need samples to decide on", "--schedule", "plateau"),
                ("--final-rate of one-cycle must be above 0",
                 "--schedule", "one-cycle", "--final-rate", "0"),
                ("'1.5' is not a finite number above 0 to 1",
                 "--schedule", "step", "--rate-factor", "1.5"),
                ("'0' is not a finite number above 0", "--schedule", "step", "--rate-every", "0"),
                ("--warmup 3 is not shorter than the run, --epochs 3",
                 "--warmup", "3", "--epochs", "3"),
                ("linear", "--schedule", "linear")):
            self.fail_with(2, pattern, "train", "--data", "moons", *args)


class Weights(ToolTest):
    def recall(self, *args):
        """Of the rare class, on the training data, with classes that overlap."""
        generator = random.Random(1)
        rows = [([generator.gauss(1.2 * (i % 20 == 0), 1), generator.gauss(0, 1)],
                 "rare" if i % 20 == 0 else "usual") for i in range(600)]
        data = write_csv(self.dir / "rare.csv", rows)
        model = self.train("--data", data, "--epochs", "20", *args)
        classes = self.evaluate(model, data)["per_class"]
        self.assertEqual([c["class"] for c in classes], ["rare", "usual"])
        return classes[0]["recall"]

    def test_balanced_classes_find_the_rare_one(self):
        plain = self.recall()
        self.assertLess(plain, 0.2)
        balanced = self.recall("--class-weights", "balanced")
        self.assertGreater(balanced, 0.5)
        # 30 of 600 are rare: what `balanced` stands for.
        self.assertEqual(self.recall("--class-weights", f"rare=10,usual={600 / (2 * 570)!r}"),
                         balanced)
        self.assertGreater(self.recall("--class-weights", "rare=19"), 0.5)

    def test_class_weights_that_mean_nothing(self):
        data = write_csv(self.dir / "flowers.csv", flower_rows())
        for pattern, weights in (("no class is called 'daisy'; the classes are fern, lily, rose",
                                  "daisy=2"),
                                 ("names class 'rose' twice", "rose=2,lily=1,rose=3"),
                                 ("'rose=0' is neither balanced nor CLASS=WEIGHT", "rose=0"),
                                 ("'rose=nan' is neither", "rose=nan"),
                                 ("'2' is neither", "rose=1,2"), ("'' is neither", ",rose=1")):
            self.fail_with(2, pattern, "train", "--data", data, "--class-weights", weights)

    def test_samples_of_weight_zero_teach_nothing(self):
        right = flower_rows(90)
        other = {"rose": "lily", "lily": "fern", "fern": "rose"}
        wrong = [(features, other[name]) for features, name in flower_rows(150, seed=2)]
        truth = write_csv(self.dir / "right.csv", right)
        data = write_csv(self.dir / "mixed.csv", right + wrong)
        weights = write_npy(self.dir / "w.npy", [[1]] * 90 + [[0]] * 150)
        how = ("--data", data, "--epochs", "30", "--batch-size", "32")
        accuracy = self.evaluate(self.train(*how), truth)["accuracy"]
        self.assertLess(accuracy, 0.5)
        model = self.train(*how, "--sample-weights", weights)
        self.assertGreater(self.evaluate(model, truth)["accuracy"], 0.95)

    def test_weights_follow_their_samples_into_both_parts(self):
        # Held-out samples have their weights beside them, and the rest trains with its own.
        data = write_csv(self.dir / "flowers.csv", flower_rows())
        weights = write_npy(self.dir / "w.npy", [[1]] * 90)
        how = ("--data", data, "--validation-fraction", "0.3")
        plain = self.train(*how).read_bytes()
        self.assertEqual(self.train(*how, "--sample-weights", weights).read_bytes(), plain)

    def test_sample_weights_that_do_not_fit(self):
        data = write_csv(self.dir / "flowers.csv", flower_rows())
        for pattern, rows in ((r"w\.npy: an array of shape 89 x 1, where 90 training samples",
                               [[1]] * 89),
                              (r"w\.npy: the weight of sample 3 is -1", [[1]] * 3 + [[-1]] * 87),
                              (r"w\.npy: the weight of sample 0 is nan", [[math.nan]] * 90),
                              (r"w\.npy: all weights are 0", [[0]] * 90)):
            weights = write_npy(self.dir / "w.npy", rows)
            self.fail_with(1, pattern, "train", "--data", data, "--sample-weights", weights)
        self.fail_with(1, "absent.npy", "train", "--data", data, "--sample-weights",
                       self.dir / "absent.npy")
        self.fail_with(2, "--sample-weights", "train", "--data", data, "--sample-weights", weights,
                       "--model", weights)


class Smoothing(ToolTest):
    def test_smoothed_labels_bound_the_confidence(self):
        data = write_csv(self.dir / "flowers.csv", flower_rows())
        how = ("--data", data, "--epochs", "60", "--learning-rate", "0.5")
        plain = self.evaluate(self.train(*how), data)
        smooth = self.evaluate(self.train(*how, "--label-smoothing", "0.3"), data)
        self.assertEqual(smooth["accuracy"], 1)
        self.assertLess(plain["log_loss"], 0.05)
        # At the optimum of a smoothed loss, the right one of three classes has probability 0.8.
        self.assertAlmostEqual(smooth["log_loss"], -math.log(0.8), delta=0.05)

    def test_range(self):
        self.fail_with(2, "'1' is not a finite number from 0 to below 1", "train", "--data",
                       "moons", "--label-smoothing", "1")


class Normalization(ToolTest):
    def test_a_deep_network_learns_what_it_does_not_without(self):
        data = write_csv(self.dir / "flowers.csv", flower_rows())
        how = ("--data", data, "--hidden", "20,20,20,20,20,20,20,20", "--activation", "sigmoid",
               "--epochs", "40", "--batch-size", "17", "--learning-rate", "0.5")
        self.assertLess(self.evaluate(self.train(*how), data)["accuracy"], 0.6)
        model = self.train(*how, "--normalization", "batch")
        self.assertGreater(self.evaluate(model, data)["accuracy"], 0.9)

    def test_batches_of_one_sample(self):
        self.fail_with(1, "batch_size is 1 with", "train", "--data", "moons", "--normalization",
                       "batch", "--batch-size", "1")
        self.fail_with(2, "group", "train", "--data", "moons", "--normalization", "group")


class Averages(ToolTest):
    def test_the_average_is_what_is_saved_and_measured(self):
        log = self.dir / "run.jsonl"
        how = ("--epochs", "8", "--learning-rate", "0.5", "--log", log)
        plain = self.train(*how).read_bytes()
        seen = {plain}
        for average in (("ema", "--average-decay", "0.9"), ("swa",), ("swa", "--average-from", "2")):
            model = self.train(*how, "--average", *average)
            seen.add(model.read_bytes())
            last = read_log(log)[-1]
            evaluation = self.evaluate(model, "moons")
            self.assertEqual(evaluation["accuracy"], last["test_accuracy"])
            self.assertAlmostEqual(evaluation["log_loss"], last["test_loss"], places=9)
        self.assertEqual(len(seen), 4)

    def test_an_average_of_the_last_epoch_is_its_weights(self):
        plain = self.train().read_bytes()
        model = self.train("--average", "swa", "--average-from", "3", "--epochs", "3")
        self.assertEqual(model.read_bytes(), plain)

    def test_what_does_not_go_together_is_refused(self):
        for pattern, *args in (
                ("--average-decay is an option of ema, and --average is none",
                 "--average-decay", "0.9"),
                ("--average-from is an option of swa, and --average is ema",
                 "--average", "ema", "--average-from", "2"),
                ("--average-from 4 is after the last epoch, 3",
                 "--average", "swa", "--average-from", "4", "--epochs", "3")):
            self.fail_with(2, pattern, "train", "--data", "moons", *args)


class EarlyStopping(ToolTest):
    # A rate at which the loss jumps now and then.
    HOW = ("--data", "moons", "--epochs", "80", "--learning-rate", "1.5", "--validation-fraction",
           "0.1")

    def run_with(self, *args):
        log = self.dir / "run.jsonl"
        model = self.dir / "model.safetensors"
        out = self.succeed("train", *self.HOW, "--hidden", "16", "--json", "--quiet", "--log", log,
                           "--model", model, *args)
        return json.loads(out), read_log(log), model

    def test_a_run_ends_when_patience_does(self):
        summary, log, model = self.run_with("--patience", "4")
        losses = [line["validation_loss"] for line in log]
        best = losses.index(min(losses)) + 1
        self.assertLess(len(losses), 80)
        self.assertEqual(len(losses), best + 4)
        self.assertEqual([line["best_epoch"] for line in log],
                         [losses.index(min(losses[:n])) + 1 for n in range(1, len(losses) + 1)])
        self.assertEqual((summary["epochs"], summary["best_epoch"], summary["ended_by"]),
                         (best + 4, best, "patience"))
        # The model is that of the best epoch: what its line in the log says of the test data.
        self.assertEqual(summary["test_loss"], log[best - 1]["test_loss"])
        self.assertAlmostEqual(self.evaluate(model, "moons")["log_loss"], summary["test_loss"],
                               places=9)
        text = self.succeed("train", *self.HOW, "--hidden", "16", "--patience", "4")
        self.assertIn("stopped early, after 4 epochs without a better validation loss", text)
        self.assertIn(f"best validation loss in epoch {best}; its weights are kept", text)

    def test_the_last_weights_can_be_kept(self):
        summary, log, model = self.run_with("--patience", "4", "--keep", "last")
        self.assertEqual(summary["test_loss"], log[-1]["test_loss"])
        self.assertAlmostEqual(self.evaluate(model, "moons")["log_loss"], log[-1]["test_loss"],
                               places=9)

    def test_the_best_weights_of_a_whole_run(self):
        for average in ((), ("--average", "ema", "--average-decay", "0.9")):
            summary, log, model = self.run_with("--keep", "best", "--monitor", "accuracy", *average)
            accuracies = [line["validation_accuracy"] for line in log]
            best = accuracies.index(max(accuracies)) + 1  # the first of equals
            self.assertLess(best, 80)
            self.assertEqual((summary["epochs"], summary["best_epoch"], summary["ended_by"]),
                             (80, best, "epochs"))
            self.assertAlmostEqual(self.evaluate(model, "moons")["log_loss"],
                                   log[best - 1]["test_loss"], places=9)

    def test_small_improvements_do_not_count(self):
        summary, log, _ = self.run_with("--patience", "3", "--min-improvement", "10")
        self.assertEqual(summary["epochs"], 4)  # the first is one, none of the next three
        self.assertGreater(summary["best_epoch"], 1)

    def test_data_without_test_data(self):
        data = write_csv(self.dir / "flowers.csv", flower_rows())
        log = self.dir / "run.jsonl"
        self.succeed("train", "--data", data, "--epochs", "3", "--validation-fraction", "0.3",
                     "--patience", "2", "--log", log, "--quiet")
        self.assertIn("validation_loss", read_log(log)[0])
        self.assertNotIn("test_loss", read_log(log)[0])

    def test_what_does_not_go_together_is_refused(self):
        for pattern, *args in (
                ("--patience, --keep best and --schedule plateau need samples", "--patience", "3"),
                ("--patience, --keep best and --schedule plateau need samples", "--keep", "best"),
                ("--min-improvement is an option of early stopping", "--min-improvement", "1"),
                ("--monitor: nothing goes by it", "--monitor", "loss"),
                ("'0' is not a whole number from 1", "--patience", "0"),
                ("'first' is not one of last, best", "--keep", "first")):
            self.fail_with(2, pattern, "train", "--data", "moons", *args)


if __name__ == "__main__":
    main()
