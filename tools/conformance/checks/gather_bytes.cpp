// gather_bytes: a subtraction and a product an element, so the result is known to the last bit.
#include <cstdint>
#include <string>
#include <vector>

#include <lamella/backend.h>

#include "tools/conformance/checks.h"
#include "tools/conformance/compare.h"
#include "tools/conformance/operand.h"
#include "tools/conformance/shapes.h"

namespace lamella::conformance {
namespace {

/// A vector with an entry per feature: `size` of them, or one that a stride of 0 repeats.
template <class T>
struct PerFeature {
  std::vector<T> values;
  index_t features;

  PerFeature(Random& random, index_t size, bool repeated, double low, double high)
      : features(size) {
    for (index_t j = 0; j < (repeated ? 1 : size); ++j)
      values.push_back(static_cast<T>(uniform(random, low, high)));
  }
  ConstVectorView<T> view() const { return {values.data(), features, values.size() == 1 ? 0 : 1}; }
};

template <class T>
void expect_batch(CheckContext& context, Random& random, const Shape& shape, Order order,
                  bool repeated) {
  constexpr index_t kStored = 40;
  // The stored bytes end at a guard page: reading a whole vector beyond the last feature faults.
  Operand<std::uint8_t> values(1, kStored * shape.cols, {},
                               [&](index_t, index_t) { return uniform_int(random, 0, 255); });
  values.make_read_only();
  auto indices = vector_operand<std::int32_t>(shape.rows, random_layout(random), [&](index_t s) {
    return s == 0 ? kStored - 1 : uniform_int(random, 0, kStored - 1);
  });
  indices.make_read_only();
  const PerFeature<T> offset(random, shape.cols, repeated, 0, 200);
  const PerFeature<T> scale(random, shape.cols, repeated, -1, 1);
  const Layout layout = random_layout(random, order);

  GatherBytes<T> call;
  call.values = values.view().data;
  call.samples = kStored;
  call.features = shape.cols;
  call.indices = indices.vector();
  call.offset = offset.view();
  call.scale = scale.view();
  std::vector<T> want;
  for (index_t s = 0; s < shape.rows; ++s)
    for (index_t j = 0; j < shape.cols; ++j) {
      const T shifted =
          static_cast<T>(call.values[call.indices[s] * shape.cols + j]) - call.offset[j];
      want.push_back(shifted * call.scale[j]);
    }
  const std::string what =
      describe(shape) + " out " + describe(layout) + (repeated ? " one map" : " map per feature");
  for (const BackendUnderTest& tested : context.backends()) {
    context.begin(tested, what);
    const Operand<T> out(shape.rows, shape.cols, layout);
    call.out = out.view();
    tested.backend->run(call);
    context(tested, what, first_of({different_bits(out.read(), want), out.stray_writes()}));
  }
}

template <class T>
void all_shapes(CheckContext& context) {
  Random random(40);
  for (const Shape& shape : matrix_shapes(60'000))
    if (shape.rows > 0 && shape.cols > 0)
      expect_batch<T>(context, random, shape, pick(random, kOrders),
                      uniform_int(random, 0, 1) == 0);
  context.expect_cases(401);
}

template <class T>
void all_layouts(CheckContext& context) {
  Random random(41);
  for (const Shape& shape : {Shape{128, 784}, {16, 16}, {17, 33}, {128, 2}, {1, 100}, {40, 15}})
    for (Order order : kOrders)
      for (bool repeated : {true, false})
        for (int repeat = 0; repeat < 3; ++repeat)
          expect_batch<T>(context, random, shape, order, repeated);
  context.expect_cases(108);
}

}  // namespace

std::vector<Check> gather_bytes_checks() {
  return {
      {"gather_bytes", "picks and maps samples, all shapes", all_shapes<float>, all_shapes<double>},
      {"gather_bytes", "picks and maps samples, all layouts", all_layouts<float>,
       all_layouts<double>}};
}

}  // namespace lamella::conformance
