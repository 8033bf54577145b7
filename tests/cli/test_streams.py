"""Where output can go wrong: full disks, closed pipes, missing rights, signals; output that is a pipe;
and terminals."""

import fcntl
import json
import os
import pty
import resource
import signal
import socket
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
                       "--model", FULL, env={"TMPDIR": str(self.dir)})
        self.assertTrue(stat.S_ISCHR(os.stat(FULL).st_mode))

    @unittest.skipUnless(os.path.exists(FULL), f"needs {FULL}")
    def test_predictions_on_a_full_disk(self):
        model = self.train()
        samples = write_csv(self.dir / "x.csv", [([1, 2], None)] * 3)
        self.fail_with(1, f"{FULL}: .*No space left", "predict", "--model", model, "--input",
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
                              r"\S*m\.checkpoint holds the run after .*, and `lamella train --resume "
                              r"\S*m\.checkpoint --model \S*m` goes on from there\n$")
        self.assertEqual(self.model.read_text(), "old")
        self.evaluate(self.dir / "m.checkpoint", "moons")
        self.assertTrue(read_log(self.log))
        self.assert_no_leftovers("m", "m.checkpoint", "run.jsonl")

    def test_signals_that_stop(self):
        for which in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGXCPU, signal.SIGALRM,
                      signal.SIGUSR1, signal.SIGUSR2):
            with self.subTest(signal=which.name):
                process = self.start()
                process.send_signal(which)
                self.assert_stopped(process, 128 + which)
                self.log.unlink()

    def test_the_checkpoint_is_kept(self):
        process = self.start("--checkpoint-every", "1")
        while self.model.read_bytes() == b"old":
            self.assertIsNone(process.poll())
            time.sleep(0.02)
        process.send_signal(signal.SIGHUP)
        _, err = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, 129, err)
        self.assertRegex(err, r"m holds the run after ")
        self.evaluate(self.model, "moons")
        self.assert_no_leftovers("m", "run.jsonl")

    def test_a_time_limit_on_the_processor(self):
        process = self.start(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (1, 60)))
        self.assert_stopped(process, 128 + signal.SIGXCPU)

    def test_quit_is_left_alone(self):
        process = self.start(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)))
        process.send_signal(signal.SIGQUIT)
        process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, -signal.SIGQUIT)
        self.assertEqual(self.model.read_text(), "old")

    def test_signals_that_were_ignored_stay_ignored(self):
        """As nohup and shells have it for jobs in the background."""
        def ignore():
            for which in (signal.SIGINT, signal.SIGHUP):
                signal.signal(which, signal.SIG_IGN)
        process = self.start(preexec_fn=ignore)
        lines = len(self.log.read_text().splitlines())
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGHUP)
        while len(self.log.read_text().splitlines()) < lines + 3:
            self.assertIsNone(process.poll())
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        self.assert_stopped(process, 143)


class Pipes(ToolTest):
    """Output into what is no regular file, under all the names that shells give it."""

    TRAIN = [TOOL, "train", "--data", "moons", *QUICK]

    def shell(self, script, *args):
        """Standard output of a bash script, as bytes. "$@" are the arguments."""
        done = subprocess.run(["bash", "-c", "set -o pipefail; " + script, "bash", *map(str, args)],
                              env=clean_environment(), capture_output=True, timeout=TIMEOUT)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_models(self):
        plain = self.train().read_bytes()
        for script in ('"$@" --model /dev/stdout | cat', '"$@" --quiet --model /dev/stdout | cat',
                       '"$@" --model /dev/fd/3 3>&1 >/dev/null | cat',
                       '"$@" --quiet --model >(cat) | cat', '"$@" --model /proc/self/fd/1 | cat'):
            self.assertEqual(self.shell(script, *self.TRAIN), plain, script)
        self.assert_no_leftovers("model.safetensors")

    def test_models_into_files_that_are_open(self):
        plain = self.train().read_bytes()
        file = self.dir / "m"
        for name in ("/dev/stdout", "/dev/fd/1"):
            for before in (b"", b"what was there\n"):
                file.write_bytes(before)
                number = file.stat().st_ino
                self.shell(f'file="$1"; shift; "$@" --model {name} >> "$file"', file, *self.TRAIN)
                self.assertEqual(file.read_bytes(), before + plain)
                self.assertEqual(file.stat().st_ino, number)
        self.assert_no_leftovers("m", "model.safetensors")

    def test_sockets(self):
        plain = self.train().read_bytes()
        for name in ("/dev/stdout", "/dev/fd/1"):
            ours, theirs = socket.socketpair()
            with ours, theirs:
                process = subprocess.Popen([*self.TRAIN, "--model", name], env=clean_environment(),
                                           stdout=theirs, stderr=subprocess.PIPE)
                theirs.close()
                received = b"".join(iter(lambda: ours.recv(65536), b""))
                _, stderr = process.communicate(timeout=TIMEOUT)
            self.assertEqual(process.returncode, 0, stderr)
            self.assertEqual(received, plain)

    def test_named_pipes(self):
        plain = self.train().read_bytes()
        pipe = self.dir / "pipe"
        os.mkfifo(pipe)
        process = subprocess.Popen([*self.TRAIN, "--quiet", "--model", pipe], env=clean_environment())
        self.assertEqual(pipe.read_bytes(), plain)
        self.assertEqual(process.wait(TIMEOUT), 0)
        self.assertTrue(pipe.is_fifo())

    def test_a_model_on_standard_output_is_alone_there(self):
        for more in ("--json", "--profile"):
            self.fail_with(2, f"standard output, to which {more} prints too", *self.TRAIN[1:],
                           "--model", "/dev/stdout", more)
        done = self.run_tool(*self.TRAIN[1:], "--model", "/dev/stdout", capture_output=False,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             errors="surrogateescape")
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stdout, "^lamella: error: --model is standard error too")

    def test_checkpoints_need_a_file(self):
        self.fail_with(2, "--checkpoint-every needs a --model to write to, in a file", "train", *LONG,
                       "--checkpoint-every", "1", "--model", "/dev/stdout")

    def test_a_pipe_that_nobody_reads_does_not_lose_the_model(self):
        plain = self.train().read_bytes()
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run([*self.TRAIN, "--quiet", "--model", "/dev/stdout"], stdout=writer,
                              stderr=subprocess.PIPE, text=True, timeout=TIMEOUT,
                              env=clean_environment(TMPDIR=str(self.dir)))
        os.close(writer)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "Broken pipe; the trained model is in ")
        rescued = [p for p in self.dir.iterdir() if p.name != "model.safetensors"]
        self.assertEqual([p.read_bytes() for p in rescued], [plain])

    def test_predictions(self):
        model = self.train()
        samples = write_csv(self.dir / "x.csv", [([1, 2], None)] * 3)
        command = [TOOL, "predict", "--model", model, "--input", samples]
        plain = self.shell('"$@"', *command)
        self.assertEqual(len(plain.splitlines()), 4)
        for script in ('"$@" --output /dev/stdout | cat', '"$@" --output >(cat) | cat',
                       '"$@" --output /dev/fd/3 3>&1 | cat'):
            self.assertEqual(self.shell(script, *command), plain, script)
        command[-1] = "/dev/stdin"
        for script in ('cat "$0" | "$@"', '"$@" < "$0"'):
            self.assertEqual(self.shell('file="$1"; shift; ' + script.replace("$0", "$file"), samples,
                                        *command), plain, script)

    def test_samples_from_a_socket(self):
        model = self.train()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.sendall(b"1,2\n3,4\n")
            ours.shutdown(socket.SHUT_WR)
            out = self.succeed("predict", "--model", model, "--input", "/dev/stdin", stdin=theirs)
        self.assertEqual(len(out.splitlines()), 3)

    def test_logs(self):
        for script in ('"$@" --log /dev/stdout | cat', '"$@" --log >(cat) | cat',
                       '"$@" --log /dev/fd/3 3>&1 | cat'):
            lines = self.shell(script, *self.TRAIN, "--quiet").splitlines()
            self.assertEqual([json.loads(line)["epoch"] for line in lines], [1, 2, 3], script)
        log = self.dir / "log"
        log.write_text("what was there\n")
        self.shell('file="$1"; shift; "$@" --log /dev/stdout >> "$file"', log, *self.TRAIN, "--quiet")
        self.assertEqual(len(log.read_text().splitlines()), 4)

    def test_pages(self):
        command = [TOOL, "bench", "--backend", "scalar", "--network", "4,2", "--batch-size", "2",
                   "--seconds", "0.001"]
        for script in ('"$@" --html /dev/stdout | cat', '"$@" --html /dev/fd/3 3>&1 >/dev/null | cat'):
            page = self.shell(script, *command).decode().strip()
            self.assertTrue(page.lower().startswith("<!doctype html>"), page[:100])
            self.assertTrue(page.endswith("</html>"), page[-100:])
        self.fail_with(2, "--json and --html would both", *command[1:], "--json", "--html",
                       "/dev/stdout")


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
