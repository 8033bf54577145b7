// GEMM where IEEE arithmetic is not plain arithmetic: NaN, infinities, empty sums, and which
// operands are not looked at.
#include <limits>

#include <lamella/backend.h>

#include "tools/conformance/checks/gemm.h"
#include "tools/conformance/compare.h"
#include "tools/conformance/gemm_case.h"

namespace lamella::conformance {
namespace {

template <class T>
constexpr T kNan = std::numeric_limits<T>::quiet_NaN();
template <class T>
constexpr T kInfinity = std::numeric_limits<T>::infinity();

// Below, at and above the tiles and blocks that a fast path may have.
constexpr GemmShape kShapes[] = {{1, 1, 1},     {5, 7, 3},     {6, 16, 8},
                                 {13, 33, 65},  {1, 40, 30},   {40, 1, 30},
                                 {35, 70, 600}, {64, 10, 784}, {128, 130, 40}};

/// Element (i, p) of A and (p, j) of B before `fill` puts special values in.
constexpr index_t a_value(index_t i, index_t p) { return 1 + (i + p) % 3; }
constexpr index_t b_value(index_t p, index_t j) { return 1 + (p + 2 * j) % 3; }

/// The product A B without special values, whose elements repeat every three rows and columns.
class PlainProduct {
 public:
  explicit PlainProduct(const GemmShape& shape) {
    for (index_t i = 0; i < 3; ++i)
      for (index_t j = 0; j < 3; ++j)
        for (index_t p = 0; p < shape.k; ++p) sums_[i][j] += a_value(i, p) * b_value(p, j);
  }
  index_t operator()(index_t i, index_t j) const { return sums_[i % 3][j % 3]; }

 private:
  index_t sums_[3][3] = {};
};

/// Runs a case in all orders of A and C on every tested; `want(i, j)` is the element expected.
template <class T, class Fill, class Want>
void expect(CheckContext& context, const GemmShape& shape, T alpha, T beta, Fill fill, Want want) {
  Random random(8);
  std::vector<T> expected;
  for (index_t i = 0; i < shape.m; ++i)
    for (index_t j = 0; j < shape.n; ++j) expected.push_back(want(i, j));
  for (Order order_a : kOrders)
    for (Order order_c : kOrders) {
      Operand<T> a(shape.m, shape.k, random_layout(random, order_a),
                   [](index_t i, index_t p) { return a_value(i, p); });
      Operand<T> b(shape.k, shape.n, random_layout(random),
                   [](index_t p, index_t j) { return b_value(p, j); });
      const Layout layout = random_layout(random, order_c);
      const std::string what = describe(shape) + " C " + describe(layout) +
                               " alpha=" + std::to_string(alpha) + " beta=" + std::to_string(beta);
      for (const BackendUnderTest& tested : context.backends()) {
        Operand<T> c(shape.m, shape.n, layout, [](index_t, index_t) { return 1; });
        fill(a.view(), b.view(), c.view());
        context.begin(tested, what);
        tested.backend->run(Gemm<T>{alpha, a.read(), b.read(), beta, c.view()});
        context(tested, what, first_of({different_values(c.read(), expected), c.stray_writes()}));
      }
    }
}

template <class T>
void nan_in_a(CheckContext& context) {
  for (const GemmShape& s : kShapes) {
    const PlainProduct plain(s);
    for (index_t i : {index_t{0}, s.m / 2, s.m - 1})
      for (index_t p : {index_t{0}, s.k - 1})
        expect<T>(
            context, s, 1, 0, [&](auto a, auto, auto) { a(i, p) = kNan<T>; },
            [&](index_t r, index_t j) { return r == i ? kNan<T> : static_cast<T>(plain(r, j)); });
  }
}

template <class T>
void nan_in_b(CheckContext& context) {
  for (const GemmShape& s : kShapes) {
    const PlainProduct plain(s);
    for (index_t j : {index_t{0}, s.n / 2, s.n - 1})
      expect<T>(
          context, s, 2, 1, [&](auto, auto b, auto) { b(s.k - 1, j) = kNan<T>; },
          [&](index_t i, index_t c) {
            return c == j ? kNan<T> : static_cast<T>(2 * plain(i, c) + 1);
          });
  }
}

template <class T>
void infinity_in_a(CheckContext& context) {
  for (const GemmShape& s : kShapes) {
    const PlainProduct plain(s);
    const index_t i = s.m - 1, p = s.k / 2;
    expect<T>(
        context, s, -1, 0,
        [&](auto a, auto b, auto) {
          a(i, p) = kInfinity<T>;
          for (index_t j = 0; j < s.n; j += 3) b(p, j) = 0;
        },
        [&](index_t r, index_t j) {
          const bool zero = j % 3 == 0;
          if (r == i) return zero ? kNan<T> : -kInfinity<T>;
          const index_t lost = zero ? a_value(r, p) * b_value(p, j) : 0;
          return static_cast<T>(lost - plain(r, j));
        });
  }
}

template <class T>
void both_infinities(CheckContext& context) {
  for (const GemmShape& s : kShapes) {
    if (s.k < 2) continue;
    const PlainProduct plain(s);
    expect<T>(
        context, s, 1, 0,
        [&](auto a, auto, auto) {
          a(0, 0) = kInfinity<T>;
          a(0, s.k - 1) = -kInfinity<T>;
        },
        [&](index_t i, index_t j) { return i == 0 ? kNan<T> : static_cast<T>(plain(i, j)); });
  }
}

template <class T>
void nan_in_c(CheckContext& context) {
  for (const GemmShape& s : kShapes) {
    const PlainProduct plain(s);
    const auto one_nan = [&](auto, auto, auto c) { c(s.m - 1, s.n - 1) = kNan<T>; };
    const auto all_nan = [&](auto, auto, auto c) {
      for (index_t i = 0; i < s.m; ++i)
        for (index_t j = 0; j < s.n; ++j) c(i, j) = (i + j) % 2 == 0 ? kNan<T> : kInfinity<T>;
    };
    const auto last = [&](index_t i, index_t j) { return i == s.m - 1 && j == s.n - 1; };
    for (T beta : {T{1}, T{2}})
      expect<T>(context, s, 1, beta, one_nan, [&](index_t i, index_t j) {
        return last(i, j) ? kNan<T> : static_cast<T>(plain(i, j)) + beta;
      });
    expect<T>(context, s, 1, 0, all_nan,
              [&](index_t i, index_t j) { return static_cast<T>(plain(i, j)); });
  }
}

template <class T>
void zero_alpha(CheckContext& context) {
  for (const GemmShape& s : kShapes)
    for (T beta : {T{0}, T{1}, T{-0.5}})
      expect<T>(
          context, s, 0, beta,
          [&](auto a, auto b, auto c) {
            a(s.m - 1, s.k - 1) = kNan<T>;
            b(0, 0) = kInfinity<T>;
            if (beta == 0) c(0, 0) = kNan<T>;
          },
          [&](index_t, index_t) { return beta; });
}

template <class T>
void zero_k(CheckContext& context) {
  Random random(9);
  for (const Shape& s : {Shape{1, 1}, {7, 33}, {64, 10}, {200, 130}})
    for (Order order : kOrders)
      for (T beta : {T{0}, T{1}, T{0.5}})
        for (const BackendUnderTest& tested : context.backends()) {
          const Layout layout = random_layout(random, order);
          const std::string what =
              describe(s) + " C " + describe(layout) + " beta=" + std::to_string(beta);
          context.begin(tested, what);
          const Operand<T> c(s.rows, s.cols, layout, [&](index_t i, index_t j) {
            return beta == 0 ? kNan<T> : static_cast<T>(i + 2 * j);
          });
          tested.backend->run(Gemm<T>{
              1, {nullptr, s.rows, 0, 0, 1}, {nullptr, 0, s.cols, s.cols, 1}, beta, c.view()});
          std::vector<T> expected;
          for (index_t i = 0; i < s.rows; ++i)
            for (index_t j = 0; j < s.cols; ++j)
              expected.push_back(beta == 0 ? 0 : beta * static_cast<T>(i + 2 * j));
          context(tested, what, first_of({different_values(c.read(), expected), c.stray_writes()}));
        }
}

template <class T>
void empty_c(CheckContext& context) {
  const Operand<T> a(5, 3, {}, [](index_t, index_t) { return 1; });
  const Operand<T> none(0, 3, {});
  for (const BackendUnderTest& tested : context.backends()) {
    context.begin(tested, "5x0, 0x5 and 0x0");
    tested.backend->run(Gemm<T>{1, a.read(), {nullptr, 3, 0, 0, 1}, 0, {nullptr, 5, 0, 0, 1}});
    tested.backend->run(Gemm<T>{1, none.read(), transposed(a.read()), 0, {nullptr, 0, 5, 5, 1}});
    tested.backend->run(Gemm<T>{});
    context.survived(tested, "5x0, 0x5 and 0x0");
  }
}

}  // namespace

std::vector<Check> gemm_special_checks() {
  return {{"gemm", "NaN in a row of A reaches that row of C and no other", nan_in_a<float>,
           nan_in_a<double>},
          {"gemm", "NaN in a column of B reaches that column of C and no other", nan_in_b<float>,
           nan_in_b<double>},
          {"gemm", "infinity in A times zero in B is NaN, times others infinity",
           infinity_in_a<float>, infinity_in_a<double>},
          {"gemm", "infinities of both signs in one sum are NaN", both_infinities<float>,
           both_infinities<double>},
          {"gemm", "NaN in C stays where it is if beta is not 0, and vanishes if it is",
           nan_in_c<float>, nan_in_c<double>},
          {"gemm", "with alpha = 0 neither A nor B matters", zero_alpha<float>, zero_alpha<double>},
          {"gemm", "with k = 0 C is scaled by beta, and A and B may be null", zero_k<float>,
           zero_k<double>},
          {"gemm", "an empty C is allowed, null or not", empty_c<float>, empty_c<double>}};
}

}  // namespace lamella::conformance
