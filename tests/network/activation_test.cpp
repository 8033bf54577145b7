// Names of activations: one table, read both ways.
#include <set>
#include <string>

#include <lamella/activation.h>

#include "tests/catch.h"

namespace lamella::test {
namespace {

TEST_CASE("every activation has a name of its own that leads back to it", "[activation]") {
  std::set<std::string> names;
  constexpr int kLast = static_cast<int>(ActivationKind::sigmoid);
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

}  // namespace
}  // namespace lamella::test
