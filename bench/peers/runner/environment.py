"""The peers' environment: Python packages, Debian packages, compiled programs, processors.

Everything that is made lies under one build directory; the machine is only looked at.
"""
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

PEERS = Path(__file__).resolve().parent.parent
ROOT = PEERS.parent.parent

# Settings of a caller's own would change what is measured; those wanted are given with --set.
SCRUBBED = ("OPENBLAS_", "GOTO_", "MKL_", "OMP_", "KMP_", "GOMP_", "BLIS_", "LAMELLA_", "ONEDNN_",
            "DNNL_", "TBB_", "NPY_", "LD_LIBRARY_PATH", "LD_PRELOAD", "PYTHONPATH")


def say(message):
    print(message, file=sys.stderr, flush=True)


class Environment:
    def __init__(self, options):
        self.build = options.build_dir.resolve()
        self.venv = self.build / "venv"
        self.onednn = self.build / "onednn-3.2"
        self.programs = self.build / "cmake" / "bin"
        self.lamella = self.build / "cmake" / "lamella" / "tools" / "lamella"
        self.options = options
        allowed = sorted(os.sched_getaffinity(0))
        self.cpus = options.cpus or allowed
        if not set(self.cpus) <= set(allowed):
            raise SystemExit(f"run: --cpus: this process may use only {allowed}")

    @property
    def python(self):
        return self.venv / "bin" / "python"

    def prepare(self):
        """Installs and builds what is not there yet."""
        self.build.mkdir(parents=True, exist_ok=True)
        self._report_missing_packages()
        if not self.python.exists():
            say("run: making a virtual environment")
            subprocess.run([sys.executable, "-m", "venv", str(self.venv)], check=True)
        self._pip(PEERS / "requirements.txt", [])
        self._pip(PEERS / "requirements-onednn.txt", ["--no-deps", "--prefix", str(self.onednn)])
        if self.options.with_torch and not self.options.torch_python:
            self._install_torch()
        self._compile()

    def _report_missing_packages(self):
        if not shutil.which("dpkg-query"):
            return
        missing = []
        for line in (PEERS / "packages.txt").read_text().splitlines():
            words = line.split("#")[0].split()
            if not words:
                continue
            found = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status}", words[1]],
                                   capture_output=True, text=True)
            if found.stdout != "installed":
                missing.append(words)
        if missing:
            names = " ".join(package for _, package in missing)
            say("run: not installed, so left out: " +
                ", ".join(f"{package} ({purpose})" for purpose, package in missing) +
                f"\nrun: to have them: apt-get install {names}")

    def _pip(self, requirements, arguments):
        """Installs a list of pinned wheels once; a line that cannot be had is named and skipped."""
        lines = [line for line in requirements.read_text().splitlines()
                 if line and not line.startswith("#")]
        digest = hashlib.sha256("\n".join(lines + arguments).encode()).hexdigest()
        stamp = self.build / f"{requirements.stem}.stamp"
        if stamp.exists() and stamp.read_text() == digest:
            return
        say(f"run: installing {requirements.name} (once; some wheels are large)")
        pip = [str(self.python), "-m", "pip", "install", "--quiet",
               "--disable-pip-version-check", "--only-binary", ":all:", *arguments]
        if subprocess.run(pip + lines).returncode != 0:
            for line in lines:
                if subprocess.run(pip + [line]).returncode != 0:
                    say(f"run: {line} cannot be installed here: left out")
        stamp.write_text(digest)

    def _install_torch(self):
        stamp = self.build / "torch.stamp"
        if stamp.exists():
            return
        index = os.environ.get("PEERS_TORCH_INDEX")
        say("run: installing PyTorch" + ("" if index else
            " from the default index (with CUDA, gigabytes; PEERS_TORCH_INDEX names another)"))
        source = ["--index-url", index] if index else []
        subprocess.run([str(self.python), "-m", "pip", "install", "--quiet", *source, "torch"],
                       check=True)
        stamp.touch()

    def _compile(self):
        build = self.build / "cmake"
        options = [f"-DPEERS_ONEDNN={self.onednn}", "-DCMAKE_BUILD_TYPE=Release",
                   f"-DPEERS_SLOW={'ON' if self.options.with_slow else 'OFF'}"]
        say("run: building")
        log = self.build / "build.log"
        with log.open("w") as output:
            commands = [["cmake", "-S", str(PEERS), "-B", str(build), *options],
                        ["cmake", "--build", str(build), "--parallel", str(len(self.cpus)),
                         "--target", "peers"]]
            if not (build / "CMakeCache.txt").exists() and shutil.which("ninja"):
                commands[0] += ["-G", "Ninja"]
            for command in commands:
                if subprocess.run(command, stdout=output, stderr=output).returncode != 0:
                    raise SystemExit(f"run: {' '.join(command)} failed: see {log}")

    def library(self, *patterns):
        """The first file that matches one of the patterns, or None. {site}: site-packages."""
        site = next(self.venv.glob("lib/python3*/site-packages"), self.venv)
        for pattern in patterns:
            path = Path(pattern.format(site=site, venv=self.venv))
            found = sorted(path.parent.parent.glob(f"{path.parent.name}/{path.name}"))
            if found:
                return found[0]
        return None

    def start(self, command, threads, extra=None, capture=True):
        """Runs a program on `threads` processors, with a clean environment. Raises RuntimeError
        with the end of its messages if it fails; returns what it printed."""
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith(SCRUBBED)}
        for name in ("OMP", "MKL", "OPENBLAS", "BLIS", "LAMELLA"):
            environment[f"{name}_NUM_THREADS"] = str(threads)
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        environment.update(extra or {})
        environment.update(self.options.set)
        cpus = self.cpus[:threads]
        process = subprocess.run([str(word) for word in command], env=environment, text=True,
                                 stdout=subprocess.PIPE if capture else None,
                                 stderr=subprocess.PIPE,
                                 preexec_fn=lambda: os.sched_setaffinity(0, cpus))
        if process.returncode != 0:
            lines = [line for line in process.stderr.splitlines() if line.strip()]
            raise RuntimeError("\n".join(lines[-3:]) or f"exit status {process.returncode}")
        return process.stdout

    def roof(self, threads):
        """(GFLOP/s of float multiply-adds on that many threads at this moment, instruction set)."""
        rate, isa = self.start([self.programs / "peers_roof", threads], threads).split()
        return float(rate), isa
