"""Plugins that fail: path and reason in the message, exit code 1, and no file of the user is lost.

The directory of the test plugins is named by the environment variable LAMELLA_TEST_PLUGINS.
"""

import json
import os
import pathlib
import shutil
import stat

from harness import ToolTest, main, read_log, write_csv

PLUGINS = pathlib.Path(os.environ["LAMELLA_TEST_PLUGINS"])
FAULTY = PLUGINS / "faulty"  # these end, stop or disorder the process that loads them

# Sanitizers turn signals into exit codes, and 0 into 23 (a leak) or 66 (an exit inside of dlopen()).
ILLEGAL = r"which ended with (signal 4 \(Illegal instruction\)|exit code [1-9]\d*)"

EXITS = "which ended with exit code (0|23|66)"


class Refused(ToolTest):
    """Plugins that cannot be used. Those with a bad descriptor abort() if they are called."""

    def refuse(self, backend, *patterns, **environment):
        done = self.fail_with(1, patterns[0], "train", "--data", "moons", "--model",
                              self.dir / "model", "--backend", backend, env=environment)
        for pattern in patterns[1:]:
            self.assertRegex(done.stderr, pattern)
        self.assert_no_leftovers()

    def refuse_file(self, variant, reason):
        path = PLUGINS / f"lamella-{variant}.so"
        self.assertTrue(path.exists(), path)
        self.refuse(path, f"plugin {path}: .*{reason}|{path}.*{reason}")

    def test_what_the_descriptor_says(self):
        self.refuse_file("wrong_major", "interface 2.1, but this library speaks 1[.]1")
        self.refuse_file("newer_minor", "interface 1.2, but this library speaks 1[.]1")
        self.refuse_file("short_descriptor", "its descriptor says [0-9]+ bytes")
        self.refuse_file("short_kernels", "the kernels for f32 take [0-9]+ bytes")
        self.refuse_file("null_kernel", "lacks the required kernel softmax for f64")
        self.refuse_file("no_f64", "has no kernels for f64")
        self.refuse_file("no_name", "has no name")
        self.refuse_file("bad_name", "its name must be")
        self.refuse_file("simd", "its name, simd, is that of a built-in backend")
        self.refuse_file("no_symbol", "exports no object lamella_plugin")

    def test_create_fails(self):
        path = PLUGINS / "lamella-failing_create.so"
        self.refuse(path, rf"plugin failing_create \({path}\): create returned code 42")

    def test_libraries_that_do_not_load(self):
        self.refuse_file("unresolved", "lamella_test_function_that_does_not_exist")
        directory = self.dir / "plugins"
        directory.mkdir()
        text = directory / "lamella-text.so"
        text.write_text("this is no library")
        self.addCleanup(text.unlink)
        for backend, environment in ((text, {}), ("text", {"LAMELLA_PLUGIN_PATH": str(directory)})):
            done = self.fail_with(1, str(text), "info", "--backend", backend, env=environment)
            self.assertRegex(done.stderr, f"{text}: (file too short|invalid ELF header)")
        self.fail_with(1, "/no/such/file.so: cannot open shared object file", "info", "--backend",
                       "/no/such/file.so")

    def test_a_directory_that_does_not_exist(self):
        self.refuse("good", "/no/such/place/lamella-good.so: cannot open",
                    "/no/such/place/liblamella-good.so: cannot open",
                    LAMELLA_PLUGIN_PATH="/no/such/place")
        # The others are searched all the same.
        done = self.succeed("info", "--json", "--backend", "good",
                            env={"LAMELLA_PLUGIN_PATH": f"/no/such/place:{PLUGINS}"})
        self.assertEqual(json.loads(done)["selected"]["name"], "good")

    def test_a_built_in_name_stays_built_in(self):
        info = self.succeed("info", "--json", "--backend", "simd",
                            env={"LAMELLA_PLUGIN_PATH": str(PLUGINS)})
        self.assertNotEqual(json.loads(info)["selected"]["isa"], "plugin")

    def test_without_a_directory_to_look_in_it_is_bad_usage(self):
        self.fail_with(2, "LAMELLA_PLUGIN_PATH is not set", "info", "--backend", "good")


class FailsWhileTraining(ToolTest):
    def test_training_stops_and_the_model_and_log_of_before_stand(self):
        model = self.train()
        before = model.read_bytes()
        failing = PLUGINS / "lamella-failing.so"
        done = self.fail_with(
            1, rf"plugin failing \({failing}\): its kernel gemm for f32 returned code 2 "
               r"\(out of memory\)", "train", "--data", "moons", "--quiet", "--model", model,
            "--backend", failing)
        self.assertEqual(done.stdout, "")
        self.assertEqual(model.read_bytes(), before)
        self.assertGreater(self.evaluate(model, "moons")["accuracy"], 0.5)
        self.assert_no_leftovers("model.safetensors")

    def test_the_last_checkpoint_stands(self):
        options = ("--data", "moons", "--hidden", 8, "--seed", 3)
        model, log = self.dir / "model", self.dir / "log"
        self.fail_with(1, "its kernel gemm for f32 returned code 2", "train", *options, "--epochs",
                       1000, "--checkpoint-every", 2, "--model", model, "--log", log, "--backend",
                       PLUGINS / "lamella-failing.so", env={"LAMELLA_TEST_CALLS": "2000"})
        epochs = len(read_log(log))
        self.assertTrue(2 <= epochs < 1000, epochs)
        self.assert_no_leftovers("model", "log")
        # It is the model of a run that ended there.
        shorter = self.dir / "shorter"
        self.succeed("train", *options, "--epochs", epochs - epochs % 2, "--quiet", "--model",
                     shorter, "--backend", PLUGINS / "lamella-good.so")
        points = write_csv(self.dir / "points.csv", [((x / 4, y / 4), None) for x in range(-4, 8)
                                                     for y in range(-4, 5)])
        predictions = [self.succeed("predict", "--model", path, "--input", points)
                       for path in (model, shorter)]
        self.assertEqual(*predictions)

    def test_prediction_stops_too_and_leaves_no_file(self):
        model = self.train()
        failing = PLUGINS / "lamella-failing.so"
        points, out = self.dir / "points.csv", self.dir / "out.csv"
        points.write_text("0.5,0.2\n" * 20000)
        self.fail_with(1, "gemm for f32 returned code 2", "predict", "--model", model, "--input",
                       points, "--output", out, "--backend", failing)
        self.assertFalse(out.exists())


class EndsTheProcess(ToolTest):
    """Plugins are tried in a process of their own first, so that their end is a message."""

    def commands(self, model):
        points = self.dir / "points.csv"
        points.write_text("0.5,0.2\n")
        return (["train", "--data", "moons", "--model", self.dir / "new"],
                ["evaluate", "--data", "moons", "--model", model],
                ["predict", "--input", points, "--model", model],
                ["bench", "--network", "4,4,2", "--seconds", "0.001"], ["conformance"], ["info"])

    def test_every_command_names_the_plugin_and_how_it_ended(self):
        model = self.train()
        for file, how in ((FAULTY / "lamella-illegal.so", ILLEGAL),
                          (FAULTY / "lamella-exits.so", EXITS),
                          (PLUGINS / "lamella-exits_in_create.so", EXITS),
                          (PLUGINS / "lamella-quits_in_create.so", EXITS)):
            for command in self.commands(model):
                self.fail_with(1, f"plugin {file} was tried in a process of its own, {how}",
                               *command, "--backend", file)
        self.assertFalse((self.dir / "new").exists())

    def test_by_name_and_variable(self):
        self.fail_with(1, rf"plugin illegal \({FAULTY}/lamella-illegal.so\) was tried .*{ILLEGAL}",
                       "train", "--data", "moons", env={"LAMELLA_PLUGIN_PATH": str(FAULTY),
                                                         "LAMELLA_BACKEND": "illegal"})

    def test_info_lists_it_with_the_others(self):
        path = {"LAMELLA_PLUGIN_PATH": f"{FAULTY}:{PLUGINS}", "LAMELLA_PLUGIN_TIMEOUT": "5"}
        info = json.loads(self.succeed("info", "--json", env=path))
        found = {b["name"]: b for b in info["backends"]}
        self.assertTrue(found["good"]["usable"])
        self.assertTrue(found["untidy"]["usable"])  # what it prints is not in the JSON object
        for name, how in (("illegal", ILLEGAL), ("exits", EXITS),
                          ("hangs", "which ended with no result within 5 s")):
            self.assertFalse(found[name]["usable"])
            self.assertRegex(found[name]["reason"],
                             rf"^plugin {name} \({FAULTY}/lamella-{name}.so\) was tried .*{how}")

    def test_an_unknown_name_loads_none_of_them(self):
        done = self.fail_with(1, '"nonsense" .* is unknown', "train", "--data", "moons", "--backend",
                              "nonsense", env={"LAMELLA_PLUGIN_PATH": str(FAULTY)})
        self.assertIn(f"hangs ({FAULTY}/lamella-hangs.so)", done.stderr)

    def test_one_that_hangs_is_given_up(self):
        self.fail_with(1, "lamella-hangs.so was tried .* no result within 1 s", "train", "--data",
                       "moons", "--backend", FAULTY / "lamella-hangs.so",
                       env={"LAMELLA_PLUGIN_TIMEOUT": "1"})
        for nonsense in ("", "0", "-1", "1.5", "1s", "99999999999"):
            self.fail_with(2, f'LAMELLA_PLUGIN_TIMEOUT is "{nonsense}"; it must be', "info",
                           "--backend", PLUGINS / "lamella-good.so",
                           env={"LAMELLA_PLUGIN_TIMEOUT": nonsense})

    def test_an_exit_amid_training_is_no_success(self):
        model = self.train()
        before = model.read_bytes()
        self.fail_with(1, r"called exit\(\) before the work was done", "train", "--data", "moons",
                       "--model", model, "--backend", PLUGINS / "lamella-exits_in_kernel.so")
        self.assertEqual(model.read_bytes(), before)

    def test_directory_and_output_stay_what_they_were(self):
        done = self.run_tool("train", "--data", "moons", "--epochs", 1, "--hidden", 4, "--quiet",
                             "--json", "--model", "here", "--backend", FAULTY / "lamella-untidy.so",
                             cwd=self.dir)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["backend"], "untidy")
        self.assertIn("untidy: create\n", done.stderr)
        self.assert_no_leftovers("here")


class Discovery(ToolTest):
    """What may lie in a directory of plugins."""

    def setUp(self):
        super().setUp()
        self.dir.chmod(0o755)
        self.path = {"LAMELLA_PLUGIN_PATH": str(self.dir)}

    def info(self, **environment):
        done = self.run_tool("info", "--json", env={**self.path, **environment})
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = json.loads(done.stdout)["backends"]
        return {row["name"]: row for row in rows[4:]}, done.stderr

    def put(self, name, variant="good", **changes):
        data = bytearray((PLUGINS / f"lamella-{variant}.so").read_bytes())
        for at, byte in changes.get("bytes", {}).items():
            data[at] = byte
        (self.dir / name).write_bytes(data[:changes.get("size")])

    def test_files_that_are_no_plugins_of_this_machine(self):
        self.put("lamella-class.so", bytes={4: 1})  # 32 bits
        self.put("lamella-machine.so", bytes={18: 0xF3, 19: 0})  # RISC-V
        self.put("lamella-half.so", size=3000)
        self.put("lamella-empty.so", size=0)
        (self.dir / "lamella-text.so").write_text("this is no library\n" * 100)
        (self.dir / "lamella-directory.so").mkdir()
        (self.dir / "lamella-dangling.so").symlink_to("nowhere")
        os.mkfifo(self.dir / "lamella-pipe.so")
        rows, warnings = self.info()
        self.assertEqual(warnings, "")
        for name, reason in (("class", "wrong ELF class"), ("machine", "another processor .ELF machine 243"),
                             ("half", "is cut off: it has 3000 bytes"), ("empty", "file too short"),
                             ("text", "invalid ELF header"), ("directory", "Is a directory"),
                             ("dangling", "No such file"), ("pipe", "Exec format error")):
            self.assertFalse(rows[name]["usable"])
            self.assertRegex(rows[name]["reason"], f"^{self.dir}/lamella-{name}.so: .*{reason}")
        self.assertEqual(len(rows), 8)

    def test_names_that_no_plugin_can_have(self):
        (self.dir / "lamella-Good.so").write_text("")
        (self.dir / "lamella-\x1b[31m.so").write_text("")
        rows, warnings = self.info()
        self.assertEqual(rows, {})
        self.assertIn(f"lamella: warning: {self.dir}/lamella-Good.so is left out: the name of a "
                      "plugin is 1 to 64 of a-z, 0-9, - and _\n", warnings)
        self.assertNotIn("\x1b", warnings)

    def test_two_of_one_name_and_one_named_as_a_built_in_backend(self):
        other = self.dir / "other"
        other.mkdir()
        other.chmod(0o755)
        self.put("lamella-good.so")
        self.put("lamella-scalar.so", "good")
        shutil.copy(PLUGINS / "lamella-good.so", other / "liblamella-good.so")
        rows, warnings = self.info(LAMELLA_PLUGIN_PATH=f"{other}::{self.dir}")
        self.assertIn(f"{other}/liblamella-good.so", rows["good"]["reason"])
        self.assertFalse(rows["scalar"]["usable"])
        self.assertIn(f"not {self.dir}/lamella-scalar.so", rows["scalar"]["reason"])
        self.assertRegex(warnings, f"(?m)^lamella: warning: the plugin {self.dir}/lamella-good.so "
                                   f"is used only if {other}/liblamella-good.so cannot be loaded")
        self.assertRegex(warnings, "(?m)^lamella: warning: .* has an empty entry, which is ignored")

    def test_directories_that_look_wrong(self):
        self.put("lamella-good.so")
        (self.dir / "file").write_text("")
        rows, warnings = self.info(
            LAMELLA_PLUGIN_PATH=f"{self.dir}/file:/no/such/place:{self.dir}")
        self.assertTrue(rows["good"]["usable"])
        self.assertRegex(warnings, f"{self.dir}/file cannot be read: Not a directory\n")
        self.assertRegex(warnings, "/no/such/place cannot be read: No such file or directory\n")
        self.dir.chmod(0o777 | stat.S_ISVTX)
        rows, warnings = self.info()
        self.assertTrue(rows["good"]["usable"])
        self.assertRegex(warnings, f"every user may write to the directory {self.dir}, and can")
        if os.geteuid() != 0:  # root reads everything
            self.dir.chmod(0o300)
            self.assertRegex(self.info()[1], f"{self.dir} cannot be read: Permission denied")
            self.dir.chmod(0o700)


if __name__ == "__main__":
    main()
