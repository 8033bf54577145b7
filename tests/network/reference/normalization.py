#!/usr/bin/env python3
"""Networks with normalised layers as PyTorch trains them, as the C++ header normalization.h.

  python3 normalization.py > normalization.h      with PyTorch as bench/peers installs it

A 3-5-4-2 network with tanh learns one mini-batch of 6 samples for 5 steps, in double. Weights and
samples are the fractions that number() gives, so that the test can make them too. The layers have
no bias of their own before a normalisation: its shift takes that place.
"""
import torch
from torch import nn

SIZES = [3, 5, 4, 2]
SAMPLES = 6
STEPS = 5


def number(a, b, c):
    return ((a * 7 + b * 5 + c * 3) % 11 - 5) / 8


def matrix(rows, cols, tag):
    return torch.tensor([[number(i, j, tag) for j in range(cols)] for i in range(rows)])


class Network(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.linear = nn.ModuleList()
        self.norm = nn.ModuleList()
        for layer, (inputs, units) in enumerate(zip(SIZES, SIZES[1:])):
            last = layer == len(SIZES) - 2
            linear = nn.Linear(inputs, units, bias=last)
            with torch.no_grad():
                linear.weight.copy_(matrix(units, inputs, layer))
                if last:
                    linear.bias.zero_()
            self.linear.append(linear)
            if not last:
                self.norm.append(norm(units))

    def forward(self, x):
        for linear, norm in zip(self.linear, self.norm):
            x = torch.tanh(norm(linear(x)))
        return self.linear[-1](x)

    def tensors(self):
        for layer, linear in enumerate(self.linear):
            yield linear.weight
            if layer == len(self.norm):
                yield linear.bias
                continue
            norm = self.norm[layer]
            yield norm.bias
            yield norm.weight
            if hasattr(norm, "running_mean"):
                yield norm.running_mean
                yield norm.running_var


def sgd(groups):
    return torch.optim.SGD(groups, lr=0.1)


def nesterov(groups):
    return torch.optim.SGD(groups, lr=0.1, momentum=0.9, nesterov=True)


def adamw(groups):
    return torch.optim.AdamW(groups, lr=0.01)


def groups_of(network, decay):
    decayed = [linear.weight for linear in network.linear]
    others = [p for p in network.parameters() if all(p is not d for d in decayed)]
    return [{"params": decayed, "weight_decay": decay}, {"params": others, "weight_decay": 0}]


def row(name, values):
    print(f"inline constexpr double {name}[] = {{{', '.join(repr(float(v)) for v in values)}}};")


def main():
    torch.set_default_dtype(torch.float64)
    x = matrix(SAMPLES, SIZES[0], 4)
    labels = torch.tensor([s % SIZES[-1] for s in range(SAMPLES)])
    print(f"// Made by normalization.py with PyTorch {torch.__version__.split('+')[0]}: do not edit.")
    print("#ifndef LAMELLA_TESTS_NETWORK_REFERENCE_NORMALIZATION_H_")
    print("#define LAMELLA_TESTS_NETWORK_REFERENCE_NORMALIZATION_H_\n")
    print("namespace lamella::test {\n\n// clang-format off")
    for kind, norm in (("batch", nn.BatchNorm1d),):
        for make, decay in ((sgd, 0.05), (nesterov, 0), (adamw, 0.1)):
            network = Network(norm)
            optimizer = make(groups_of(network, decay))
            losses = []
            for _ in range(STEPS):
                optimizer.zero_grad()
                loss = nn.functional.cross_entropy(network(x), labels)
                loss.backward()
                losses.append(loss.item())
                optimizer.step()
            network.eval()
            with torch.no_grad():
                probabilities = torch.softmax(network(x), 1)
            name = f"k_{kind}_{make.__name__}"
            row(name + "_losses", losses)
            row(name + "_tensors", [v for t in network.tensors() for v in t.detach().flatten()])
            row(name + "_probabilities", probabilities.flatten())
    print("// clang-format on\n\n}  // namespace lamella::test\n")
    print("#endif  // LAMELLA_TESTS_NETWORK_REFERENCE_NORMALIZATION_H_")


if __name__ == "__main__":
    main()
