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


class Training(Played):
    def test_a_peer_that_does_not_learn_is_not_compared(self):
        def epochs(accuracy, speed):
            return "echo '{\"version\": \"1\"}'; " + "; ".join(
                f"""echo '{{"samples_per_second": {s}, "test_accuracy": {accuracy}}}'"""
                for s in (1, speed))
        # What stands for `lamella train` writes its epochs to the file after --log.
        self.env.lamella = self.script(
            "lamella", 'while [ "$1" != --log ]; do shift; done',
            f"{{ {epochs(0.8, 30)}; }} | tail -n +2 > \"$2\"")
        self.play(training, fine=[self.script("fine", epochs(0.8, 10))],
                  guesses=[self.script("guesses", epochs(0.1, 10))],
                  silent=[self.script("silent", "exit 0")])
        results = training.run(self.env, options(data="there"), self.journal())
        by_peer = {r["peer"]: r for r in results}
        self.assertEqual(by_peer["fine"]["ours_over_peer"], 3)  # the first epoch does not count
        self.assertIn("does not learn", by_peer["guesses"]["error"])
        self.assertEqual(by_peer["silent"]["error"], "the peer reported no epoch")
        text = "\n".join(training.lines(results))
        self.assertIn("guesses, 784-128-10 b128, threads: 1: the peer does not learn", text)


if __name__ == "__main__":
    unittest.main()
