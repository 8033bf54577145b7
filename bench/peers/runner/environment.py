"""The peers' environment: Python packages, Debian packages, compiled programs, processors.

Everything that is made lies under one build directory; the machine is only looked at.
"""
import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

PEERS = Path(__file__).resolve().parent.parent
ROOT = PEERS.parent.parent

# Peers so slow, to compile or to train, that they are wanted with --with-slow only.
SLOW = ("dlib", "fann", "tinydnn")

# Settings of a caller's own would change what is measured; those wanted are given with --set.
SCRUBBED = ("OPENBLAS_", "GOTO_", "MKL_", "OMP_", "KMP_", "GOMP_", "BLIS_", "LAMELLA_", "ONEDNN_",
            "DNNL_", "TBB_", "NPY_", "XLA_", "JAX_", "NPROC", "LD_LIBRARY_PATH", "LD_PRELOAD",
            "PYTHONPATH")


def say(message):
    print(message, file=sys.stderr, flush=True)


def last_lines(text, count=3):
    return " / ".join([line for line in text.splitlines() if line.strip()][-count:])


def json_lines(text):
    """The complete JSON objects in a program's output, one a line."""
    found = []
    for line in text.splitlines():
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return [line for line in found if isinstance(line, dict)]


class Environment:
    def __init__(self, options):
        self.build = options.build_dir.resolve()
        self.venv = self.build / "venv"
        self.onednn = self.build / "onednn-3.2"
        self.cmake = self.build / "cmake"
        self.lamella = self.cmake / "lamella" / "tools" / "lamella"
        self._programs = set()
        self.options = options
        allowed = sorted(os.sched_getaffinity(0))
        self.cpus = options.cpus or allowed
        if not set(self.cpus) <= set(allowed):
            raise SystemExit(f"run: --cpus: this process may use only {allowed}")

    @property
    def python(self):
        return self.venv / "bin" / "python"

    def prepare(self):
        """Installs and builds what is not there yet; with --as-built only looks what there is."""
        if self.options.as_built:
            listed = self.cmake / "programs.txt"
            if not listed.exists() or not self.lamella.exists():
                raise SystemExit(f"run: --as-built: nothing is built in {self.build}")
            self._programs = {name for name in listed.read_text().split()
                              if (self.cmake / "bin" / name).exists()}
            return
        self.build.mkdir(parents=True, exist_ok=True)
        self._report_missing_packages()
        if not self.python.exists():
            say("run: making a virtual environment")
            made = subprocess.run([sys.executable, "-m", "venv", str(self.venv)],
                                  capture_output=True, text=True)
            if made.returncode != 0:
                shutil.rmtree(self.venv, ignore_errors=True)  # half of one must not be taken for one
                raise SystemExit("run: no virtual environment (Debian: python3-venv): "
                                 f"{last_lines(made.stdout + made.stderr)}")
        self._pip(PEERS / "requirements.txt", [])
        self._pip(PEERS / "requirements-onednn.txt", ["--no-deps", "--prefix", str(self.onednn)])
        self._pip(PEERS / "requirements-jax.txt", [])
        if self.options.with_torch and not self.options.torch_python:
            index = os.environ.get("PEERS_TORCH_INDEX")
            self._pip(PEERS / "requirements-torch.txt", ["--index-url", index] if index else [])
        self._compile()

    def _report_missing_packages(self):
        if not shutil.which("dpkg-query"):
            return
        missing = []
        for line in (PEERS / "packages.txt").read_text().splitlines():
            words = line.split("#")[0].split()
            if not words or (words[0] in SLOW and not self.options.with_slow):
                continue
            found = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status}", words[1]],
                                   capture_output=True, text=True)
            if found.stdout != "installed":
                missing.append(words)
        if missing:
            names = " ".join(package for _, package in missing)
            peers = ", ".join(dict.fromkeys(peer for peer, _ in missing))
            say(f"run: left out: {peers}; to have them: apt-get install {names}")

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

    def _compile(self):
        """Builds lamella, which must succeed, and the peers' programs, each of which may fail."""
        log = self.build / "build.log"
        parallel = ["--parallel", str(len(self.cpus))]
        with log.open("w") as output:
            def done(*command):
                output.flush()
                return subprocess.run(command, stdout=output, stderr=output).returncode == 0

            def build(*targets):
                return done("cmake", "--build", str(self.cmake), *parallel, "--target", *targets)

            generator = [] if (self.cmake / "CMakeCache.txt").exists() or \
                not shutil.which("ninja") else ["-G", "Ninja"]
            if not done("cmake", "-S", str(PEERS), "-B", str(self.cmake), *generator,
                        f"-DPEERS_ONEDNN={self.onednn}", "-DCMAKE_BUILD_TYPE=Release",
                        f"-DPEERS_SLOW={'ON' if self.options.with_slow else 'OFF'}"):
                raise SystemExit(f"run: configuring failed: {last_lines(log.read_text())}\n"
                                 f"run: all of it is in {log}")
            say("run: building lamella")
            if not build("lamella_tool", "peers_peak"):
                raise SystemExit(f"run: lamella does not build, see {log}")
            for name in (self.cmake / "programs.txt").read_text().split():
                say(f"run: building {name}")
                if build(name):
                    self._programs.add(name)
                else:
                    say(f"run: {name} does not build, see {log}: left out")

    def program(self, name):
        """The peer's program of that name, or None if it could not be built."""
        path = self.cmake / "bin" / f"peers_{name}"
        return path if path.name in self._programs else None

    def library(self, *patterns):
        """The first file that matches one of the patterns, or None. {site}: site-packages."""
        site = next(self.venv.glob("lib/python3*/site-packages"), self.venv)
        for pattern in patterns:
            path = Path(pattern.format(site=site, venv=self.venv))
            found = sorted(path.parent.parent.glob(f"{path.parent.name}/{path.name}"))
            if found:
                return found[0]
        return None

    def _run(self, command, threads, extra):
        """Runs a program on `threads` processors, with a clean environment. (output, what went
        wrong: None, or the end of its messages)."""
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith(SCRUBBED)}
        for name in ("OMP", "MKL", "OPENBLAS", "BLIS", "LAMELLA"):
            environment[f"{name}_NUM_THREADS"] = str(threads)
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        environment["TORCHINDUCTOR_CACHE_DIR"] = str(self.build / "torch-compile")
        environment.update(extra or {})
        environment.update(self.options.set)
        cpus = self.cpus[:threads]
        process = subprocess.run([str(word) for word in command], env=environment, text=True,
                                 capture_output=True,
                                 preexec_fn=lambda: os.sched_setaffinity(0, cpus))
        status = process.returncode
        if status == 0:
            return process.stdout, None
        how = signal.Signals(-status).name if status < 0 else f"exit status {status}"
        return process.stdout, f"{Path(command[0]).name}: {how}: {last_lines(process.stderr)}"

    def start(self, command, threads):
        """What the program printed; RuntimeError if it failed."""
        output, error = self._run(command, threads, None)
        if error:
            raise RuntimeError(error)
        return output

    def start_for_lines(self, command, threads, extra=None):
        """(the JSON lines that the program printed, what went wrong or None)"""
        output, error = self._run(command, threads, extra)
        return json_lines(output), error

    def peak(self, threads):
        """(GFLOP/s of float multiply-adds on that many threads at this moment, instruction set)."""
        rate, isa = self.start([self.cmake / "bin" / "peers_peak", threads], threads).split()
        return float(rate), isa
