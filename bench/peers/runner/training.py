"""Whole epochs: lamella and one peer in turn, each in a process of its own."""
import json
import re
import statistics
import subprocess
import tempfile
from pathlib import Path

from .environment import PEERS, say
from .table import number, table

# name: (layers, batch, optimizer, learning rate)
WORKLOADS = {
    "784-128-10 b128": ([784, 128, 10], 128, "sgd", 0.1),
    "784-512-256-10 b128": ([784, 512, 256, 10], 128, "sgd", 0.1),
    "784-512-256-10 b32": ([784, 512, 256, 10], 32, "sgd", 0.1),
    "784-512-256-10 b512": ([784, 512, 256, 10], 512, "sgd", 0.1),
    "784-1024x3-10 b128": ([784, 1024, 1024, 1024, 10], 128, "sgd", 0.1),
    "784-512-256-10 b128 adam": ([784, 512, 256, 10], 128, "adam", 0.001),
}

# Peers so slow that a round is one epoch of theirs. What FANN cannot do: README.md.
SLOW = ("fann", "dlib")
FANN_WORKLOADS = ("784-128-10 b128", "784-512-256-10 b128")


def flops_per_sample(layers):
    """What cannot be avoided: forward, weight gradients, and all input gradients but the first."""
    products = [below * above for below, above in zip(layers, layers[1:])]
    return 2 * (3 * sum(products) - products[0])


def contenders(env, options):
    """name -> command of every peer that is there."""
    scripts = PEERS / "training"
    found = {"numpy": [env.python, scripts / "numpy_mlp.py"],
             "sklearn": [env.python, scripts / "sklearn_mlp.py"]}
    if options.with_torch:
        python = options.torch_python or env.python
        found["torch"] = [python, scripts / "torch_mlp.py"]
        found["torch-compile"] = [python, scripts / "torch_mlp.py", "--compile"]
    for name in ("eigen", "fann", "dlib"):
        program = env.programs / f"peers_train_{name}"
        if program.exists() and (options.with_slow or name not in SLOW):
            found[name] = [program]
    return found


def json_lines(text):
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def speed(epochs):
    """Median samples a second; the first epoch, in which things are warmed up, does not count."""
    counted = epochs[1:] or epochs
    return statistics.median(epoch["samples_per_second"] for epoch in counted)


def knows_optimizers(env):
    text = subprocess.run([str(env.lamella), "train", "--help"], capture_output=True, text=True)
    return "--optimizer" in text.stdout


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
    first, *reports = json_lines(output)
    return first["version"], reports


def compare(env, options, threads, workload, command, peer_epochs):
    """Paired rounds of lamella and one peer; who comes first changes."""
    flops = flops_per_sample(workload[0])
    ours, theirs, roofs, accuracies, version = [], [], [], [], ""
    for round_number in range(options.training_rounds):
        roof = env.roof(threads)[0]
        for turn in range(2):
            if (turn + round_number) % 2 == 0:
                own = run_lamella(env, options, threads, workload)
            else:
                version, peer = run_peer(env, options, threads, workload, command, peer_epochs)
        roofs.append(max(roof, env.roof(threads)[0]) * 1e9)
        ours.append(speed(own))
        theirs.append(speed(peer))
        accuracies.append((own[-1]["test_accuracy"], peer[-1]["test_accuracy"]))
    return {"version": version,
            "ours_over_peer": statistics.median(a / b for a, b in zip(ours, theirs)),
            "samples_per_second": {"ours": statistics.median(ours),
                                   "peer": statistics.median(theirs)},
            "percent_of_roof": {
                "ours": statistics.median(100 * s * flops / r for s, r in zip(ours, roofs)),
                "peer": statistics.median(100 * s * flops / r for s, r in zip(theirs, roofs))},
            "test_accuracy": {"ours": statistics.median(a for a, _ in accuracies),
                              "peer": statistics.median(b for _, b in accuracies)}}


def run(env, options):
    """[a result of every number of threads, workload and peer]"""
    results = []
    adam = knows_optimizers(env)
    wanted = {name: workload for name, workload in WORKLOADS.items()
              if re.search(options.workloads, name)}
    for threads in options.threads:
        for name, workload in wanted.items():
            if workload[2] != "sgd" and not adam:
                say(f"run: {name}: left out, this `lamella train` has no --optimizer")
                continue
            for peer, command in contenders(env, options).items():
                if options.peers and peer not in options.peers:
                    continue
                if peer == "fann" and (threads > 1 or name not in FANN_WORKLOADS):
                    continue
                say(f"run: training, {name}, {peer}, threads: {threads}")
                try:
                    result = compare(env, options, threads, workload, command,
                                     1 if peer in SLOW else options.epochs)
                except RuntimeError as error:
                    say(f"run: {peer}: {error}")
                    result = {"error": str(error)}
                results.append({"workload": name, "threads": threads, "peer": peer, **result})
    return results


def lines(results):
    result, versions = [], {}
    for threads in sorted({r["threads"] for r in results}):
        result += ["", f"Training, threads: {threads}. Thousand samples a second, % of the FMA "
                       "roof, test accuracy %.", ""]
        rows = []
        for r in (r for r in results if r["threads"] == threads):
            if "error" in r:
                rows.append([r["workload"], r["peer"], "not measured", *[None] * 6])
                continue
            versions[r["peer"]] = r["version"]
            cells = [r["workload"], r["peer"], number(r["ours_over_peer"])]
            for key, factor, digits in (("samples_per_second", 1e-3, 1),
                                        ("percent_of_roof", 1, 0), ("test_accuracy", 100, 1)):
                cells += [number(r[key][who] * factor, digits) for who in ("ours", "peer")]
            rows.append(cells)
        result += table(["workload", "peer", "ours / peer", "ours k/s", "peer k/s", "ours %roof",
                         "peer %roof", "ours acc", "peer acc"], rows)
    result += ["", "Peers:"] + [f"  {name}: {version}" for name, version in versions.items()]
    return result
