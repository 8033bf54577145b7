#!/usr/bin/env python3
"""The fault tests find faults: a sample program has one of each kind, and each is reported.

LAMELLA_INJECT names the preload library, LAMELLA_FAULT_SAMPLE the program of sample.cpp.
"""

import os
import unittest

import allocations
import fault_harness as harness
import system_calls
from scenarios import Scenario

SAMPLE = os.environ.get("LAMELLA_FAULT_SAMPLE", "")
CASES = {"read": ("EIO", "EINTR", "short"), "write": ("ENOSPC", "EINTR", "short"), "rename": ("EIO",)}


def prepare(directory):
    (directory / "in").write_bytes(bytes(range(250)) * 12)
    (directory / "out").write_bytes(b"old")


class Sample(unittest.TestCase):
    def problems(self, fault):
        """What the tests say about the sample with this fault."""
        scenario = Scenario(fault, [SAMPLE, fault], ["out"])
        found = set()
        with harness.Directories.prepared_by(prepare) as directories:
            checker = allocations.Checker(scenario, directories)
            self.assertGreater(checker.total, 0)
            for n in range(1, checker.total + 1):
                found.add(checker.run(n, "")[0])
            for kind, faults in CASES.items():
                with directories.fresh() as directory:
                    total = harness.count(scenario.arguments, directory, kind)
                self.assertTrue(total > 0 or fault == "writes in place", kind)
                for case in [f"{kind}:{n}:{error}" for n in range(1, total + 1) for error in faults]:
                    with directories.fresh() as directory:
                        done = harness.run(scenario.arguments, directory, case)
                        found.add(system_calls.problem(scenario, checker.reference, done, directory, directories,
                                                       case.split(":")[-1]))
        return " ".join(sorted(what for what in found if what is not None))

    def test_a_sound_program_passes(self):
        self.assertEqual(self.problems("none"), "")

    def test_faults_are_found(self):
        for fault, text in {"terminates": "signal 6",
                            "silent": "without a message",
                            "takes failure for success": "success with another result",
                            "gives up when interrupted": "EINTR is no error",
                            "names no file": "without a message that names the file",
                            "reads once": "success with another result",
                            "writes once": "success with another result",
                            "writes in place": "half a result",
                            "leaves its temporary": "left ['temporary']"}.items():
            with self.subTest(fault):
                self.assertIn(text, self.problems(fault))


if __name__ == "__main__":
    unittest.main()
