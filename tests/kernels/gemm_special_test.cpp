// GEMM where IEEE arithmetic is not plain arithmetic: NaN, infinities, empty sums, and which
// operands are not looked at.
#include <limits>

#include <lamella/backend.h>

#include "tests/catch.h"
#include "tests/kernels/compare.h"
#include "tests/kernels/gemm_case.h"
#include "tests/kernels/judge.h"

namespace lamella::test {
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

/// Runs a case in all orders of A and C on every subject; `want(i, j)` is the element expected.
template <class T, class Fill, class Want>
void expect(Judge& judge, const GemmShape& shape, T alpha, T beta, Fill fill, Want want) {
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
      for (const Subject& subject : subjects()) {
        Operand<T> c(shape.m, shape.n, layout, [](index_t, index_t) { return 1; });
        fill(a.view(), b.view(), c.view());
        INFO(describe(shape));
        subject.backend->run(Gemm<T>{alpha, a.read(), b.read(), beta, c.view()});
        judge(subject, describe(shape) + " C " + describe(layout),
              first_of({different_values(c.read(), expected), c.stray_writes()}));
      }
    }
}

TEMPLATE_TEST_CASE("gemm: NaN in a row of A reaches that row of C and no other", "[gemm][ieee]",
                   float, double) {
  Judge judge;
  for (const GemmShape& s : kShapes) {
    const PlainProduct plain(s);
    for (index_t i : {index_t{0}, s.m / 2, s.m - 1})
      for (index_t p : {index_t{0}, s.k - 1})
        expect<TestType>(
            judge, s, 1, 0, [&](auto a, auto, auto) { a(i, p) = kNan<TestType>; },
            [&](index_t r, index_t j) {
              return r == i ? kNan<TestType> : static_cast<TestType>(plain(r, j));
            });
  }
}

TEMPLATE_TEST_CASE("gemm: NaN in a column of B reaches that column of C and no other",
                   "[gemm][ieee]", float, double) {
  Judge judge;
  for (const GemmShape& s : kShapes) {
    const PlainProduct plain(s);
    for (index_t j : {index_t{0}, s.n / 2, s.n - 1})
      expect<TestType>(
          judge, s, 2, 1, [&](auto, auto b, auto) { b(s.k - 1, j) = kNan<TestType>; },
          [&](index_t i, index_t c) {
            return c == j ? kNan<TestType> : static_cast<TestType>(2 * plain(i, c) + 1);
          });
  }
}

TEMPLATE_TEST_CASE("gemm: infinity in A times zero in B is NaN, times others infinity",
                   "[gemm][ieee]", float, double) {
  Judge judge;
  for (const GemmShape& s : kShapes) {
    const PlainProduct plain(s);
    const index_t i = s.m - 1, p = s.k / 2;
    expect<TestType>(
        judge, s, -1, 0,
        [&](auto a, auto b, auto) {
          a(i, p) = kInfinity<TestType>;
          for (index_t j = 0; j < s.n; j += 3) b(p, j) = 0;
        },
        [&](index_t r, index_t j) {
          const bool zero = j % 3 == 0;
          if (r == i) return zero ? kNan<TestType> : -kInfinity<TestType>;
          const index_t lost = zero ? a_value(r, p) * b_value(p, j) : 0;
          return static_cast<TestType>(lost - plain(r, j));
        });
  }
}

TEMPLATE_TEST_CASE("gemm: infinities of both signs in one sum are NaN", "[gemm][ieee]", float,
                   double) {
  Judge judge;
  for (const GemmShape& s : kShapes) {
    if (s.k < 2) continue;
    const PlainProduct plain(s);
    expect<TestType>(
        judge, s, 1, 0,
        [&](auto a, auto, auto) {
          a(0, 0) = kInfinity<TestType>;
          a(0, s.k - 1) = -kInfinity<TestType>;
        },
        [&](index_t i, index_t j) {
          return i == 0 ? kNan<TestType> : static_cast<TestType>(plain(i, j));
        });
  }
}

TEMPLATE_TEST_CASE("gemm: NaN in C stays where it is if beta is not 0, and vanishes if it is",
                   "[gemm][ieee]", float, double) {
  Judge judge;
  for (const GemmShape& s : kShapes) {
    const PlainProduct plain(s);
    const auto one_nan = [&](auto, auto, auto c) { c(s.m - 1, s.n - 1) = kNan<TestType>; };
    const auto all_nan = [&](auto, auto, auto c) {
      for (index_t i = 0; i < s.m; ++i)
        for (index_t j = 0; j < s.n; ++j)
          c(i, j) = (i + j) % 2 == 0 ? kNan<TestType> : kInfinity<TestType>;
    };
    const auto last = [&](index_t i, index_t j) { return i == s.m - 1 && j == s.n - 1; };
    for (TestType beta : {TestType{1}, TestType{2}})
      expect<TestType>(judge, s, 1, beta, one_nan, [&](index_t i, index_t j) {
        return last(i, j) ? kNan<TestType> : static_cast<TestType>(plain(i, j)) + beta;
      });
    expect<TestType>(judge, s, 1, 0, all_nan,
                     [&](index_t i, index_t j) { return static_cast<TestType>(plain(i, j)); });
  }
}

TEMPLATE_TEST_CASE("gemm: with alpha = 0 neither A nor B matters", "[gemm][ieee]", float, double) {
  Judge judge;
  for (const GemmShape& s : kShapes)
    for (TestType beta : {TestType{0}, TestType{1}, TestType{-0.5}})
      expect<TestType>(
          judge, s, 0, beta,
          [&](auto a, auto b, auto c) {
            a(s.m - 1, s.k - 1) = kNan<TestType>;
            b(0, 0) = kInfinity<TestType>;
            if (beta == 0) c(0, 0) = kNan<TestType>;
          },
          [&](index_t, index_t) { return beta; });
}

TEMPLATE_TEST_CASE("gemm: with k = 0 C is scaled by beta, and A and B may be null", "[gemm][ieee]",
                   float, double) {
  Judge judge;
  Random random(9);
  for (const Shape& s : {Shape{1, 1}, {7, 33}, {64, 10}, {200, 130}})
    for (Order order : kOrders)
      for (TestType beta : {TestType{0}, TestType{1}, TestType{0.5}})
        for (const Subject& subject : subjects()) {
          INFO(subject.label << " " << describe(s));
          const Operand<TestType> c(
              s.rows, s.cols, random_layout(random, order), [&](index_t i, index_t j) {
                return beta == 0 ? kNan<TestType> : static_cast<TestType>(i + 2 * j);
              });
          subject.backend->run(Gemm<TestType>{
              1, {nullptr, s.rows, 0, 0, 1}, {nullptr, 0, s.cols, s.cols, 1}, beta, c.view()});
          std::vector<TestType> expected;
          for (index_t i = 0; i < s.rows; ++i)
            for (index_t j = 0; j < s.cols; ++j)
              expected.push_back(beta == 0 ? 0 : beta * static_cast<TestType>(i + 2 * j));
          judge(subject, describe(s),
                first_of({different_values(c.read(), expected), c.stray_writes()}));
        }
}

TEMPLATE_TEST_CASE("gemm: an empty C is allowed, null or not", "[gemm]", float, double) {
  const Operand<TestType> a(5, 3, {}, [](index_t, index_t) { return 1; });
  const Operand<TestType> none(0, 3, {});
  for (const Subject& subject : subjects()) {
    INFO(subject.label);
    CHECK_NOTHROW(subject.backend->run(
        Gemm<TestType>{1, a.read(), {nullptr, 3, 0, 0, 1}, 0, {nullptr, 5, 0, 0, 1}}));
    CHECK_NOTHROW(subject.backend->run(
        Gemm<TestType>{1, none.read(), transposed(a.read()), 0, {nullptr, 0, 5, 5, 1}}));
    CHECK_NOTHROW(subject.backend->run(Gemm<TestType>{}));
  }
}

}  // namespace
}  // namespace lamella::test
