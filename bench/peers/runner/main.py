"""Arguments, and the order of things: prepare, measure, print."""
import argparse
import hashlib
import json
import os
import platform
import sys
import time
from pathlib import Path

from . import kernels, provenance, training
from .environment import ROOT, Environment
from .journal import Journal


def _threads(text):
    counts = [int(word) for word in text.split(",")]
    if min(counts) < 1:
        raise argparse.ArgumentTypeError("thread counts are 1 or more")
    return counts


def _assignment(text):
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise argparse.ArgumentTypeError("NAME=VALUE is wanted")
    return name, value


def arguments():
    parser = argparse.ArgumentParser(
        prog="run", description="Measures lamella beside other libraries: kernels and whole "
        "training, in paired rounds, as ours / peer. README.md beside this says what it means.")
    parser.add_argument("what", nargs="?", choices=["all", "kernels", "training", "prepare"],
                        default="all", help="what to run (default: all); prepare only installs "
                        "and builds")
    parser.add_argument("--threads", type=_threads, default=None, metavar="N,N",
                        help="numbers of threads (default: 1,2)")
    parser.add_argument("--cpus", type=lambda text: [int(n) for n in text.split(",")],
                        default=None, metavar="N,N",
                        help="processors to use, the first for one thread (default: all allowed)")
    parser.add_argument("--peers", type=lambda text: text.split(","), default=[],
                        help="only these, separated by commas")
    parser.add_argument("--backend", default="tbb", help="lamella's for more than one thread")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all results there as "
                        "well, with machine, commit and versions: a file for bench/results")
    parser.add_argument("--machine", metavar="TEXT", help="what to call the machine in that file "
                        "(default: what its processor says)")
    parser.add_argument("--quick", action="store_true",
                        help="few and short rounds: whether it works, not how fast")
    parser.add_argument("--as-built", action="store_true",
                        help="install and build nothing, measure what is there")
    parser.add_argument("--resume", action="store_true",
                        help="keep what an earlier run with the same settings has measured; other "
                        "threads, peers and parts may be added")
    parser.add_argument("--rest", type=float, default=0, metavar="SECONDS",
                        help="pause between two measurements, for a machine that gets hot "
                        "(default: 0)")
    parser.add_argument("--build-dir", type=Path, default=ROOT / "build" / "peers",
                        help="where everything is installed and built (default: build/peers)")
    parser.add_argument("--set", type=_assignment, action="append", default=[],
                        metavar="NAME=VALUE", help="environment variable for what is measured")
    group = parser.add_argument_group("kernels")
    group.add_argument("--cases", default="", metavar="REGEX", help="only these cases")
    group.add_argument("--rounds", type=int, help="paired rounds (default: 15)")
    group.add_argument("--sample-ms", type=float, help="least milliseconds a sample (default: 20)")
    group = parser.add_argument_group("training")
    group.add_argument("--data", type=Path, default=Path("/usr/share/datasets/fashion-mnist"),
                       help="directory with MNIST's four files (default: %(default)s)")
    group.add_argument("--workloads", default="", metavar="REGEX", help="only these workloads")
    group.add_argument("--epochs", type=int, help="epochs a round, the first not counted "
                       "(default: 4)")
    group.add_argument("--training-rounds", type=int, help="rounds (default: 3)")
    group.add_argument("--with-torch", action="store_true",
                       help="PyTorch too: from the index that PEERS_TORCH_INDEX names, or the "
                       "default one (large)")
    group.add_argument("--torch-python", type=Path, metavar="FILE",
                       help="Python that has torch and numpy already; implies --with-torch")
    group.add_argument("--with-slow", action="store_true",
                       help="dlib, FANN and tiny-dnn too: slow to compile or to train")
    options = parser.parse_args()

    options.with_torch = options.with_torch or options.torch_python is not None
    options.set = dict(options.set)
    quick = {"rounds": 2, "sample_ms": 1.0, "epochs": 1, "training_rounds": 1}
    full = {"rounds": 15, "sample_ms": 20.0, "epochs": 4, "training_rounds": 3}
    for name, value in (quick if options.quick else full).items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    available = len(options.cpus or os.sched_getaffinity(0))
    if options.threads is None:
        options.threads = [n for n in (1, 2) if n <= available]
    if max(options.threads) > available:
        parser.error(f"--threads: there are {available} processors to use")
    return options


def settings(env, options):
    """What results must have in common to stand in one table."""
    names = ("backend", "cases", "rounds", "sample_ms", "data", "epochs", "training_rounds", "set",
             "torch_python")
    return {**{name: getattr(options, name) for name in names}, "cpus": env.cpus,
            "lamella": hashlib.sha256(env.lamella.read_bytes()).hexdigest()[:16]}


def main():
    options = arguments()
    env = Environment(options)
    env.prepare()
    if not options.as_built:
        provenance.record_commit(env)
    if options.what == "prepare":
        return 0
    journal = Journal(options.build_dir / "journal.jsonl", settings(env, options), options.resume)
    started = time.strftime("%Y-%m-%d %H:%M:%S%z")
    peaks = {n: env.peak(n) for n in options.threads}
    lines = [f"{started}, {platform.machine()}, load average {os.getloadavg()[0]:.1f} "
             "(figures count only from an idle machine)"]
    lines += [f"FMA peak, threads: {n}: {rate:.0f} GFLOP/s float ({isa})"
              for n, (rate, isa) in peaks.items()]
    results = {"format": 1, "started": started,
               "machine": provenance.machine(env, options.machine),
               "lamella": provenance.lamella(env, options.backend),
               "settings": provenance.settings(options),
               "peak": {n: {"gflops": rate, "isa": isa} for n, (rate, isa) in peaks.items()}}
    print("\n".join(lines), flush=True)
    for name, module in (("kernels", kernels), ("training", training)):
        if options.what not in ("all", name):
            continue
        if name == "training" and not options.data.is_dir():
            print(f"run: --data={options.data}: no such directory; no training", file=sys.stderr)
            return 1
        results[name] = module.run(env, options, journal)
        print("\n".join(module.lines(results[name])), flush=True)
        if options.json:  # after each part, so that nothing is lost
            options.json.write_text(json.dumps(results, indent=1) + "\n")
    failed = [r for part in ("kernels", "training") for r in results.get(part, []) if "error" in r]
    measured = sum(len(results.get(part, [])) for part in ("kernels", "training"))
    return 1 if failed or measured == 0 else 0
