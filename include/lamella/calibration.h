// Temperature scaling: probabilities that are neither too sure nor too cautious.
//
// Not here: how far probabilities can be trusted before and after (metrics.h).
#ifndef LAMELLA_CALIBRATION_H_
#define LAMELLA_CALIBRATION_H_

#include <cstdint>
#include <span>

#include <lamella/dataset.h>
#include <lamella/export.h>
#include <lamella/network.h>

namespace lamella {

/// The temperature τ that makes the labels most probable when the logits z are divided by it
/// (Guo et al., "On calibration of modern neural networks", ICML 2017): the minimum over τ of the
/// mean of -log softmax(z_i / τ)[y_i]. Above 1, the network was too sure. The class that is the
/// most probable stays so. τ is in [0.01, 100]: labels that are all the most probable, or are like
/// drawn by lot, would have it at 0 or without bound.
///
/// The data must not be those that the network has learnt from: of these it is always too sure.
/// Throws ArgumentError as evaluate(), and if a probability is not finite. Memory is samples x
/// classes numbers.
template <class T>
LAMELLA_API double fit_temperature(const Network<T>& network, const Dataset& data,
                                   const Preprocessing& preprocessing);

/// The same for probabilities [samples, classes] as a network predicts them. Logits are known from
/// them up to a constant per sample, which softmax does not see. Throws ArgumentError for sizes
/// that differ, no samples, a label outside [0, classes), or a probability that is not finite.
template <class T>
LAMELLA_API double fit_temperature(std::span<const std::int32_t> labels,
                                   ConstView<T> probabilities);

/// Divides the network's logits by `temperature` from now on: weights and biases of its last layer
/// are divided. So a model file needs no further entry, and everything that predicts by it is
/// calibrated. Throws ArgumentError if the temperature is not finite and above 0.
template <class T>
LAMELLA_API void apply_temperature(Network<T>& network, double temperature);

}  // namespace lamella

#endif  // LAMELLA_CALIBRATION_H_
