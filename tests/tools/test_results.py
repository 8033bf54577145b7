"""The committed page and picture are what the committed result files give. `tools/results --check`
notices if a result file or a page was changed by hand. The runner's own code makes the samples."""
import json
import re
import subprocess
import sys
import tempfile
import types
import unittest
import xml.etree.ElementTree as xml
from pathlib import Path

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench" / "peers"))

from runner import provenance, training  # noqa: E402

SPEEDS = {1: {"lamella": 60000, "jax": 45000, "numpy": 30000},
          2: {"lamella": 120000, "jax": 60000, "numpy": 150000}}


def runs(speed, version):
    """Three rounds of an epoch to warm up and two that count; the median round has `speed`."""
    return [training.Run([{"samples_per_second": s, "seconds": 60000 / s, "test_accuracy": 0.85,
                           "train_loss": 0.6} for s in (1, speed * factor, speed * factor)],
                         version, 1e12) for factor in (0.9, 1.0, 1.2)]


def result_file(workload="784-512-256-10 b128", started="2026-12-01 00:45:00+0000"):
    options = types.SimpleNamespace(threads=[1, 2], rounds=15, sample_ms=20, epochs=3,
                                    training_rounds=3, rest=0, set={})
    results = [{"workload": workload, "threads": threads, "peer": peer,
                **training.summary(peer, training.WORKLOADS[workload],
                                   runs(speeds["lamella"], ""),
                                   runs(speeds[peer], f"{peer} 1.2.3"))}
               for threads, speeds in SPEEDS.items() for peer in ("numpy", "jax")]
    results.append({"workload": workload, "threads": 1, "peer": "torch", "error": "no such module"})
    return {"format": 1, "started": started,
            "machine": provenance.machine(types.SimpleNamespace(cpus=[0, 1]), "A & B, <two> cores"),
            "lamella": {"version": "lamella 0.1.0", "commit": "0123456789abcdef" * 2,
                        "commit_date": "2026-11-30", "modified": False, "compiler": "g++ 12",
                        "build_type": "Release", "backend_on_one_thread": "simd",
                        "backend_on_more_threads": "tbb"},
            "settings": provenance.settings(options), "training": results,
            "peak": {"1": {"gflops": 250, "isa": "avx512"}, "2": {"gflops": 500, "isa": "avx512"}}}


class Results(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.files, self.docs = Path(directory.name) / "files", Path(directory.name) / "docs"
        self.files.mkdir()
        self.docs.mkdir()

    def write(self, data, name="machine.json"):
        (self.files / name).write_text(json.dumps(data))

    def results(self, *arguments, status=0):
        done = subprocess.run([sys.executable, str(ROOT / "tools" / "results"), *arguments,
                               "--results", str(self.files), "--docs", str(self.docs)],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def test_committed_pages_are_current(self):
        done = subprocess.run([sys.executable, str(ROOT / "tools" / "results"), "--check"],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_committed_files_can_be_trusted(self):
        for path in (ROOT / "bench" / "results").glob("*.json"):
            text = path.read_text()
            self.assertNotIn('"/', text, f"{path.name} names a path of the machine")
            self.assertFalse(json.loads(text)["lamella"]["modified"], f"{path.name}: which commit?")
            self.assertGreater(json.loads(text)["settings"]["epochs"], 1, f"{path.name} is --quick")
            self.assertLess(len(text), 200_000)

    def test_figures_are_those_of_the_file(self):
        self.write(result_file())
        self.results()
        self.results("--check")
        page = (self.docs / "results.md").read_text()
        # 2 (3 Σ d_l d_{l-1} - d_1 d_0) = 2407424 flops a sample, of a peak of 1 TFLOP/s.
        first = "| 784-512-256-10, batch 128 "
        self.assertIn(f"{first}| **lamella** | 1.00 (0.90 to 1.20) | 14 |  | 85.0 % |", page)
        self.assertIn("|  | JAX | 0.75 (0.68 to 0.90) | 11 | 1.33 x | 85.0 % |", page)
        self.assertIn(f"{first}| NumPy | 2.50 (2.25 to 3.00) | 36 | 0.80 x | 85.0 % |", page)
        self.assertIn("Not measured: torch (784-512-256-10, batch 128, threads: 1).", page)
        self.assertIn("commit 0123456 of 2026-11-30", page)

    def test_the_picture_shows_them(self):
        self.write(result_file())
        self.results()
        svg = xml.parse(self.docs / "epochs.svg").getroot()
        texts = {kind: [t for t in svg.iter("{http://www.w3.org/2000/svg}text")
                        if kind in t.get("class").split()] for kind in ("name", "value", "group")}
        self.assertEqual([t.text for t in texts["group"]], ["One thread", "Two threads"])
        self.assertEqual([t.text for t in texts["name"]],
                         ["lamella", "JAX", "NumPy", "NumPy", "lamella", "JAX"])
        self.assertEqual(["".join(t.itertext()) for t in texts["value"]],
                         ["1.00 epochs/s", "0.7575 % of lamella", "0.5050 %",
                          "2.50125 %", "2.00", "1.0050 %"])
        starts = {float(re.match(r"M([\d.]+)", bar.get("d"))[1]) for bar in self.bars(svg)}
        self.assertEqual(len(starts), 1)
        lengths = [float(t.get("x")) - starts.copy().pop() - 8 for t in texts["value"]]
        for length, speed in zip(lengths, [1.0, 0.75, 0.5, 2.5, 2.0, 1.0]):
            self.assertAlmostEqual(length / lengths[0], speed, delta=0.01)
        for text, bar in zip(lengths, self.bars(svg)):
            straight, corner = re.search(r"h([\d.]+)q([\d.]+)", bar.get("d")).groups()
            self.assertAlmostEqual(text, float(straight) + float(corner), delta=0.2)
        description = svg.find("{http://www.w3.org/2000/svg}desc").text
        self.assertIn("One thread: lamella 1.00, JAX 0.75, NumPy 0.50.", description)

    @staticmethod
    def bars(svg):
        return [path for path in svg.iter("{http://www.w3.org/2000/svg}path")
                if "bar" in path.get("class").split()]

    def test_the_newest_file_with_the_network_is_shown(self):
        self.write(result_file(started="2026-12-01 00:45:00+0000"), "old.json")
        new = result_file(started="2026-12-05 00:45:00+0000")
        new["machine"]["name"] = "the new one"
        self.write(new, "new.json")
        self.write(result_file("784-128-10 b128", "2026-12-07 00:45:00+0000"), "other.json")
        self.results()
        self.assertIn("2026-12-05 on the new one", (self.docs / "epochs.svg").read_text())

    def test_without_files_there_is_no_picture(self):
        (self.docs / "epochs.svg").write_text("left over")
        self.assertIn("epochs.svg is not what", self.results("--check", status=1))
        self.results()
        self.assertFalse((self.docs / "epochs.svg").exists())
        self.results("--check")

    def test_a_changed_page_is_noticed(self):
        self.write(result_file())
        for name, figure in (("results.md", "1.33 x"), ("epochs.svg", "epochs/s")):
            self.results()
            page = self.docs / name
            self.assertIn(figure, page.read_text())
            page.write_text(page.read_text().replace(figure, "1.43 x"))
            self.assertIn(f"{name} is not what", self.results("--check", status=1))
            page.unlink()
            self.assertIn(f"{name} is not what", self.results("--check", status=1))

    def test_a_changed_result_file_is_noticed(self):
        data = result_file()
        self.write(data)
        self.results()
        data["training"][0]["test_accuracy"]["peer"] = 0.5
        self.write(data)
        self.assertIn("results.md is not what", self.results("--check", status=1))

    def test_a_median_that_is_not_that_of_its_rounds_is_refused(self):
        for change in (lambda r: r["samples_per_second"].update(ours=61000),
                       lambda r: r["samples_per_second"].update(peer=29000),
                       lambda r: r.update(ours_over_peer=2.1),
                       lambda r: r["rounds"]["ours"].pop()):
            data = result_file()
            change(data["training"][0])
            self.write(data)
            self.assertIn("machine.json", self.results(status=1))
            self.assertEqual(list(self.docs.iterdir()), [])

    def test_something_else_is_refused(self):
        for text in ("[]", "{}", "no", '{"format": 2}', '{"format": 1, "training": [{}]}'):
            (self.files / "machine.json").write_text(text)
            self.assertIn("machine.json", self.results(status=1))


if __name__ == "__main__":
    unittest.main()
