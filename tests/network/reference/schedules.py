#!/usr/bin/env python3
"""Learning rates of PyTorch's schedulers, step by step, as the C++ header schedules.h.

  python3 schedules.py > schedules.h      with PyTorch as bench/peers installs it

A run of 4 epochs of 5 steps, at a rate of 1, with a warm-up of 0 or 1 epochs before it.
"""
import warnings

import torch
from torch.optim import lr_scheduler

STEPS_PER_EPOCH = 5
EPOCHS = 4


def rates(make, warmup):
    """The rate of each step; `make(optimizer, steps)` is the scheduler behind the warm-up."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    steps = STEPS_PER_EPOCH * EPOCHS
    first = STEPS_PER_EPOCH * warmup
    scheduler = make(optimizer, steps - first)
    if first:
        rise = lr_scheduler.LinearLR(optimizer, 1 / first, 1, first - 1)
        scheduler = lr_scheduler.SequentialLR(optimizer, [rise, scheduler], [first])
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


SCHEDULERS = {
    "step": lambda o, n: lr_scheduler.StepLR(o, 2 * STEPS_PER_EPOCH, 0.3),
    "exponential": lambda o, n: lr_scheduler.ExponentialLR(o, 0.7 ** (1 / STEPS_PER_EPOCH)),
    "cosine": lambda o, n: lr_scheduler.CosineAnnealingLR(o, n, 0.1),
    # The first rate is max_lr / div_factor, the last one that over final_div_factor.
    "one_cycle": lambda o, n: lr_scheduler.OneCycleLR(
        o, 1.0, total_steps=n, pct_start=0.4, div_factor=25, final_div_factor=4,
        cycle_momentum=False),
}


def main():
    warnings.simplefilter("ignore")
    print(f"// Made by schedules.py with PyTorch {torch.__version__.split('+')[0]}: do not edit.")
    print("#ifndef LAMELLA_TESTS_NETWORK_REFERENCE_SCHEDULES_H_")
    print("#define LAMELLA_TESTS_NETWORK_REFERENCE_SCHEDULES_H_\n")
    print("namespace lamella::test {\n\n// clang-format off")
    for name, make in SCHEDULERS.items():
        for warmup in (0, 1):
            if warmup and name == "one_cycle":
                continue  # it has a warm-up of its own
            values = ", ".join(f"{rate!r}" for rate in rates(make, warmup))
            print(f"inline constexpr double k_{name}_{warmup}[] = {{{values}}};")
    figures = [1, 0.9, 0.95, 0.91, 0.92, 0.8, 0.79999, 0.85, 0.81, 0.83, 0.9, 0.82, 0.84, 0.86, 0.7, 0.9, 0.8, 0.8,
               0.8, 0.8, 0.8, 0.8, 0.8, 0.8]
    print(f"inline constexpr double k_plateau_figures[] = {{{', '.join(map(repr, figures))}}};")
    for mode in ("min", "max"):
        for cooldown in (0, 2):
            optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
            scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, mode, 0.5, 1, 0.01, "rel", cooldown, 0.1, 0)
            found = []
            for figure in figures:
                scheduler.step(figure)
                found.append(optimizer.param_groups[0]["lr"])
            print(f"inline constexpr double k_plateau_{mode}_{cooldown}[] = {{{', '.join(map(repr, found))}}};")
    print("// clang-format on\n\n}  // namespace lamella::test\n")
    print("#endif  // LAMELLA_TESTS_NETWORK_REFERENCE_SCHEDULES_H_")


if __name__ == "__main__":
    main()
