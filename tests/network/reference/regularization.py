#!/usr/bin/env python3
"""Weights after ten steps with an L1 penalty and a largest norm, as the C++ header regularization.h.

  python3 regularization.py > regularization.h      with NumPy

A network of 4 inputs, 5 units of tanh and 3 classes, in double, on 6 samples that are one mini-batch.
"""
import numpy as np

L1 = 0.02
MAX_NORM = 0.8
STEPS = 10


def data():
    i, j = np.arange(6)[:, None], np.arange(4)
    return np.sin(1.0 + 3 * i + 5 * j), np.arange(6) % 3


def start():
    def weights(rows, cols, first):
        return np.cos(first + 2 * np.arange(rows)[:, None] + 7 * np.arange(cols)) / 2

    return [weights(5, 4, 1.0), np.zeros(5), weights(3, 5, 2.0), np.zeros(3)]


def gradients(parameters):
    x, labels = data()
    w1, b1, w2, b2 = parameters
    a = np.tanh(x @ w1.T + b1)
    z = a @ w2.T + b2
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    d = (p - np.eye(3)[labels]) / len(x)
    back = d @ w2 * (1 - a * a)
    return [back.T @ x, back.sum(axis=0), d.T @ a, d.sum(axis=0)]


def constrained(parameters, rate, l1, max_norm):
    for layer, w in enumerate(parameters[::2]):
        w = np.sign(w) * np.maximum(np.abs(w) - rate * l1, 0)
        if layer == 0 and max_norm:  # hidden units only
            norms = np.linalg.norm(w, axis=1, keepdims=True)
            w = np.where(norms > max_norm, w * (max_norm / np.maximum(norms, 1e-300)), w)
        parameters[2 * layer] = w
    return parameters


def sgd(l1, max_norm, momentum, rate=0.5):
    parameters = start()
    velocity = [np.zeros_like(p) for p in parameters]
    for _ in range(STEPS):
        velocity = [momentum * v + g for v, g in zip(velocity, gradients(parameters))]
        parameters = [p - rate * v for p, v in zip(parameters, velocity)]
        parameters = constrained(parameters, rate, l1, max_norm)
    return parameters


def adam(l1, max_norm, rate=0.1, beta1=0.9, beta2=0.999, epsilon=1e-8):
    parameters = start()
    first = [np.zeros_like(p) for p in parameters]
    second = [np.zeros_like(p) for p in parameters]
    for t in range(1, STEPS + 1):
        g = gradients(parameters)
        first = [beta1 * m + (1 - beta1) * g_ for m, g_ in zip(first, g)]
        second = [beta2 * v + (1 - beta2) * g_ * g_ for v, g_ in zip(second, g)]
        parameters = [p - rate * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + epsilon)
                      for p, m, v in zip(parameters, first, second)]
        parameters = constrained(parameters, rate, l1, max_norm)
    return parameters


RUNS = {
    "sgd_l1": sgd(L1, 0, 0),
    "sgd_max_norm": sgd(0, MAX_NORM, 0),
    "sgd_both": sgd(L1, MAX_NORM, 0),
    "momentum_both": sgd(L1, MAX_NORM, 0.5),
    "adam_both": adam(L1, MAX_NORM),
}


def main():
    print(f"// Made by regularization.py with NumPy {np.__version__}: do not edit.")
    print("#ifndef LAMELLA_TESTS_NETWORK_REFERENCE_REGULARIZATION_H_")
    print("#define LAMELLA_TESTS_NETWORK_REFERENCE_REGULARIZATION_H_\n")
    print("namespace lamella::test {\n\n// clang-format off")
    for name, parameters in RUNS.items():
        values = ", ".join(repr(float(v)) for p in parameters for v in p.ravel())
        print(f"inline constexpr double k_{name}[] = {{{values}}};")
    print("// clang-format on\n\n}  // namespace lamella::test\n")
    print("#endif  // LAMELLA_TESTS_NETWORK_REFERENCE_REGULARIZATION_H_")


if __name__ == "__main__":
    main()
