// column_sums: exact on integers, within gamma_{m+c} of the sum of magnitudes on real numbers.
#include <limits>

#include <lamella/backend.h>

#include "tools/conformance/checks.h"
#include "tools/conformance/compare.h"
#include "tools/conformance/gemm_case.h"
#include "tools/conformance/oracle.h"

namespace lamella::conformance {
namespace {

// Beside the m additions: by alpha, by beta, the last addition, and one for the oracle's own.
constexpr index_t kOtherRoundings = 4;

template <class T>
struct Problem {
  template <class F>
  Problem(Random& random, const Shape& shape, Order order_a, double alpha, double beta, F value)
      : layout(random_layout(random)),
        a(shape.rows, shape.cols, random_layout(random, order_a),
          [&](index_t, index_t) { return value(); }),
        initial(1, shape.cols, {}),
        what(describe(shape) + " order " + std::to_string(static_cast<int>(order_a)) + " sums " +
             describe(layout)) {
    a.make_read_only();
    if (beta != 0) initial.fill([&](index_t, index_t) { return value(); });  // else NaN
    call = {static_cast<T>(alpha), a.read(), static_cast<T>(beta), initial.vector()};
  }

  template <class Difference>
  void check_all(CheckContext& context, Difference difference) const {
    for (const BackendUnderTest& tested : context.backends()) {
      context.begin(tested, what);
      Operand<T> sums(1, initial.view().cols, layout);
      sums.assign(initial.read());
      ColumnSums<T> own = call;
      own.sums = sums.vector();
      tested.backend->run(own);
      context(tested, what, first_of({difference(sums.read()), sums.stray_writes()}));
    }
  }

  Layout layout;
  Operand<T> a, initial;
  ColumnSums<T> call;
  std::string what;
};

template <class T>
void is_exact(CheckContext& context) {
  Random random(40);
  for (const Shape& shape : matrix_shapes(200'000)) {
    const Problem<T> problem(random, shape, pick(random, kOrders), pick(random, kFactors),
                             pick(random, kFactors), [&] { return uniform_int(random, -9, 9); });
    const auto want = oracle::column_sums(problem.call);
    problem.check_all(context, [&](auto sums) { return different_values(sums, want.values); });
  }
  context.expect_cases(901);
}

template <class T>
void stays_in_bound(CheckContext& context) {
  using X = oracle::Wide<T>;
  Random random(41);
  for (const Shape& shape : {Shape{128, 512}, {128, 10}, {10, 128}, {3000, 33}, {33, 3000}})
    for (Order order_a : kOrders)
      for (double beta : {0.0, 1.0, 0.9}) {
        const Problem<T> problem(random, shape, order_a, uniform(random, -1, 1), beta,
                                 [&] { return uniform(random, -1, 1); });
        const auto want = oracle::column_sums(problem.call);
        std::vector<X> bound;
        for (X magnitude : want.magnitudes)
          bound.push_back(static_cast<X>(gamma<T>(shape.rows + kOtherRoundings)) * magnitude);
        problem.check_all(context, [&](auto sums) { return exceeds(sums, want.values, bound); });
      }
  context.expect_cases(45);
}

template <class T>
void keeps_specials_in_their_column(CheckContext& context) {
  constexpr T kInfinity = std::numeric_limits<T>::infinity();
  constexpr T kNan = std::numeric_limits<T>::quiet_NaN();
  Random random(42);
  for (Order order_a : kOrders)
    for (const Shape& shape : {Shape{5, 9}, {40, 67}, {67, 40}}) {
      index_t turn = 0;  // the matrix is filled first, row by row
      const Problem<T> problem(random, shape, order_a, 1, 0, [&]() -> T {
        const index_t i = turn / shape.cols, j = turn % shape.cols;
        ++turn;
        if (j == 1 && i == shape.rows - 1) return kNan;
        if (j == shape.cols - 1 && i == 0) return kInfinity;
        if (j == 3 && i < 2) return i == 0 ? kInfinity : -kInfinity;
        return 1;
      });
      std::vector<T> want(static_cast<std::size_t>(shape.cols), static_cast<T>(shape.rows));
      want[1] = want[3] = kNan;
      want.back() = kInfinity;
      problem.check_all(context, [&](auto sums) { return different_values(sums, want); });
    }
}

}  // namespace

std::vector<Check> column_sums_checks() {
  return {
      {"column_sums", "exact on integers, all shapes", is_exact<float>, is_exact<double>},
      {"column_sums", "within the rounding bound", stays_in_bound<float>, stays_in_bound<double>},
      {"column_sums", "NaN and infinity reach the sum of their column and no other",
       keeps_specials_in_their_column<float>, keeps_specials_in_their_column<double>}};
}

}  // namespace lamella::conformance
