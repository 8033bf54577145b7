"""Whole epochs: lamella and its peers in rounds, each in a process of its own."""
import re
import statistics
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .environment import PEERS, SLOW, json_lines, say
from .progress import Progress
from .table import geometric_mean, number, table

# name: (layers, batch, optimizer, learning rate)
WORKLOADS = {
    "784-128-10 b128": ([784, 128, 10], 128, "sgd", 0.1),
    "784-512-256-10 b128": ([784, 512, 256, 10], 128, "sgd", 0.1),
    "784-512-256-10 b32": ([784, 512, 256, 10], 32, "sgd", 0.1),
    "784-512-256-10 b512": ([784, 512, 256, 10], 512, "sgd", 0.1),
    "784-1024x3-10 b128": ([784, 1024, 1024, 1024, 10], 128, "sgd", 0.1),
    "784-512-256-10 b128 adam": ([784, 512, 256, 10], 128, "adam", 0.001),
}

# These are measured on one thread, with two workloads: README.md.
SLOWEST = ("fann", "tinydnn")
SLOWEST_WORKLOADS = ("784-128-10 b128", "784-512-256-10 b128")

# Less test accuracy than this after an epoch (ten classes): something else was computed.
LEARNT = 0.5

# Peers that start as lamella does, from He's initialisation. The mean loss of their first epoch
# differs from lamella's by the random numbers only: 1 to 4 % were seen.
SAME_START = ("numpy", "jax", "torch", "torch-compile", "eigen")
LOSS_TOLERANCE = 0.1


def flops_per_sample(layers):
    """What cannot be avoided: forward, weight gradients, and all input gradients but the first."""
    products = [below * above for below, above in zip(layers, layers[1:])]
    return 2 * (3 * sum(products) - products[0])


def contenders(env, options):
    """name -> command of every peer that is there."""
    scripts = PEERS / "training"
    found = {name: [env.python, scripts / f"{name}_mlp.py"] for name in ("numpy", "sklearn", "jax")
             if has(env.python, name)}
    if options.with_torch:
        python = options.torch_python or env.python
        command = [python, scripts / "torch_mlp.py"]
        if has(python, "torch"):
            found["torch"] = command
        if has(python, "torch", "torch.compile"):
            found["torch-compile"] = [*command, "--compile"]
    for name in ("eigen", *SLOW):
        if program := env.program(f"train_{name}"):
            found[name] = [program]
    return found


def has(python, module, attribute=None):
    """Whether a Python can import it, and it has the attribute."""
    return subprocess.run([str(python), "-c", f"import {module}; {attribute or module}"],
                          capture_output=True).returncode == 0


@dataclass
class Run:
    """A process that trained: what its epochs reported, the version, the peak around it."""
    epochs: list
    version: str = ""
    peak: float = 0.0

    @property
    def speed(self):
        """Median samples a second; the first epoch, which warms things up, does not count."""
        counted = self.epochs[1:] or self.epochs
        return statistics.median(epoch["samples_per_second"] for epoch in counted)

    @property
    def accuracy(self):
        return self.epochs[-1]["test_accuracy"]

    @property
    def first_loss(self):
        """None if it reports none."""
        return self.epochs[0].get("train_loss")


def run_lamella(env, options, threads, workload):
    layers, batch, optimizer, rate = workload
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "log"
        command = [env.lamella, "train", "--data", options.data, "--quiet", "--log", log,
                   "--hidden", ",".join(map(str, layers[1:-1])), "--batch-size", batch,
                   "--learning-rate", rate, "--epochs", options.epochs, "--threads", threads,
                   "--backend", "simd" if threads == 1 else options.backend]
        if optimizer != "sgd":
            command += ["--optimizer", optimizer]
        env.start(command, threads)
        reports = json_lines(log.read_text())
        if not reports:
            raise RuntimeError("lamella reported no epoch")
        return Run(reports)


def run_peer(env, options, threads, workload, command, epochs):
    layers, batch, optimizer, rate = workload
    output = env.start([*command, "--data", options.data, "--layers", ",".join(map(str, layers)),
                        "--batch", batch, "--epochs", epochs, "--threads", threads,
                        "--optimizer", optimizer, "--learning-rate", rate], threads)
    first, *reports = json_lines(output) or [{}]
    if not reports:
        raise RuntimeError("the peer reported no epoch")
    return Run(reports, first["version"])


def check(name, run):
    """RuntimeError if the run has computed something else than training."""
    if not run.accuracy >= LEARNT:
        raise RuntimeError(f"{name} does not learn: test accuracy {run.accuracy}")


def check_loss(peer, theirs, ours):
    """RuntimeError if the first epochs of lamella and of a peer with the same start differ."""
    losses = [(a.first_loss, b.first_loss) for a, b in zip(theirs, ours)]
    for their, our in losses if peer in SAME_START else []:
        if their is not None and not abs(their - our) <= LOSS_TOLERANCE * our:
            raise RuntimeError(f"the peer's loss in the first epoch is {their:.4f}, "
                               f"lamella's {our:.4f}")


def order_of(names, round_number):
    """In each round someone else begins, and every second round goes backwards."""
    names = names[::-1] if round_number % 2 else names
    first = round_number % len(names)
    return names[first:] + names[:first]


def measure(env, options, threads, workload, peers, progress, title):
    """peer -> (runs of lamella, runs of the peer), or RuntimeError; peers: name -> command. Each
    takes one turn in every round."""
    runs = {name: [] for name in ("lamella", *peers)}
    failed = {}

    def turn(name):
        before = env.peak(threads)[0]
        if name == "lamella":
            run = run_lamella(env, options, threads, workload)
        else:
            run = run_peer(env, options, threads, workload, peers[name],
                           1 if name in SLOW else options.epochs)
        check("lamella" if name == "lamella" else "the peer", run)
        run.peak = max(before, env.peak(threads)[0]) * 1e9
        runs[name].append(run)

    for round_number in range(options.training_rounds):
        if "lamella" in failed:
            break
        with progress.measurement(f"{title}, threads: {threads}, round {round_number + 1}"):
            for name in order_of([name for name in runs if name not in failed], round_number):
                try:
                    turn(name)
                except RuntimeError as error:
                    failed[name] = error
                    say(f"run:   {name}: {error}")
    return {peer: failed.get("lamella") or failed.get(peer) or (runs["lamella"], runs[peer])
            for peer in peers}


def summary(peer, workload, ours, theirs):
    """A peer's result: medians over the rounds, and the rounds themselves."""
    check_loss(peer, theirs, ours)
    flops = flops_per_sample(workload[0])
    sides = {"ours": ours, "peer": theirs}

    def medians(value):
        return {side: statistics.median(map(value, runs)) for side, runs in sides.items()}
    last = ours[-1].epochs[-1]
    result = {"version": theirs[-1].version,
              "samples_per_epoch": round(last["samples_per_second"] * last["seconds"]),
              "ours_over_peer": statistics.median(a.speed / b.speed for a, b in zip(ours, theirs)),
              "samples_per_second": medians(lambda run: run.speed),
              "percent_of_peak": medians(lambda run: 100 * run.speed * flops / run.peak),
              "test_accuracy": medians(lambda run: run.accuracy),
              "rounds": {side: [{"samples_per_second": run.speed, "peak_gflops": run.peak / 1e9}
                                for run in runs] for side, runs in sides.items()}}
    if theirs[0].first_loss is not None:
        result["first_train_loss"] = medians(lambda run: run.first_loss)
    return result


def run(env, options, journal):
    """[a result of every number of threads, workload and peer]"""
    found = contenders(env, options)
    wanted = [(threads, name, [peer for peer in found
                               if (not options.peers or peer in options.peers) and
                               (peer not in SLOWEST or
                                (threads == 1 and name in SLOWEST_WORKLOADS))])
              for threads in options.threads
              for name in WORKLOADS if re.search(options.workloads, name)]
    progress = Progress("training", len(wanted) * options.training_rounds, options.rest)
    results = []
    for threads, name, peers in wanted:
        by_peer = {peer: journal.get("training", threads, name, peer) for peer in peers}
        missing = {peer: found[peer] for peer in peers if not by_peer[peer]}
        if missing:
            measured = measure(env, options, threads, WORKLOADS[name], missing, progress, name)
        else:
            measured = {}
            for _ in range(options.training_rounds):
                progress.skip()
        for peer, runs in measured.items():
            try:
                if isinstance(runs, RuntimeError):
                    raise runs
                by_peer[peer] = summary(peer, WORKLOADS[name], *runs)
                journal.add(by_peer[peer], "training", threads, name, peer)
            except RuntimeError as error:
                by_peer[peer] = {"error": str(error)}
        results += [{"workload": name, "threads": threads, "peer": peer, **by_peer[peer]}
                    for peer in peers]
    return results


def _every_pair(results):
    """A row for each workload and peer."""
    rows = []
    for r in results:
        if "error" in r:
            rows.append([r["workload"], r["peer"], "not measured", *[None] * 6])
            continue
        cells = [r["workload"], r["peer"], number(r["ours_over_peer"])]
        for key, factor, digits in (("samples_per_second", 1e-3, 1),
                                    ("percent_of_peak", 1, 0), ("test_accuracy", 100, 1)):
            cells += [number(r[key][side] * factor, digits) for side in ("ours", "peer")]
        rows.append(cells)
    return table(["workload", "peer", "ours / peer", "ours k/s", "peer k/s", "ours %peak",
                  "peer %peak", "ours acc", "peer acc"], rows)


def _best_of(results):
    """A row for each workload: the peers in columns, the best of them, the geometric mean."""
    measured = [r for r in results if "error" not in r]
    peers = list(dict.fromkeys(r["peer"] for r in measured))
    ratios = {}
    for r in measured:
        ratios.setdefault(r["workload"], {})[r["peer"]] = r["ours_over_peer"]
    rows = []
    for workload, by_peer in ratios.items():
        best = min(by_peer, key=by_peer.get)
        rows.append([workload, *(number(by_peer.get(peer)) for peer in peers),
                     number(by_peer[best]), best])
    columns = ([by_peer[peer] for by_peer in ratios.values() if peer in by_peer] for peer in peers)
    least = geometric_mean([min(by_peer.values()) for by_peer in ratios.values()])
    rows.append(["geometric mean", *(number(geometric_mean(c)) for c in columns), number(least), ""])
    return table(["workload", *peers, "ours / best", "which"], rows)


def lines(results):
    result = []
    for threads in sorted({r["threads"] for r in results}):
        here = [r for r in results if r["threads"] == threads]
        result += ["", f"Training, threads: {threads}. Thousand samples a second, % of the FMA "
                       "peak, test accuracy %.", "", *_every_pair(here),
                   "", f"Training, threads: {threads}. Samples a second, ours / peer.", "",
                   *_best_of(here)]
    versions = {r["peer"]: r["version"] for r in results if "error" not in r}
    result += ["", "Peers:"] + [f"  {name}: {version}" for name, version in versions.items()]
    result += [f"  {r['peer']}, {r['workload']}, threads: {r['threads']}: {r['error']}"
               for r in results if "error" in r]
    return result
