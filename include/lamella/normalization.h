// Normalisation of hidden layers, and its names.
//
// Not here: the kernels that compute it (kernels.h), and where it stands in a network (network.h).
#ifndef LAMELLA_NORMALIZATION_H_
#define LAMELLA_NORMALIZATION_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace lamella {

/// What happens between product and activation of each hidden layer.
///
/// batch: batch normalisation (Ioffe and Szegedy, "Batch normalization: accelerating deep network
/// training by reducing internal covariate shift", ICML 2015). Training takes mean and variance of
/// each unit over the mini-batch, which needs at least two samples; prediction takes running ones.
enum class Normalization : std::uint8_t { none, batch };

/// Added to variances before their root is taken, and the share of a mini-batch in the running
/// statistics: PyTorch's defaults.
inline constexpr double kNormalizationEpsilon = 1e-5;
inline constexpr double kNormalizationMomentum = 0.1;

/// One line of kNormalizations.
struct NamedNormalization {
  Normalization kind;
  const char* name;  ///< in model files and on the command line
};

inline constexpr NamedNormalization kNormalizations[] = {{Normalization::none, "none"},
                                                         {Normalization::batch, "batch"}};

/// The name of a normalisation; "unknown" for a value that is not a member of the enum.
constexpr const char* normalization_name(Normalization kind) noexcept {
  for (const NamedNormalization& known : kNormalizations)
    if (known.kind == kind) return known.name;
  return "unknown";
}

/// The normalisation with a name, or nothing if there is none.
constexpr std::optional<Normalization> normalization_by_name(std::string_view name) noexcept {
  for (const NamedNormalization& known : kNormalizations)
    if (known.name == name) return known.kind;
  return std::nullopt;
}

}  // namespace lamella

#endif  // LAMELLA_NORMALIZATION_H_
