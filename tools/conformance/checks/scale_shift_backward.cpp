// scale_shift_backward: exact on integers, within gamma_{m+c} of the sums of magnitudes elsewhere.
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <lamella/backend.h>

#include "tools/conformance/checks.h"
#include "tools/conformance/compare.h"
#include "tools/conformance/gemm_case.h"
#include "tools/conformance/operand.h"
#include "tools/conformance/shapes.h"

namespace lamella::conformance {
namespace {

// Beside the m products and m additions: by alpha, by beta, the last addition, and one for the
// oracle's own.
constexpr index_t kOtherRoundings = 4;

/// How a call uses its scale.
enum class Scale { none, apart, updated };  // updated: scale_gradient is the same view
constexpr Scale kScales[] = {Scale::none, Scale::apart, Scale::updated};

struct Case {
  Shape shape;
  Order x, d;
  Scale scale;
  double alpha, beta;
};

/// What must come out, and how far off each may be for each rounding.
struct Expected {
  std::vector<long double> d, scale_gradient, shift_gradient;
  std::vector<long double> d_size, scale_size, shift_size;
};

template <class T>
Expected expected(const Case& c, ConstView<T> x, ConstView<T> d, ConstVectorView<T> scale,
                  ConstVectorView<T> scale_gradient, ConstVectorView<T> shift_gradient) {
  Expected want;
  const long double alpha = static_cast<T>(c.alpha), beta = static_cast<T>(c.beta);
  const auto sum = [&](const auto& term, long double before, auto& values, auto& sizes) {
    long double value = 0, size = 0;
    for (index_t i = 0; i < x.rows; ++i) {
      value += term(i);
      size += std::abs(term(i));
    }
    value *= alpha;
    size *= std::abs(alpha);
    if (beta != 0) {  // else what was there does not matter, NaN included
      value += beta * before;
      size += std::abs(beta * before);
    }
    values.push_back(value);
    sizes.push_back(size);
  };
  for (index_t j = 0; j < x.cols; ++j) {
    const auto gradient = [&](index_t i) { return static_cast<long double>(d(i, j)); };
    const auto product = [&](index_t i) { return gradient(i) * x(i, j); };
    sum(product, scale_gradient[j], want.scale_gradient, want.scale_size);
    sum(gradient, shift_gradient[j], want.shift_gradient, want.shift_size);
  }
  for (index_t i = 0; i < x.rows; ++i)
    for (index_t j = 0; j < x.cols; ++j) {
      const long double before = d(i, j);
      want.d.push_back(c.scale == Scale::none ? before : before * scale[j]);
      want.d_size.push_back(c.scale == Scale::none ? 0 : std::abs(want.d.back()));
    }
  return want;
}

/// Runs a case on every backend. `value(i, j)` fills x and then d; `other()` fills the vectors.
template <class T, class Value, class Other>
void expect(CheckContext& context, Random& random, const Case& c, bool exact, Value value,
            Other other) {
  constexpr T kNan = std::numeric_limits<T>::quiet_NaN();
  const index_t features = c.shape.cols;
  const Layout layout_d = random_layout(random, c.d), layout_scale = random_layout(random),
               layout_shift = random_layout(random);
  Operand<T> x(c.shape.rows, features, random_layout(random, c.x), value);
  x.make_read_only();
  const Operand<T> given(c.shape.rows, features, {}, value);
  const auto scale = vector_operand<T>(features, {}, [&](index_t) { return other(); });
  const auto gradient = [&](index_t) { return c.beta == 0 ? kNan : static_cast<T>(other()); };
  const auto shift_before = vector_operand<T>(features, {}, gradient);
  const auto scale_before =
      c.scale == Scale::updated
          ? vector_operand<T>(features, {}, [&](index_t j) { return scale.vector()[j]; })
          : vector_operand<T>(features, {}, gradient);
  const Expected want = expected<T>(c, x.read(), given.read(), scale.vector(),
                                    scale_before.vector(), shift_before.vector());
  const auto bound = [&](const std::vector<long double>& sizes, index_t roundings) {
    std::vector<long double> bounds;
    for (const long double size : sizes) bounds.push_back(exact ? 0 : gamma<T>(roundings) * size);
    return bounds;
  };
  const std::string what = describe(c.shape) + " order of X " +
                           std::to_string(static_cast<int>(c.x)) + " D " + describe(layout_d) +
                           " scale " + std::to_string(static_cast<int>(c.scale)) +
                           " alpha=" + std::to_string(c.alpha) + " beta=" + std::to_string(c.beta);
  for (const BackendUnderTest& tested : context.backends()) {
    context.begin(tested, what);
    Operand<T> d(c.shape.rows, features, layout_d);
    d.assign(given.read());
    if (c.scale == Scale::none) d.make_read_only();
    Operand<T> read_scale(1, features, layout_scale), scale_gradient(1, features, layout_scale),
        shift_gradient(1, features, layout_shift);
    read_scale.assign(scale.read());
    read_scale.make_read_only();
    scale_gradient.assign(scale_before.read());
    shift_gradient.assign(shift_before.read());
    ScaleShiftBackward<T> call;
    call.alpha = static_cast<T>(c.alpha);
    call.x = x.read();
    if (c.scale == Scale::apart) call.scale = read_scale.vector();
    if (c.scale == Scale::updated) call.scale = scale_gradient.vector();
    call.d = d.view();
    call.beta = static_cast<T>(c.beta);
    call.scale_gradient = scale_gradient.vector();
    call.shift_gradient = shift_gradient.vector();
    tested.backend->run(call);
    context(
        tested, what,
        first_of({exceeds(d.read(), want.d, bound(want.d_size, 1)),
                  exceeds(scale_gradient.read(), want.scale_gradient,
                          bound(want.scale_size, c.shape.rows + kOtherRoundings)),
                  exceeds(shift_gradient.read(), want.shift_gradient,
                          bound(want.shift_size, c.shape.rows + kOtherRoundings)),
                  d.stray_writes(), scale_gradient.stray_writes(), shift_gradient.stray_writes()}));
  }
}

template <class T>
void is_exact(CheckContext& context) {
  Random random(150);
  for (const Shape& shape : matrix_shapes(60'000)) {
    const auto integer = [&] { return uniform_int(random, -9, 9); };
    expect<T>(
        context, random,
        {shape, pick(random, kOrders), pick(random, kOrders), pick(random, kScales),
         pick(random, kFactors), pick(random, kFactors)},
        true, [&](index_t, index_t) { return integer(); }, integer);
  }
  context.expect_cases(901);
}

template <class T>
void stays_in_bound(CheckContext& context) {
  Random random(151);
  const auto real = [&] { return uniform(random, -1, 1); };
  for (const Shape& shape :
       {Shape{128, 512}, {128, 10}, {10, 128}, {1, 300}, {3000, 33}, {33, 1200}})
    for (Order x : kOrders)
      for (Order d : kOrders)
        for (Scale scale : kScales)
          for (double beta : {0.0, 1.0, 0.9})
            expect<T>(
                context, random, {shape, x, d, scale, uniform(random, -1, 1), beta}, false,
                [&](index_t, index_t) { return real(); }, real);
  context.expect_cases(6 * 81);
}

template <class T>
void specials(CheckContext& context) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  Random random(152);
  for (const Shape& shape : {Shape{5, 9}, {40, 67}, {67, 40}})
    for (Order x : kOrders)
      for (Order d : kOrders)
        for (Scale scale : kScales)
          // In features 1, 3 and the last; the sums of all others stay finite.
          expect<T>(
              context, random, {shape, x, d, scale, 1, 0}, true,
              [&](index_t i, index_t j) {
                if (j == 1 && i == shape.rows - 1) return kNan;
                if (j == 3 && i < 2) return i == 0 ? kInfinity : -kInfinity;
                if (j == shape.cols - 1 && i == 0) return kInfinity;
                return 1.0;
              },
              [] { return 2.0; });
  context.expect_cases(81);
}

/// d = x without scale: sums of squares and sums.
template <class T>
void squares(CheckContext& context) {
  Random random(153);
  for (const Shape& shape : {Shape{1, 7}, {50, 33}, {130, 10}})
    for (Order order : kOrders) {
      Operand<T> x(shape.rows, shape.cols, random_layout(random, order),
                   [&](index_t, index_t) { return uniform_int(random, -9, 9); });
      x.make_read_only();
      std::vector<T> squares(static_cast<std::size_t>(shape.cols)), sums = squares;
      for (index_t i = 0; i < shape.rows; ++i)
        for (index_t j = 0; j < shape.cols; ++j) {
          const auto at = static_cast<std::size_t>(j);
          squares[at] += x.view()(i, j) * x.view()(i, j);
          sums[at] += x.view()(i, j);
        }
      const std::string what =
          describe(shape) + " order " + std::to_string(static_cast<int>(order));
      for (const BackendUnderTest& tested : context.backends()) {
        context.begin(tested, what);
        const Operand<T> of_squares(1, shape.cols, {}), of_values(1, shape.cols, {});
        tested.backend->run(ScaleShiftBackward<T>{
            1, x.read(), {}, x.view(), 0, of_squares.vector(), of_values.vector()});
        context(tested, what,
                first_of({different_values(of_squares.read(), squares),
                          different_values(of_values.read(), sums)}));
      }
    }
  context.expect_cases(9);
}

}  // namespace

std::vector<Check> scale_shift_backward_checks() {
  return {
      {"scale_shift_backward", "exact on integers, all shapes", is_exact<float>, is_exact<double>},
      {"scale_shift_backward", "within the rounding bound, all strides", stays_in_bound<float>,
       stays_in_bound<double>},
      {"scale_shift_backward", "NaN and infinity stay in their feature", specials<float>,
       specials<double>},
      {"scale_shift_backward", "a matrix with itself gives sums of squares and sums",
       squares<float>, squares<double>}};
}

}  // namespace lamella::conformance
