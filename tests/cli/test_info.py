"""`lamella info`, and how a backend is chosen: option, then environment, then the best usable."""

import json

from harness import ToolTest, main, usable_backends


class Info(ToolTest):
    def info(self, *args, **env):
        return json.loads(self.succeed("info", "--json", *args, env=env))

    def test_keys(self):
        info = self.info()
        self.assertEqual(list(info),
                         ["version", "selected", "threads", "backends", "instruction_sets"])
        self.assertRegex(info["version"], r"^\d+\.\d+\.\d+$")
        self.assertEqual(list(info["selected"]), ["name", "isa", "threads", "threads_limited_by"])
        self.assertGreaterEqual(info["threads"]["threads"], 1)
        self.assertTrue(info["threads"]["limited_by"])
        for entry in info["backends"] + info["instruction_sets"]:
            self.assertEqual(list(entry), ["name", "compiled", "usable", "selected", "reason"])
            self.assertTrue(entry["reason"])
            self.assertLessEqual(entry["usable"], entry["compiled"])
        self.assertLessEqual({"scalar", "simd", "openmp", "tbb"},
                             {b["name"] for b in info["backends"]})
        self.assertEqual([b["name"] for b in info["backends"] if b["selected"]],
                         [info["selected"]["name"]])

    def test_every_usable_backend_can_be_selected_both_ways(self):
        self.assertIn("scalar", usable_backends())
        for name in usable_backends():
            self.assertEqual(self.info("--backend", name)["selected"]["name"], name)
            self.assertEqual(self.info(LAMELLA_BACKEND=name)["selected"]["name"], name)

    def test_the_option_goes_before_the_environment(self):
        info = self.info("--backend", "scalar", LAMELLA_BACKEND="simd")
        self.assertEqual(info["selected"]["name"], "scalar")

    def test_every_usable_instruction_set_can_be_a_cap(self):
        usable = [i["name"] for i in self.info()["instruction_sets"] if i["usable"]]
        self.assertTrue(usable)
        for name in usable:
            for info in (self.info("--isa", name, "--backend", "simd"),
                         self.info("--backend", "simd", LAMELLA_ISA=name)):
                self.assertEqual(info["selected"]["isa"], name)
                self.assertEqual(
                    [i["name"] for i in info["instruction_sets"] if i["selected"]], [name])

    def test_threads_are_limited(self):
        self.assertEqual(self.info("--threads", "1")["threads"]["threads"], 1)
        self.assertEqual(self.info(LAMELLA_NUM_THREADS="1")["threads"]["threads"], 1)
        machine = self.info()["threads"]["threads"]
        self.assertEqual(self.info("--threads", "2147483647")["threads"]["threads"], machine)

    def test_text(self):
        text = self.succeed("info", "--backend", "scalar")
        self.assertRegex(text, r"(?m)^selected  scalar \(scalar, 1 thread\)$")
        self.assertRegex(text, r"(?m)^scalar +yes +yes +yes ")
        self.assertRegex(text, r"(?m)^instruction set  compiled")


class Nonsense(ToolTest):
    def test_unknown_backends_end_every_subcommand_with_the_list(self):
        model = self.train()
        image = self.dir / "x.csv"
        image.write_text("1,2\n")
        for command in (["train", "--data", "moons"],
                        ["evaluate", "--model", model, "--data", "moons"],
                        ["predict", "--model", model, "--input", image], ["info"]):
            for how in ({"env": {"LAMELLA_BACKEND": "nonsense"}}, {"args": ["--backend", "nonsense"]}):
                done = self.fail_with(2, "nonsense", *command, *how.get("args", []),
                                      env=how.get("env"))
                for name in ("auto", "scalar", "simd", "openmp", "tbb"):
                    self.assertIn(name, done.stderr)

    def test_empty_and_malformed_settings(self):
        for variable in ("LAMELLA_BACKEND", "LAMELLA_ISA", "LAMELLA_NUM_THREADS"):
            self.fail_with(2, variable, "train", "--data", "moons", env={variable: ""})
        self.fail_with(2, "empty.*scalar", "info", "--backend", "")
        for threads in ("0", "-1", "two", "1.5", "99999999999"):
            self.fail_with(2, "LAMELLA_NUM_THREADS", "info", env={"LAMELLA_NUM_THREADS": threads})
        self.fail_with(2, "mmx.*baseline", "info", env={"LAMELLA_ISA": "mmx"})
        self.fail_with(2, "mmx.*baseline", "info", "--isa", "mmx")

    def test_info_tells_what_it_can_and_fails(self):
        done = self.run_tool("info", "--json", env={"LAMELLA_BACKEND": "nonsense"})
        self.assertEqual(done.returncode, 2)
        info = json.loads(done.stdout)
        self.assertIsNone(info["selected"])
        self.assertIn("nonsense", info["error"])
        self.assertIn("simd", [b["name"] for b in info["backends"]])


if __name__ == "__main__":
    main()
