// Settings of a training step: the optimiser, limits of weights, and dropout. The arithmetic of an
// update is a kernel (kernels.h: SgdUpdate, AdamUpdate, ConstrainWeights).
//
// ∇ is the gradient of the mini-batch's mean loss, λ the weight decay; biases and scales are never
// decayed.
#ifndef LAMELLA_OPTIMIZER_H_
#define LAMELLA_OPTIMIZER_H_

#include <cstdint>
#include <span>
#include <variant>

namespace lamella {

/// (Momentum) stochastic gradient descent: g ← ∇ + λW, v ← μv + g, W ← W - ηv. With μ = 0 no
/// velocity and no gradient matrix exist: W ← (1 - ηλ)W - ηDAᵀ is one GEMM
/// (docs/math.md#updates).
///
/// Nesterov's form, W ← W - η(g + μv), is that of Sutskever et al., "On the importance of
/// initialization and momentum in deep learning" (ICML 2013), where W stands for the parameters
/// after the look-ahead, at which the gradient is computed.
struct SgdOptions {
  double learning_rate = 0.1;  ///< η, finite and > 0
  double momentum = 0;         ///< μ in [0, 1)
  double weight_decay = 0;     ///< λ, finite and >= 0
  bool nesterov = false;       ///< needs momentum > 0

  friend bool operator==(const SgdOptions&, const SgdOptions&) = default;
};

/// Adam: Kingma and Ba, "Adam: a method for stochastic optimization" (ICLR 2015), algorithm 1. In
/// step t (from 1), with g = ∇ + λW, element by element:
///   m ← β₁m + (1 - β₁)g,  v ← β₂v + (1 - β₂)g²,  W ← W - η (m / (1 - β₁ᵗ)) / (√(v / (1 - β₂ᵗ)) +
///   ε)
///
/// AdamW (`decoupled_decay`): Loshchilov and Hutter, "Decoupled weight decay regularization" (ICLR
/// 2019), algorithm 2. The decay does not pass through the moments: g = ∇, and W starts the step
/// as (1 - ηλ)W.
struct AdamOptions {
  double learning_rate = 0.001;  ///< η, finite and > 0
  double beta1 = 0.9;            ///< β₁ in [0, 1)
  double beta2 = 0.999;          ///< β₂ in [0, 1)
  double epsilon = 1e-8;         ///< ε, finite and >= 1e-30: above zero in float too
  double weight_decay = 0;       ///< λ, finite and >= 0
  bool decoupled_decay = false;  ///< AdamW; then ηλ is at most 1

  friend bool operator==(const AdamOptions&, const AdamOptions&) = default;
};

/// The optimiser of a step, with its options.
using Optimizer = std::variant<SgdOptions, AdamOptions>;

/// η of either optimiser.
inline double learning_rate(const Optimizer& optimizer) {
  return std::visit([](const auto& options) { return options.learning_rate; }, optimizer);
}

/// The same optimiser with another η.
inline Optimizer with_learning_rate(Optimizer optimizer, double rate) {
  std::visit([rate](auto& options) { options.learning_rate = rate; }, optimizer);
  return optimizer;
}

/// What each step does to the weights after the optimiser's update, whichever optimiser it is.
/// Biases stay as they are. The L2 penalty is the optimiser's weight decay.
struct Regularization {
  /// λ₁, finite and >= 0: W ← sign(W) max(|W| - ηλ₁, 0). That is the proximal step of the penalty
  /// λ₁ Σ|W| (Duchi and Singer, "Efficient online and batch learning using forward backward
  /// splitting", JMLR 2009, section 5.1), and makes weights exactly zero. As AdamW's decay, it does
  /// not pass through momentum or moments.
  double l1 = 0;
  /// c, finite and >= 0; 0 stands for none. The weights into a hidden unit, if their Euclidean norm
  /// is above c, are scaled to it (Srivastava et al., JMLR 2014, section 5.1).
  double max_norm = 0;

  friend bool operator==(const Regularization&, const Regularization&) = default;
};

/// Inverted dropout (Srivastava et al., "Dropout: a simple way to prevent neural networks from
/// overfitting", JMLR 2014): a step drops each hidden unit of each sample with the given
/// probability, and scales those that are kept by 1 / (1 - probability). Inference drops nothing.
/// Which units are dropped depends on (seed, epoch, number of the sample, unit) alone, and not on
/// the mini-batch that the sample is in. Inputs can be dropped in the same way.
struct Dropout {
  double probability = 0;  ///< of hidden units, in [0, 1)
  std::uint64_t seed = 1;
  std::uint32_t epoch = 0;
  std::span<const std::int32_t> samples = {};  ///< number of each sample of the batch in its data
                                               ///< set; not needed if nothing is dropped
  double input = 0;  ///< probability with which an input is dropped, in [0, 1)
  /// One probability for each hidden layer, the first nearest the input, each in [0, 1). Empty:
  /// `probability` is that of all of them.
  std::span<const double> hidden = {};

  /// Whether a step drops anything.
  bool active() const {
    bool any = input != 0 || (hidden.empty() && probability != 0);
    for (const double of_layer : hidden) any = any || of_layer != 0;
    return any;
  }
};

}  // namespace lamella

#endif  // LAMELLA_OPTIMIZER_H_
