// Activations and their derivatives: accuracy over the whole range, special values, all layouts.
#include <cmath>
#include <limits>
#include <sstream>

#include <lamella/backend.h>

#include "tests/catch.h"
#include "tests/kernels/compare.h"
#include "tests/kernels/judge.h"
#include "tests/kernels/operand.h"
#include "tests/kernels/shapes.h"
#include "tests/oracle.h"

namespace lamella::test {
namespace {

template <class T>
constexpr T kNan = std::numeric_limits<T>::quiet_NaN();
template <class T>
constexpr T kInfinity = std::numeric_limits<T>::infinity();

constexpr Activation kIdentity{ActivationKind::identity, 0.01};
constexpr Activation kRelu{ActivationKind::relu, 0.01};
constexpr Activation kLeakyRelu{ActivationKind::leaky_relu, 0.01};
constexpr Activation kTanh{ActivationKind::tanh, 0.01};
constexpr Activation kSigmoid{ActivationKind::sigmoid, 0.01};
constexpr Activation kAll[] = {kIdentity, kRelu, kLeakyRelu, kTanh, kSigmoid};

std::string name(const Activation& activation) {
  static constexpr const char* kNames[] = {"identity", "relu", "leaky_relu", "tanh", "sigmoid"};
  return kNames[static_cast<int>(activation.kind)];
}

/// The documented accuracy of each function, in units of the last place.
long double ulps(const Activation& activation) {
  switch (activation.kind) {
    case ActivationKind::leaky_relu:
      return 2;  // the slope is rounded to T, and the product
    case ActivationKind::tanh:
    case ActivationKind::sigmoid:
      return 4;
    default:
      return 0;
  }
}

/// f of the values of z and how far off a kernel may be: of tanh and sigmoid, where they are below
/// the smallest normal number, by that number.
template <class T>
struct Expected {
  Expected(const Activation& activation, ConstView<T> z) {
    for (const T value : elements(z)) {
      values.push_back(oracle::activate(activation, value));
      const bool denormal = ulps(activation) > 2 && value != 0 &&
                            std::abs(values.back()) < std::numeric_limits<T>::min();
      bounds.push_back(denormal ? std::numeric_limits<T>::min()
                                : ulps(activation) * ulp<T>(values.back()));
    }
  }
  std::vector<long double> values, bounds;
};

template <class T>
void expect(Judge& judge, Random& random, const Activation& activation, ConstView<T> values,
            Order order_z, Order order_a) {
  const Layout layout_z = random_layout(random, order_z), layout_a = random_layout(random, order_a);
  const std::string what = name(activation) + " " + describe(Shape{values.rows, values.cols}) +
                           " Z " + describe(layout_z) + " A " + describe(layout_a);
  INFO(what);
  const Expected<T> want(activation, values);
  Operand<T> z(values.rows, values.cols, layout_z);
  z.assign(values);
  z.make_read_only();
  for (const Subject& subject : subjects()) {
    INFO(subject.label);
    const Operand<T> a(values.rows, values.cols, layout_a);
    subject.backend->run(Activate<T>{activation, z.read(), a.view()});
    Operand<T> in_place(values.rows, values.cols, layout_z);
    in_place.assign(values);
    subject.backend->run(Activate<T>{activation, in_place.read(), in_place.view()});
    judge(subject, what,
          first_of({exceeds(a.read(), want.values, want.bounds), a.stray_writes(),
                    different_bits(in_place.read(), a.read()), in_place.stray_writes()}));
  }
}

template <class... Parts>
std::string text(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

TEMPLATE_TEST_CASE("activate is accurate over the whole range", "[activate]", float, double) {
  using Limits = std::numeric_limits<TestType>;
  Judge judge;
  Random random(80);
  std::vector<TestType> z;
  for (int i = 0; i < 20'000; ++i) {  // where the functions bend
    z.push_back(static_cast<TestType>(uniform(random, -1, 1)));
    z.push_back(static_cast<TestType>(uniform(random, -10, 10)));
    z.push_back(static_cast<TestType>(uniform(random, -120, 120)));
  }
  for (int e = Limits::min_exponent; e < Limits::max_exponent; ++e)  // every binade
    for (int i = 0; i < 8; ++i)
      for (double sign : {-1.0, 1.0})
        z.push_back(static_cast<TestType>(std::ldexp(sign * uniform(random, 0.5, 1), e)));
  for (double edge :
       {0.625, 0.55, 1.0, 9.0, 17.0, 20.0, 40.0, 87.3, 88.4, 88.8, 104.0, 708.4, 709.8, 745.2})
    for (double sign : {-1.0, 1.0})
      for (int step = -3; step <= 3; ++step)
        z.push_back(static_cast<TestType>(sign * (edge + step * 1e-3)));
  const auto size = static_cast<index_t>(z.size());
  for (const Activation& activation : kAll)
    for (Order order : kOrders)
      expect<TestType>(judge, random, activation, row_major(z.data(), 1, size), order, order);
  CHECK(judge.cases() >= 15);
}

TEMPLATE_TEST_CASE("activate agrees with the oracle, all shapes and strides", "[activate]", float,
                   double) {
  Judge judge;
  Random random(81);
  std::size_t turn = 0;
  for (const Shape& shape : matrix_shapes(50'000)) {
    const Operand<TestType> z(shape.rows, shape.cols, {},
                              [&](index_t, index_t) { return uniform(random, -4, 4); });
    expect<TestType>(judge, random, kAll[turn++ % std::size(kAll)], z.read(), pick(random, kOrders),
                     pick(random, kOrders));
  }
  for (const Activation& activation : kAll)
    for (Order order_z : kOrders)
      for (Order order_a : kOrders) {
        const Operand<TestType> z(35, 70, {},
                                  [&](index_t, index_t) { return uniform(random, -4, 4); });
        expect<TestType>(judge, random, activation, z.read(), order_z, order_a);
      }
  CHECK(judge.cases() > 900);
}

TEMPLATE_TEST_CASE("activate: special values", "[activate][ieee]", float, double) {
  struct Row {
    TestType z;
    TestType identity, relu, leaky_relu, tanh, sigmoid;
  };
  constexpr TestType kInf = kInfinity<TestType>, kNaN = kNan<TestType>;
  constexpr TestType kMax = std::numeric_limits<TestType>::max();
  constexpr TestType kSlope = static_cast<TestType>(0.01);
  const Row rows[] = {{0, 0, 0, 0, 0, 0.5},
                      {-TestType{0}, 0, 0, 0, 0, 0.5},
                      {kInf, kInf, kInf, kInf, 1, 1},
                      {-kInf, -kInf, 0, -kInf, -1, 0},
                      {kNaN, kNaN, kNaN, kNaN, kNaN, kNaN},
                      {-kNaN, kNaN, kNaN, kNaN, kNaN, kNaN},
                      {kMax, kMax, kMax, kMax, 1, 1},
                      {-kMax, -kMax, 0, -kMax * kSlope, -1, 0},
                      {1e4, 1e4, 1e4, 1e4, 1, 1},
                      {-1e4, -1e4, 0, TestType{-1e4} * kSlope, -1, 0}};
  Judge judge;
  for (const Activation& activation : kAll)
    for (const Row& row : rows) {
      const TestType want[] = {row.identity, row.relu, row.leaky_relu, row.tanh, row.sigmoid};
      const TestType expected = want[static_cast<int>(activation.kind)];
      for (const Subject& subject : subjects())
        for (index_t size : {1, 3, 8, 19, 64})
          for (index_t at : {index_t{0}, size / 2, size - 1}) {  // the others must not be touched
            const Operand<TestType> z(
                1, size, {}, [&](index_t, index_t j) { return j == at ? row.z : TestType{0.5}; });
            const Operand<TestType> a(1, size, {});
            subject.backend->run(Activate<TestType>{activation, z.read(), a.view()});
            std::string problem;
            for (index_t j = 0; j < size; ++j) {
              const TestType got = a.vector()[j];
              if (j == at ? !same_value(got, expected) : !(got > 0.4 && got < 0.7))
                problem = text("f(", z.vector()[j], ") = ", got);
            }
            judge(subject, name(activation), problem);
          }
    }
  CHECK(judge.cases() >= 5 * 10 * 15);
}

}  // namespace
}  // namespace lamella::test
