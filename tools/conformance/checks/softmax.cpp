// softmax over rows, and over columns by transposed views: accuracy, extremes, special values.
#include <cmath>
#include <limits>

#include <lamella/backend.h>

#include "tools/conformance/checks.h"
#include "tools/conformance/compare.h"
#include "tools/conformance/operand.h"
#include "tools/conformance/oracle.h"
#include "tools/conformance/shapes.h"

namespace lamella::conformance {
namespace {

template <class T>
constexpr T kNan = std::numeric_limits<T>::quiet_NaN();
template <class T>
constexpr T kInfinity = std::numeric_limits<T>::infinity();

// Where z - max is exact, there are three errors beside the n - 1 roundings of the sum: those of
// exp in numerator and denominator, and that of the division.
constexpr long double kUlps = 4;

/// A multiple of 2^-8 in [-low, 0): differences of such numbers are exact in float.
double grid(Random& random, index_t low) {
  return static_cast<double>(uniform_int(random, -low * 256, -1)) / 256;
}

/// Runs every tested, out of place and in place (both must agree bit for bit), checks the result
/// by `difference(view)`, and checks that rows of probabilities sum to one.
template <class T, class Difference>
void expect(CheckContext& context, Random& random, ConstView<T> values, Order order_z,
            Order order_p, Difference difference) {
  const Layout layout_z = random_layout(random, order_z), layout_p = random_layout(random, order_p);
  const std::string what = describe(Shape{values.rows, values.cols}) + " Z " + describe(layout_z) +
                           " P " + describe(layout_p);
  Operand<T> z(values.rows, values.cols, layout_z);
  z.assign(values);
  z.make_read_only();
  for (const BackendUnderTest& tested : context.backends()) {
    context.begin(tested, what);
    const Operand<T> p(values.rows, values.cols, layout_p);
    tested.backend->run(Softmax<T>{z.read(), p.view()});
    Operand<T> in_place(values.rows, values.cols, layout_z);
    in_place.assign(values);
    tested.backend->run(Softmax<T>{in_place.read(), in_place.view()});
    // Different strides may take different loops; the same strides may not.
    Operand<T> same_layout(values.rows, values.cols, layout_z);
    tested.backend->run(Softmax<T>{z.read(), same_layout.view()});
    std::string sum_problem;
    for (index_t i = 0; i < values.rows && values.cols != 0; ++i) {
      long double sum = 0;
      for (index_t j = 0; j < values.cols; ++j) sum += p.view()(i, j);
      const long double n = static_cast<long double>(values.cols);
      if (!std::isnan(sum) && !(std::abs(sum - 1) <= n * std::numeric_limits<T>::epsilon()))
        sum_problem = "row " + std::to_string(i) + " sums to 1 + " + std::to_string(sum - 1);
    }
    context(
        tested, what,
        first_of({difference(p.read()), sum_problem, p.stray_writes(), difference(in_place.read()),
                  in_place.stray_writes(), different_bits(in_place.read(), same_layout.read())}));
  }
}

template <class T>
std::vector<long double> flat_bound(const std::vector<long double>& want, long double ulps) {
  std::vector<long double> bound;
  for (long double p : want)  // below the smallest normal number zero will do
    bound.push_back(p < std::numeric_limits<T>::min() ? std::numeric_limits<T>::min()
                                                      : ulps * ulp<T>(p));
  return bound;
}

template <class T>
void is_accurate(CheckContext& context) {
  Random random(60);
  for (index_t classes : {1, 2, 3, 5, 7, 8, 9, 10, 15, 16, 17})
    for (index_t samples : {1, 10, 33, 128})
      for (index_t range : {1, 20, 200})
        for (Order order : kOrders) {
          const Operand<T> z(samples, classes, {},
                             [&](index_t, index_t) { return grid(random, range); });
          const auto want = oracle::softmax(z.read());
          auto bound = flat_bound<T>(want, kUlps);
          for (std::size_t i = 0; i < want.size(); ++i) bound[i] += gamma<T>(classes - 1) * want[i];
          expect<T>(context, random, z.read(), order, pick(random, kOrders),
                    [&](auto p) { return exceeds(p, want, bound); });
        }
  context.expect_cases(11 * 4 * 9);
}

template <class T>
void stays_in_bound(CheckContext& context) {
  Random random(61);
  for (const Shape& shape : matrix_shapes(60'000)) {
    const double scale = pick(random, {0.1, 3.0, 30.0, 1e4});
    const Operand<T> z(shape.rows, shape.cols, {},
                       [&](index_t, index_t) { return uniform(random, -scale, scale); });
    const auto want = oracle::softmax(z.read());
    std::vector<long double> bound = flat_bound<T>(want, kUlps);
    std::size_t at = 0;
    for (index_t i = 0; i < shape.rows; ++i) {
      T top = -kInfinity<T>;
      for (index_t j = 0; j < shape.cols; ++j) top = std::max(top, z.view()(i, j));
      // One rounding of z - max is a relative error |z - max| u of exp; the sum has n - 1 more,
      // and the error of its own terms: those that matter have |z - max| of log n or so.
      for (index_t j = 0; j < shape.cols; ++j, ++at) {
        const long double distance = std::abs(static_cast<long double>(z.view()(i, j)) - top);
        const auto n = static_cast<long double>(shape.cols);
        bound[at] += (distance + n + 2) * unit_roundoff<T>() * want[at];
      }
    }
    expect<T>(context, random, z.read(), pick(random, kOrders), pick(random, kOrders),
              [&](auto p) { return exceeds(p, want, bound); });
  }
  context.expect_cases(901);
}

template <class T>
void extreme_logits(CheckContext& context) {
  using Row = std::vector<T>;
  constexpr T kLargest = std::numeric_limits<T>::max();
  Random random(62);
  // Rows of logits, each with the probabilities expected of it.
  const std::pair<Row, Row> rows[] = {
      {{1e4, -1e4, 0}, {1, 0, 0}},
      {{-1e4, -1e4, -1e4, -1e4}, {0.25, 0.25, 0.25, 0.25}},
      {{1e4, 1e4}, {0.5, 0.5}},
      {{kLargest, -kLargest, 0}, {1, 0, 0}},
      {{-kLargest, -kLargest}, {0.5, 0.5}},
      {{kLargest, kLargest, kLargest, kLargest}, {0.25, 0.25, 0.25, 0.25}},
      {{0, -std::numeric_limits<T>::denorm_min()}, {0.5, 0.5}},
      {{-kInfinity<T>, 7, -kInfinity<T>}, {0, 1, 0}},
      {{3, -kInfinity<T>, 3, -kInfinity<T>, 3, 3}, {0.25, 0, 0.25, 0, 0.25, 0.25}},
      {{-kInfinity<T>, -1e4}, {0, 1}},
      {{-kInfinity<T>, -kLargest}, {0, 1}},
      {{-kInfinity<T>}, {kNan<T>}},
      {{-kInfinity<T>, -kInfinity<T>}, {kNan<T>, kNan<T>}},
      {{kInfinity<T>, 0}, {kNan<T>, kNan<T>}},
      {{0, kInfinity<T>, -kInfinity<T>}, {kNan<T>, kNan<T>, kNan<T>}},
      {{kNan<T>, 0, 1}, {kNan<T>, kNan<T>, kNan<T>}},
      {{0, 1, kNan<T>}, {kNan<T>, kNan<T>, kNan<T>}},
      {{kNan<T>, -kInfinity<T>}, {kNan<T>, kNan<T>}},
      {{5}, {1}},
      {{kLargest}, {1}}};
  for (const auto& [logits, probabilities] : rows)
    for (index_t samples : {1, 8, 37})  // alone, and among others in lanes
      for (Order order : kOrders)
        // Repeated so often across the row that vectors and remainders both see it.
        for (index_t repeats : {1, 4, 16}) {
          const index_t own = static_cast<index_t>(logits.size()), classes = own * repeats;
          // Named anew: clang 14 cannot use a structured binding inside a lambda.
          const Operand<T> z(samples, classes, {}, [&row = logits, own](index_t, index_t j) {
            return row[static_cast<std::size_t>(j % own)];
          });
          std::vector<T> want;
          for (index_t i = 0; i < samples * classes; ++i)
            want.push_back(probabilities[static_cast<std::size_t>(i % own)] /
                           static_cast<T>(repeats));
          expect<T>(context, random, z.read(), order, pick(random, kOrders),
                    [&](auto p) { return different_values(p, want); });
        }
  context.expect_cases(20 * 27);
}

template <class T>
void equal_logits(CheckContext& context) {
  Random random(63);
  for (index_t classes : edge_sizes())
    for (Order order : kOrders) {
      if (classes == 0) continue;
      const double logit = pick(random, {0.0, -3.25, 1e4, 1e-30});
      const Operand<T> z(9, classes, {}, [&](index_t, index_t) { return logit; });
      const std::vector<long double> want(static_cast<std::size_t>(9 * classes),
                                          1.0L / static_cast<long double>(classes));
      // The sum of ones is exact; the quotient is rounded, and its reciprocal may have been.
      const auto bound = flat_bound<T>(want, 1);
      expect<T>(context, random, z.read(), order, order,
                [&](auto p) { return exceeds(p, want, bound); });
    }
  context.expect_cases(101);
}

template <class T>
void nan_in_a_row(CheckContext& context) {
  Random random(64);
  for (T special : {kNan<T>, kInfinity<T>})
    for (const Shape& shape : {Shape{5, 10}, {37, 10}, {128, 10}, {8, 67}, {67, 8}})
      for (Order order : kOrders)
        for (index_t j : {index_t{0}, shape.cols / 2, shape.cols - 1}) {
          const index_t i = uniform_int(random, 0, shape.rows - 1);
          Operand<T> z(shape.rows, shape.cols, {},
                       [&](index_t, index_t) { return grid(random, 3); });
          z.view()(i, j) = special;
          const auto want = oracle::softmax(z.read());  // NaN in row i
          auto bound = flat_bound<T>(want, kUlps);
          for (std::size_t q = 0; q < want.size(); ++q) bound[q] += gamma<T>(shape.cols) * want[q];
          expect<T>(context, random, z.read(), order, pick(random, kOrders),
                    [&](auto p) { return exceeds(p, want, bound); });
        }
  context.expect_cases(90);
}

template <class T>
void nothing(CheckContext& context) {
  for (const BackendUnderTest& tested : context.backends()) {
    context.begin(tested, "0x0, 0x10 and 10x0");
    tested.backend->run(Softmax<T>{});
    tested.backend->run(Softmax<T>{{nullptr, 0, 10, 10, 1}, {nullptr, 0, 10, 10, 1}});
    tested.backend->run(Softmax<T>{{nullptr, 10, 0, 0, 1}, {nullptr, 10, 0, 0, 1}});
    context.survived(tested, "0x0, 0x10 and 10x0");
  }
}

}  // namespace

std::vector<Check> softmax_checks() {
  return {{"softmax", "accurate to 4 ulp and its sum where z - max is exact", is_accurate<float>,
           is_accurate<double>},
          {"softmax", "within the rounding bound, all shapes and strides", stays_in_bound<float>,
           stays_in_bound<double>},
          {"softmax", "extreme logits give neither NaN nor wrong results", extreme_logits<float>,
           extreme_logits<double>},
          {"softmax", "equal logits are uniform", equal_logits<float>, equal_logits<double>},
          {"softmax", "a row with NaN or infinity leaves the other rows alone", nan_in_a_row<float>,
           nan_in_a_row<double>},
          {"softmax", "nothing to do is allowed, null or not", nothing<float>, nothing<double>}};
}

}  // namespace lamella::conformance
