"""`lamella train --resume`: a run that was stopped goes on, and ends as if it had not been."""

import json
import signal
import subprocess
import time

from harness import (TIMEOUT, TOOL, ToolTest, clean_environment, flower_rows, main, read_log,
                     write_csv, write_mnist_directory)

# With everything that a checkpoint has to hold, and of some 1000 steps an epoch.
HOW = ("--data", "moons", "--hidden", "24,8", "--epochs", "40", "--batch-size", "4",
       "--normalization", "batch", "--optimizer",
       "adam", "--dropout", "0.2", "--augment", "noise=0.1", "--average", "ema", "--schedule",
       "cosine", "--validation-fraction", "0.1", "--keep", "best")


class Resume(ToolTest):
    def setUp(self):
        super().setUp()
        self.model, self.log = self.dir / "m", self.dir / "run.jsonl"

    def whole(self, *how):
        path = self.dir / "whole"
        log = self.dir / "whole.jsonl"
        self.succeed("train", *how, "--model", path, "--log", log, "--quiet")
        return path.read_bytes(), self.figures(log)

    def figures(self, log):
        return [{key: value for key, value in line.items() if "seconds" not in key
                 and key != "samples_per_second"} for line in read_log(log)]

    def stop(self, which, *how, epochs=3):
        """Begins a run and sends it a signal after some epochs."""
        process = subprocess.Popen(
            [TOOL, "train", *how, "--model", self.model, "--log", self.log, "--quiet"],
            env=clean_environment(), stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        deadline = time.monotonic() + TIMEOUT
        while not self.log.exists() or self.log.read_text().count("\n") < epochs:
            self.assertIsNone(process.poll(), "the run ended by itself")
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.002)
        process.send_signal(which)
        _, err = process.communicate(timeout=TIMEOUT)
        return process.returncode, err

    def test_after_signals(self):
        whole, log = self.whole(*HOW)
        for which in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(which.name):
                code, err = self.stop(which, *HOW)
                self.assertEqual(code, 128 + which, err)
                self.assertRegex(err, r"stopped in epoch \d+ of 40, .*m holds the run after .*, "
                                      r"and `lamella train --resume .*m` goes on from there")
                self.evaluate(self.model, "moons")  # it is a model
                self.succeed("train", "--resume", self.model, "--threads", "1", "--quiet")
                self.assertEqual(self.model.read_bytes(), whole)
                self.assertEqual(self.figures(self.log), log)
                self.log.unlink()
                self.model.unlink()
        self.assert_no_leftovers("whole", "whole.jsonl")

    def test_an_older_model_is_not_lost_to_a_signal(self):
        whole, _ = self.whole(*HOW)
        self.model.write_bytes(b"an older model")
        beside = self.dir / "m.checkpoint"
        _, err = self.stop(signal.SIGINT, *HOW)
        self.assertEqual(self.model.read_bytes(), b"an older model")
        self.assertIn(f"{beside} holds the run", err)
        self.assertIn(f"`lamella train --resume {beside} --model {self.model}` goes on", err)
        self.succeed("train", "--resume", beside, "--model", self.model, "--quiet")
        self.assertEqual(self.model.read_bytes(), whole)

    def test_after_kill_minus_9_by_epochs_and_by_minutes(self):
        whole, log = self.whole(*HOW)
        for how in (("--checkpoint-every", "1"), ("--checkpoint-minutes", "0.001")):
            code, _ = self.stop(signal.SIGKILL, *HOW, *how)
            self.assertEqual(code, -signal.SIGKILL)
            out = self.succeed("train", "--resume", self.model, "--model", self.dir / "other", "--json")
            self.assertEqual((self.dir / "other").read_bytes(), whole)
            self.assertEqual(self.figures(self.log), log)  # lines that were lost are written anew
            summary = json.loads(out)
            self.assertEqual(summary["epochs"], 40)
            self.assertEqual(summary["test_loss"], log[summary["best_epoch"] - 1]["test_loss"])
            self.log.unlink()

    def test_images(self):
        data = write_mnist_directory(self.dir / "images")
        how = ("--data", data, "--hidden", "16", "--epochs", "300", "--batch-size", "8",
               "--momentum", "0.9", "--augment", "shift=1,flip,rotate=10", "--average", "swa",
               "--precision", "f64")
        whole, _ = self.whole(*how)
        self.stop(signal.SIGTERM, *how)
        self.succeed("train", "--resume", self.model, "--backend", "simd", "--quiet")
        self.assertEqual(self.model.read_bytes(), whole)

    def test_what_differs_is_refused(self):
        self.stop(signal.SIGINT, *HOW)
        stopped = self.model.read_bytes()
        for code, pattern, *args in (
                (2, "--learning-rate is 0.2, but the run of .* has the default",
                 "--learning-rate", "0.2"),
                (2, "--epochs is 50, but the run of .* has 40", "--epochs", "50"),
                (2, "--dropout is 0.1, but the run of .* has 0.2", "--dropout", "0.1"),
                (2, "--nesterov is true, but the run of .* has the default", "--nesterov"),
                (1, "the run has other data, 900 samples of 2 features .* than blobs, 900 samples "
                    "of 8 features", "--data", "blobs")):
            self.fail_with(code, pattern, "train", "--resume", self.model, *args)
        # Of the same shape, but other values.
        rows = write_csv(self.dir / "a.csv", flower_rows())
        how = ("--data", rows, "--epochs", "100000", "--batch-size", "4", "--hidden", "4")
        self.log.unlink()
        self.model.unlink()
        self.stop(signal.SIGINT, *how)
        write_csv(rows, flower_rows(seed=2))
        self.fail_with(1, "the run has other data, 90 samples of 4 features in 3 classes.*than .*, "
                          "90 samples of 4 features in 3 classes", "train", "--resume", self.model)
        self.assertNotEqual(stopped, self.model.read_bytes())

    def test_the_same_options_may_be_given_again(self):
        whole, _ = self.whole(*HOW)
        self.stop(signal.SIGINT, *HOW)
        self.succeed("train", "--resume", self.model, *HOW, "--quiet")
        self.assertEqual(self.model.read_bytes(), whole)

    def test_another_instruction_set_is_a_warning(self):
        self.stop(signal.SIGINT, *HOW)
        done = self.run_tool("train", "--resume", self.model, "--backend", "scalar", "--quiet")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, r"the run so far was computed with \w+, and goes on with "
                                      r"scalar \(\w+\): the result has other bits")

    def test_what_is_no_checkpoint(self):
        self.fail_with(1, "absent", "train", "--resume", self.dir / "absent")
        model = self.train()
        self.fail_with(1, "a model, but no checkpoint of a run", "train", "--resume", model)
        self.fail_with(2, "--data is required", "train")
        self.fail_with(2, "--checkpoint-minutes needs a --model", "train", "--data", "moons",
                       "--checkpoint-minutes", "1")


if __name__ == "__main__":
    main()
