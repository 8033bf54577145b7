#!/usr/bin/env python3
"""Runs the code blocks of a Markdown page, as a reader would who types them one after the other.

Usage: run_blocks.py --build BUILD (--source TREE | --cmake CMAKE [--config CONFIG]) PAGE

A comment on the line above a block (fenced, or indented by four blanks) says what is to happen:
    <!-- run -->              bash runs it and has to succeed
    <!-- fails: N -->         bash runs it and has to end with exit code N
    <!-- file: NAME -->       it is the content of this file
    <!-- text -->             it is not code
    <!-- not run: REASON -->  it is code, but needs root, the network or special hardware, or is run
                              by another test, which REASON says
Blocks run in one scratch directory with an empty home; what one exports, the next ones have. With
--source the directory looks like a checkout with a release build in build/release (links to TREE and
BUILD). With --cmake it is empty, and the build installed where commands and pkg-config find it.
Exits 1 at the first block that fails, and if a block has no comment.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

MARK = re.compile(r"<!-- (run|text|fails|file|not run)(?:: (.*?))? -->")


@dataclass
class Block:
    line: int
    text: str
    action: str  # "" if there is no mark
    argument: str
    language: str  # of a fence; "" if it says none


def blocks(markdown):
    """The code blocks of a page. A block inside a list item is indented further and no block here."""
    lines = markdown.splitlines()
    found, i, mark = [], 0, None
    previous_blank = True
    while i < len(lines):
        line = lines[i]
        if match := MARK.fullmatch(line.strip()):
            mark = (match[1], match[2] or "")
            i += 1
            previous_blank = True
            continue
        body, language = None, ""
        start = i
        if line.startswith("```"):
            language = line[3:].strip()
            end = next(j for j in range(i + 1, len(lines)) if lines[j].startswith("```"))
            body, i = lines[i + 1:end], end + 1
        elif line.startswith("    ") and previous_blank and line.strip():
            end = i
            while end < len(lines) and (lines[end].startswith("    ") or not lines[end].strip()):
                end += 1
            body, i = [text[4:] for text in lines[i:end]], end
            while body and not body[-1].strip():
                body.pop()
        if body is not None:
            found.append(Block(start + 1, "\n".join(body) + "\n", *(mark or ("", "")), language))
            mark, previous_blank = None, True
            continue
        if line.strip():
            if mark is not None:
                raise ValueError(f"line {i + 1}: a mark without a block")
        previous_blank = not line.strip()
        i += 1
    if mark is not None:
        raise ValueError("the last mark has no block")
    return found


def scratch_checkout(directory, source, build):
    """Links to everything of a checkout but its build directories, and to one build."""
    for entry in source.iterdir():
        if entry.name not in ("build", ".git"):
            (directory / entry.name).symlink_to(entry)
    (directory / "build").mkdir()
    (directory / "build" / "release").symlink_to(build)


def clean_environment(directory):
    """Ours without what would choose backends, and with a home in `directory`."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("LAMELLA_")}
    return {**inherited, "HOME": str(directory / "home")}


def install(cmake, build, config, prefix, environment):
    """Installs a build and puts it on the paths of `environment`."""
    subprocess.run([cmake, "--install", build, "--config", config, "--prefix", prefix], check=True,
                   stdout=subprocess.DEVNULL)
    environment["PATH"] = f"{prefix / 'bin'}:{environment['PATH']}"
    environment["PKG_CONFIG_PATH"] = str(next(prefix.rglob("lamella.pc")).parent)


def run_page(markdown, directory, environment, log=print):
    """Runs the blocks of a page in a directory. Returns (blocks run, faults)."""
    exported = directory / "home" / ".exported"
    ran, faults = 0, []
    for block in blocks(markdown):
        head = block.text.splitlines()[0]
        if block.action == "file":
            file = directory / block.argument
            file.unlink(missing_ok=True)  # it may be a link to the checkout's
            file.write_text(block.text)
            log(f"line {block.line}: written to {block.argument}")
        elif block.action in ("run", "fails"):
            expected = int(block.argument) if block.action == "fails" else 0
            exported.unlink(missing_ok=True)
            script = f"{block.text}\nenv -0 > '{exported}'"
            result = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=directory,
                                    env=environment, stdin=subprocess.DEVNULL, text=True,
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if exported.exists():
                pairs = exported.read_text().split("\0")[:-1]
                environment = dict(pair.split("=", 1) for pair in pairs)
            log(f"line {block.line}: {block.text}{result.stdout}")
            ran += 1
            if result.returncode != expected:
                faults.append(f"line {block.line}: exit code {result.returncode}, not {expected}: "
                              f"{head}")
                break  # what follows builds on it
        elif block.action == "not run":
            log(f"line {block.line}: not run ({block.argument}): {head}")
            if not block.argument:
                faults.append(f"line {block.line}: not run, without a reason")
        elif block.action == "":
            faults.append(f"line {block.line}: no mark says whether to run: {head}")
    return ran, faults


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True, type=Path)
    parser.add_argument("--source", type=Path)
    parser.add_argument("--cmake")
    parser.add_argument("--config", default="Release")
    parser.add_argument("page", type=Path)
    options = parser.parse_args()
    markdown = options.page.read_text()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "home").mkdir()
        environment = clean_environment(directory)
        build = options.build.resolve()
        if options.source:
            scratch_checkout(directory, options.source.resolve(), build)
        if options.cmake:
            install(options.cmake, build, options.config, directory / "prefix", environment)
        ran, faults = run_page(markdown, directory, environment)
    for fault in faults:
        print(f"FAULT: {options.page.name}, {fault}")
    print(f"{options.page.name}: {ran} blocks run, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
