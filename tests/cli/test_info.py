"""`lamella info`, and how a backend is chosen: option, then environment, then the best usable."""

import json

from harness import ToolTest, main, usable_backends


class Info(ToolTest):
    def info(self, *args, **env):
        return json.loads(self.succeed("info", "--json", *args, env=env))

    def test_keys(self):
        info = self.info()
        self.assertEqual(list(info),
                         ["version", "selected", "threads", "notes", "backends", "instruction_sets"])
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

    def test_openmp_is_limited_as_openmp_is(self):
        if "openmp" not in usable_backends():
            self.skipTest("there is no openmp backend")
        openmp = ("--backend", "openmp")
        machine = self.info(*openmp)["selected"]
        if machine["threads"] < 2:
            self.skipTest("there is only one thread")

        def selected(*args, **env):
            chosen = self.info(*openmp, *args, **env)["selected"]
            return chosen["threads"], chosen["threads_limited_by"]
        self.assertEqual(selected(OMP_NUM_THREADS="1"), (1, "OMP_NUM_THREADS"))
        self.assertEqual(selected(OMP_NUM_THREADS="1,2"), (1, "OMP_NUM_THREADS"))
        self.assertEqual(selected(OMP_THREAD_LIMIT="1"), (1, "OMP_THREAD_LIMIT"))
        self.assertEqual(selected(OMP_NUM_THREADS="64"), (machine["threads"], machine["threads_limited_by"]))
        # A request goes before the usual number, as num_threads does, and stays below the limit.
        self.assertEqual(selected("--threads", "2", OMP_NUM_THREADS="1"), (2, "request"))
        self.assertEqual(selected(OMP_NUM_THREADS="1", LAMELLA_NUM_THREADS="2"), (2, "LAMELLA_NUM_THREADS"))
        self.assertEqual(selected("--threads", "2", OMP_THREAD_LIMIT="1"), (1, "OMP_THREAD_LIMIT"))
        self.assertEqual(selected("--threads", "1", OMP_NUM_THREADS="2"), (1, "request"))
        text = self.succeed("info", *openmp, env={"OMP_NUM_THREADS": "1"})
        self.assertRegex(text, r"(?m)^ +1 for openmp \(OMP_NUM_THREADS\)$")
        self.assertNotIn("note", text)

    def test_invalid_settings_of_openmp_limit_nothing(self):
        if "openmp" not in usable_backends():
            self.skipTest("there is no openmp backend")
        machine = self.info("--backend", "openmp")["selected"]
        for value in ("", "0", "-1", "many", "1.5", "99999999999999999999"):
            for variable in ("OMP_NUM_THREADS", "OMP_THREAD_LIMIT"):
                done = self.run_tool("info", "--json", "--backend", "openmp", env={variable: value})
                # LLVM's runtime, which begins its lines like this, takes 0 as 1. Some values fail an
                # assertion of its own as soon as it is loaded.
                if "OMP: Error #13: Assertion failure" in done.stderr:
                    continue
                self.assertEqual(done.returncode, 0, done.stderr)
                selected = json.loads(done.stdout)["selected"]
                if "OMP: Warning" in done.stderr and value == "0":
                    self.assertEqual(selected["threads"], 1)
                else:
                    self.assertEqual(selected, machine)

    def test_settings_that_do_not_count_are_noted(self):
        if "tbb" not in usable_backends():
            self.skipTest("there is no tbb backend")
        machine = self.info("--backend", "tbb")
        self.assertEqual(machine["notes"], [])
        info = self.info("--backend", "tbb", OMP_NUM_THREADS="1", OMP_THREAD_LIMIT="1")
        self.assertEqual(info["selected"], machine["selected"])
        self.assertRegex(" ".join(info["notes"]), "OMP_NUM_THREADS.*OMP_THREAD_LIMIT")
        text = self.succeed("info", "--backend", "tbb", env={"OMP_NUM_THREADS": "1"})
        self.assertRegex(text, r"(?m)^note +OMP_NUM_THREADS counts for the backend openmp alone")

    def test_slurm_limits_all_backends(self):
        machine = self.info()["threads"]["threads"]
        if machine < 2:
            self.skipTest("there is only one thread")
        info = self.info(SLURM_CPUS_PER_TASK="1")
        self.assertEqual(info["threads"], {"threads": 1, "limited_by": "SLURM_CPUS_PER_TASK"})
        self.assertEqual(info["selected"]["threads"], 1)
        info = self.info("--threads", "2", SLURM_CPUS_PER_TASK="1")
        self.assertEqual(info["threads"], {"threads": 2, "limited_by": "request"})
        self.assertIn("SLURM_CPUS_PER_TASK", info["notes"][0])
        for value in ("", "0", "-2", "1(x2)", "all"):
            info = self.info(SLURM_CPUS_PER_TASK=value)
            self.assertEqual(info["threads"]["threads"], machine)
            self.assertIn("SLURM_CPUS_PER_TASK", info["notes"][0])

    def test_training_obeys_openmp(self):
        if "openmp" not in usable_backends():
            self.skipTest("there is no openmp backend")
        for env in ({"OMP_NUM_THREADS": "1"}, {"OMP_THREAD_LIMIT": "1"}, {"OMP_DYNAMIC": "true"}, {}):
            model = self.train("--hidden", "64", "--seed", "3", "--backend", "openmp", env=env)
            bits = model.read_bytes()
            self.assertEqual(bits, self.train("--hidden", "64", "--seed", "3", "--backend", "simd").read_bytes())

    def test_the_default_is_onetbb_where_it_is_compiled(self):
        selected = self.info("--threads", "2")["selected"]
        usable = usable_backends()
        if selected["threads"] < 2:
            self.skipTest("there is only one thread")
        self.assertEqual(selected["name"], "tbb" if "tbb" in usable else
                         "openmp" if "openmp" in usable else "simd")

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
