// Which hidden units a training step leaves out: masks of ones and zeros.
//
// Not here: how masks enter the kernel calls (plan_builder.cpp).
#ifndef LAMELLA_CORE_NETWORK_DROPOUT_H_
#define LAMELLA_CORE_NETWORK_DROPOUT_H_

#include <string_view>
#include <vector>

#include <lamella/optimizer.h>
#include <lamella/view.h>

namespace lamella {

/// Throws ArgumentError, opened by `where`, unless the probability is in [0, 1).
void check_dropout(std::string_view where, const Dropout& dropout);

/// Sets each element of `masks`, one [samples, units] matrix a hidden layer (empty ones are
/// skipped), to 0 with the probability given and else to 1. An element depends on the seed, the
/// epoch, the sample's number and the unit alone. One Philox block for four units.
template <class T>
void draw_masks(const Dropout& dropout, const std::vector<View<T>>& masks);

}  // namespace lamella

#endif  // LAMELLA_CORE_NETWORK_DROPOUT_H_
