"""docs/performance/results.md: for each result file the machine, tables of training, versions."""
from picture import number

# Pages from before there were result files.
ARCHIVE = [("Zen 4, AVX-512", "results-zen4.md"), ("Xeon, AVX-512", "results-xeon.md"),
           ("Zen 3, AVX2", "results-zen3.md")]

INTRODUCTION = """\
# Results

<!-- tools/results makes this page from bench/results/*.json. Change those, or the script. -->

Training beside other libraries, one section for each machine. [bench/peers](../../bench/peers/README.md) measures and
says how: lamella and every library train Fashion-MNIST in turn, in rounds, and a figure is the median over the rounds.
A result file has all rounds. This makes page and picture from the files in `bench/results/`:

<!-- not run: tools.results checks that they are what the files give -->
    tools/results

| column | meaning |
|---|---|
| epochs/s | epochs of 60,000 images a second: the median over rounds, in brackets the slowest and the fastest round |
| % of peak | of the multiply-adds that the processor does in registers at the same moment ([methodology](methodology.md)) |
| lamella is | how many times as fast as this library lamella is, the median of the ratios within a round |
| accuracy | on the test images after the last epoch of a round |
"""


def _table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]


def workload_text(name):
    """"784-512-256-10 b128 adam" as people say it."""
    network, batch, *optimizer = name.split()
    text = f"{network}, batch {batch.removeprefix('b')}"
    return text + (", Adam" if optimizer == ["adam"] else "")


def commit_text(lamella):
    changed = ", sources changed since" if lamella["modified"] else ""
    return f"{lamella['commit'][:7]} of {lamella['commit_date']}{changed}"


def _machine(data):
    processor, settings = data["machine"]["processor"], data["settings"]
    model = processor.get("model", processor["architecture"])
    if "family" in processor:
        model += f" (family {processor['family']}, model {processor['model_number']}, " \
                 f"stepping {processor['stepping']})"
    peaks = [f"{peak['gflops']:.0f} GFLOP/s on {threads} thread{'s' if threads != '1' else ''}"
             for threads, peak in data["peak"].items()]
    isa = next(iter(data["peak"].values()))["isa"]
    lamella = data["lamella"]
    return _table(["", ""], [
        ["processor", model + (", virtual" if processor["virtual"] else "")],
        ["caches", ", ".join(data["machine"]["caches"])],
        ["FMA peak", f"{', '.join(peaks)}, float, {isa}"],
        ["system", f"{data['machine']['system']}, Linux {data['machine']['kernel']}"],
        ["lamella", f"{lamella['version'].removeprefix('lamella ')}, "
                    f"commit {commit_text(lamella)}, "
                    f"backend {lamella['backend_on_one_thread']} on one thread, "
                    f"{lamella['backend_on_more_threads']} on more"],
        ["compiler", f"{lamella['compiler']}, {lamella['build_type']}"],
        ["measured", f"{data['started']}, load average {settings['load_average']:.1f}, "
                     f"{settings['training_rounds']} rounds of {settings['epochs']} epochs, "
                     "the first epoch of a round not counted"],
    ])


def _training(file, threads):
    rows = []
    for workload in file.workloads:
        for place, speed in enumerate(file.speeds(workload, threads)):
            ours = speed.peer == "lamella"
            spread = f"{number(min(speed.rounds))} to {number(max(speed.rounds))}"
            rows.append([workload_text(workload) if place == 0 else "",
                         f"**{speed.name}**" if ours else f"{speed.name}",
                         f"{number(speed.epochs_per_second)} ({spread})",
                         f"{speed.percent_of_peak:.0f}",
                         "" if ours else f"{speed.ours_over_peer:.2f} x",
                         f"{100 * speed.test_accuracy:.1f} %"])
    return _table(["network", "library", "epochs/s", "% of peak", "lamella is", "accuracy"], rows)


def _section(file):
    lines = ["", f"## {file.data['machine']['name']}", "",
             f"From [{file.path.name}](../../bench/results/{file.path.name}).", "",
             *_machine(file.data)]
    counts = sorted({r["threads"] for r in file.training})
    for threads in counts:
        lines += ["", f"### Training, threads: {threads}", "", *_training(file, threads)]
    versions = {r["peer"]: r["version"] for r in file.training if r["threads"] == counts[0]}
    failed = [f"{r['peer']} ({workload_text(r['workload'])}, threads: {r['threads']})"
              for r in file.data["training"] if "error" in r]
    lines += ["", "Versions:", "", *(f"- {version}" for version in versions.values())]
    if failed:
        lines += ["", "Not measured: " + ", ".join(failed) + "."]
    return lines


def page(files, picture_text):
    """The whole page; files: ResultFile; picture_text: what the picture shows, None without one."""
    lines = INTRODUCTION.splitlines()
    if picture_text:
        lines += ["", f"![{picture_text}](epochs.svg)"]
    if not files:
        lines += ["", "There is no result file yet."]
    for file in files:
        if file.training:
            lines += _section(file)
    lines += ["", "## Older pages", "",
              "Written by hand, before there were result files. They also have figures of single "
              "products.",
              "", *_table(["machine", "page"],
                          [[machine, f"[{name}]({name})"] for machine, name in ARCHIVE])]
    return "\n".join(lines) + "\n"
