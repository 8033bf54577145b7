// Activations and their derivatives: accuracy over the whole range, special values, all layouts.
#include <cmath>
#include <limits>
#include <sstream>

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

constexpr Activation kIdentity{ActivationKind::identity, 0.01};
constexpr Activation kRelu{ActivationKind::relu, 0.01};
constexpr Activation kLeakyRelu{ActivationKind::leaky_relu, 0.01};
constexpr Activation kTanh{ActivationKind::tanh, 0.01};
constexpr Activation kSigmoid{ActivationKind::sigmoid, 0.01};
constexpr Activation kSmooth[] = {{ActivationKind::gelu}, {ActivationKind::silu},
                                  {ActivationKind::selu}, {ActivationKind::elu},
                                  {ActivationKind::mish}, {ActivationKind::softplus}};
constexpr Activation kSimple[] = {kIdentity, kRelu, kLeakyRelu, kTanh, kSigmoid};
constexpr Activation kAll[] = {kIdentity,  kRelu,      kLeakyRelu, kTanh,
                               kSigmoid,   kSmooth[0], kSmooth[1], kSmooth[2],
                               kSmooth[3], kSmooth[4], kSmooth[5]};

std::string name(const Activation& activation) { return activation_name(activation.kind); }

/// The documented accuracy of each function at z, in units of the last place.
long double ulps(const Activation& activation, long double z = 0) {
  switch (activation.kind) {
    case ActivationKind::leaky_relu:
      return 2;  // the slope is rounded to T, and the product
    case ActivationKind::tanh:
    case ActivationKind::sigmoid:
      return 4;
    case ActivationKind::gelu:  // exp(-z²/2) magnifies the roundings of z / √2 or z²
      return 8 + (z < 0 ? 2 * z * z : 0);
    case ActivationKind::silu:
    case ActivationKind::selu:
    case ActivationKind::elu:
    case ActivationKind::mish:
    case ActivationKind::softplus:
      return 8;
    default:
      return 0;
  }
}

/// f of the values of z and how far off a kernel may be: of tanh and the like, where they are below
/// the smallest normal number, by that number; of products with z, where the other factor is.
template <class T>
struct Expected {
  Expected(const Activation& activation, ConstView<T> z) {
    for (const T value : elements(z)) {
      values.push_back(oracle::activate(activation, value));
      if (values.back() > std::numeric_limits<T>::max()) values.back() = kInfinity<T>;  // selu
      const bool product = derivative_needs_input(activation.kind);
      const long double z_of = value, size = product ? 1 + std::abs(z_of) : 1;
      const long double least = size * std::numeric_limits<T>::min();
      const bool denormal = ulps(activation) > 2 && value != 0 && std::abs(values.back()) < least;
      bounds.push_back(denormal ? least : ulps(activation, value) * ulp<T>(values.back()));
    }
  }
  std::vector<long double> values, bounds;
};

template <class T>
void expect(CheckContext& context, Random& random, const Activation& activation,
            ConstView<T> values, Order order_z, Order order_a) {
  const Layout layout_z = random_layout(random, order_z), layout_a = random_layout(random, order_a);
  const std::string what = name(activation) + " " + describe(Shape{values.rows, values.cols}) +
                           " Z " + describe(layout_z) + " A " + describe(layout_a);
  const Expected<T> want(activation, values);
  Operand<T> z(values.rows, values.cols, layout_z);
  z.assign(values);
  z.make_read_only();
  for (const BackendUnderTest& tested : context.backends()) {
    context.begin(tested, what);
    const Operand<T> a(values.rows, values.cols, layout_a);
    tested.backend->run(Activate<T>{activation, z.read(), a.view()});
    Operand<T> in_place(values.rows, values.cols, layout_z);
    in_place.assign(values);
    tested.backend->run(Activate<T>{activation, in_place.read(), in_place.view()});
    context(tested, what,
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

template <class T>
void is_accurate(CheckContext& context) {
  using Limits = std::numeric_limits<T>;
  Random random(80);
  std::vector<T> z;
  for (int i = 0; i < 20'000; ++i) {  // where the functions bend
    z.push_back(static_cast<T>(uniform(random, -1, 1)));
    z.push_back(static_cast<T>(uniform(random, -10, 10)));
    z.push_back(static_cast<T>(uniform(random, -120, 120)));
  }
  for (int e = Limits::min_exponent; e < Limits::max_exponent; ++e)  // every binade
    for (int i = 0; i < 8; ++i)
      for (double sign : {-1.0, 1.0})
        z.push_back(static_cast<T>(std::ldexp(sign * uniform(random, 0.5, 1), e)));
  for (double edge :
       {0.625, 0.55, 1.0, 9.0, 17.0, 20.0, 40.0, 87.3, 88.4, 88.8, 104.0, 708.4, 709.8, 745.2})
    for (double sign : {-1.0, 1.0})
      for (int step = -3; step <= 3; ++step)
        z.push_back(static_cast<T>(sign * (edge + step * 1e-3)));
  const auto size = static_cast<index_t>(z.size());
  for (const Activation& activation : kAll)
    for (Order order : kOrders)
      expect<T>(context, random, activation, row_major(z.data(), 1, size), order, order);
  context.expect_cases(15);
}

template <class T>
void agrees_on_all_shapes(CheckContext& context) {
  Random random(81);
  std::size_t turn = 0;
  for (const Shape& shape : matrix_shapes(50'000)) {
    const Operand<T> z(shape.rows, shape.cols, {},
                       [&](index_t, index_t) { return uniform(random, -4, 4); });
    expect<T>(context, random, kAll[turn++ % std::size(kAll)], z.read(), pick(random, kOrders),
              pick(random, kOrders));
  }
  for (const Activation& activation : kAll)
    for (Order order_z : kOrders)
      for (Order order_a : kOrders) {
        const Operand<T> z(35, 70, {}, [&](index_t, index_t) { return uniform(random, -4, 4); });
        expect<T>(context, random, activation, z.read(), order_z, order_a);
      }
  context.expect_cases(901);
}

template <class T>
void special_values(CheckContext& context) {
  struct Row {
    T z;
    T identity, relu, leaky_relu, tanh, sigmoid;
  };
  constexpr T kInf = kInfinity<T>, kNaN = kNan<T>;
  constexpr T kMax = std::numeric_limits<T>::max();
  constexpr T kSlope = static_cast<T>(0.01);
  const Row rows[] = {{0, 0, 0, 0, 0, 0.5},
                      {-T{0}, -T{0}, 0, -T{0}, 0, 0.5},
                      {kInf, kInf, kInf, kInf, 1, 1},
                      {-kInf, -kInf, 0, -kInf, -1, 0},
                      {kNaN, kNaN, kNaN, kNaN, kNaN, kNaN},
                      {-kNaN, kNaN, kNaN, kNaN, kNaN, kNaN},
                      {kMax, kMax, kMax, kMax, 1, 1},
                      {-kMax, -kMax, 0, -kMax * kSlope, -1, 0},
                      {1e4, 1e4, 1e4, 1e4, 1, 1},
                      {-1e4, -1e4, 0, T{-1e4} * kSlope, -1, 0}};
  for (const Activation& activation : kSimple)
    for (const Row& row : rows) {
      const T want[] = {row.identity, row.relu, row.leaky_relu, row.tanh, row.sigmoid};
      const T expected = want[static_cast<int>(activation.kind)];
      // Nothing is rounded but the product with the slope: the sign of zero is known, too.
      const bool exact = ulps(activation) <= 2;
      for (const BackendUnderTest& tested : context.backends())
        for (index_t size : {1, 3, 8, 19, 64})
          for (index_t at : {index_t{0}, size / 2, size - 1}) {  // the others must not be touched
            const Operand<T> z(1, size, {},
                               [&](index_t, index_t j) { return j == at ? row.z : T{0.5}; });
            const Operand<T> a(1, size, {});
            context.begin(tested, name(activation) + " of " + std::to_string(size) + " elements");
            tested.backend->run(Activate<T>{activation, z.read(), a.view()});
            std::string problem;
            for (index_t j = 0; j < size; ++j) {
              const T got = a.vector()[j];
              const bool special_ok = exact ? same_bits(got, expected) : same_value(got, expected);
              if (j == at ? !special_ok : !(got > 0.4 && got < 0.7))
                problem = text("f(", z.vector()[j], ") = ", got);
            }
            context(tested, name(activation), problem);
          }
    }
  context.expect_cases(5 * 10 * 15);
}

/// The ends of the functions that bend smoothly. At -infinity gelu, silu and mish may be NaN.
template <class T>
void ends_of_smooth_functions(CheckContext& context) {
  constexpr T kMax = std::numeric_limits<T>::max();
  constexpr T kLeastSelu = static_cast<T>(-1.7580993408473768);
  for (const Activation& activation : kSmooth) {
    const bool product = derivative_needs_input(activation.kind);
    const T lowest = activation.kind == ActivationKind::selu  ? kLeastSelu
                     : activation.kind == ActivationKind::elu ? T{-1}
                                                              : T{0};
    struct Row {
      T z, want;
    };
    const Row rows[] = {{kNan<T>, kNan<T>},
                        {kInfinity<T>, kInfinity<T>},
                        {-kMax, lowest},
                        {T{-1e4}, lowest},
                        {product ? T{-200} * T{10} : -kInfinity<T>, lowest}};
    for (const Row& row : rows)
      for (const BackendUnderTest& tested : context.backends())
        for (index_t size : {1, 19, 64}) {
          const Operand<T> z(1, size, {}, [&](index_t, index_t) { return row.z; });
          const Operand<T> a(1, size, {});
          const std::string what = name(activation) + text(" of ", row.z);
          context.begin(tested, what);
          tested.backend->run(Activate<T>{activation, z.read(), a.view()});
          const auto count = static_cast<std::size_t>(size);
          context(tested, what,
                  exceeds(a.read(), std::vector<long double>(count, row.want),
                          std::vector<long double>(count, 4 * ulp<T>(row.want))));
        }
  }
  context.expect_cases(6 * 5 * 3);
}

}  // namespace

std::vector<Check> activate_checks() {
  return {{"activate", "the ends of smooth functions", ends_of_smooth_functions<float>,
           ends_of_smooth_functions<double>},
          {"activate", "accurate over the whole range", is_accurate<float>, is_accurate<double>},
          {"activate", "agrees with the oracle, all shapes and strides",
           agrees_on_all_shapes<float>, agrees_on_all_shapes<double>},
          {"activate", "special values", special_values<float>, special_values<double>}};
}

}  // namespace lamella::conformance
