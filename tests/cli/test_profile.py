"""`lamella train --profile`: what it lists, and that its parts make up the whole.

Nothing here depends on how fast anything is.
"""

import json

from harness import QUICK, ToolTest, main, usable_backends, write_mnist_directory

ENTRY_KEYS = ["kernel", "type", "shape", "with", "calls", "seconds", "flops", "bytes", "peak",
              "unit", "peak_per_second", "peak_percent"]


class Profile(ToolTest):
    def profile(self, data, *args):
        summary = json.loads(self.succeed("train", "--data", data, "--json", "--profile", *args))
        return summary, summary["profile"]

    def images(self):
        """120 samples of 4 x 4 pixels, and 30 to test on."""
        return write_mnist_directory(self.dir / "images")

    def test_parts_sum_up_to_the_time_of_training(self):
        images = self.images()
        for backend in usable_backends():
            summary, profile = self.profile(images, *QUICK, "--backend", backend)
            self.assertEqual(profile["seconds"], summary["seconds"])
            self.assertGreaterEqual(profile["outside_seconds"], 0)
            kernels = sum(entry["seconds"] for entry in profile["kernels"])
            self.assertAlmostEqual(kernels + profile["outside_seconds"], profile["seconds"],
                                   delta=1e-9)
            times = [entry["seconds"] for entry in profile["kernels"]]
            self.assertEqual(times, sorted(times, reverse=True))

    def test_every_call_of_the_steps_and_none_of_the_evaluations(self):
        _, profile = self.profile(self.images(), "--hidden", "8", "--epochs", "3",
                                  "--batch-size", "50", "--backend", "simd")
        found = {}
        for entry in profile["kernels"]:
            self.assertEqual(list(entry), ENTRY_KEYS)
            self.assertEqual(entry["type"], "f32")
            found[" ".join([entry["kernel"], entry["shape"], entry["with"]])] = entry["calls"]
        expected = {}
        for batch, steps in ((50, 6), (20, 3)):  # 120 samples in each of three epochs
            for call in (f"gather_bytes {batch}x16 ", f"fused_gemm {batch}x8x16 bias relu",
                         f"fused_gemm {batch}x3x8 bias", f"softmax_nll {batch}x3 ",
                         f"fused_gemm {batch}x8x3 backward:relu", f"fused_gemm 3x8x{batch} accumulate",
                         f"fused_gemm 8x16x{batch} accumulate", f"column_sums {batch}x3 ",
                         f"column_sums {batch}x8 "):
                expected[call] = steps
        self.assertEqual(found, expected)

    def test_rates_and_peaks(self):
        _, profile = self.profile("moons", "--hidden", "8", "--epochs", "2", "--precision", "f64",
                                  "--optimizer", "adam", "--backend", "simd")
        kernels = {entry["kernel"] for entry in profile["kernels"]}
        self.assertLessEqual({"fused_gemm", "softmax_nll", "column_sums", "adam_update"}, kernels)
        for entry in profile["kernels"]:
            self.assertEqual(entry["type"], "f64")
            work = entry["flops"] if entry["unit"] == "FLOP/s" else entry["bytes"]
            self.assertGreater(entry["peak_per_second"], 0)
            rate = work * entry["calls"] / entry["seconds"]
            self.assertAlmostEqual(entry["peak_percent"] / (100 * rate / entry["peak_per_second"]),
                                   1, places=6)
            if entry["kernel"] != "fused_gemm":
                self.assertEqual(entry["unit"], "B/s")
                self.assertEqual(entry["flops"], 0)

    def test_the_table(self):
        text = self.succeed("train", "--data", "moons", *QUICK, "--profile", "--backend", "simd")
        self.assertRegex(text, r"(?m)^trained for 3 epochs")
        self.assertRegex(text, r"(?m)^where the time went: simd \(\w+, 1 thread\)$")
        self.assertRegex(text, r"(?m)^kernel +shape +with +calls +ms +% of time .*% of peak +peak$")
        self.assertRegex(text, r"(?m)^fused_gemm +32x8x2 +bias relu +\d+ +[\d.]+ +[\d.]+ ")
        self.assertRegex(text, r"(?m)^outside kernels +[\d.]+ +[\d.]+$")
        self.assertRegex(text, r"(?m)^all +[\d.]+ +100\.0$")
        rows = text[text.index("% of peak"):].splitlines()[1:]
        shares = [float(row.split()[-1]) for row in rows if row.startswith(("outside", "all"))]
        self.assertEqual(len(shares), 2)

    def test_quiet_leaves_what_was_asked_for(self):
        done = self.run_tool("train", "--data", "moons", *QUICK, "--quiet", "--profile")
        self.assertEqual(done.returncode, 0)
        self.assertEqual(done.stderr, "")
        self.assertTrue(done.stdout.startswith("where the time went: "), done.stdout)

    def test_the_model_is_the_same_with_and_without(self):
        plain = self.train().read_bytes()
        self.assertEqual(self.train("--profile").read_bytes(), plain)

    def test_no_profile_unless_asked_for(self):
        summary = json.loads(self.succeed("train", "--data", "moons", *QUICK, "--json"))
        self.assertNotIn("profile", summary)


if __name__ == "__main__":
    main()
