"""Where output can go wrong: full disks, closed pipes, missing rights, signals; and terminals."""

import fcntl
import os
import pty
import signal
import stat
import struct
import subprocess
import termios
import time
import unittest

from harness import (QUICK, TIMEOUT, TOOL, ToolTest, clean_environment, flower_rows, main,
                     read_log, write_csv)

FULL = "/dev/full"
LONG = ["--data", "moons", "--hidden", "8", "--batch-size", "16", "--epochs", "1000000000"]


class Unwritable(ToolTest):
    def commands(self):
        """Every subcommand, as one that writes to standard output."""
        model = self.train()
        samples = write_csv(self.dir / "x.csv", [([1, 2], None)] * 3)
        return [["train", "--data", "moons", *QUICK], ["info"], ["info", "--json"], ["--help"],
                ["--version"], ["evaluate", "--model", model, "--data", "moons"],
                ["predict", "--model", model, "--input", samples]]

    @unittest.skipUnless(os.path.exists(FULL), f"needs {FULL}")
    def test_standard_output_on_a_full_disk(self):
        for command in self.commands():
            with open(FULL, "w") as full:
                done = self.run_tool(*command, capture_output=False, stdout=full,
                                     stderr=subprocess.PIPE)
            self.assertEqual(done.returncode, 1, command)
            self.assertRegex(done.stderr, "standard output: No space left")

    def test_a_pipe_that_nobody_reads(self):
        for command in self.commands():
            reader, writer = os.pipe()
            os.close(reader)
            done = self.run_tool(*command, capture_output=False, stdout=writer,
                                 stderr=subprocess.PIPE)
            os.close(writer)
            self.assertEqual(done.returncode, 1, command)
            self.assertRegex(done.stderr, "standard output: Broken pipe")

    def test_closed_standard_output(self):
        for command in self.commands():
            done = subprocess.run(["/bin/sh", "-c", 'exec "$@" >&-', "sh", TOOL, *map(str, command)],
                                  env=clean_environment(), timeout=TIMEOUT, text=True,
                                  stderr=subprocess.PIPE)
            self.assertEqual(done.returncode, 1, command)
            self.assertRegex(done.stderr, "standard output: Bad file descriptor")

    def test_files_never_take_the_place_of_closed_streams(self):
        log, model = self.dir / "run.jsonl", self.dir / "m"
        done = subprocess.run(["/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", TOOL, "train",
                               "--data", "moons", *QUICK, "--log", log, "--model", model],
                              env=clean_environment(), timeout=TIMEOUT)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(read_log(log)), 3)
        self.evaluate(model, "moons")

    @unittest.skipUnless(os.path.exists(FULL), f"needs {FULL}")
    def test_log_on_a_full_disk(self):
        model = self.dir / "m"
        self.fail_with(1, f"the log {FULL}: No space left", "train", "--data", "moons", *QUICK,
                       "--log", FULL, "--model", model)
        self.assertFalse(model.exists())

    @unittest.skipUnless(os.path.exists(FULL), f"needs {FULL}")
    def test_model_on_a_full_disk(self):
        self.fail_with(1, f"{FULL}.*No space left", "train", "--data", "moons", *QUICK,
                       "--model", FULL)
        self.assertTrue(stat.S_ISCHR(os.stat(FULL).st_mode))

    @unittest.skipUnless(os.path.exists(FULL), f"needs {FULL}")
    def test_predictions_on_a_full_disk(self):
        model = self.train()
        samples = write_csv(self.dir / "x.csv", [([1, 2], None)] * 3)
        self.fail_with(1, f"{FULL}: No space left", "predict", "--model", model, "--input",
                       samples, "--output", FULL)
        self.assertTrue(stat.S_ISCHR(os.stat(FULL).st_mode))

    def test_targets_are_checked_before_training(self):
        absent = self.dir / "absent"
        log = self.dir / "run.jsonl"
        for args, pattern in ((["--model", absent / "m"], "absent.*No such file"),
                              (["--log", absent / "l"], "absent.*No such file"),
                              (["--model", self.dir], "Is a directory"),
                              (["--log", self.dir], "Is a directory"),
                              (["--model", log / "m"], "Not a directory")):
            log.write_text("")
            # So long a run that the test would time out if it began.
            self.fail_with(1, pattern, "train", *LONG, "--quiet", *args)
            self.assertEqual(log.read_text(), "")

    def test_a_directory_without_rights(self):
        locked = self.dir / "locked"
        locked.mkdir()
        samples = write_csv(self.dir / "x.csv", [([1, 2], None)] * 3)
        model = self.train()
        how = {}
        if os.geteuid() == 0:
            # Root may write everywhere, so another user has to try.
            self.dir.chmod(0o755)
            how = {"user": 65534, "group": 65534, "extra_groups": []}
            try:
                self.run_tool("--version", **how)
            except PermissionError:
                self.skipTest("the tool is where only root can run it")
        else:
            locked.chmod(0o555)
            self.addCleanup(locked.chmod, 0o755)
        self.fail_with(1, "locked.*Permission denied", "train", *LONG, "--model", locked / "m", **how)
        self.fail_with(1, "locked.*Permission denied", "train", *LONG, "--log", locked / "l", **how)
        self.fail_with(1, "locked.*Permission denied", "predict", "--model", model, "--input",
                       samples, "--output", locked / "o", **how)


class Signals(ToolTest):
    def start(self, *args, **how):
        """Begins a run without end and waits until it has finished an epoch."""
        self.log, self.model = self.dir / "run.jsonl", self.dir / "m"
        self.model.write_text("old")
        process = subprocess.Popen(
            [TOOL, "train", *LONG, "--log", self.log, "--model", self.model, "--quiet", *args],
            env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            **how)
        self.addCleanup(process.kill)
        deadline = time.monotonic() + TIMEOUT
        while not (self.log.exists() and "\n" in self.log.read_text()):
            self.assertIsNone(process.poll(), "the run ended by itself")
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)
        return process

    def assert_stopped(self, process, code):
        out, err = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, code, err)
        self.assertEqual(out, "")
        self.assertRegex(err, r"^lamella: stopped in epoch \d+ of \d+, after \d+ of \d+ samples; "
                              r"no model was written\n$")
        self.assertEqual(self.model.read_text(), "old")
        self.assertTrue(read_log(self.log))
        self.assert_no_leftovers("m", "run.jsonl")

    def test_interrupt(self):
        process = self.start()
        process.send_signal(signal.SIGINT)
        self.assert_stopped(process, 130)

    def test_terminate(self):
        process = self.start()
        process.send_signal(signal.SIGTERM)
        self.assert_stopped(process, 143)

    def test_an_ignored_interrupt_stays_ignored(self):
        process = self.start(preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
        lines = len(self.log.read_text().splitlines())
        process.send_signal(signal.SIGINT)
        while len(self.log.read_text().splitlines()) < lines + 3:
            self.assertIsNone(process.poll())
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        self.assert_stopped(process, 143)


class Terminal(ToolTest):
    def on_terminal(self, *args, columns=120, term="xterm"):
        """What a run writes to standard error when that is a terminal."""
        try:
            controller, terminal = pty.openpty()
        except OSError as error:  # a bare chroot has no /dev/pts
            self.skipTest(f"no pseudo-terminal here: {error}")
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = subprocess.Popen([TOOL, *map(str, args)], env=clean_environment(TERM=term),
                                   stdout=subprocess.DEVNULL, stderr=terminal)
        os.close(terminal)
        output = b""
        while True:
            try:
                chunk = os.read(controller, 65536)
            except OSError:  # Linux: the other side is closed
                break
            if not chunk:
                break
            output += chunk
        os.close(controller)
        self.assertEqual(process.wait(TIMEOUT), 0)
        return output.decode()

    def arguments(self):
        data = write_csv(self.dir / "flowers.csv", flower_rows(3000))
        return ["train", "--data", data, "--hidden", "64", "--epochs", "4", "--batch-size", "1"]

    def test_a_line_that_moves(self):
        output = self.on_terminal(*self.arguments())
        moving = output.split("\r\033[K")[1:]
        self.assertTrue(any(part.startswith("epoch 1/4") and part.rstrip().endswith(" left")
                            for part in moving), output)
        self.assertRegex(output, r"epoch 1/4 +\d+ %  \d+ samples/s  loss \d")
        # What stays on the screen: the header and one line an epoch.
        screen = [line.split("\033[K")[-1] for line in output.replace("\r\n", "\n").split("\n")]
        self.assertEqual(sum(line.startswith("epoch ") for line in screen), 4)
        self.assertFalse(any(" left" in line for line in screen), screen)

    def test_narrow_terminals_do_not_wrap(self):
        output = self.on_terminal(*self.arguments(), columns=30)
        for part in output.split("\r\033[K")[1:]:
            if "\n" not in part:
                self.assertLess(len(part), 30)

    def test_terminals_that_cannot_redraw(self):
        self.assertNotIn("\033", self.on_terminal(*self.arguments(), term="dumb"))

    def test_quiet(self):
        self.assertEqual(self.on_terminal(*self.arguments(), "--quiet"), "")


if __name__ == "__main__":
    main()
