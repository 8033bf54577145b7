"""Whole epochs: lamella and one peer in turn, each in a process of its own."""
import re
import statistics
import subprocess
import tempfile
from pathlib import Path

from .environment import PEERS, SLOW, json_lines
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


def flops_per_sample(layers):
    """What cannot be avoided: forward, weight gradients, and all input gradients but the first."""
    products = [below * above for below, above in zip(layers, layers[1:])]
    return 2 * (3 * sum(products) - products[0])


def contenders(env, options):
    """name -> command of every peer that is there."""
    scripts = PEERS / "training"
    found = {"numpy": [env.python, scripts / "numpy_mlp.py"],
             "sklearn": [env.python, scripts / "sklearn_mlp.py"]}
    found = {name: command for name, command in found.items() if has(env.python, name)}
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


def speed(epochs):
    """Median samples a second; the first epoch, in which things are warmed up, does not count."""
    counted = epochs[1:] or epochs
    return statistics.median(epoch["samples_per_second"] for epoch in counted)


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
        return json_lines(log.read_text())


def run_peer(env, options, threads, workload, command, epochs):
    """(version, what each epoch reported)"""
    layers, batch, optimizer, rate = workload
    output = env.start([*command, "--data", options.data, "--layers", ",".join(map(str, layers)),
                        "--batch", batch, "--epochs", epochs, "--threads", threads,
                        "--optimizer", optimizer, "--learning-rate", rate], threads)
    first, *reports = json_lines(output) or [{}]
    if not reports:
        raise RuntimeError("the peer reported no epoch")
    return first["version"], reports


def compare(env, options, threads, workload, command, peer_epochs):
    """Paired rounds of lamella and one peer; the order changes."""
    flops = flops_per_sample(workload[0])
    ours, theirs, peaks, accuracies, version = [], [], [], [], ""
    for round_number in range(options.training_rounds):
        peak = env.peak(threads)[0]
        for turn in range(2):
            if (turn + round_number) % 2 == 0:
                own = run_lamella(env, options, threads, workload)
            else:
                version, peer = run_peer(env, options, threads, workload, command, peer_epochs)
        peaks.append(max(peak, env.peak(threads)[0]) * 1e9)
        ours.append(speed(own))
        theirs.append(speed(peer))
        accuracies.append((own[-1]["test_accuracy"], peer[-1]["test_accuracy"]))
        for name, accuracy in zip(("lamella", "the peer"), accuracies[-1]):
            if accuracy < LEARNT:
                raise RuntimeError(f"{name} does not learn: test accuracy {accuracy}")
    return {"version": version,
            "ours_over_peer": statistics.median(a / b for a, b in zip(ours, theirs)),
            "samples_per_second": {"ours": statistics.median(ours),
                                   "peer": statistics.median(theirs)},
            "percent_of_peak": {
                "ours": statistics.median(100 * s * flops / r for s, r in zip(ours, peaks)),
                "peer": statistics.median(100 * s * flops / r for s, r in zip(theirs, peaks))},
            "test_accuracy": {"ours": statistics.median(a for a, _ in accuracies),
                              "peer": statistics.median(b for _, b in accuracies)}}


def run(env, options, journal):
    """[a result of every number of threads, workload and peer]"""
    found = contenders(env, options)
    wanted = [(threads, name, peer, command)
              for threads in options.threads
              for name in WORKLOADS if re.search(options.workloads, name)
              for peer, command in found.items()
              if (not options.peers or peer in options.peers) and
              (peer not in SLOWEST or (threads == 1 and name in SLOWEST_WORKLOADS))]
    progress = Progress("training", len(wanted), options.rest)
    results = []
    for threads, name, peer, command in wanted:
        result = journal.get("training", threads, name, peer)
        if result:
            progress.skip()
        else:
            try:
                with progress.measurement(f"{name}, {peer}, threads: {threads}"):
                    result = compare(env, options, threads, WORKLOADS[name], command,
                                     1 if peer in SLOW else options.epochs)
                    journal.add(result, "training", threads, name, peer)
            except RuntimeError as error:
                result = {"error": str(error)}
        results.append({"workload": name, "threads": threads, "peer": peer, **result})
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
