// The values that weights and biases of a network begin with.
//
// Not here: how they are drawn (core/network/initialization.h).
#ifndef LAMELLA_INITIALIZATION_H_
#define LAMELLA_INITIALIZATION_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace lamella {

/// U(r) stands for uniform numbers in [-r, r), N(σ) for normal ones of deviation σ; a layer has
/// fan_in inputs and fan_out units. Biases are 0 unless a scheme says otherwise.
enum class Initialization : std::uint8_t {
  /// he_uniform before relu and its relatives (leaky relu, gelu, silu, elu, mish, softplus),
  /// U(√(3 / fan_in)), LeCun's, before selu, and glorot_uniform before tanh, sigmoid, identity and
  /// the softmax.
  by_activation,
  /// U(√(6 / fan_in)) and N(√(2 / fan_in)): He et al., "Delving deep into rectifiers", ICCV 2015.
  he_uniform,
  he_normal,
  /// U(√(6 / (fan_in + fan_out))) and N(√(2 / (fan_in + fan_out))): Glorot and Bengio,
  /// "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010.
  glorot_uniform,
  glorot_normal,
  /// N(√(1 / fan_in)): LeCun et al., "Efficient backprop", 1998.
  lecun_normal,
  /// Weights and biases U(√(1 / fan_in)), as PyTorch's Linear begins.
  torch,
  /// Weights and biases U(√(6 / (fan_in + fan_out))), before a sigmoid U(√(2 / (fan_in +
  /// fan_out))),
  /// as scikit-learn's MLPClassifier begins.
  scikit_learn
};

/// One line of kInitializations.
struct NamedInitialization {
  Initialization kind;
  const char* name;  ///< on the command line
};

inline constexpr NamedInitialization kInitializations[] = {
    {Initialization::by_activation, "by_activation"},
    {Initialization::he_uniform, "he_uniform"},
    {Initialization::he_normal, "he_normal"},
    {Initialization::glorot_uniform, "glorot_uniform"},
    {Initialization::glorot_normal, "glorot_normal"},
    {Initialization::lecun_normal, "lecun_normal"},
    {Initialization::torch, "torch"},
    {Initialization::scikit_learn, "scikit_learn"}};

/// The name of a scheme; "unknown" for a value that is not a member of the enum.
constexpr const char* initialization_name(Initialization kind) noexcept {
  for (const NamedInitialization& known : kInitializations)
    if (known.kind == kind) return known.name;
  return "unknown";
}

/// The scheme with a name, or nothing if there is none.
constexpr std::optional<Initialization> initialization_by_name(std::string_view name) noexcept {
  for (const NamedInitialization& known : kInitializations)
    if (known.name == name) return known.kind;
  return std::nullopt;
}

}  // namespace lamella

#endif  // LAMELLA_INITIALIZATION_H_
