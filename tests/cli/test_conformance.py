"""`lamella conformance`: passes what is right, and finds what is wrong with plugins that are wrong.

The directory of the test plugins is named by the environment variable LAMELLA_TEST_PLUGINS; each of
the wrong ones (tests/selection/plugins/faults.inc) has one fault.
"""

import json
import os
import pathlib
import pty
import subprocess
import threading
import unittest

from harness import ToolTest, main, usable_backends

PLUGINS = os.environ.get("LAMELLA_TEST_PLUGINS", "")


def plugin(name):
    path = pathlib.Path(PLUGINS) / name
    assert path.exists(), f"{path} has not been built"
    return path


class ReportTest(ToolTest):
    def report(self, code, *args):
        done = self.run_tool("conformance", "--json", *args)
        self.assertEqual(done.returncode, code, done.stderr)
        report = json.loads(done.stdout)
        self.assertEqual(report["passed"], code == 0)
        for check in report["checks"]:
            self.assertGreater(check["cases"], 0 if check["passed"] else -1, check)
        return report


class Conformance(ReportTest):
    def run_on_terminal(self, *args):
        """A run whose standard error is a terminal, and what the terminal was sent."""
        leader, follower = pty.openpty()
        shown = []

        def read():
            try:
                while part := os.read(leader, 65536):
                    shown.append(part)
            except OSError:
                pass  # the other end is closed

        reader = threading.Thread(target=read)
        reader.start()  # a terminal that nobody reads stops the program that writes to it
        try:
            done = self.run_tool(*args, capture_output=False, stdout=subprocess.PIPE,
                                 stderr=follower, env={"TERM": "xterm"})
        finally:
            os.close(follower)
            reader.join()
            os.close(leader)
        return done, b"".join(shown).decode()

    def test_built_in_backends_conform(self):
        for backend in usable_backends():
            report = self.report(0, "--backend", backend, "--kernel", "softmax")
            self.assertEqual(report["backend"], backend)
            self.assertGreaterEqual(len(report["checks"]), 5)
            self.assertGreater(sum(check["cases"] for check in report["checks"]), 1000)

    def test_environment_and_caps_are_obeyed(self):
        done = self.run_tool("conformance", "--json", "--kernel", "bias_add", "--isa", "baseline",
                             env={"LAMELLA_BACKEND": "simd"})
        self.assertEqual(done.returncode, 0, done.stderr)
        report = json.loads(done.stdout)
        self.assertEqual((report["backend"], report["isa"]), ("simd", "baseline"))

    def test_text_has_a_line_for_every_check(self):
        text = self.succeed("conformance", "--backend", "scalar", "--kernel", "bias_add")
        self.assertRegex(text, r"^lamella \d+\.\d+\.\d+: scalar \(scalar, 1 thread\)\n")
        self.assertRegex(text, r"(?m)^ok    bias_add .* [0-9]{3,} cases$")
        self.assertRegex(text, r"(?m)^3 checks, 0 failed$")

    def test_progress_is_for_terminals(self):
        args = ("conformance", "--backend", "scalar", "--kernel", "bias_add")
        done = self.run_tool(*args)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        done, text = self.run_on_terminal(*args)
        self.assertEqual(done.returncode, 0)
        self.assertNotIn("\r", done.stdout)
        # Cut to the width of the terminal; the line is removed before results are written.
        drawn = [line for line in text.split("\r\x1b[K") if line]
        self.assertRegex(drawn[0], r"^check 1/3  bias_add: adds the bias .*, all shapes$")
        for line in drawn:
            self.assertRegex(line, r"^check [1-3]/3  (\d\S*( s| ms)? left  )?bias_add: ")
        self.assertTrue(text.endswith("\r\x1b[K"), text[-80:])

    def test_in_one_process_it_finds_the_same(self):
        args = ("--backend", "scalar", "--kernel", "bias_add")
        self.assertEqual(self.report(0, "--in-process", *args), self.report(0, *args))

    def test_what_cannot_be_asked_for(self):
        self.fail_with(2, "--kernel: 'brew' is not one of all, gemm", "conformance", "--kernel",
                       "brew")
        self.fail_with(2, '"nonsense" .* is unknown', "conformance", "--backend", "nonsense")


@unittest.skipUnless(PLUGINS, "plugins are not compiled")
class Plugins(ReportTest):
    def test_the_minimal_plugin_conforms(self):
        report = self.report(0, "--backend", plugin("liblamella-minimal.so"))
        self.assertEqual((report["backend"], report["isa"]), ("minimal", "plugin"))
        kernels = {check["kernel"] for check in report["checks"]}
        for kernel in ("gemm", "bias_add", "softmax", "outer_product", "fused_gemm", "activate",
                       "activate_backward", "softmax_nll", "column_sums", "sgd_update", "adam_update", "plan"):
            self.assertIn(kernel, kernels)

    def failed_checks(self, variant, kernel):
        report = self.report(1, "--backend", plugin(f"lamella-{variant}.so"), "--kernel", kernel)
        failed = {check["name"]: check for check in report["checks"] if not check["passed"]}
        for check in failed.values():
            self.assertTrue(check["problems"])
        return report, failed

    def test_a_wrong_result_is_found(self):
        _, failed = self.failed_checks("wrong_result", "gemm")
        check = failed["exact on integers, all shapes"]
        self.assertGreater(check["failures"], 0)
        for problem in check["problems"]:
            self.assertEqual(problem["type"], "f64")
            self.assertRegex(problem["case"], r"wrong_result: m=\d+ n=\d+ k=\d+ A (rows|col|gen)")
            self.assertRegex(problem["problem"], r"element \(\d+, \d+\) is .*, expected ")

    def test_a_write_between_the_elements_is_found(self):
        report, failed = self.failed_checks("strays", "softmax")
        problems = [p["problem"] for check in failed.values() for p in check["problems"]]
        self.assertTrue(any(p.startswith("wrote between the elements") for p in problems), problems)
        self.assertTrue(all(check["ended"] is None for check in report["checks"]))

    def test_a_write_behind_the_matrix_ends_the_check_and_not_the_report(self):
        report, failed = self.failed_checks("overruns", "bias_add")
        ends = [check for check in failed.values() if check["ended"] is not None]
        self.assertTrue(ends)
        for check in ends:
            # Sanitizers turn the signal into an exit code.
            self.assertRegex(check["ended"], r"^(signal \d+ \(.*\)|exit code [1-9]\d*)$")
            self.assertRegex(check["problems"][-1]["case"], r"overruns: \d+x\d+ C ")
            self.assertIn(check["ended"], check["problems"][-1]["problem"])
        self.assertEqual(len(report["checks"]), 3)
        alone = self.run_tool("conformance", "--in-process", "--backend",
                              plugin("lamella-overruns.so"), "--kernel", "bias_add")
        self.assertNotIn(alone.returncode, (0, 2))

    def test_a_forgotten_beta_of_zero_is_found(self):
        _, failed = self.failed_checks("beta_zero", "gemm")
        check = failed["NaN in C stays where it is if beta is not 0, and vanishes if it is"]
        self.assertTrue(any("is nan, expected" in p["problem"] for p in check["problems"]))

    def test_a_derivative_that_is_multiplied_is_found(self):
        _, failed = self.failed_checks("negative_zero", "activate_backward")
        self.assertEqual(list(failed),
                         ["relu and leaky relu choose by a, to the last bit and sign of zero"])
        problems = [p["problem"] for check in failed.values() for p in check["problems"]]
        self.assertTrue(all(" is -0, expected 0" in p for p in problems), problems)

    def test_a_kernel_that_knows_no_strides_of_0_is_found(self):
        _, failed = self.failed_checks("no_repeats", "strides")
        self.assertEqual(list(failed), ["sums over repeated elements are exact"])
        report, failed = self.failed_checks("no_repeats", "strides")
        problems = failed["sums over repeated elements are exact"]["problems"]
        self.assertTrue(all(p["case"].startswith("no_repeats: column_sums") for p in problems))

    def test_a_kernel_that_returns_an_error_is_found(self):
        _, failed = self.failed_checks("failing", "gemm")
        problems = [p["problem"] for check in failed.values() for p in check["problems"]]
        self.assertTrue(any("gemm for f32 returned code 2" in p for p in problems), problems)

    def test_the_text_says_where_and_what(self):
        done = self.fail_with(1, "wrong_result does not conform: [1-9]", "conformance",
                              "--backend", plugin("lamella-wrong_result.so"), "--kernel", "gemm")
        self.assertRegex(done.stdout, r"(?m)^FAIL  gemm +exact on integers, all shapes .* of \d+ cases\n"
                                      r"      f64 wrong_result: m=.*\n"
                                      r"          element \(.*\) is .*, expected .*$")


if __name__ == "__main__":
    main()
