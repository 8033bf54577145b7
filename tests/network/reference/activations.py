#!/usr/bin/env python3
"""PyTorch's activations and their derivatives in double, as the C++ header activations.h.

  python3 activations.py > activations.h      with PyTorch as bench/peers installs it
"""
import torch
from torch.nn import functional

POINTS = [-30.0, -8.0, -3.0, -1.25, -0.5, -0.0625, 0.0625, 0.5, 1.25, 3.0, 8.0, 30.0]
ACTIVATIONS = {
    "gelu": functional.gelu,
    "silu": functional.silu,
    "selu": functional.selu,
    "elu": functional.elu,
    "mish": functional.mish,
    # PyTorch replaces softplus by the identity above a threshold.
    "softplus": lambda z: functional.softplus(z, threshold=1000),
}


def row(name, values):
    print(f"inline constexpr double {name}[] = {{{', '.join(repr(float(v)) for v in values)}}};")


def main():
    print(f"// Made by activations.py with PyTorch {torch.__version__.split('+')[0]}: do not edit.")
    print("#ifndef LAMELLA_TESTS_NETWORK_REFERENCE_ACTIVATIONS_H_")
    print("#define LAMELLA_TESTS_NETWORK_REFERENCE_ACTIVATIONS_H_\n")
    print("namespace lamella::test {\n\n// clang-format off")
    row("k_activation_points", POINTS)
    for name, function in ACTIVATIONS.items():
        z = torch.tensor(POINTS, dtype=torch.float64, requires_grad=True)
        a = function(z)
        a.sum().backward()
        row(f"k_{name}", a.detach())
        row(f"k_{name}_derivative", z.grad)
    print("// clang-format on\n\n}  // namespace lamella::test\n")
    print("#endif  // LAMELLA_TESTS_NETWORK_REFERENCE_ACTIVATIONS_H_")


if __name__ == "__main__":
    main()
