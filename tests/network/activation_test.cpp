// Names of activations: one table, read both ways; and their values, as PyTorch has them.
#include <algorithm>
#include <cmath>
#include <iterator>
#include <set>
#include <string>
#include <type_traits>

#include <lamella/activation.h>
#include <lamella/backend.h>

#include "tests/catch.h"
#include "tests/network/reference/activations.h"
#include "tests/test_backends.h"

namespace lamella::test {
namespace {

TEST_CASE("every activation has a name of its own that leads back to it", "[activation]") {
  std::set<std::string> names;
  constexpr int kLast = static_cast<int>(ActivationKind::softplus);
  for (int i = 0; i <= kLast; ++i) {
    const auto kind = static_cast<ActivationKind>(i);
    names.insert(activation_name(kind));
    CHECK(activation_by_name(activation_name(kind)) == kind);
  }
  CHECK(names.size() == static_cast<std::size_t>(kLast) + 1);
  CHECK(names.count("unknown") == 0);
  CHECK(activation_name(static_cast<ActivationKind>(kLast + 1)) == std::string("unknown"));
  CHECK_FALSE(activation_by_name("unknown"));
  CHECK_FALSE(activation_by_name("Relu"));
  CHECK_FALSE(activation_by_name(""));
}

TEMPLATE_TEST_CASE("activations and derivatives are PyTorch's", "[activation]", float, double) {
  using T = TestType;
  constexpr double kTolerance = std::is_same_v<T, float> ? 1e-6 : 1e-14;
  struct Expected {
    ActivationKind kind;
    const double *values, *derivatives;
  };
  const Expected all[] = {{ActivationKind::gelu, k_gelu, k_gelu_derivative},
                          {ActivationKind::silu, k_silu, k_silu_derivative},
                          {ActivationKind::selu, k_selu, k_selu_derivative},
                          {ActivationKind::elu, k_elu, k_elu_derivative},
                          {ActivationKind::mish, k_mish, k_mish_derivative},
                          {ActivationKind::softplus, k_softplus, k_softplus_derivative}};
  constexpr auto kPoints = static_cast<index_t>(std::size(k_activation_points));
  for (const auto& backend : test_backends())
    for (const Expected& expected : all) {
      T z[kPoints], a[kPoints], d[kPoints];
      for (index_t i = 0; i < kPoints; ++i) {
        z[i] = static_cast<T>(k_activation_points[i]);
        d[i] = 1;
      }
      const Activation f{expected.kind};
      backend->run(Activate<T>{f, row_major<const T>(z, 1, kPoints), row_major(a, 1, kPoints)});
      const T* const at = derivative_needs_input(f.kind) ? z : a;
      backend->run(
          ActivateBackward<T>{f, row_major<const T>(at, 1, kPoints), row_major(d, 1, kPoints)});
      for (index_t i = 0; i < kPoints; ++i) {
        INFO(backend->info().name << ", " << activation_name(f.kind) << " of " << z[i]);
        CHECK(std::abs(a[i] - expected.values[i]) <=
              kTolerance * std::max(1.0, std::abs(expected.values[i])));
        CHECK(std::abs(d[i] - expected.derivatives[i]) <= kTolerance);
      }
    }
}

}  // namespace
}  // namespace lamella::test
