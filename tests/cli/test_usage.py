"""Help, version, and options that must be refused before anything is read or written."""

from harness import ToolTest, main


class Help(ToolTest):
    def test_version(self):
        self.assertRegex(self.succeed("--version"), r"^lamella \d+\.\d+\.\d+\n$")

    def test_help_lists_subcommands_and_defaults(self):
        text = self.succeed("--help")
        for name in ("train", "evaluate", "predict", "info", "conformance", "bench"):
            self.assertRegex(text, rf"(?m)^  {name} ")
            self.assertRegex(self.succeed(name, "--help"), rf"lamella {name} \[OPTIONS\]")
        text = self.succeed("train", "--help")
        for option in (r"--hidden .*\[512,256\]", r"--activation .*\[relu\]", r"--epochs .*\[10\]",
                       r"--batch-size .*\[128\]", r"--optimizer .*\[sgd\]",
                       r"--learning-rate .*\[0\.1; adam, adamw: 0\.001\]", r"--momentum .*\[0\]",
                       r"--beta1 .*\[0\.9\]", r"--beta2 .*\[0\.999\]", r"--epsilon .*\[1e-08\]",
                       r"--weight-decay .*\[0; adamw: 0\.01\]", r"--precision .*\[f32\]",
                       r"--seed .*\[1\]", r"--preprocess .*\[auto\]", r"--data .*required"):
            self.assertRegex(text, option)


class Refused(ToolTest):
    """Exit code 2 and no look at the data: the source does not exist, and no message says so."""

    def refuse(self, pattern, *args):
        done = self.fail_with(2, pattern, *args)
        self.assertEqual(done.stdout, "")
        self.assertNotIn("no-such-data", done.stderr)

    def refuse_training(self, pattern, *args):
        self.refuse(pattern, "train", "--data", self.dir / "no-such-data.csv", *args)

    def test_subcommands(self):
        self.refuse("subcommand")
        self.refuse("'brew'.*train, evaluate, predict, info, conformance or bench", "brew")
        self.refuse("--data", "train")
        self.refuse("--model", "evaluate", "--data", "x")
        self.refuse("--input", "predict", "--model", "x")
        self.refuse("extra", "info", "extra")
        self.refuse("--lerning-rate", "train", "--data", "x", "--lerning-rate", "1")

    def test_real_numbers(self):
        for value in ("0", "-1", "nan", "inf", "-inf", "1e999", "abc", "0.1x", "", "0x1p3"):
            self.refuse_training("--learning-rate: '.*' is not a finite number above 0",
                                 "--learning-rate", value)
        for value in ("1", "-0.1", "nan", "2"):
            self.refuse_training("--momentum: '.*' is not a finite number from 0 to below 1",
                                 "--momentum", value)
        for option in ("--beta1", "--beta2"):
            for value in ("1", "-0.1", "nan"):
                self.refuse_training(f"{option}: '.*' is not a finite number from 0 to below 1",
                                     "--optimizer", "adam", option, value)
        for value in ("0", "-1e-8", "inf", "nan"):
            self.refuse_training("--epsilon: '.*' is not a finite number from 1e-30",
                                 "--optimizer", "adam", "--epsilon", value)
        for value in ("1", "-0.1", "nan"):
            self.refuse_training("--dropout: '.*' is not a finite number from 0 to below 1",
                                 "--dropout", value)
            self.refuse_training("--input-dropout: '.*' is not a finite number from 0 to below 1",
                                 "--input-dropout", value)
        self.refuse_training("--dropout: 3 rates for 2 hidden layers; one for each, or one for all",
                             "--hidden", "8,4", "--dropout", "0.1,0.2,0.3")
        for option in ("--weight-decay", "--l1", "--max-norm"):
            for value in ("-1", "inf", "nan"):
                self.refuse_training(option, option, value)
        for value in ("1", "-0.5", "nan"):
            self.refuse_training("--validation-fraction", "--validation-fraction", value)

    def test_whole_numbers(self):
        for option in ("--epochs", "--batch-size", "--threads", "--checkpoint-every"):
            for value in ("0", "-1", "1.5", "1e3", "ten", "", "99999999999999999999"):
                self.refuse_training(f"{option}: '.*' is not a whole number from 1", option, value)
        for value in ("-1", str(2**64), "1.0", "one"):
            self.refuse_training("--seed: '.*' is not a whole number from 0", "--seed", value)

    def test_lists(self):
        for value in ("0", "-5", "5,,5", "5,", ",5", "a", "5;5", "5, 5", "10000000"):
            self.refuse_training("--hidden: '.*' is not a whole number from 1", "--hidden", value)

    def test_choices(self):
        self.refuse_training("--activation: 'swish' is not one of relu, leaky_relu",
                             "--activation", "swish")
        for value in ("shift", "shift=-1", "shift=1.5", "flip=1", "rotate", "rotate=181", "zoom=2",
                      "noise", "noise=-1", "noise=nan", "scale=0.95", "shear=81", "cutout=-1", "",
                      "shift=1,", "shift=1,,flip"):
            self.refuse_training("--augment: '.*' is not", "--augment", value)
        for value in ("28", "28x", "x28", "0x28", "28x28x3x1", "28*28", ""):
            self.refuse_training("--image-shape: '.*' is not", "--image-shape", value)
        self.refuse_training("--optimizer: 'lion' is not one of sgd, adam, adamw",
                             "--optimizer", "lion")
        self.refuse_training("--precision: 'f16' is not one of f32, f64", "--precision", "f16")
        self.refuse_training("--preprocess: 'pca' is not one of auto, none, scale, standardize",
                             "--preprocess", "pca")

    def test_combinations(self):
        self.refuse_training("--nesterov needs", "--nesterov")
        self.refuse_training("--checkpoint-every needs a --model", "--checkpoint-every", "5")
        for option in ("--beta1", "--beta2", "--epsilon"):
            self.refuse_training(f"{option} is an option of adam and adamw, and --optimizer is sgd",
                                 option, "0.5")
        for optimizer in ("adam", "adamw"):
            self.refuse_training(f"--momentum is an option of sgd, and --optimizer is {optimizer}",
                                 "--optimizer", optimizer, "--momentum", "0.9")
            self.refuse_training("--nesterov is an option of sgd", "--optimizer", optimizer,
                                 "--nesterov")
        self.refuse_training("above 1: weights would lose", "--optimizer", "adamw",
                             "--weight-decay", "2", "--learning-rate", "0.6")
        self.refuse_training("--header", "--header", "--no-header")
        self.refuse_training("--epochs", "--epochs", "1", "--epochs", "2")
        for value in ("", "ab", "1", ".", '"', "\n"):
            self.refuse_training("--delimiter", "--delimiter", value)

    def test_one_file_in_two_roles(self):
        same = self.dir / "same.csv"
        same.write_text("1,2,a\n")
        link = self.dir / "link"
        link.symlink_to(same)
        for args in (["--model", same, "--log", same], ["--model", same, "--log", link],
                     ["--model", same], ["--log", link]):
            done = self.fail_with(2, "the same file", "train", "--data", same, *args)
            self.assertEqual(same.read_text(), "1,2,a\n", done.stderr)

    def test_more_weights_than_memory(self):
        self.fail_with(2, "--hidden: the weights would take .* GB", "train", "--data", "moons",
                       "--hidden", "1000000,1000000,1000000", "--epochs", "1")


if __name__ == "__main__":
    main()
