// Activations: the element-wise functions between layers, and their names.
//
// Not here: the kernels that compute them (kernels.h).
#ifndef LAMELLA_ACTIVATION_H_
#define LAMELLA_ACTIVATION_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace lamella {

/// Element-wise functions between layers. The derivative of each is a function of its own value.
enum class ActivationKind : std::uint8_t { identity, relu, leaky_relu, tanh, sigmoid };

/// An activation and its parameter. For a = f(z), the derivative f'(z) is
/// identity 1; relu [a > 0]; leaky relu 1 or slope; tanh 1 - a²; sigmoid a (1 - a).
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
inline constexpr NamedActivation kActivations[] = {{ActivationKind::relu, "relu"},
                                                   {ActivationKind::leaky_relu, "leaky_relu"},
                                                   {ActivationKind::tanh, "tanh"},
                                                   {ActivationKind::sigmoid, "sigmoid"},
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
