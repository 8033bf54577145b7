#!/usr/bin/env python3
"""Shows that netlib.py can fail: it is given outputs with one fault each."""
import unittest

import netlib

GOOD = """
 cblas_dgemv  PASSED THE TESTS OF ERROR-EXITS
 cblas_dgemv  PASSED THE COLUMN-MAJOR COMPUTATIONAL TESTS (  3460 CALLS)
 cblas_dgemv  PASSED THE ROW-MAJOR    COMPUTATIONAL TESTS (  3460 CALLS)
 cblas_dger   PASSED THE TESTS OF ERROR-EXITS
 cblas_dger   PASSED THE COLUMN-MAJOR COMPUTATIONAL TESTS (   388 CALLS)
 cblas_dger   PASSED THE ROW-MAJOR    COMPUTATIONAL TESTS (   388 CALLS)
 END OF TESTS
"""
ROUTINES = ["cblas_dgemv", "cblas_dger"]
OURS = "/build/liblamella_cblas.so.0.1"
BINDINGS = "".join(f"  1: binding file /blas/xdcblat2 [0] to {OURS} [0]: normal symbol `{r}'\n"
                   for r in ROUTINES) + (
    f"  1: binding file {OURS} [0] to /blas/xdcblat2 [0]: normal symbol `cblas_xerbla'\n")


class Output(unittest.TestCase):
    def faults(self, before, after):
        self.assertIn(before, GOOD)
        return netlib.faults(GOOD.replace(before, after, 1), ROUTINES)

    def test_good_output(self):
        self.assertEqual(netlib.faults(GOOD, ROUTINES), [])

    def test_failed_computation(self):
        self.assertTrue(self.faults("cblas_dger   PASSED THE ROW-MAJOR   ",
                                    "***** cblas_dger   FAILED ON CALL NUMBER:"))

    def test_one_layout_missing(self):
        line = GOOD.splitlines()[2]
        self.assertTrue(self.faults(line, ""))

    def test_error_exit_failed(self):
        self.assertTrue(self.faults("cblas_dgemv  PASSED THE TESTS OF ERROR-EXITS",
                                    " ******* cblas_dgemv  FAILED THE TESTS OF ERROR-EXITS ***"))
        self.assertTrue(self.faults("cblas_dger   PASSED THE TESTS OF ERROR-EXITS", ""))

    def test_inaccurate_result(self):
        self.assertTrue(self.faults("PASSED THE ROW-MAJOR    COMPUTATIONAL TESTS (   388 CALLS)",
                                    "COMPLETED THE ROW-MAJOR    COMPUTATIONAL TESTS (   388 CALLS)\n"
                                    " ******* BUT WITH MAXIMUM TEST RATIO   99.0 - SUSPECT *******"))


class Bindings(unittest.TestCase):
    def faults(self, bindings):
        return netlib.bound_elsewhere(bindings, "xdcblat2", OURS, ROUTINES)

    def test_ours(self):
        self.assertEqual(self.faults(BINDINGS), [])

    def test_another_library(self):
        self.assertEqual(len(self.faults(BINDINGS.replace(OURS, "/lib/libblas.so.3", 1))), 1)

    def test_handler_of_the_library(self):
        self.assertEqual(len(self.faults(BINDINGS.replace("`cblas_xerbla'", "`other'"))), 1)

    def test_nothing(self):
        self.assertEqual(len(self.faults("")), 3)


class Input(unittest.TestCase):
    def test_flags(self):
        text = "T LOGICAL\ncblas_dgemv  T PUT F FOR\ncblas_dsymv  T PUT F\ncblas_dger   F PUT\n"
        self.assertEqual(netlib.chosen_input(text, ROUTINES),
                         "T LOGICAL\ncblas_dgemv  T PUT F FOR\ncblas_dsymv  F PUT F\n"
                         "cblas_dger   T PUT\n")


if __name__ == "__main__":
    unittest.main()
