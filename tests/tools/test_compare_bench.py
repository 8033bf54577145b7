"""Tests of tools/compare_bench: the statistics, the verdicts, the exit status."""

import contextlib
import importlib.machinery
import importlib.util
import io
import itertools
import json
import pathlib
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "tools" / "compare_bench"
sys.dont_write_bytecode = True  # the script has no .py, so its cache would lie beside it in tools/
loader = importlib.machinery.SourceFileLoader("compare_bench", str(SCRIPT))
spec = importlib.util.spec_from_loader("compare_bench", loader)
compare_bench = importlib.util.module_from_spec(spec)
loader.exec_module(compare_bench)


def p_by_enumeration(old, new):
    """The definition: every split of the pooled values, by the U of pairwise comparisons."""
    pooled = list(old) + list(new)

    def u(first):
        chosen = [pooled[i] for i in first]
        rest = [pooled[i] for i in range(len(pooled)) if i not in first]
        return sum((a > b) + 0.5 * (a == b) for a in chosen for b in rest)

    middle = len(old) * len(new) / 2
    observed = abs(u(range(len(old))) - middle)
    splits = list(itertools.combinations(range(len(pooled)), len(old)))
    return sum(abs(u(split) - middle) >= observed for split in splits) / len(splits)


class MannWhitney(unittest.TestCase):
    def test_agrees_with_its_definition(self):
        samples = [
            ([1, 2, 3, 4], [5, 6, 7, 8]),
            ([1, 5, 3, 7], [2, 6, 4, 8, 9]),
            ([1.5], [1.5, 2, 3]),
            ([1, 1, 2, 2], [2, 2, 3, 3]),
            ([4, 4, 4], [4, 4, 4]),
            ([9, 1, 8, 2], [5, 5, 5]),
            ([3, 1, 2, 2, 7], [7, 7, 9, 2, 10]),
        ]
        for old, new in samples:
            with self.subTest(old=old, new=new):
                self.assertAlmostEqual(compare_bench.mann_whitney_p(old, new),
                                       p_by_enumeration(old, new), places=12)

    def test_known_values(self):
        # Complete separation: two of C(n+m, n) splits are as extreme.
        self.assertAlmostEqual(compare_bench.mann_whitney_p([1, 2, 3, 4], [5, 6, 7, 8]), 2 / 70)
        self.assertAlmostEqual(
            compare_bench.mann_whitney_p(range(5), range(5, 10)), 2 / 252)
        # U = 4 of samples of 5: 12 + 12 of 252 arrangements by the recursion for counts of U.
        self.assertAlmostEqual(
            compare_bench.mann_whitney_p([1, 2, 3, 6, 7], [4, 5, 8, 9, 10]), 24 / 252)
        self.assertEqual(compare_bench.mann_whitney_p([4, 4, 4], [4, 4]), 1.0)

    def test_is_symmetric(self):
        old, new = [1, 4, 4, 9, 2.5], [4, 7, 8, 12, 3, 3]
        self.assertAlmostEqual(compare_bench.mann_whitney_p(old, new),
                               compare_bench.mann_whitney_p(new, old), places=12)

    def test_approximation_meets_the_exact_value(self):
        old = [i + (i * 7 % 5) for i in range(30)]
        new = [i + 6 + (i * 3 % 4) for i in range(30)]
        doubled = compare_bench.ranks(old + new)
        observed = sum(doubled[:30])
        exact = compare_bench.exact_p(doubled, 30, observed)
        normal = compare_bench.normal_p(old + new, doubled, 30, observed)
        self.assertGreater(exact, 0.001)
        self.assertLess(abs(exact - normal), 0.05 * exact)

    def test_large_samples_are_fast_and_right(self):
        self.assertLess(compare_bench.mann_whitney_p(range(100), range(100, 200)), 1e-20)
        self.assertEqual(compare_bench.mann_whitney_p([1] * 100, [1] * 100), 1.0)

    def test_least_p(self):
        self.assertGreater(compare_bench.least_p(3, 3), 0.05)
        self.assertLess(compare_bench.least_p(4, 4), 0.05)
        self.assertEqual(compare_bench.least_p(0, 5), 1.0)


def entries(name, values, metric="real_time", **more):
    return [{"name": name, "run_name": name, "run_type": "iteration", "repetition_index": i,
             "time_unit": "us", "real_time": 1.0, metric: value, **more}
            for i, value in enumerate(values)]


class CommandLine(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)

    def write(self, name, content):
        path = pathlib.Path(self.directory.name) / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    def run_main(self, old, new, *options):
        arguments = [self.write("old.json", old), self.write("new.json", new), *options]
        self.out, self.err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(self.out), contextlib.redirect_stderr(self.err):
            try:
                return compare_bench.main(arguments)
            except SystemExit as stop:  # argparse's way out
                return stop.code

    def compare(self, old, new, *options, **more):
        return self.run_main({"benchmarks": entries("gemm", old, **more)},
                             {"benchmarks": entries("gemm", new, **more)}, *options)

    def test_slower_and_significant_is_a_regression(self):
        self.assertEqual(self.compare([10, 10.1, 10.2, 10.3], [12, 12.1, 12.2, 12.3]), 1)
        self.assertIn("REGRESSION", self.out.getvalue())
        self.assertIn("+19.7 %", self.out.getvalue())

    def test_faster_is_no_regression(self):
        self.assertEqual(self.compare([12, 12.1, 12.2, 12.3], [10, 10.1, 10.2, 10.3]), 0)
        self.assertIn("improved", self.out.getvalue())

    def test_significant_but_small_is_no_regression(self):
        old, new = [10, 10.01, 10.02, 10.03, 10.04], [10.5, 10.51, 10.52, 10.53, 10.54]
        self.assertEqual(self.compare(old, new), 0)
        self.assertNotIn("REGRESSION", self.out.getvalue())
        self.assertEqual(self.compare(old, new, "--threshold=4"), 1)

    def test_large_but_not_significant_is_no_regression(self):
        self.assertEqual(self.compare([10, 30, 11, 29, 10], [13, 10, 31, 28, 12]), 0)

    def test_threshold_is_inclusive(self):
        self.assertEqual(self.compare([100] * 4, [110] * 4), 1)
        self.assertEqual(self.compare([100] * 4, [109.9] * 4), 0)

    def test_rates_are_better_when_larger(self):
        for metric in ("items_per_second", "GFLOP/s", "peak_percent"):
            with self.subTest(metric=metric):
                low, high = [50, 51, 52, 53], [80, 81, 82, 83]
                self.assertEqual(self.compare(high, low, "--metric", metric, metric=metric), 1)
                self.assertEqual(self.compare(low, high, "--metric", metric, metric=metric), 0)
                self.assertEqual(self.compare(low, high, "--metric", metric,
                                              "--smaller-is-better", metric=metric), 1)

    def test_time_units_are_converted(self):
        old = {"benchmarks": entries("gemm", [1, 1.01, 1.02, 1.03], time_unit="ms")}
        new = {"benchmarks": entries("gemm", [1000, 1010, 1020, 1030])}
        self.assertEqual(self.run_main(old, new), 0)
        self.assertIn("+0.0 %", self.out.getvalue())
        odd = {"benchmarks": entries("gemm", [1, 1, 1, 1], time_unit="fortnights")}
        self.assertEqual(self.run_main(odd, new), 2)

    def test_too_few_repetitions_cannot_pass(self):
        self.assertEqual(self.compare([10, 10, 10], [20, 20, 20]), 2)
        self.assertIn("too few runs", self.out.getvalue())
        self.assertIn("--benchmark_repetitions", self.err.getvalue())

    def test_aggregates_are_not_repetitions(self):
        aggregates = [{"name": "gemm_mean", "run_name": "gemm", "run_type": "aggregate",
                       "aggregate_name": "mean", "real_time": t, "time_unit": "us"}
                      for t in (10, 10, 10, 10, 10)]
        self.assertEqual(self.run_main({"benchmarks": aggregates}, {"benchmarks": aggregates}), 2)
        both = {"benchmarks": entries("gemm", [10, 10, 10, 10]) + aggregates}
        self.assertEqual(self.run_main(both, both), 0)
        self.assertIn("1 judged", self.out.getvalue())

    def test_benchmarks_in_one_file_only_are_shown(self):
        old = {"benchmarks": entries("a", [1, 1, 1, 1]) + entries("b", [1, 1, 1, 1])}
        new = {"benchmarks": entries("a", [1, 1, 1, 1]) + entries("c", [1, 1, 1, 1])}
        self.assertEqual(self.run_main(old, new), 0)
        self.assertIn("only in OLD", self.out.getvalue())
        self.assertIn("only in NEW", self.out.getvalue())

    def test_files_from_before_a_renaming(self):
        renamed = [
            ("gemm/f32/simd/avx2/training/forward_1x2x3/manual_time",
             "gemm/f32/simd/avx2/col_major/forward_1x2x3/manual_time"),
            ("softmax/f32/simd/avx2/user/128x10/manual_time",
             "softmax/f32/simd/avx2/row_major/128x10/manual_time"),
            ("fused_gemm/f32/simd/avx2/training/input_gradient_relu_gate_1x2x3/manual_time",
             "fused_gemm/f32/simd/avx2/col_major/input_gradient_relu_backward_1x2x3/manual_time"),
            ("training/f32/simd/avx2/synthetic/784-128-10_b128/manual_time",) * 2,
        ]
        old = [e for name, _ in renamed
               for e in entries(name, [90, 91, 92, 93], metric="roof_percent")]
        new = [e for _, name in renamed
               for e in entries(name, [90, 91, 92, 93], metric="peak_percent")]
        self.assertEqual(self.run_main({"benchmarks": old}, {"benchmarks": new},
                                       "--metric=peak_percent", "--filter=col_major|row_major|synth"),
                         0)
        self.assertIn("4 judged", self.out.getvalue())
        self.assertNotIn("only in", self.out.getvalue())

    def test_nothing_in_common(self):
        old = {"benchmarks": entries("a", [1, 1, 1, 1])}
        new = {"benchmarks": entries("b", [1, 1, 1, 1])}
        self.assertEqual(self.run_main(old, new), 2)
        self.assertEqual(self.run_main({"benchmarks": []}, {"benchmarks": []}), 2)

    def test_metric_that_no_benchmark_has(self):
        self.assertEqual(self.compare([1] * 4, [1] * 4, "--metric=nonsense"), 2)
        self.assertIn("nonsense", self.err.getvalue())

    def test_a_benchmark_that_began_to_fail_is_a_regression(self):
        works = {"benchmarks": entries("a", [1, 1, 1, 1])}
        for how in ({"error_occurred": True, "error_message": "x"}, {"skipped": "ERROR"}):
            fails = {"benchmarks": entries("a", [1], **how)}
            self.assertEqual(self.run_main(works, fails), 1)
            self.assertEqual(self.run_main(fails, works), 2)  # nothing to judge by

    def test_filter(self):
        old = {"benchmarks": entries("gemm/f32", [1] * 4) + entries("gemm/f64", [1] * 4)}
        new = {"benchmarks": entries("gemm/f32", [1] * 4) + entries("gemm/f64", [2] * 4)}
        self.assertEqual(self.run_main(old, new), 1)
        self.assertEqual(self.run_main(old, new, "--filter=f32"), 0)
        self.assertEqual(self.run_main(old, new, "--filter=("), 2)

    def test_bad_files(self):
        good = {"benchmarks": entries("a", [1, 1, 1, 1])}
        for bad in ("", "{", "[]", '{"benchmarks": 3}', '{"benchmarks": [3]}',
                    '{"benchmarks": [{"name": "a", "real_time": "fast"}]}',
                    '{"benchmarks": [{"name": "a", "real_time": NaN}]}'):
            with self.subTest(bad=bad):
                self.assertEqual(self.run_main(good, bad), 2)
                self.assertEqual(self.run_main(bad, good), 2)
                self.assertTrue(self.err.getvalue().startswith("compare_bench: "))

    def test_missing_file_and_bad_usage(self):
        err = io.StringIO()
        with contextlib.redirect_stderr(err):
            self.assertEqual(compare_bench.main([self.directory.name + "/none.json"] * 2), 2)
            for arguments in ([], ["one.json"], ["a", "b", "--alpha=2"], ["a", "b", "--what"]):
                with self.assertRaises(SystemExit) as stop:
                    compare_bench.main(arguments)
                self.assertEqual(stop.exception.code, 2)
        self.assertIn("No such file", err.getvalue())


if __name__ == "__main__":
    unittest.main()
