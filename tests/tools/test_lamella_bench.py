"""lamella_bench: which benchmarks there are, what each reports, and the exit status.

Usage: test_lamella_bench.py [EMULATOR] LAMELLA_BENCH. Nothing here depends on how fast anything is: only on
which figures there are, and how they relate.
"""
import json
import math
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROGRAM = []  # the command that runs it; from the command line

GEMM = "gemm/f32/{}/{}/col_major/forward_32x256x784"
SOFTMAX = "softmax/f64/{}/{}/row_major/128x10"


def run(*arguments, **environment):
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("LAMELLA_")}
    return subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True,
                          env={**inherited, **environment})


def listed(*arguments, **environment):
    done = run("--benchmark_list_tests", *arguments, **environment)
    return done.returncode, [line.removesuffix("/manual_time") for line in done.stdout.split()]


class Names(unittest.TestCase):
    def test_every_name_has_six_parts_of_known_words(self):
        code, names = listed()
        self.assertEqual(code, 0)
        self.assertEqual(len(names), len(set(names)))
        for name in names:
            parts = name.split("/")
            self.assertEqual(len(parts), 6, name)
            self.assertIn(parts[1], ("f32", "f64"), name)
            if parts[0] == "peak":
                self.assertIn(parts[4], ("registers", "L1", "L2", "L3", "memory"), name)
            elif parts[0] == "training":
                self.assertIn(parts[4], ("fashion_mnist", "synthetic"), name)
            else:
                self.assertIn(parts[4], ("row_major", "col_major", "packed", "any"), name)
        kernels = {name.split("/")[0] for name in names}
        self.assertLessEqual({"gemm", "fused_gemm", "bias_add", "softmax", "softmax_nll",
                              "column_sums", "outer_product", "activate", "activate_backward",
                              "sgd_update", "adam_update", "predict", "step", "training", "peak"},
                             kernels)

    def test_a_backend_that_is_asked_for_is_the_only_one(self):
        for code, names in (listed("--backend=scalar"), listed(LAMELLA_BACKEND="scalar")):
            self.assertEqual(code, 0)
            self.assertEqual({n.split("/")[2] for n in names if not n.startswith("peak/")},
                             {"scalar"})

    def test_nothing_matched(self):
        code, names = listed("--benchmark_filter=no-benchmark-has-this-name")
        self.assertEqual(code, 1)
        self.assertFalse([name for name in names if "/" in name])

    def test_bad_usage(self):
        for option, text in (("--backend=nonsense", "is unknown"), ("--pin=zero", "--pin=zero"),
                             ("--data=/no/such/directory", "no such directory"),
                             ("--benchmark_nonsense=1", "--benchmark_nonsense")):
            done = run("--benchmark_list_tests", option)
            self.assertEqual(done.returncode, 2, option)
            self.assertIn(text, done.stderr)


class Results(unittest.TestCase):
    def test_every_figure_is_there_and_consistent(self):
        wanted = [pattern.format("[a-z]+", "[a-z0-9]+") for pattern in (GEMM, SOFTMAX)]
        with tempfile.TemporaryDirectory() as directory:
            out = Path(directory) / "out.json"
            done = run("--benchmark_min_time=0.001", "--benchmark_repetitions=2",
                       f"--benchmark_filter=^({'|'.join(wanted)})/", f"--benchmark_out={out}")
            self.assertEqual(done.returncode, 0, done.stderr)
            report = json.loads(out.read_text())

        context = report["context"]
        backends = {key.removeprefix("backend."): text.split(",")[0]
                    for key, text in context.items() if key.startswith("backend.")}
        self.assertLessEqual({"scalar", "simd"}, backends.keys())
        self.assertTrue(any(key.startswith("peak.fma.f32.") for key in context), context)

        runs = {}
        for entry in report["benchmarks"]:
            if entry["run_type"] == "iteration":
                name = entry["run_name"].split("/manual_time")[0]
                runs.setdefault(name, []).append(entry)
        expected = {pattern.format(name, isa)
                    for name, isa in backends.items() for pattern in (GEMM, SOFTMAX)}
        self.assertEqual(runs.keys(), expected)
        for name, entries in runs.items():
            self.assertEqual(len(entries), 2, name)
            for entry in entries:
                self.check(name, entry)

    def check(self, name, entry):
        self.assertNotIn("error_occurred", entry)
        rate = "GFLOP/s" if name.startswith("gemm") else "GB/s"
        for key in ("real_time", rate, "peak", "peak_percent", "threads"):
            self.assertTrue(math.isfinite(entry[key]) and entry[key] > 0, f"{name}: {key}")
        self.assertRegex(entry["label"], rf"^peak: \w+ \w+, {rate}")
        nanoseconds = entry["real_time"] * {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}[
            entry["time_unit"]]
        work = 2 * 32 * 256 * 784 if rate == "GFLOP/s" else 2 * 128 * 10 * 8  # flops or bytes
        self.assertAlmostEqual(entry[rate] * nanoseconds / work, 1, places=2)



if __name__ == "__main__":
    PROGRAM = sys.argv[1:]
    unittest.main(argv=sys.argv[:1])
