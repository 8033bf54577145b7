// Activations: the element-wise functions between layers, and their names.
//
// Not here: the kernels that compute them (kernels.h).
#ifndef LAMELLA_ACTIVATION_H_
#define LAMELLA_ACTIVATION_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace lamella {

/// Element-wise functions between layers.
enum class ActivationKind : std::uint8_t {
  identity,
  relu,
  leaky_relu,
  tanh,
  sigmoid,
  gelu,  ///< z Φ(z), Φ(z) = (1 + erf(z / √2)) / 2 of the normal distribution: the exact form
  silu,  ///< z σ(z), σ being the sigmoid; also called swish
  selu,  ///< 1.0507 z for z > 0, else 1.0507 · 1.6733 (exp z - 1), with more digits
  elu,   ///< z for z > 0, else exp z - 1
  mish,  ///< z tanh(log(1 + exp z))
  softplus,  ///< log(1 + exp z)
};

/// Whether f'(z) is computed from z: of gelu, silu and mish, which are not monotonic, so that their
/// value a = f(z) does not tell it. For all others it is a function of a.
constexpr bool derivative_needs_input(ActivationKind kind) noexcept {
  return kind == ActivationKind::gelu || kind == ActivationKind::silu ||
         kind == ActivationKind::mish;
}

/// An activation and its parameter. For a = f(z), the derivative f'(z) is
/// identity 1; relu [a > 0]; leaky relu 1 or slope; tanh 1 - a²; sigmoid a (1 - a);
/// elu 1 or a + 1; selu 1.0507 or a + 1.0507 · 1.6733; softplus 1 - exp(-a);
/// gelu Φ(z) + z Φ'(z); silu σ(z) (1 + z σ(-z)); mish t + z σ(z) (1 - t²), t = tanh(log(1 + exp
/// z)).
///
/// References: Hendrycks and Gimpel, "Gaussian error linear units", 2016 (gelu, silu); Klambauer et
/// al., "Self-normalizing neural networks", NIPS 2017 (selu); Clevert et al., "Fast and accurate
/// deep network learning by exponential linear units", ICLR 2016 (elu); Misra, "Mish: a self
/// regularized non-monotonic activation function", BMVC 2020; Dugas et al., "Incorporating
/// second-order functional knowledge for better option pricing", NIPS 2000 (softplus).
struct Activation {
  ActivationKind kind = ActivationKind::identity;
  double slope = 0.01;  ///< leaky_relu only: f(z) = slope * z for z < 0; must be positive

  friend bool operator==(const Activation&, const Activation&) = default;
};

/// One line of kActivations.
struct NamedActivation {
  ActivationKind kind;
  const char* name;  ///< in model files, traces and on the command line
};

/// All activations, those that hidden layers use most often first.
inline constexpr NamedActivation kActivations[] = {
    {ActivationKind::relu, "relu"},        {ActivationKind::leaky_relu, "leaky_relu"},
    {ActivationKind::tanh, "tanh"},        {ActivationKind::sigmoid, "sigmoid"},
    {ActivationKind::gelu, "gelu"},        {ActivationKind::silu, "silu"},
    {ActivationKind::selu, "selu"},        {ActivationKind::elu, "elu"},
    {ActivationKind::mish, "mish"},        {ActivationKind::softplus, "softplus"},
    {ActivationKind::identity, "identity"}};

/// The name of an activation; "unknown" for a value that is not a member of the enum.
constexpr const char* activation_name(ActivationKind kind) noexcept {
  for (const NamedActivation& activation : kActivations)
    if (activation.kind == kind) return activation.name;
  return "unknown";
}

/// The activation with a name, or nothing if there is none.
constexpr std::optional<ActivationKind> activation_by_name(std::string_view name) noexcept {
  for (const NamedActivation& activation : kActivations)
    if (activation.name == name) return activation.kind;
  return std::nullopt;
}

}  // namespace lamella

#endif  // LAMELLA_ACTIVATION_H_
