// Dropout: the rate of each layer, and the kernel calls that draw which units a training step
// drops.
//
// Not here: how masks enter the other calls (plan_builder.cpp).
#ifndef LAMELLA_CORE_NETWORK_DROPOUT_H_
#define LAMELLA_CORE_NETWORK_DROPOUT_H_

#include <cstdint>
#include <string_view>

#include <lamella/kernels.h>
#include <lamella/optimizer.h>

namespace lamella::detail {

/// Throws ArgumentError, opened by `where`, unless all probabilities are in [0, 1), and there is
/// none or one for each of the hidden layers.
void check_dropout(std::string_view where, const Dropout& dropout, index_t hidden_layers);

/// The probability with which units of layer l are dropped; 0 is the input, 1 the first hidden
/// layer. Only after check_dropout.
double dropout_rate(const Dropout& dropout, index_t l);

/// Blocks of random numbers that the units of a layer take.
std::uint32_t dropout_blocks(index_t units);

/// Writes into a call what differs from step to step.
template <class T>
void set_step(DropUnits<T>& call, const Dropout& dropout);

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_NETWORK_DROPOUT_H_
