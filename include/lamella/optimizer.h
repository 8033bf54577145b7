// Settings of a training step: the optimiser, and dropout. The arithmetic of an update is a kernel
// (kernels.h, SgdUpdate).
#ifndef LAMELLA_OPTIMIZER_H_
#define LAMELLA_OPTIMIZER_H_

#include <cstdint>
#include <span>

namespace lamella {

/// (Momentum) stochastic gradient descent: g ← ∇ + λW, v ← μv + g, W ← W - ηv (nesterov: W - η(g +
/// μv)). With μ = 0 no velocity and no gradient matrix exist: W ← (1 - ηλ)W - ηDAᵀ is one GEMM
/// (MATH.md). Biases are not decayed.
struct SgdOptions {
  double learning_rate = 0.1;  ///< η, finite and > 0
  double momentum = 0;         ///< μ in [0, 1)
  double weight_decay = 0;     ///< λ, finite and >= 0
  bool nesterov = false;       ///< needs momentum > 0

  friend bool operator==(const SgdOptions&, const SgdOptions&) = default;
};

/// Inverted dropout: in a step, each hidden unit of each sample is left out with the given
/// probability, and those kept are scaled by 1 / (1 - probability). Nothing is left out in
/// inference. Who is left out depends on (seed, epoch, number of the sample, unit) alone, whatever
/// batch the sample is in.
struct Dropout {
  double probability = 0;  ///< in [0, 1)
  std::uint64_t seed = 1;
  std::uint32_t epoch = 0;
  std::span<const std::int32_t> samples;  ///< number of each sample of the batch in its data set;
                                          ///< not needed with probability 0
};

}  // namespace lamella

#endif  // LAMELLA_OPTIMIZER_H_
