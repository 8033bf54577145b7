// drop_units: which elements are dropped is known bit by bit, from the definition of Philox4x32-10.
#include <array>
#include <cmath>
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

using Block = std::array<std::uint32_t, 4>;

/// Philox4x32-10 as its paper defines it.
Block philox(Block counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t left = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t right = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<std::uint32_t>(right >> 32) ^ counter[1] ^ key[0],
               static_cast<std::uint32_t>(right),
               static_cast<std::uint32_t>(left >> 32) ^ counter[3] ^ key[1],
               static_cast<std::uint32_t>(left)};
    key = {key[0] + 0x9E3779B9, key[1] + 0xBB67AE85};
  }
  return counter;
}

/// Whether the call drops element j of sample s.
template <class T>
bool is_dropped(const DropUnits<T>& call, index_t s, index_t j) {
  const auto low = [](std::uint64_t words) { return static_cast<std::uint32_t>(words); };
  const Block block = philox(
      {call.first_block + static_cast<std::uint32_t>(j / 4),
       static_cast<std::uint32_t>(call.samples[s]), low(call.stream), low(call.stream >> 32)},
      {low(call.seed), low(call.seed >> 32)});
  return static_cast<double>(block[static_cast<std::size_t>(j % 4)]) <
         std::floor(call.probability * 0x1p32);
}

enum class Kept { ones, values, in_place };

template <class T>
void expect_drops(CheckContext& context, Random& random, const Shape& shape, Order order,
                  Kept kept) {
  auto samples = vector_operand<std::int32_t>(
      shape.rows, random_layout(random), [&](index_t) { return uniform_int(random, 0, 70'000); });
  samples.make_read_only();
  const Operand<T> x(shape.rows, shape.cols, random_layout(random, order),
                     [&](index_t, index_t) { return uniform(random, -2, 2); });
  const Layout layout = random_layout(random, order);
  DropUnits<T> call;
  call.probability = pick(random, {0.0, 0.1, 0.5, 0.9, 1 - 0x1p-53});
  call.seed = random() | std::uint64_t{random()} << 32;
  call.stream = random() | std::uint64_t{random()} << 32;
  call.first_block = static_cast<std::uint32_t>(random());
  call.samples = samples.vector();
  std::vector<T> want;
  for (index_t s = 0; s < shape.rows; ++s)
    for (index_t j = 0; j < shape.cols; ++j)
      want.push_back(is_dropped(call, s, j) ? T{0} : kept == Kept::ones ? T{1} : x.read()(s, j));
  const std::string what = describe(shape) + " y " + describe(layout) +
                           (kept == Kept::ones       ? " ones"
                            : kept == Kept::in_place ? " in place"
                                                     : " x");
  for (const BackendUnderTest& tested : context.backends()) {
    context.begin(tested, what);
    const Operand<T> y(shape.rows, shape.cols, layout,
                       [&](index_t s, index_t j) { return x.read()(s, j); });
    if (kept == Kept::values) call.x = x.read();
    if (kept == Kept::in_place) call.x = y.view();
    call.y = y.view();
    tested.backend->run(call);
    context(tested, what, first_of({different_bits(y.read(), want), y.stray_writes()}));
  }
}

template <class T>
void all_shapes(CheckContext& context) {
  Random random(180);
  for (const Shape& shape : matrix_shapes(20'000))
    if (shape.rows > 0 && shape.cols > 0)
      expect_drops<T>(context, random, shape, pick(random, kOrders),
                      pick(random, {Kept::ones, Kept::values, Kept::in_place}));
  context.expect_cases(200);
}

template <class T>
void all_layouts(CheckContext& context) {
  Random random(181);
  for (const Shape& shape : {Shape{128, 50}, {16, 16}, {17, 33}, {128, 2}, {1, 100}, {40, 15}})
    for (Order order : kOrders)
      for (Kept kept : {Kept::ones, Kept::values, Kept::in_place})
        expect_drops<T>(context, random, shape, order, kept);
  context.expect_cases(54);
}

template <class T>
void nothing(CheckContext& context) {
  for (const BackendUnderTest& tested : context.backends()) {
    context.begin(tested, "nothing");
    tested.backend->run(DropUnits<T>{});
    context(tested, "nothing", {});
  }
}

}  // namespace

std::vector<Check> drop_units_checks() {
  return {
      {"drop_units", "drops by Philox's words, all shapes", all_shapes<float>, all_shapes<double>},
      {"drop_units", "drops by Philox's words, all layouts", all_layouts<float>,
       all_layouts<double>},
      {"drop_units", "nothing to do is allowed", nothing<float>, nothing<double>}};
}

}  // namespace lamella::conformance
