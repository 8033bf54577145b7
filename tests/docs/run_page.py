#!/usr/bin/env python3
"""Does what a page of docs/ says, from top to bottom, with an installed lamella.

A fenced block of `sh` is run; one of another language is written to the file that the line of text
before it ends with, in back quotes and with a colon; a block of `text` is output to look at. An
indented block would escape all this, and is refused.
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def read_blocks(text):
    """(files, script): a dictionary of contents by name, and the commands in their order."""
    files, script = {}, []
    for block in FENCE.finditer(text):
        language, content = block.groups()
        if language == "sh":
            script.append(content)
        elif language != "text":
            before = text[:block.start()].rstrip().splitlines()[-1]
            name = re.search(r"`([^`/]+)`:$", before)
            if name is None:
                raise ValueError(f"a block of {language} does not say its file: {before!r}")
            files[name.group(1)] = content
    outside = FENCE.sub("", text)
    if "```" in outside or re.search(r"^(    |\t)\S", outside, re.MULTILINE):
        raise ValueError("a block that would not be run")
    if not script:
        raise ValueError("no commands")
    return files, script


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("page", type=pathlib.Path)
    parser.add_argument("--work", required=True, type=pathlib.Path, help="scratch, emptied first")
    parser.add_argument("--cmake", required=True)
    parser.add_argument("--build", required=True, help="the build of lamella to install")
    parser.add_argument("--config", required=True)
    args = parser.parse_args()

    files, script = read_blocks(args.page.read_text())
    prefix, directory = args.work / "prefix", args.work / "work"
    shutil.rmtree(args.work, ignore_errors=True)
    directory.mkdir(parents=True)
    subprocess.run([args.cmake, "--install", args.build, "--config", args.config, "--prefix", prefix],
                   check=True, stdout=subprocess.DEVNULL)
    for name, content in files.items():
        (directory / name).write_text(content)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LAMELLA_")}
    environment["PATH"] = f"{prefix / 'bin'}:{environment['PATH']}"
    environment["PKG_CONFIG_PATH"] = str(next(prefix.rglob("lamella.pc")).parent)
    return subprocess.run(["bash", "-euxo", "pipefail", "-c", "\n".join(script)], cwd=directory,
                          env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
