"""Files that options name: written over their own data, hard places to write to, work that must not
be lost, and the rights of what is replaced."""

import os
import pathlib
import re
import resource
import shutil
import signal
import stat
import subprocess
import threading
import time
import unittest

from harness import (QUICK, TIMEOUT, TOOL, ToolTest, clean_environment, flower_rows, main,
                     write_csv, write_idx, write_mnist_directory, write_npy)

LONG = ["--data", "moons", "--hidden", "8", "--batch-size", "16", "--epochs", "1000000000"]


def can_mount():
    """Whether this user can make a namespace of mounts."""
    unshare = shutil.which("unshare")
    return unshare is not None and subprocess.run(
        [unshare, *NAMESPACE, "mount", "--bind", "/tmp", "/tmp"], capture_output=True,
        timeout=TIMEOUT).returncode == 0


NAMESPACE = ["-m"] if os.geteuid() == 0 else ["-U", "-r", "-m"]


class Roles(ToolTest):
    """No output may be an input or another output, whatever it is called."""

    def refuse(self, file, *args, what="the same file"):
        before = file.read_bytes()
        self.fail_with(2, what, *args)
        self.assertEqual(file.read_bytes(), before)

    def names_of(self, file):
        """The file itself, a symbolic and a hard link, and a path with detours."""
        symbolic, hard = self.dir / "symbolic", self.dir / "hard"
        for link in (symbolic, hard):
            link.unlink(missing_ok=True)
        symbolic.symlink_to(file)
        os.link(file, hard)
        return [file, symbolic, hard, self.dir / ".." / self.dir.name / file.relative_to(self.dir)]

    def test_a_model_over_its_own_data(self):
        x = write_npy(self.dir / "X.npy", [values for values, _ in flower_rows()])
        y = write_npy(self.dir / "y.npy", [[i % 3] for i in range(90)], "<i4", "i")
        for data in (x, y):
            for name in self.names_of(data):
                self.refuse(data, "train", "--data", x, *QUICK, "--model", name)
                self.refuse(data, "train", "--data", x, *QUICK, "--log", name)

    def test_test_data_are_data_too(self):
        for part in ("train", "test"):
            write_npy(self.dir / f"X_{part}.npy", [values for values, _ in flower_rows()])
            write_npy(self.dir / f"y_{part}.npy", [[i % 3] for i in range(90)], "<i4", "i")
        for name in ("X_test.npy", "y_test.npy"):
            self.refuse(self.dir / name, "train", "--data", self.dir / "X_train.npy", *QUICK,
                        "--model", self.dir / name)

    def test_files_inside_a_directory(self):
        data = write_mnist_directory(self.dir / "data", compress=True)
        for file in data.iterdir():
            self.refuse(file, "train", "--data", data, *QUICK, "--model", file)
        self.succeed("train", "--data", data, *QUICK, "--model", data / "model", "--log",
                     data / "log")

    def test_labels_of_idx_files(self):
        images = write_idx(self.dir / "a-images-idx3-ubyte", 8, (4, 1, 1), [0, 1, 2, 3])
        labels = write_idx(self.dir / "a-labels-idx1-ubyte", 8, (4,), [0, 1, 0, 1])
        self.refuse(labels, "train", "--data", images, *QUICK, "--model", labels)

    def test_predictions_over_input_or_model(self):
        model = self.train()
        samples = write_csv(self.dir / "x.csv", [([1, 2], None)] * 3)
        for file in (samples, model):
            for name in self.names_of(file):
                self.refuse(file, "predict", "--model", model, "--input", samples, "--output", name)

    def test_two_outputs(self):
        new = self.dir / "new"
        self.fail_with(2, "the same file", "train", *LONG, "--model", new, "--log",
                       self.dir / "." / "new")
        self.assertFalse(new.exists())
        self.succeed("train", "--data", "moons", *QUICK, "--model", "/dev/null", "--log", "/dev/null")

    @unittest.skipUnless(can_mount(), "needs a namespace of mounts")
    def test_bind_mounts(self):
        data = write_csv(self.dir / "x.csv", flower_rows())
        mounted = self.dir / "mounted"
        mounted.touch()
        before = data.read_bytes()
        done = subprocess.run(
            ["unshare", *NAMESPACE, "sh", "-c", 'mount --bind "$1" "$2"; shift 2; exec "$@"', "sh",
             data, mounted, TOOL, "train", "--data", data, *QUICK, "--model", mounted],
            env=clean_environment(), capture_output=True, text=True, timeout=TIMEOUT)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertRegex(done.stderr, "the same file")
        self.assertEqual(data.read_bytes(), before)


class HardPlaces(ToolTest):
    @unittest.skipUnless(can_mount(), "needs a namespace of mounts")
    def test_a_model_that_is_a_bind_mount(self):
        plain = self.train().read_bytes()
        outside, inside = self.dir / "outside", self.dir / "inside"
        for directory in (outside, inside):
            directory.mkdir()
            (directory / "m").write_text("old " * 10000)
        (outside / "m").chmod(0o640)
        done = subprocess.run(
            ["unshare", *NAMESPACE, "sh", "-c", 'mount --bind "$1" "$2"; shift 2; exec "$@"', "sh",
             outside / "m", inside / "m", TOOL, "train", "--data", "moons", *QUICK, "--quiet",
             "--checkpoint-every", "1", "--model", inside / "m"],
            env=clean_environment(), capture_output=True, text=True, timeout=TIMEOUT)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual((outside / "m").read_bytes(), plain)
        self.assertEqual(stat.S_IMODE((outside / "m").stat().st_mode), 0o640)
        for directory in (outside, inside):
            self.assertEqual([p.name for p in directory.iterdir()], ["m"])

    @unittest.skipUnless(can_mount(), "needs a namespace of mounts")
    def test_a_bind_mount_on_a_full_disk(self):
        """The old model stays, and the new one is where the message says."""
        plain = self.train("--hidden", "200").read_bytes()
        disk, inside = self.dir / "disk", self.dir / "inside"
        for directory in (disk, inside):
            directory.mkdir()
        (inside / "m").touch()
        script = """
            mount -t tmpfs -o size=12k none "$1"
            echo old > "$1/m"
            dd if=/dev/zero of="$1/fill" bs=1k count=8 2>/dev/null
            mount --bind "$1/m" "$2/m"
            target="$2/m"
            shift 2
            "$@" --model "$target"
            code=$?
            cat "$target"
            exit $code"""
        done = subprocess.run(
            ["unshare", *NAMESPACE, "sh", "-c", script, "sh", disk, inside, TOOL, "train", "--data",
             "moons", *QUICK[2:], "--hidden", "200", "--quiet"],
            env=clean_environment(TMPDIR=str(self.dir)), capture_output=True, text=True,
            timeout=TIMEOUT)
        self.assertEqual((done.returncode, done.stdout), (1, "old\n"), done.stderr)
        match = re.search(r"No space left on device; the complete new content is in (.*); the trained "
                          r"model is in (.*) instead", done.stderr)
        self.assertTrue(match, done.stderr)
        for file in match.groups():
            self.assertEqual(pathlib.Path(file).read_bytes(), plain)
            self.assertEqual(stat.S_IMODE(os.stat(file).st_mode), 0o600)

    def test_names_of_any_length(self):
        for length in (1, 200, 243, 248, 255):
            model = self.dir / ("n" * length)
            output = self.dir / ("o" * length)
            self.succeed("train", "--data", "moons", *QUICK, "--quiet", "--model", model)
            samples = write_csv(self.dir / "x.csv", [([1, 2], None)] * 3)
            self.succeed("predict", "--model", model, "--input", samples, "--output", output)
            self.assertEqual(len(output.read_text().splitlines()), 4)
            for file in (model, output, samples):
                file.unlink()
        self.assert_no_leftovers()

    def test_a_name_that_is_too_long_is_refused_before_training(self):
        self.fail_with(1, "File name too long", "train", *LONG, "--model", self.dir / ("n" * 256))


class Rights(ToolTest):
    def test_mode_of_what_is_replaced(self):
        model, output = self.dir / "model.safetensors", self.dir / "o.csv"
        samples = write_csv(self.dir / "x.csv", [([1, 2], None)] * 3)
        for mode in (0o600, 0o640, 0o664):
            for file in (model, output):
                file.write_text("old")
                file.chmod(mode)
            self.train("--checkpoint-every", "1")
            self.succeed("predict", "--model", model, "--input", samples, "--output", output)
            for file in (model, output):
                self.assertEqual(stat.S_IMODE(file.stat().st_mode), mode)

    def test_read_only_files_are_refused_before_training(self):
        file = self.dir / "m"
        file.write_text("old")
        file.chmod(0o444)
        model = self.train()
        samples = write_csv(self.dir / "x.csv", [([1, 2], None)] * 3)
        refusal = r"m: cannot write: .*(read-only \(mode 0444\)|Permission denied)"
        self.fail_with(1, refusal, "train", *LONG, "--model", file)
        self.fail_with(1, refusal, "train", *LONG, "--log", file)
        self.fail_with(1, refusal, "predict", "--model", model, "--input", samples, "--output", file)
        self.fail_with(1, refusal, "bench", "--backend", "scalar", "--html", file)
        self.assertEqual(file.read_text(), "old")


class NothingIsLost(ToolTest):
    def start(self, model, *args):
        """Begins a run with a checkpoint every epoch and waits until it has finished one."""
        log = self.dir / "log"
        process = subprocess.Popen(
            [TOOL, "train", *LONG, "--log", log, "--model", model, "--quiet", *args],
            env=clean_environment(TMPDIR=str(self.dir / "tmp")), stderr=subprocess.PIPE, text=True,
            cwd=self.dir, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)))
        self.addCleanup(process.kill)
        while not log.exists() or "\n" not in log.read_text():
            self.assertIsNone(process.poll(), "the run ended by itself")
            time.sleep(0.02)
        return process

    @unittest.skipUnless(os.path.exists("/dev/full"), "needs /dev/full")
    def test_a_model_that_cannot_be_written_is_kept_elsewhere(self):
        plain = self.train().read_bytes()
        done = self.fail_with(1, "/dev/full: cannot write: No space left.*; the trained model is in ",
                              "train", "--data", "moons", *QUICK, "--quiet", "--model", "/dev/full",
                              env={"TMPDIR": str(self.dir)})
        rescued = pathlib.Path(done.stderr.split(" is in ")[1].split(" instead")[0])
        self.assertEqual(rescued.parent, self.dir)
        self.assertEqual(rescued.read_bytes(), plain)
        self.assertEqual(stat.S_IMODE(rescued.stat().st_mode), 0o600)

    def test_a_directory_that_is_removed_during_training(self):
        (self.dir / "gone").mkdir()
        # The data are a pipe, so the end of the run can wait for the directory to be gone.
        data = self.dir / "pipe.csv"
        os.mkfifo(data)
        process = subprocess.Popen(
            [TOOL, "train", "--data", data, *QUICK, "--quiet", "--model", self.dir / "gone" / "m"],
            env=clean_environment(), stderr=subprocess.PIPE, text=True, cwd=self.dir)
        self.addCleanup(process.kill)
        with open(data, "w") as pipe:  # opens only when the run has checked its options
            (self.dir / "gone").rmdir()
            for values, name in flower_rows():
                pipe.write(",".join(map(str, values)) + f",{name}\n")
        _, stderr = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, 1)
        self.assertRegex(stderr, "m: cannot write: No such file.*; the trained model is in .* instead")
        rescued = pathlib.Path(stderr.split(" is in ")[1].split(" instead")[0])
        self.assertEqual(rescued.parent, self.dir)
        self.assertGreater(rescued.stat().st_size, 100)

    def test_quiet_says_that_a_checkpoint_failed(self):
        (self.dir / "d").mkdir()
        process = self.start(self.dir / "d" / "m", "--checkpoint-every", "1")
        while (self.dir / "d").exists():  # a checkpoint may come between its files and itself
            shutil.rmtree(self.dir / "d", ignore_errors=True)
        watchdog = threading.Timer(TIMEOUT, process.kill)  # readline() has no timeout
        watchdog.start()
        line = process.stderr.readline()
        watchdog.cancel()
        self.assertRegex(line, r"^lamella: warning: .*m: cannot write: No such file.*; training goes "
                               r"on without this checkpoint$")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, 143)

    def test_two_runs_into_one_file(self):
        model = self.dir / "m"
        runs = [subprocess.Popen([TOOL, "train", "--data", "moons", "--hidden", "8", "--epochs", "40",
                                  "--batch-size", "32", "--checkpoint-every", "1", "--quiet",
                                  "--seed", str(seed), "--model", model], env=clean_environment(),
                                 stderr=subprocess.PIPE) for seed in (1, 2, 3)]
        for run in runs:
            _, stderr = run.communicate(timeout=TIMEOUT)
            self.assertEqual((run.returncode, stderr), (0, b""))
        self.assertEqual(self.evaluate(model, "moons")["samples"], 1000)
        self.assert_no_leftovers("m")

    def test_kills_leave_nothing_behind(self):
        try:
            os.close(os.open(self.dir, os.O_TMPFILE | os.O_RDWR, 0o600))
        except OSError:
            self.skipTest("this file system makes no files without a name")
        for which in (signal.SIGKILL, signal.SIGQUIT, signal.SIGABRT):
            (self.dir / "log").unlink(missing_ok=True)
            process = self.start(self.dir / "m", "--checkpoint-every", "1")
            process.send_signal(which)
            process.communicate(timeout=TIMEOUT)
            self.assertEqual(process.returncode, -which)
        # A kill between a file's name and its renaming may leave one; the next save removes it.
        self.succeed("train", "--data", "moons", *QUICK, "--quiet", "--model", self.dir / "m")
        self.assert_no_leftovers("log", "m")


if __name__ == "__main__":
    main()
