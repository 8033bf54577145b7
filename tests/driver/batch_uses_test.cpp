// Which products of a plan may read the mini-batch as packed samples: decided for what the product
// itself computes, as the driver decides it.
#include <cstdint>
#include <vector>

#include <lamella/matrix.h>

#include "backends/driver/blocked_kernels.h"
#include "backends/driver_backend.h"
#include "tests/catch.h"

namespace lamella::test {
namespace {

using namespace backends;

/// A table that packs samples, of an instruction set that every processor of its kind has.
const KernelTable<float>& packing_table() {
  const KernelTables tables = neon_tables().f32 != nullptr ? neon_tables() : baseline_tables();
  REQUIRE(tables.f32 != nullptr);
  REQUIRE(tables.f32->pack_samples != nullptr);
  return *tables.f32;
}

/// The gradient of a first layer of one feature: C (units x 1) ← D (units x samples) x, of which
/// the plan gathers x. The epilogue's output has a gap behind each element, so that only one
/// orientation can read it.
struct OneFeature {
  static constexpr index_t kSamples = 8, kUnits = 20;

  explicit OneFeature(ActivationKind activation) {
    const View<float> x = batch.view();
    plan.calls = {GatherBytes<float>{bytes.data(), kSamples, 1, {}, {}, {}, x}};
    FusedGemm<float> product{{1, transposed(d.view()), x, 0, c.view()}, {}};
    product.epilogue.activation = {activation};
    product.epilogue.activation_output = {outputs.data(), kUnits, 1, 2, 1};
    product.epilogue.backward_of = {ActivationKind::relu};
    plan.calls.emplace_back(product);
    plan.transient_outputs = {0};
  }

  std::vector<std::uint8_t> bytes = std::vector<std::uint8_t>(kSamples);
  std::vector<float> outputs = std::vector<float>(2 * kUnits);
  Matrix<float> batch{kSamples, 1}, d{kSamples, kUnits}, c{kUnits, 1};
  Plan<float> plan;
};

std::vector<BatchUse> uses_with(ActivationKind activation) {
  const OneFeature subject(activation);
  const auto executor = make_serial_executor();
  return BlockedKernels<float>(packing_table(), *executor).batch_uses(subject.plan);
}

TEST_CASE("a product in one pass reads samples in the orientation of all of its epilogue",
          "[batch_uses]") {
  CHECK(uses_with(ActivationKind::relu) ==
        std::vector<BatchUse>{BatchUse::gathers, BatchUse::samples_are_rows});
}

TEST_CASE("a product in two passes reads samples in the orientation of the first", "[batch_uses]") {
  // tanh comes first. Without the derivative both orientations fit, and the other one is taken, in
  // which x is not B.
  CHECK(uses_with(ActivationKind::tanh).empty());
}

}  // namespace
}  // namespace lamella::test
