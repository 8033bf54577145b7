// column_sums: exact on integers, within gamma_{m+c} of the sum of magnitudes on real numbers.
#include <limits>

#include <lamella/backend.h>

#include "tests/catch.h"
#include "tests/kernels/compare.h"
#include "tests/kernels/gemm_case.h"
#include "tests/kernels/judge.h"
#include "tests/oracle.h"

namespace lamella::test {
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
  void judge_all(Judge& judge, Difference difference) const {
    INFO(what);
    for (const Subject& subject : subjects()) {
      INFO(subject.label);
      Operand<T> sums(1, initial.view().cols, layout);
      sums.assign(initial.read());
      ColumnSums<T> own = call;
      own.sums = sums.vector();
      subject.backend->run(own);
      judge(subject, what, first_of({difference(sums.read()), sums.stray_writes()}));
    }
  }

  Layout layout;
  Operand<T> a, initial;
  ColumnSums<T> call;
  std::string what;
};

TEMPLATE_TEST_CASE("column_sums is exact on integers, all shapes", "[column_sums]", float, double) {
  Judge judge;
  Random random(40);
  for (const Shape& shape : matrix_shapes(200'000)) {
    const Problem<TestType> problem(random, shape, pick(random, kOrders), pick(random, kFactors),
                                    pick(random, kFactors),
                                    [&] { return uniform_int(random, -9, 9); });
    const auto want = oracle::column_sums(problem.call);
    problem.judge_all(judge, [&](auto sums) { return different_values(sums, want.values); });
  }
  CHECK(judge.cases() > 900);
}

TEMPLATE_TEST_CASE("column_sums stays within the rounding bound", "[column_sums]", float, double) {
  using X = oracle::Wide<TestType>;
  Judge judge;
  Random random(41);
  for (const Shape& shape : {Shape{128, 512}, {128, 10}, {10, 128}, {3000, 33}, {33, 3000}})
    for (Order order_a : kOrders)
      for (double beta : {0.0, 1.0, 0.9}) {
        const Problem<TestType> problem(random, shape, order_a, uniform(random, -1, 1), beta,
                                        [&] { return uniform(random, -1, 1); });
        const auto want = oracle::column_sums(problem.call);
        std::vector<X> bound;
        for (X magnitude : want.magnitudes)
          bound.push_back(static_cast<X>(gamma<TestType>(shape.rows + kOtherRoundings)) *
                          magnitude);
        problem.judge_all(judge, [&](auto sums) { return exceeds(sums, want.values, bound); });
      }
  CHECK(judge.cases() >= 45);
}

TEMPLATE_TEST_CASE("column_sums: NaN and infinity reach the sum of their column and no other",
                   "[column_sums][ieee]", float, double) {
  constexpr TestType kInfinity = std::numeric_limits<TestType>::infinity();
  constexpr TestType kNan = std::numeric_limits<TestType>::quiet_NaN();
  Judge judge;
  Random random(42);
  for (Order order_a : kOrders)
    for (const Shape& shape : {Shape{5, 9}, {40, 67}, {67, 40}}) {
      index_t turn = 0;  // the matrix is filled first, row by row
      const Problem<TestType> problem(random, shape, order_a, 1, 0, [&]() -> TestType {
        const index_t i = turn / shape.cols, j = turn % shape.cols;
        ++turn;
        if (j == 1 && i == shape.rows - 1) return kNan;
        if (j == shape.cols - 1 && i == 0) return kInfinity;
        if (j == 3 && i < 2) return i == 0 ? kInfinity : -kInfinity;
        return 1;
      });
      std::vector<TestType> want(static_cast<std::size_t>(shape.cols),
                                 static_cast<TestType>(shape.rows));
      want[1] = want[3] = kNan;
      want.back() = kInfinity;
      problem.judge_all(judge, [&](auto sums) { return different_values(sums, want); });
    }
}

}  // namespace
}  // namespace lamella::test
