#!/usr/bin/env python3
"""Runs tools/release in small repositories: it makes the right tag, or says why there is none.

Usage: test_release.py SOURCE_TREE
"""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

FILES = {
    "CMakeLists.txt": "project(lamella VERSION 1.2.3 LANGUAGES CXX)\n",
    "CHANGELOG.md": "## [Unreleased]\n\n## [1.2.3] - 2026-01-31\n\n### Added\n\n- A thing.\n\n"
                    "## [1.1.0] - 2026-01-01\n\n- Old.\n",
    "docs/page": "liblamella.so.1.2.3\n",
    "packaging/vcpkg/lamella/vcpkg.json": '{"version": "1.2.3"}\n',
}


class Release(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="lamella-release-")
        self.addCleanup(directory.cleanup)
        self.tree = Path(directory.name)
        for name in ("tools/release", "tests/structure/version.py"):
            (self.tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source / name, self.tree / name)
        for name, text in FILES.items():
            (self.tree / name).parent.mkdir(parents=True, exist_ok=True)
            (self.tree / name).write_text(text)
        # Neither the user's settings nor the repository around decide anything.
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        self.environment.update(HOME=directory.name, XDG_CONFIG_HOME=directory.name,
                                GIT_CONFIG_NOSYSTEM="1")
        self.git("init", "-q")
        self.git("config", "user.name", "Test")
        self.git("config", "user.email", "test@lamella.example")
        self.commit()

    def git(self, *arguments):
        return subprocess.run(["git", *arguments], cwd=self.tree, env=self.environment, check=True,
                              capture_output=True, text=True).stdout

    def commit(self):
        self.git("add", "--all")
        self.git("commit", "-q", "-m", "state")

    def release(self, *arguments):
        done = subprocess.run([self.tree / "tools/release", *arguments], env=self.environment,
                              capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def refuses(self, reason):
        code, output = self.release()
        self.assertEqual(code, 1, output)
        self.assertIn(reason, output)

    def test_makes_the_tag(self):
        code, output = self.release("--check")
        self.assertEqual((code, self.git("tag")), (0, ""), output)
        code, output = self.release()
        self.assertEqual(code, 0, output)
        self.assertEqual(self.git("tag"), "v1.2.3\n")
        message = self.git("tag", "--list", "--format=%(contents)")
        self.assertIn("lamella 1.2.3\n\n### Added\n\n- A thing.\n", message)
        self.assertNotIn("Old", message)
        self.refuses("the tag v1.2.3 exists")

    def test_refuses(self):
        (self.tree / "docs/page").write_text("liblamella.so.1.2.3, again\n")
        self.refuses("not committed")
        (self.tree / "docs/page").write_text("liblamella.so.1.2.2\n")
        self.commit()
        self.refuses("do not agree on the version")

    def test_refuses_unreleased_changes(self):
        text = FILES["CHANGELOG.md"].replace("[Unreleased]\n", "[Unreleased]\n\n- New.\n")
        (self.tree / "CHANGELOG.md").write_text(text)
        self.commit()
        self.refuses("has unreleased changes")


if __name__ == "__main__":
    if shutil.which("git") is None:
        print("skipped: no git")
        sys.exit(0)
    source = Path(sys.argv.pop()).resolve()
    unittest.main()
