// Settings of the optimiser. The arithmetic of an update is a kernel (kernels.h, SgdUpdate).
#ifndef LAMELLA_OPTIMIZER_H_
#define LAMELLA_OPTIMIZER_H_

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

}  // namespace lamella

#endif  // LAMELLA_OPTIMIZER_H_
