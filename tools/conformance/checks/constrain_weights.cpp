// constrain_weights: shrinking is exact to the bit; norms are within the roundings of their sums.
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <lamella/backend.h>

#include "tools/conformance/checks.h"
#include "tools/conformance/compare.h"
#include "tools/conformance/operand.h"
#include "tools/conformance/shapes.h"

namespace lamella::conformance {
namespace {

template <class T>
constexpr T kNone = std::numeric_limits<T>::infinity();

/// Runs the call on copies of `weights`, and compares with the same in long double.
template <class T>
void expect(CheckContext& context, const Operand<T>& weights, const Layout& layout, T threshold,
            T max_norm, const std::string& about) {
  const index_t rows = weights.view().rows, cols = weights.view().cols;
  std::vector<long double> want, bound;
  for (index_t i = 0; i < rows; ++i) {
    std::vector<T> shrunk;
    long double squares = 0;
    for (index_t j = 0; j < cols; ++j) {
      const T w = weights.read()(i, j);
      T left = w;
      if (threshold > 0 && !std::isnan(w))
        left = w > threshold ? w - threshold : w < -threshold ? w + threshold : T{0};
      shrunk.push_back(left);
      squares += static_cast<long double>(left) * left;
    }
    const long double norm = std::sqrt(squares);
    // The squares' sum overflows in T before it does here.
    const bool is_long = norm > max_norm && squares <= std::numeric_limits<T>::max();
    const long double factor = is_long ? max_norm / norm : 1;
    // Close to the limit, either side of it is right.
    const long double relative = gamma<T>(cols + 4);
    const bool is_close = max_norm < kNone<T> && norm * (1 + relative) > max_norm;
    for (const T w : shrunk) {
      want.push_back(std::isfinite(w) ? w * factor : static_cast<long double>(w));
      bound.push_back(is_close && std::isfinite(w) ? std::abs(w * factor) * relative : 0);
    }
  }
  const std::string what = describe(Shape{rows, cols}) + " " + describe(layout) + about;
  for (const BackendUnderTest& tested : context.backends()) {
    context.begin(tested, what);
    Operand<T> w(rows, cols, layout);
    w.assign(weights.read());
    tested.backend->run(ConstrainWeights<T>{threshold, max_norm, w.view()});
    context(tested, what, first_of({exceeds(w.read(), want, bound), w.stray_writes()}));
  }
}

template <class T>
void stays_in_bound(CheckContext& context) {
  Random random(190);
  for (const Shape& shape : matrix_shapes(20'000)) {
    const Operand<T> weights(shape.rows, shape.cols, {},
                             [&](index_t, index_t) { return uniform(random, -1, 1); });
    // Some rows are longer than this, others are not.
    const T middle = static_cast<T>(std::sqrt(static_cast<double>(shape.cols + 1) / 6));
    const Layout layout = random_layout(random);
    expect<T>(context, weights, layout, T(0.25), kNone<T>, " shrunk");
    expect<T>(context, weights, layout, 0, middle, " shortened");
    expect<T>(context, weights, layout, T(0.25), middle, " both");
  }
  context.expect_cases(2000);
}

template <class T>
void all_layouts(CheckContext& context) {
  Random random(191);
  for (const Shape& shape : {Shape{64, 50}, {17, 33}, {2, 128}, {100, 1}, {1, 100}, {15, 257}})
    for (Order order : kOrders)
      for (const double largest : {0.1, 2.0}) {
        const Operand<T> weights(shape.rows, shape.cols, {},
                                 [&](index_t, index_t) { return uniform(random, -1, 1); });
        expect<T>(context, weights, random_layout(random, order), T(0.5), static_cast<T>(largest),
                  " max_norm " + std::to_string(largest));
      }
  context.expect_cases(36);
}

template <class T>
void specials(CheckContext& context) {
  Random random(192);
  // Row 1 has NaN, row 3 infinity, row 5 squares that are too large, row 6 is zero.
  const Operand<T> weights(7, 21, {}, [&](index_t i, index_t j) -> T {
    if (i == 1 && j == 20) return std::numeric_limits<T>::quiet_NaN();
    if (i == 3 && j == 2) return -kNone<T>;
    if (i == 5) return std::numeric_limits<T>::max() / 2;
    return i == 6 ? T{0} : j % 2 == 0 ? T{3} : T{-3};
  });
  for (Order order : kOrders)
    for (const T threshold : {T{0}, T{1}})
      for (const T max_norm : {kNone<T>, T{2}, T(0.001)})
        expect<T>(context, weights, random_layout(random, order), threshold, max_norm,
                  " max_norm " + std::to_string(max_norm));
  for (const BackendUnderTest& tested : context.backends()) {
    context.begin(tested, "nothing");
    tested.backend->run(ConstrainWeights<T>{});
    context(tested, "nothing", {});
  }
  context.expect_cases(19);
}

}  // namespace

std::vector<Check> constrain_weights_checks() {
  return {{"constrain_weights", "within the rounding bound, all shapes", stays_in_bound<float>,
           stays_in_bound<double>},
          {"constrain_weights", "within the rounding bound, all layouts", all_layouts<float>,
           all_layouts<double>},
          {"constrain_weights", "NaN and infinity stay in their row", specials<float>,
           specials<double>}};
}

}  // namespace lamella::conformance
