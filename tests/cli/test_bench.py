"""`lamella bench`: what it measures, in which forms it says so, and a page that needs no network.

Nothing here depends on how fast anything is: only on which figures there are, and how they relate.
"""

import html.parser
import json
import re

from harness import ToolTest, main

SMALL = ["--network", "20,16,5", "--batch-size", "8", "--seconds", "0.001"]
OPERATIONS = [("forward", "8x16x20"), ("forward", "8x5x16"), ("weight gradient", "16x20x8"),
              ("weight gradient", "5x16x8"), ("input gradient", "8x16x5"), ("softmax", "8x5"),
              ("momentum update", "16x20"), ("step", "20-16-5 batch 8")]


class Bench(ToolTest):
    def test_json_has_every_operation_with_its_peak(self):
        report = json.loads(self.succeed("bench", "--backend", "simd", "--json", *SMALL))
        self.assertEqual([b["name"] for b in report["backends"]], ["simd"])
        self.assertEqual([(o["operation"], o["shape"]) for o in report["operations"]], OPERATIONS)
        units = {peak["unit"] for peak in report["peaks"]}
        self.assertEqual(units, {"FLOP/s", "B/s"})
        for peak in report["peaks"]:
            self.assertGreater(peak["per_second"], 0)
        for operation in report["operations"]:
            (result,) = operation["results"]
            work = result["flops"] if result["unit"] == "FLOP/s" else result["bytes"]
            self.assertGreater(work, 0)
            self.assertGreater(result["seconds"], 0)
            self.assertGreater(result["peak_percent"], 0)
            self.assertGreater(result["peak_per_second"], 0)
        first = report["operations"][0]["results"][0]
        self.assertEqual(first["flops"], 2 * 8 * 16 * 20)
        self.assertEqual(first["bytes"], 4 * (8 * 16 + 16 * 20 + 8 * 20))
        step = report["operations"][-1]["results"][0]
        self.assertEqual(step["flops"], 8 * 2 * (3 * (20 * 16 + 16 * 5) - 20 * 16))

    def test_a_second_backend_stands_beside_the_first(self):
        report = json.loads(self.succeed("bench", "--backend", "simd", "--compare", "scalar",
                                         "--json", "--precision", "f64", *SMALL))
        self.assertEqual(report["precision"], "f64")
        for operation in report["operations"]:
            self.assertEqual([r["backend"] for r in operation["results"]], ["simd", "scalar"])
            self.assertEqual(operation["results"][0]["flops"], operation["results"][1]["flops"])

    def test_the_table(self):
        text = self.succeed("bench", "--backend", "scalar", "--compare", "simd", *SMALL)
        self.assertRegex(text, r"^scalar \(scalar, 1 thread, f32\)\nsimd \(\w+, 1 thread, f32\)\n")
        self.assertRegex(text, r"(?m)^peak fma \w+ +[0-9.]+ GFLOP/s$")
        self.assertRegex(text, r"(?m)^operation +shape +scalar us .*% of peak .*speed-up$")
        for operation, shape in OPERATIONS:
            self.assertRegex(text, rf"(?m)^{operation} +{shape} +[0-9.]+ +[0-9.]+ +(GB|GFLOP)/s ")

    def test_what_cannot_be_asked_for(self):
        self.fail_with(2, "--network: give at least two widths", "bench", "--network", "784")
        self.fail_with(2, "is unknown", "bench", "--compare", "nonsense")
        self.fail_with(2, "--seconds: '0' is not", "bench", "--seconds", "0")
        self.fail_with(1, "no-such-directory", "bench", "--html",
                       self.dir / "no-such-directory" / "page.html")


class Page(html.parser.HTMLParser):
    """Collects the tags of a page, and checks that those that open also close."""

    VOID = {"meta", "circle", "line", "path"}

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open and self.open.pop() == tag, tag

    def handle_data(self, data):
        self.text.append(data)

    def of(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]


class Html(ToolTest):
    def page(self, *args):
        path = self.dir / "page.html"
        self.succeed("bench", "--html", path, *args, *SMALL)
        return path.read_text()

    def test_it_is_one_file_that_asks_for_nothing(self):
        text = self.page("--backend", "simd")
        self.assertTrue(text.startswith("<!DOCTYPE html>"))
        for outside in ("http:", "https:", "//", "src=", "href=", "url(", "@import", "<script"):
            self.assertNotIn(outside, text)
        page = Page(text)
        self.assertEqual(page.open, [])
        self.assertEqual(len(page.of("svg")), 1)

    def test_the_plot_has_every_operation_between_its_axes(self):
        text = self.page("--backend", "simd", "--compare", "scalar")
        page = Page(text)
        _, _, width, height = map(float, page.of("svg")[0]["viewbox"].split())
        circles = page.of("circle")
        self.assertEqual(len(circles), 2 * len(OPERATIONS))
        for circle in circles:
            self.assertTrue(0 < float(circle["cx"]) < width, circle)
            self.assertTrue(0 < float(circle["cy"]) < height, circle)
        peaks = [p for p in page.of("path") if p["class"] == "peak"]
        self.assertGreaterEqual(len(peaks), 2)
        for peak in peaks:
            for number in re.findall(r"-?[0-9.]+", peak["d"]):
                self.assertTrue(0 <= float(number) <= width, peak)
            self.assertNotRegex(peak["d"], "nan|inf")

    def test_points_are_where_the_table_says(self):
        path = self.dir / "page.html"
        report = json.loads(self.succeed("bench", "--backend", "simd", "--json", "--html", path,
                                         *SMALL))
        page = Page(path.read_text())
        points = [(float(c["cx"]), float(c["cy"])) for c in page.of("circle")]
        results = [o["results"][0] for o in report["operations"]]
        across = [r["flops"] / r["bytes"] for r in results]
        up = [r["flops"] / r["seconds"] for r in results]
        for i in range(len(results)):
            for j in range(len(results)):
                if across[i] > 1.05 * across[j]:
                    self.assertGreater(points[i][0], points[j][0])
                if up[i] > 1.05 * up[j]:
                    self.assertLess(points[i][1], points[j][1])  # y runs downwards


if __name__ == "__main__":
    main()
