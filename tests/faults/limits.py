#!/usr/bin/env python3
"""Where work could be lost: full disks, limits on file sizes, two writers of one model, a loss that is not finite.
"""

import resource
import signal
import subprocess
import unittest

from fault_harness import cli, is_whole_model

TIMEOUT, TOOL, ToolTest = cli.TIMEOUT, cli.TOOL, cli.ToolTest
clean_environment, flower_rows, main, write_csv = cli.clean_environment, cli.flower_rows, cli.main, cli.write_csv

WRITE = ["--data", "moons", "--hidden", "64", "--epochs", "4", "--checkpoint-every", "1"]  # a model of 2 KB
TMPFS = "mount -t tmpfs -o size=16k tmpfs full"


def limit_file_size(size):
    """For preexec_fn. The signal has its default, which ends a process, as in a shell."""
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    return limit


def can_mount():
    tried = subprocess.run(["unshare", "-Urm", "sh", "-c", "mount -t tmpfs -o size=16k tmpfs /mnt"],
                           capture_output=True)
    return tried.returncode == 0


class FileSizeLimit(ToolTest):
    def test_a_model_that_is_too_large_is_an_error_and_the_old_one_stays(self):
        model = self.train()
        before = model.read_bytes()
        self.fail_with(1, rf"{model}.*File too large", "train", *WRITE, "--model", model,
                       preexec_fn=limit_file_size(1024))
        self.assertEqual(model.read_bytes(), before)
        self.assert_no_leftovers(model.name)

    def test_predictions_that_are_too_large(self):
        model = self.train()
        samples = write_csv(self.dir / "x.csv", [([1, 2], None)] * 300)
        self.fail_with(1, "out.*File too large", "predict", "--model", model, "--input", samples,
                       "--output", self.dir / "out", preexec_fn=limit_file_size(1024))
        self.assert_no_leftovers(model.name, "x.csv")

    def test_a_log_that_is_too_large_does_not_end_the_training(self):
        model, log = self.dir / "m", self.dir / "log"
        self.fail_with(1, "log.*File too large", "train", "--data", "moons", "--hidden", "2", "--epochs", "40",
                       "--model", model, "--log", log, preexec_fn=limit_file_size(1024))
        self.assertTrue(is_whole_model(model))
        lines = log.read_text()
        self.assertTrue(lines.endswith("}\n"), lines[-200:])


@unittest.skipUnless(can_mount(), "needs unshare and mount")
class FullDisk(ToolTest):
    def on_small_disk(self, script, *args):
        (self.dir / "full").mkdir()
        return subprocess.run(["unshare", "-Urm", "sh", "-c", f"{TMPFS} && {script}", "sh", TOOL, *args],
                              cwd=self.dir, env=clean_environment(), timeout=TIMEOUT, text=True,
                              capture_output=True)

    def test_the_old_model_stays_and_nothing_beside_it(self):
        self.train()
        done = self.on_small_disk(
            'cp model.safetensors full/m && head -c 15000 /dev/zero >full/rest; "$@"; echo "exit $?"; '
            'cmp full/m model.safetensors && ls -A full',
            "train", *WRITE, "--quiet", "--model", "full/m")
        self.assertEqual(done.stdout.split("\n"), ["exit 1", "m", "rest", ""], done.stderr)
        self.assertRegex(done.stderr, "lamella: error: full/m.*No space left")

    def test_space_that_comes_back_is_used(self):
        """A checkpoint that failed does not end the training; the model at the end is written."""
        done = self.on_small_disk(
            'head -c 16000 /dev/zero >full/rest; mkfifo p; "$@" 2>p & '
            'while read line; do echo "$line" >&2; '
            'case "$line" in *"goes on without this checkpoint"*) rm -f full/rest;; esac; done <p; '
            'wait $!; echo "exit $?"; ls -A full',
            "train", *WRITE[:-4], "--epochs", "200", "--checkpoint-every", "1", "--model", "full/m")
        self.assertIn("exit 0\nm\n", done.stdout, done.stderr)
        self.assertIn("No space left", done.stderr)


class TwoWriters(ToolTest):
    def test_a_model_is_one_of_both(self):
        """Two trainings write the same path at the same time, and a third process reads it."""
        train = [TOOL, "train", "--data", "moons", "--hidden", "200,200", "--epochs", "12", "--quiet",
                 "--checkpoint-every", "1", "--model"]
        ends = []
        for seed in "12":
            alone = self.dir / f"alone{seed}"
            subprocess.run([*train, alone, "--seed", seed], check=True, env=clean_environment(), timeout=TIMEOUT)
            ends.append(alone.read_bytes())
        self.assertNotEqual(ends[0], ends[1])
        shared = self.dir / "shared"
        shared.write_bytes(ends[0])
        for _ in range(3):
            writers = [subprocess.Popen([*train, shared, "--seed", seed], env=clean_environment(),
                                        stderr=subprocess.PIPE) for seed in "12"]
            while any(writer.poll() is None for writer in writers):
                self.assertTrue(is_whole_model(shared))
            for writer in writers:
                _, text = writer.communicate(timeout=TIMEOUT)
                self.assertEqual(writer.returncode, 0, text)
            self.assertIn(shared.read_bytes(), ends)
        self.assert_no_leftovers("alone1", "alone2", "shared")


class NotFinite(ToolTest):
    def test_the_last_checkpoint_stays(self):
        """A decay so strong that weights grow by a factor of 11 in each step: the loss overflows."""
        data = write_csv(self.dir / "d.csv", flower_rows())
        model = self.dir / "m"
        done = self.fail_with(1, r"the loss is -?(nan|inf) in epoch \d\d", "train", "--data", data, "--hidden", "8",
                              "--batch-size", "90", "--learning-rate", "1", "--weight-decay", "12",
                              "--epochs", "60", "--checkpoint-every", "1", "--model", model)
        self.assertRegex(done.stderr, "smaller learning rate")
        self.assertTrue(is_whole_model(model))
        self.assert_no_leftovers("d.csv", "m")

    def test_without_checkpoints_no_model_is_written(self):
        rows = [([1, 2], "a"), ([3, "inf"], "b")] * 20
        data = write_csv(self.dir / "d.csv", rows)
        self.fail_with(1, "d.csv", "train", "--data", data, "--model", self.dir / "m")
        self.assert_no_leftovers("d.csv")


if __name__ == "__main__":
    main()
