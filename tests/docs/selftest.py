#!/usr/bin/env python3
"""Shows that run_blocks.py finds blocks, runs them, and can fail."""
import tempfile
import unittest
from pathlib import Path

import run_blocks

PAGE = """# Title

Text.

<!-- run -->
    echo one > file

    cat file

<!-- file: data.txt -->
```text
two
```

<!-- run -->
```sh
grep -q two data.txt && test -d "$HOME"
```

<!-- fails: 3 -->

    exit 3

<!-- not run: needs root -->
    rm -rf /

<!-- text -->
    tree
"""


class RunBlocks(unittest.TestCase):
    def run_page(self, page):
        with tempfile.TemporaryDirectory() as name:
            directory = Path(name)
            (directory / "home").mkdir()
            environment = run_blocks.clean_environment(directory)
            return run_blocks.run_page(page, directory, environment, log=lambda _: None)

    def test_page(self):
        found = run_blocks.blocks(PAGE)
        self.assertEqual([b.action for b in found],
                         ["run", "file", "run", "fails", "not run", "text"])
        self.assertEqual(found[0].text, "echo one > file\n\ncat file\n")
        self.assertEqual(self.run_page(PAGE), (3, []))

    def test_a_command_that_fails_ends_the_page(self):
        ran, faults = self.run_page(PAGE.replace("cat file", "cat nothing"))
        self.assertEqual(ran, 1)
        self.assertIn("line 6: exit code 1, not 0", faults[0])

    def test_a_command_in_the_middle_fails(self):
        self.assertTrue(self.run_page(PAGE.replace("echo one", "false; echo one"))[1])

    def test_a_command_that_should_fail_and_does_not(self):
        self.assertTrue(self.run_page(PAGE.replace("exit 3", "exit 0"))[1])

    def test_exports_last_and_variables_do_not(self):
        first = "<!-- run -->\n    export A=1\n    B=2\n\n"
        second = "<!-- run -->\n    test $A = 1 && test -z \"${B:-}\"\n"
        self.assertEqual(self.run_page(first + second), (2, []))

    def test_unmarked_blocks(self):
        self.assertEqual(len(self.run_page("Text.\n\n    echo\n")[1]), 1)

    def test_no_reason(self):
        self.assertTrue(self.run_page(PAGE.replace("not run: needs root", "not run"))[1])

    def test_mark_without_a_block(self):
        with self.assertRaises(ValueError):
            run_blocks.blocks("<!-- run -->\nText.\n")


if __name__ == "__main__":
    unittest.main()
