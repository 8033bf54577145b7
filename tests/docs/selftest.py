#!/usr/bin/env python3
"""Shows that the scripts for pages find what they look for, and can fail: run_blocks.py, pages.py,
the filter for Doxygen, and the script that draws the architecture."""
import sys
import tempfile
import unittest
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
sys.path += [str(DOCS), str(DOCS / "design")]
import doxygen_page  # noqa: E402
import draw_architecture  # noqa: E402
import html_links  # noqa: E402
import pages  # noqa: E402
import run_blocks  # noqa: E402

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


class Pages(unittest.TestCase):
    FILES = {
        "README.md": "<!-- not run: needs root -->\n    true\n\n<!-- not run: docs.all runs it -->\n    true\n",
        "docs/README.md": "[a](a.md) [b](b/README.md) [the interface](reference.md)\n",
        "docs/a.md": "# A\n",
        "docs/b/README.md": "[c](c.md)\n",
        "docs/b/c.md": "# C\n",
        "docs/reference.md": "`<lamella/view.h>`\n",
        "include/lamella/view.h": "// docs/math.md#loss\n",
    }

    def faults(self, old="", new="", file="README.md"):
        with tempfile.TemporaryDirectory() as name:
            tree = Path(name).resolve()
            for path, text in self.FILES.items():
                (tree / path).parent.mkdir(parents=True, exist_ok=True)
                changed = text.replace(old, new) if path == file else text
                self.assertTrue(not old or path != file or changed != text)
                (tree / path).write_text(changed)
            return [*pages.faults_of_indices(tree), *pages.faults_of_headers(tree),
                    *pages.faults_of_citations(tree), *pages.faults_of_reasons(tree, ["docs.all"])]

    def test_clean_tree(self):
        self.assertEqual(self.faults(), [])

    def test_indices(self):
        self.assertIn("docs/a.md", self.faults("a.md", "b.md", "docs/README.md")[0])
        self.assertIn("docs/b/c.md", self.faults("c.md", "d.md", "docs/b/README.md")[0])
        self.assertEqual(self.faults("[c]", "[d](#d) [c]", "docs/b/README.md"), [])

    def test_headers(self):
        self.assertIn("view.h", self.faults("view.h", "views.h", "docs/reference.md")[0])
        self.assertIn("view.h", self.faults("#loss", ", Loss", "include/lamella/view.h")[0])

    def test_reasons(self):
        self.assertIn("no test docs.none", self.faults("docs.all", "docs.none")[0])
        self.assertIn("known need", self.faults("needs root", "why not")[0])
        self.assertIn("no mark", self.faults("<!-- not run: needs root -->", "")[0])
        self.assertEqual(self.faults("    true\n\n", "```cmake\nset(X)\n```\n\n"), [])
        self.assertIn("syntax", self.faults("    true", "    if true; then")[0])


class DoxygenPage(unittest.TestCase):
    def test_page(self):
        page = ("# Title\n\n## Two words\n\n[on this page](#two-words), [the\nindex](README.md), "
                "[`view.h`](../include/lamella/view.h), [an example](../examples/moons.cpp),\n"
                "`no [link](here)` **`f()`, bold**\n\n![alt](design/a.svg)\n\n<!-- run -->\n    ls\n")
        text = "\n".join(doxygen_page.Filter("docs/page.md").lines(page))
        for expected in ("# Title {#page_docs_page}", "## Two words {#page_docs_page_two-words}",
                         '@ref page_docs_page_two-words "on this page"',
                         '@ref page_docs_README "the index"', '@ref lamella/view.h "view.h"',
                         ", an example,", "`no [link](here)`", "<b>`f()`, bold</b>", '<img src="a.svg" alt="alt"', "~~~{.unparsed}\nls\n~~~"):
            self.assertIn(expected, text)
        self.assertNotIn("<!--", text)

    def test_citation_in_a_header(self):
        self.assertEqual(doxygen_page.header("/// Loss (docs/math.md#the-loss).\n"),
                         '/// Loss (@ref page_docs_math_the-loss "docs/math.md#the-loss").\n')

    def test_an_index_has_subpages(self):
        text = "\n".join(doxygen_page.Filter("docs/README.md").lines("# Index\n\n[a](a.md) [again](a.md)\n"))
        self.assertIn('@subpage page_docs_a "a" @ref page_docs_a "again"', text)


class HtmlLinks(unittest.TestCase):
    def test_links(self):
        with tempfile.TemporaryDirectory() as name:
            directory = Path(name)
            (directory / "index.html").write_text('<a href="page_a.html#x">a</a> <a href="http://b">b</a>')
            page = '<a id="x"></a><img alt="c" src="c.svg"><a class="el" href="#y">y</a>'
            (directory / "page_a.html").write_text(page)
            self.assertEqual(list(html_links.faults(directory)), [
                "page_a.html: c.svg does not exist", "page_a.html: #y has no such anchor"])


class DrawArchitecture(unittest.TestCase):
    def figure(self, files):
        with tempfile.TemporaryDirectory() as name:
            tree = Path(name)
            for room in draw_architecture.PLACES:
                path = room.replace("*.h", "executor.h").replace("*.cpp", "driver_backend.cpp")
                path = path if "." in path else f"{path}/x.h"
                (tree / path).parent.mkdir(parents=True, exist_ok=True)
                (tree / path).write_text(files.get(path, ""))
            for path, text in files.items():
                (tree / path).parent.mkdir(parents=True, exist_ok=True)
                (tree / path).write_text(text)
            return "\n".join(draw_architecture.svg(tree))

    def test_arrows_are_includes(self):
        figure = self.figure({"core/training/x.h": '#include "core/data/x.h"\n#include "core/base/x.h"\n',
                              "core/data/x.h": '#include "core/base/x.h"\n'})
        self.assertIn("core/training includes core/data", figure)
        self.assertIn("core/data includes core/base", figure)
        self.assertNotIn("core/training includes core/base", figure)

    def test_a_room_without_a_place(self):
        with self.assertRaisesRegex(ValueError, "core/new"):
            self.figure({"core/new/x.h": ""})

    def test_an_arrow_upwards(self):
        with self.assertRaisesRegex(ValueError, "core/base includes core/data"):
            self.figure({"core/base/x.h": '#include "core/data/x.h"\n'})


if __name__ == "__main__":
    unittest.main()
