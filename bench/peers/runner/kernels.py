"""Kernels: one process per peer with lamella in it, and the tables made of what they report."""
import statistics

from .environment import say
from .progress import Progress
from .table import geometric_mean, number, table


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
    return {name: (env.program(f"kernels_{program}"), library, extra)
            for name, (program, library, extra) in found.items()
            if env.program(f"kernels_{program}") and
            (library is not None or program in ("eigen", "xsmm"))}


def _measure(env, options, threads, contender):
    """{peer and settings, cases: [...]}; with `error` if the run did not finish."""
    program, library, extra = contender
    command = [program, "--threads", threads, "--rounds", options.rounds,
               "--sample-ms", options.sample_ms, "--filter", options.cases]
    if library:
        command += ["--library", library]
    if threads > 1:
        command += ["--backend", options.backend]
    lines, error = env.start_for_lines(command, threads, extra)
    if not lines:
        raise RuntimeError(error or "no result")
    report = {**lines[0], "cases": lines[1:]}
    wrong = [f"{case['case']}: {case['error']}" for case in lines[1:] if "error" in case]
    if error:
        wrong.append(f"ended after {len(lines) - 1} cases: {error}")
    return {**report, "error": "; ".join(wrong)} if wrong else report


def run(env, options, journal):
    """[report of every peer and number of threads]; a peer that fails is a report with `error`."""
    wanted = [(threads, name, contender) for threads in options.threads
              for name, contender in contenders(env).items()
              if (not options.peers or name in options.peers) and
              (name != "xsmm" or threads == 1)]  # its generated kernels have one thread
    progress = Progress("kernels", len(wanted), options.rest)
    reports = []
    for threads, name, contender in wanted:
        report = journal.get("kernels", threads, name)
        if report:
            progress.skip()
        else:
            try:
                with progress.measurement(f"{name}, threads: {threads}"):
                    report = _measure(env, options, threads, contender)
                    if "error" in report:
                        say(f"run:   {report['error']}")
                    else:
                        journal.add(report, "kernels", threads, name)
            except RuntimeError as error:
                report = {"error": str(error), "cases": []}
        reports.append({"peer": name, "threads": threads, **report})
    return reports


def _tables_of(reports, layout):
    """A table of one layout: percent of the peak, ours / peer, the best peer, geometric mean."""
    peers = [report["peer"] for report in reports]
    by_case, percents, units = {}, {}, {}
    for report in reports:
        for case in report["cases"]:
            units[case["case"]] = case["peak"]
            ratios = by_case.setdefault(case["case"], {})
            measured = case.get("contenders", {})
            # A case without layouts of its own (a square) is the same in both tables.
            own = layout if layout in measured else "row_major"
            if own in measured:
                ratios[report["peer"]] = case["ours_over_peer"][own]
                percents.setdefault(case["case"], []).append(measured[own]["percent_of_peak"])
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
        columns = ([ratios[peer] for ratios in by_case.values() if peer in ratios]
                   for peer in peers)
        rows.append(["geometric mean", "", "", *(number(geometric_mean(c)) for c in columns),
                     number(geometric_mean(least)), ""])
    return table(["case", "peak", "ours %", *peers, "ours / best", "which"], rows)


def lines(reports):
    result = []
    for threads in sorted({report["threads"] for report in reports}):
        here = [r for r in reports if r["threads"] == threads and r["cases"]]
        if not here:
            continue
        backend = f"{here[0]['backend']} {here[0]['isa']}"
        for layout, text in (("row_major", "plain row-major, as the peer gets it"),
                             ("col_major", "samples in columns, as lamella's network calls it")):
            result += ["", f"Kernels, threads: {threads}, lamella: {backend}, {text}. "
                           "Speed ours / peer.", ""]
            result += _tables_of(here, layout)
    result += ["", "Peers:"]
    for name, version in {r["peer"]: r["version"] for r in reports if r["cases"]}.items():
        result.append(f"  {name}: {version}")
    for report in reports:
        if "error" in report:
            result.append(f"  {report['peer']}, threads: {report['threads']}: not all was "
                          f"measured: {report['error']}")
    return result
