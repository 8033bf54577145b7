"""Kernels: one process per peer with lamella in it, and the tables made of what they report."""
import json
import math
import statistics

from .environment import say
from .table import number, table


def contenders(env):
    """name -> (program, library or None, further environment) of every peer that is there."""
    own = {"LD_LIBRARY_PATH": str(env.venv / "lib")}
    # The SYCL build of oneDNN reaches the processor through this OpenCL driver.
    driver = env.library("{venv}/lib/libintelocl.so.*")
    sycl = {**own, "OCL_ICD_FILENAMES": str(driver)} if driver else own
    aocl = env.library("{site}/aoclda.libs/libblis-mt*.so*")
    found = {
        "mkl": ("blas", env.library("{venv}/lib/libmkl_rt.so*"), own),
        "openblas": ("blas", env.library("{site}/scipy_openblas32/lib/libscipy_openblas.so"), {}),
        "aocl-blas": ("blas", aocl, {"LD_LIBRARY_PATH": str(aocl.parent)} if aocl else {}),
        "blis": ("blas", env.library(*(f"/usr/lib/{arch}-linux-gnu/blis-pthread/libblis.so.4"
                                       for arch in ("x86_64", "aarch64"))), {}),
        "onednn": ("onednn", env.library("{venv}/lib/libdnnl.so.3"), sycl),
        "onednn-3.2": ("onednn", env.library(f"{env.onednn}/lib/libdnnl.so.3"), {}),
        "eigen": ("eigen", None, {}),
        "xsmm": ("xsmm", None, {}),
    }
    return {name: (env.programs / f"peers_kernels_{program}", library, extra)
            for name, (program, library, extra) in found.items()
            if (env.programs / f"peers_kernels_{program}").exists() and
            (library is not None or program in ("eigen", "xsmm"))}


def run(env, options):
    """[report of every peer and number of threads]; a peer that fails is a report with `error`."""
    reports = []
    known = contenders(env)
    for threads in options.threads:
        for name, (program, library, extra) in known.items():
            if options.peers and name not in options.peers:
                continue
            if name == "xsmm" and threads > 1:
                continue  # its generated kernels have one thread
            say(f"run: kernels, {name}, threads: {threads}")
            command = [program, "--threads", threads, "--rounds", options.rounds,
                       "--sample-ms", options.sample_ms, "--filter", options.cases]
            if library:
                command += ["--library", library]
            if threads > 1:
                command += ["--backend", options.backend]
            try:
                report = json.loads(env.start(command, threads, extra))
            except RuntimeError as error:
                say(f"run: {name}: {error}")
                report = {"threads": threads, "error": str(error)}
            reports.append({"peer": name, **report})
    return reports


def _tables_of(reports, layout):
    """A table of one layout: percent of the roof, ours / peer, the best peer, geometric mean."""
    peers = [report["peer"] for report in reports]
    by_case, percents, units = {}, {}, {}
    for report in reports:
        for case in report["cases"]:
            units[case["case"]] = case["roof"]
            ratios = by_case.setdefault(case["case"], {})
            measured = case.get("contenders", {})
            # A case without layouts of its own (a square) is the same in both tables.
            own = layout if layout in measured else "user"
            if own in measured:
                ratios[report["peer"]] = case["ours_over_peer"][own]
                percents.setdefault(case["case"], []).append(measured[own]["percent_of_roof"])
    rows, least = [], []
    for case, ratios in by_case.items():
        best = min(ratios, key=ratios.get, default=None)
        if best is not None:
            least.append(ratios[best])
        percent = statistics.median(percents[case]) if case in percents else None
        rows.append([case, units[case], number(percent, 0),
                     *(number(ratios.get(peer)) for peer in peers),
                     number(ratios[best]) if best else None, best])
    if least:
        mean = math.exp(statistics.fmean(math.log(ratio) for ratio in least))
        rows.append(["geometric mean", "", "", *("" for _ in peers), number(mean), ""])
    return table(["case", "roof", "ours %", *peers, "ours / best", "which"], rows)


def lines(reports):
    result = []
    for threads in sorted({report["threads"] for report in reports}):
        here = [r for r in reports if r["threads"] == threads and "error" not in r]
        if not here:
            continue
        backend = f"{here[0]['backend']} {here[0]['isa']}"
        for layout, text in (("user", "plain row-major, as the peer gets it"),
                             ("training", "samples in columns, as lamella's network calls it")):
            result += ["", f"Kernels, threads: {threads}, lamella: {backend}, {text}. "
                           "Speed ours / peer.", ""]
            result += _tables_of(here, layout)
    result += ["", "Peers:"]
    for name, version in {r["peer"]: r["version"] for r in reports if "error" not in r}.items():
        result.append(f"  {name}: {version}")
    for report in reports:
        if "error" in report:
            result.append(f"  {report['peer']}, threads: {report['threads']}: not measured: "
                          f"{report['error']}")
    return result
