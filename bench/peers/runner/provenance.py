"""What figures are worthless without: the machine, lamella's commit, compiler and settings."""
import json
import os
import platform
import re
import subprocess
from pathlib import Path

from .environment import ROOT


def _output(*command):
    """The first line that a program prints, or None."""
    try:
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    except OSError:
        return None
    lines = done.stdout.strip().splitlines()
    return lines[0] if done.returncode == 0 and lines else None


def _processor():
    """What the first processor says of itself; elsewhere than on Linux only its architecture."""
    wanted = {"vendor_id": "vendor", "model name": "model", "cpu family": "family",
              "model": "model_number", "stepping": "stepping"}
    found, flags = {}, set()
    try:
        for line in Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines():
            key, _, value = (part.strip() for part in line.partition(":"))
            if key in wanted:
                found[wanted[key]] = value
            elif key == "flags":
                flags = set(value.split())
    except OSError:
        pass
    return {"architecture": platform.machine(), **found, "virtual": "hypervisor" in flags}


def _caches():
    """As "L2 1024K", of the first processor."""
    found = []
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = ((index / name).read_text().strip()
                             for name in ("level", "type", "size"))
        if kind != "Instruction":
            found.append(f"L{level}{'d' if kind == 'Data' else ''} {size}")
    return found


def _system():
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return platform.system()


def machine(env, name):
    """`name` is what people call it; the processor's own name by default."""
    processor = _processor()
    return {"name": name or processor.get("model", processor["architecture"]),
            "processor": processor, "caches": _caches(), "processors_used": len(env.cpus),
            "system": _system(), "kernel": platform.release()}


def _commit_file(env):
    return env.cmake / "commit.json"


def record_commit(env):
    """Writes down which commit was built just now, and whether sources differ from it."""
    git = ["git", "-C", str(ROOT)]
    changed = subprocess.run([*git, "diff", "--quiet", "HEAD", "--", "*CMakeLists.txt", "cmake",
                              "include", "core", "backends", "bench/roofline", "tools/lamella"],
                             capture_output=True)
    _commit_file(env).write_text(json.dumps({
        "commit": _output(*git, "rev-parse", "HEAD"),
        "commit_date": _output(*git, "log", "-1", "--format=%cs"),
        "modified": changed.returncode != 0}) + "\n")


def lamella(env, backend):
    """Of the build that is measured, which with --as-built may be older than the checkout."""
    cached = dict(re.findall(r"^([A-Z_]+):[A-Z]+=(.*)$", (env.cmake / "CMakeCache.txt").read_text(),
                             re.MULTILINE))
    return {"version": _output(env.lamella, "--version"),
            **json.loads(_commit_file(env).read_text()),
            "compiler": _output(cached["CMAKE_CXX_COMPILER"], "--version"),
            "build_type": cached["CMAKE_BUILD_TYPE"],
            "backend_on_one_thread": "simd", "backend_on_more_threads": backend}


def settings(options):
    """Those of the measurement; nothing that names a directory of this machine."""
    names = ("threads", "rounds", "sample_ms", "epochs", "training_rounds", "rest", "set")
    return {**{name: getattr(options, name) for name in names},
            "python": platform.python_version(), "load_average": os.getloadavg()[0]}
