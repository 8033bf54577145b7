"""A peer that fails, crashes, disagrees or does not learn costs bench/peers that peer only, with its
reason; results that are there are not measured again; ratios and means are what they say."""
import os
import sys
import tempfile
import types
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench" / "peers"))

from runner import kernels, training  # noqa: E402
from runner.environment import Environment  # noqa: E402
from runner.journal import Journal  # noqa: E402

WHO = '{"version": "1.0", "backend": "simd", "isa": "avx2"}'


def case(name, ratio):
    return ('{"case": "%s", "peak": "fma", "ours_over_peer": {"row_major": %s}, "contenders": '
            '{"row_major": {"percent_of_peak": 90}}}' % (name, ratio))


def options(**changes):
    return types.SimpleNamespace(**{
        "threads": [1], "peers": [], "rest": 0, "rounds": 2, "sample_ms": 1, "cases": "",
        "backend": "openmp", "as_built": False, "workloads": "784-128-10 b128", "epochs": 1, "training_rounds": 1,
        "set": {}, "cpus": [], "build_dir": Path(tempfile.gettempdir()), **changes})


class Played(unittest.TestCase):
    """Peers are shell scripts; what is left of the machine are real processes."""

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.path = Path(self.directory.name)
        self.env = Environment(options())
        self.env.peak = lambda threads: (100.0, "avx2")

    def script(self, name, *lines):
        path = self.path / name
        path.write_text("#!/bin/sh\n" + "\n".join(lines) + "\n")
        path.chmod(0o755)
        return path

    def journal(self, resume=False, **settings):
        return Journal(self.path / "journal", settings, resume)

    def play(self, module, **peers):
        before = module.contenders
        self.addCleanup(setattr, module, "contenders", before)
        module.contenders = lambda *_: peers


class Kernels(Played):
    def peer(self, name, *lines):
        return self.script(name, *lines), None, {}

    def test_one_peers_failure_is_its_own(self):
        self.play(kernels,
                  good=self.peer("good", f"echo '{WHO}'", f"echo '{case('a', 2)}'",
                                 f"echo '{case('b', 8)}'"),
                  crash=self.peer("crash", f"echo '{WHO}'", f"echo '{case('a', 0.5)}'",
                                  "kill -SEGV $$"),
                  wrong=self.peer("wrong", f"echo '{WHO}'",
                                  """echo '{"case": "a", "peak": "fma", "error": "far off"}'"""),
                  dead=self.peer("dead", "echo no such library >&2", "exit 3"))
        journal = self.journal()
        reports = {r["peer"]: r for r in kernels.run(self.env, options(), journal)}
        self.assertNotIn("error", reports["good"])
        self.assertIn("SIGSEGV", reports["crash"]["error"])
        self.assertEqual(len(reports["crash"]["cases"]), 1)
        self.assertEqual(reports["wrong"]["error"], "a: far off")
        self.assertEqual(reports["dead"]["error"], "dead: exit status 3: no such library")
        self.assertEqual(list(journal.results), [("kernels", 1, "good")])

        text = kernels.lines(list(reports.values()))
        row = next(line.split() for line in text if line.startswith("a "))
        self.assertEqual(row, ["a", "fma", "90", "2.00", "0.50", "-", "0.50", "crash"])
        # Of each column: (2 8)^½, 0.5, nothing, (0.5 8)^½.
        mean = next(line.split() for line in text if line.startswith("geometric mean"))
        self.assertEqual(mean[2:], ["4.00", "0.50", "-", "2.00"])

    def test_callers_settings_do_not_reach_a_peer(self):
        os.environ["OPENBLAS_CORETYPE"] = "Prescott"
        self.addCleanup(os.environ.pop, "OPENBLAS_CORETYPE")
        output = self.env.start([self.script("show", "env")], 1)
        self.assertNotIn("OPENBLAS_CORETYPE", output)
        self.assertIn("OPENBLAS_NUM_THREADS=1", output)

    def test_resumes_with_the_same_settings_only(self):
        count = self.path / "count"
        self.play(kernels, good=self.peer("good", f"echo x >> {count}", f"echo '{WHO}'",
                                          f"echo '{case('a', 2)}'"))
        first = kernels.run(self.env, options(), self.journal(rounds=2))
        again = kernels.run(self.env, options(), self.journal(resume=True, rounds=2))
        self.assertEqual(first, again)
        self.assertEqual(count.read_text(), "x\n")
        with self.assertRaisesRegex(SystemExit, "rounds was 2, is 3"):
            self.journal(resume=True, rounds=3)
        kernels.run(self.env, options(), self.journal(rounds=3))
        self.assertEqual(count.read_text(), "x\nx\n")


def epochs(accuracy, *speeds, loss=0.6):
    """A shell command that prints what a peer prints, an epoch of 60 samples a line."""
    lines = ['{"version": "1"}'] + [
        '{"samples_per_second": %s, "seconds": %s, "test_accuracy": %s, "train_loss": %s}'
        % (speed, 60 / speed, accuracy, loss) for speed in speeds]
    return "; ".join(f"echo '{line}'" for line in lines)


class Training(Played):
    def lamella(self, *commands):
        """What stands for `lamella train` writes its epochs to the file after --log; of several
        commands it runs another one each time."""
        count = self.path / "calls"
        cases = " ".join(f"{n}) {command} ;;" for n, command in enumerate(commands, 1))
        self.env.lamella = self.script(
            "lamella", 'while [ "$1" != --log ]; do shift; done', f"echo x >> {count}",
            f"{{ case $(( ($(wc -l < {count}) - 1) % {len(commands)} + 1 )) in {cases} esac; }} "
            '| tail -n +2 > "$2"')

    def run_all(self, **changes):
        results = training.run(self.env, options(data="there", **changes), self.journal())
        return results, {r["peer"]: r for r in results}

    def test_a_peer_that_does_not_learn_is_not_compared(self):
        self.lamella(epochs(0.8, 1, 30))
        self.play(training, fine=[self.script("fine", epochs(0.8, 1, 10))],
                  guesses=[self.script("guesses", epochs(0.1, 1, 10))],
                  silent=[self.script("silent", "exit 0")])
        results, by_peer = self.run_all()
        self.assertEqual(by_peer["fine"]["ours_over_peer"], 3)  # the first epoch does not count
        self.assertEqual(by_peer["fine"]["samples_per_epoch"], 60)
        self.assertIn("does not learn", by_peer["guesses"]["error"])
        self.assertEqual(by_peer["silent"]["error"], "the peer reported no epoch")
        text = "\n".join(training.lines(results))
        self.assertIn("guesses, 784-128-10 b128, threads: 1: the peer does not learn", text)

    def test_a_peer_with_another_loss_is_not_compared(self):
        self.lamella(epochs(0.8, 1, 30, loss=0.60))
        self.play(training, jax=[self.script("jax", epochs(0.8, 1, 10, loss=0.62))],
                  numpy=[self.script("numpy", epochs(0.8, 1, 10, loss=0.80))],
                  sklearn=[self.script("sklearn", epochs(0.8, 1, 10, loss=0.80))])
        _, by_peer = self.run_all()
        self.assertEqual(by_peer["jax"]["first_train_loss"], {"ours": 0.60, "peer": 0.62})
        self.assertEqual(by_peer["numpy"]["error"], "the peer's loss in the first epoch is 0.8000, "
                                                    "lamella's 0.6000")
        self.assertIn("ours_over_peer", by_peer["sklearn"])  # starts in its own way

    def test_everyone_has_one_turn_in_each_round(self):
        turns = self.path / "turns"
        self.lamella(*(f"echo lamella >> {turns}; {epochs(0.8, 1, speed)}"
                       for speed in (30, 20, 60)))
        self.play(training, **{name: [self.script(name, f"echo {name} >> {turns}",
                                                  epochs(0.8, 1, speed))]
                               for name, speed in (("a", 10), ("b", 40))})
        _, by_peer = self.run_all(training_rounds=3)
        rounds = turns.read_text().split()
        rounds = [rounds[n:n + 3] for n in range(0, 9, 3)]
        self.assertEqual([sorted(turn) for turn in rounds], [["a", "b", "lamella"]] * 3)
        self.assertEqual(len({turn[0] for turn in rounds}), 3)
        self.assertEqual([r["samples_per_second"] for r in by_peer["a"]["rounds"]["ours"]],
                         [30, 20, 60])
        self.assertEqual(by_peer["a"]["ours_over_peer"], 3)
        self.assertEqual(by_peer["b"]["samples_per_second"], {"ours": 30, "peer": 40})

    def test_lamellas_failure_ends_the_comparison(self):
        self.lamella("exit 3")
        self.play(training, fine=[self.script("fine", epochs(0.8, 1, 10))])
        _, by_peer = self.run_all(training_rounds=2)
        self.assertIn("error", by_peer["fine"])


if __name__ == "__main__":
    unittest.main()
