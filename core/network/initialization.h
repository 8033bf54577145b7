// Draws the initial weights and biases of a network.
#ifndef LAMELLA_CORE_NETWORK_INITIALIZATION_H_
#define LAMELLA_CORE_NETWORK_INITIALIZATION_H_

#include <cstdint>

#include <lamella/activation.h>
#include <lamella/initialization.h>

#include "core/network/parameters.h"

namespace lamella::detail {

/// Fills weights and biases by the scheme; running means with 0, scales and running variances with
/// 1. A number depends on (seed, layer, its index in the layer) alone: weights row by row, then
/// biases.
template <class T>
void initialize(Parameters<T>& parameters, const Activation& hidden_activation,
                Initialization scheme, std::uint64_t seed);

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_NETWORK_INITIALIZATION_H_
