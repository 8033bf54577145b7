"""Models as released versions wrote them: every later version reads them (docs/versioning.md).

A format that is written here stays here as it is. A new one gets a test beside it.
"""

import csv
import io
import math
import struct

from harness import ToolTest, main

# Version 0.1.0: keys of the metadata in this order, a header filled up to a multiple of 8.
METADATA_0_1 = (
    r'"__metadata__":{"architecture":"{\"inputs\":2,\"hidden\":[2],\"classes\":2,'
    r'\"activation\":\"ACTIVATION\",\"slope\":0.01}","class_names":"[\"dull\",{\"hex\":\"ff41\"}]",'
    r'"format":"lamella","format_version":"1",'
    r'"preprocessing":"{\"offset\":[0.5,-1],\"scale\":[2,0.25]}","sample_shape":"[2]"}')
TENSORS = (("layers.0.weight", [2, 2]), ("layers.0.bias", [2]),
           ("layers.1.weight", [2, 2]), ("layers.1.bias", [2]))
PARAMETERS = (0.5, -1.25, -0.75, 2, 0.125, -0.5, 1.5, -1, -0.5, 0.25, 0.0625, -0.125)
SAMPLES = [(0.5, -1), (1.25, 3), (-2, 0.5), (0, -9)]

FUNCTIONS = {"identity": lambda z: z,
             "relu": lambda z: max(z, 0),
             "leaky_relu": lambda z: z if z > 0 else 0.01 * z,
             "tanh": math.tanh,
             "sigmoid": lambda z: 1 / (1 + math.exp(-z))}


def model_0_1(precision, activation, version="1"):
    size = {"f32": 4, "f64": 8}[precision]
    entries, begin = [METADATA_0_1.replace("ACTIVATION", activation)
                      .replace('"format_version":"1"', f'"format_version":"{version}"')], 0
    for name, shape in TENSORS:
        end = begin + size * math.prod(shape)
        sizes = ",".join(map(str, shape))
        entries.append(f'"{name}":{{"dtype":"{precision.upper()}","shape":[{sizes}],'
                       f'"data_offsets":[{begin},{end}]}}')
        begin = end
    header = "{" + ",".join(entries) + "}"
    header += " " * (-len(header) % 8)
    numbers = struct.pack(f"<{len(PARAMETERS)}{'f' if size == 4 else 'd'}", *PARAMETERS)
    return struct.pack("<Q", len(header)) + header.encode() + numbers


def probabilities(sample, activation):
    w, b, v, c = PARAMETERS[0:4], PARAMETERS[4:6], PARAMETERS[6:10], PARAMETERS[10:12]
    x = [(sample[0] - 0.5) * 2, (sample[1] + 1) * 0.25]
    a = [FUNCTIONS[activation](w[2 * i] * x[0] + w[2 * i + 1] * x[1] + b[i]) for i in range(2)]
    e = [math.exp(v[2 * i] * a[0] + v[2 * i + 1] * a[1] + c[i]) for i in range(2)]
    return [p / sum(e) for p in e]


class OldModels(ToolTest):
    def setUp(self):
        super().setUp()
        self.model = self.dir / "old.safetensors"
        self.input = self.dir / "input.csv"
        self.input.write_text("".join(f"{x},{y}\n" for x, y in SAMPLES))

    def test_0_1(self):
        for precision, places in (("f32", 6), ("f64", 12)):
            for activation in FUNCTIONS:
                self.model.write_bytes(model_0_1(precision, activation))
                output = self.dir / "output.csv"
                self.succeed("predict", "--model", self.model, "--input", self.input, "--output",
                             output)
                text = output.read_bytes().decode("latin-1")
                header, *rows = csv.reader(io.StringIO(text))
                self.assertEqual(header, ["class", "p_dull", "p_\xffA"])
                self.assertEqual(len(rows), len(SAMPLES))
                for sample, row in zip(SAMPLES, rows):
                    expected = probabilities(sample, activation)
                    for found, wanted in zip(row[1:], expected, strict=True):
                        self.assertAlmostEqual(float(found), wanted, places=places)
                    name = header[1 + expected.index(max(expected))].removeprefix("p_")
                    self.assertEqual(row[0], name)

    def test_a_format_of_the_future_is_refused(self):
        self.model.write_bytes(model_0_1("f32", "relu", version="2"))
        self.fail_with(1, "format_version", "predict", "--model", self.model, "--input", self.input)


if __name__ == "__main__":
    main()
