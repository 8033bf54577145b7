"""Plugins that fail: path and reason in the message, exit code 1, and no file of the user is lost.

The directory of the test plugins is named by the environment variable LAMELLA_TEST_PLUGINS.
"""

import json
import os
import pathlib

from harness import ToolTest, main, read_log

PLUGINS = pathlib.Path(os.environ["LAMELLA_TEST_PLUGINS"])


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
        self.assertEqual(model.read_bytes(), shorter.read_bytes())

    def test_prediction_stops_too_and_leaves_no_file(self):
        model = self.train()
        failing = PLUGINS / "lamella-failing.so"
        points, out = self.dir / "points.csv", self.dir / "out.csv"
        points.write_text("0.5,0.2\n" * 20000)
        self.fail_with(1, "gemm for f32 returned code 2", "predict", "--model", model, "--input",
                       points, "--output", out, "--backend", failing)
        self.assertFalse(out.exists())


if __name__ == "__main__":
    main()
