// Dropout masks: a one for each hidden unit that a training step keeps, a zero for each that it
// drops.
//
// Not here: how masks enter the kernel calls (plan_builder.cpp).
#ifndef LAMELLA_CORE_NETWORK_DROPOUT_H_
#define LAMELLA_CORE_NETWORK_DROPOUT_H_

#include <string_view>
#include <vector>

#include <lamella/optimizer.h>
#include <lamella/view.h>

namespace lamella::detail {

/// Throws ArgumentError, opened by `where`, unless the probability is in [0, 1).
void check_dropout(std::string_view where, const Dropout& dropout);

/// Sets each element of `masks` to 0 with the given probability and otherwise to 1. There is one
/// [samples, units] matrix per hidden layer; empty matrices are skipped. An element depends on the
/// seed, the epoch, the number of the sample and the unit alone. O(elements), with one Philox block
/// per four units.
template <class T>
void draw_masks(const Dropout& dropout, const std::vector<View<T>>& masks);

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_NETWORK_DROPOUT_H_
