// Strides of 0, which repeat an element, a row or a column, in every operand that is only read.
//
// Numbers are chosen so that results are exact where kernels allow it: the accuracy of kernels has
// checks of its own.
#include <cmath>
#include <limits>
#include <optional>

#include <lamella/backend.h>
#include <lamella/packed_matrix.h>

#include "tools/conformance/checks.h"
#include "tools/conformance/compare.h"
#include "tools/conformance/gemm_case.h"
#include "tools/conformance/operand.h"
#include "tools/conformance/oracle.h"
#include "tools/conformance/shapes.h"

namespace lamella::conformance {
namespace {

/// What a view repeats: the rows of a matrix are one row, its columns one column, or both.
enum class Repeat { none, rows, columns, all };
constexpr Repeat kRepeats[] = {Repeat::none, Repeat::rows, Repeat::columns, Repeat::all};

std::string describe(Repeat repeat) {
  static constexpr const char* kNames[] = {"", " one row", " one column", " one element"};
  return kNames[static_cast<int>(repeat)];
}

const Shape kShapes[] = {{1, 1}, {1, 40}, {40, 1}, {5, 9}, {33, 17}, {64, 40}, {40, 130}};

/// A matrix that repeats memory of which nothing may be written, and nothing around it read.
template <class T>
class Repeated {
 public:
  template <class Value>
  Repeated(Random& random, const Shape& shape, Repeat repeat, Value value)
      : memory_(repeats_rows(repeat) ? 1 : shape.rows, repeats_columns(repeat) ? 1 : shape.cols,
                random_layout(random), [&](index_t, index_t) { return value(); }),
        view_(memory_.read()) {
    memory_.make_read_only();
    if (repeats_rows(repeat)) view_.row_stride = 0;
    if (repeats_columns(repeat)) view_.col_stride = 0;
    view_.rows = shape.rows;
    view_.cols = shape.cols;
  }
  ConstView<T> view() const { return view_; }
  ConstVectorView<T> vector() const { return row(view_, 0); }

 private:
  static bool repeats_rows(Repeat repeat) {
    return repeat == Repeat::rows || repeat == Repeat::all;
  }
  static bool repeats_columns(Repeat repeat) {
    return repeat == Repeat::columns || repeat == Repeat::all;
  }

  Operand<T> memory_;
  ConstView<T> view_;
};

/// A vector whose elements are all the same.
template <class T, class Value>
Repeated<T> one_element(Random& random, index_t size, Value value) {
  return {random, {1, size}, Repeat::columns, value};
}

template <class T>
auto integers(Random& random, index_t largest = 9) {
  return [&random, largest] { return static_cast<T>(uniform_int(random, -largest, largest)); };
}

/// An output of any layout, which begins as `initial`.
template <class T>
struct Output {
  Output(const Layout& layout, ConstView<T> initial) : operand(initial.rows, initial.cols, layout) {
    operand.assign(initial);
  }
  Operand<T> operand;
};

const GemmShape kProducts[] = {{1, 50, 70},   {50, 1, 70},  {70, 50, 1}, {33, 65, 7},
                               {17, 40, 300}, {64, 48, 64}, {7, 9, 1100}};

template <class T>
void products(CheckContext& context) {
  Random random(170);
  std::size_t turn = 0;
  for (const GemmShape& shape : kProducts)
    for (Repeat repeat_a : kRepeats)
      for (Repeat repeat_b : kRepeats)
        for (Order order : kOrders) {
          if (repeat_a == Repeat::none && repeat_b == Repeat::none) continue;
          const Repeated<T> a(random, {shape.m, shape.k}, repeat_a, integers<T>(random));
          const Repeated<T> b(random, {shape.k, shape.n}, repeat_b, integers<T>(random));
          const Operand<T> before(shape.m, shape.n, {},
                                  [&](index_t, index_t) { return uniform_int(random, -9, 9); });
          const Layout layout = random_layout(random, order);
          const bool packs = turn++ % 2 == 0;
          Gemm<T> call{static_cast<T>(pick(random, kFactors)), a.view(), b.view(),
                       static_cast<T>(pick(random, kFactors)), before.view()};
          const auto want = oracle::gemm(call);
          const std::string what = describe(shape) + " A" + describe(repeat_a) + " B" +
                                   describe(repeat_b) + " C " + describe(layout) +
                                   (packs ? " packed" : "");
          for (const BackendUnderTest& tested : context.backends()) {
            context.begin(tested, what);
            const Output<T> c(layout, before.read());
            std::optional<PackedMatrix<T>> packed;
            call.packed_b = packs ? &packed.emplace(tested.backend, call.b) : nullptr;
            call.c = c.operand.view();
            tested.backend->run(call);
            context(tested, what,
                    first_of({different_values(c.operand.read(), want.values),
                              c.operand.stray_writes()}));
          }
        }
  context.expect_cases(7 * 15 * 3);
}

constexpr Activation kRelu{ActivationKind::relu, 0.01};
constexpr Activation kLeakyRelu{ActivationKind::leaky_relu, 0.25};
constexpr Activation kTanh{ActivationKind::tanh, 0.01};
constexpr Activation kSigmoid{ActivationKind::sigmoid, 0.01};
constexpr Activation kActivationsTried[] = {kRelu, kLeakyRelu, kTanh, kSigmoid};

/// Bias and activation output repeat what they hold; the result is that of the separate calls.
template <class T>
void fused_products(CheckContext& context) {
  Random random(171);
  for (const GemmShape& shape : kProducts)
    for (Repeat repeat_output : kRepeats)
      for (Order order : kOrders)
        for (const Activation& activation : kActivationsTried) {
          const Repeated<T> a(random, {shape.m, shape.k}, pick(random, kRepeats),
                              integers<T>(random));
          const Repeated<T> b(random, {shape.k, shape.n}, pick(random, kRepeats),
                              integers<T>(random));
          const auto bias = one_element<T>(random, shape.n, integers<T>(random));
          const Repeated<T> output(random, {shape.m, shape.n}, repeat_output,
                                   [&] { return uniform(random, -1, 1); });
          const Layout layout = random_layout(random, order);
          const Activation backward_of = pick(random, kActivationsTried);
          const std::string what = describe(shape) + " C " + describe(layout) + " bias of one" +
                                   " activation_output" + describe(repeat_output);
          for (const BackendUnderTest& tested : context.backends()) {
            context.begin(tested, what);
            const Operand<T> fused(shape.m, shape.n, layout), unfused(shape.m, shape.n, layout);
            const Backend& backend = *tested.backend;
            const T alpha = static_cast<T>(1) / 1024;
            backend.run(FusedGemm<T>{{alpha, a.view(), b.view(), 0, fused.view()},
                                     {bias.vector(), activation, output.view(), backward_of}});
            backend.run(Gemm<T>{alpha, a.view(), b.view(), 0, unfused.view()});
            backend.run(BiasAdd<T>{bias.vector(), unfused.view()});
            backend.run(Activate<T>{activation, unfused.read(), unfused.view()});
            backend.run(ActivateBackward<T>{backward_of, output.view(), unfused.view()});
            context(tested, what,
                    first_of({different_bits(fused.read(), unfused.read()), fused.stray_writes()}));
          }
        }
  context.expect_cases(7 * 4 * 3 * 4);
}

/// Runs `call(backend, output)` on an output that begins as `before`, on every backend, in every
/// order of its memory; `want` is what it must be, within `bound` if that is not empty.
template <class T, class Call>
void expect(CheckContext& context, Random& random, const std::string& what, ConstView<T> before,
            const std::vector<long double>& want, const std::vector<long double>& bound,
            const Call& call) {
  for (Order order : kOrders) {
    const Layout layout = random_layout(random, order);
    const std::string where = what + " output " + describe(layout);
    for (const BackendUnderTest& tested : context.backends()) {
      context.begin(tested, where);
      const Output<T> output(layout, before);
      call(*tested.backend, output.operand.view());
      const auto got = output.operand.read();
      context(tested, where,
              first_of({bound.empty() ? different_values(got, want) : exceeds(got, want, bound),
                        output.operand.stray_writes()}));
    }
  }
}

template <class T>
Operand<T> random_integers(Random& random, const Shape& shape) {
  return Operand<T>(shape.rows, shape.cols, {},
                    [&](index_t, index_t) { return uniform_int(random, -9, 9); });
}

/// body(i, j) of every element, row by row.
template <class Body>
std::vector<long double> each(const Shape& shape, const Body& body) {
  std::vector<long double> values;
  for (index_t i = 0; i < shape.rows; ++i)
    for (index_t j = 0; j < shape.cols; ++j) values.push_back(static_cast<long double>(body(i, j)));
  return values;
}

template <class T>
void elementwise(CheckContext& context) {
  Random random(172);
  for (const Shape& shape : kShapes) {
    const auto before = random_integers<T>(random, shape);
    const auto old = before.read();
    const auto x = one_element<T>(random, shape.rows, integers<T>(random));
    const auto y = one_element<T>(random, shape.cols, integers<T>(random));
    const auto distinct = vector_operand<T>(shape.rows, {}, [&](index_t i) { return i % 7; });
    expect<T>(context, random, "bias_add " + describe(shape), old,
              each(shape, [&](index_t i, index_t j) { return old(i, j) + y.vector()[j]; }), {},
              [&](const Backend& backend, View<T> c) {
                backend.run(BiasAdd<T>{y.vector(), c});
              });
    for (const auto& [first, second] :
         {std::pair{x.vector(), y.vector()}, {ConstVectorView<T>(distinct.vector()), y.vector()}})
      expect<T>(context, random, "outer_product " + describe(shape), old,
                each(shape, [&, &u = first, &v = second](
                                index_t i, index_t j) { return old(i, j) + 2 * u[i] * v[j]; }),
                {}, [&, &u = first, &v = second](const Backend& backend, View<T> a) {
                  backend.run(OuterProduct<T>{2, u, v, a});
                });
    for (Repeat repeat : {Repeat::rows, Repeat::columns, Repeat::all}) {
      const std::string what = describe(shape) + describe(repeat);
      // Multiples of 1/4 in [-1, 1]: all of the derivatives are exact.
      const Repeated<T> a(random, shape, repeat,
                          [&] { return static_cast<double>(uniform_int(random, -4, 4)) / 4; });
      for (const Activation& activation : kActivationsTried)
        expect<T>(context, random, "activate_backward " + what, old,
                  each(shape,
                       [&](index_t i, index_t j) {
                         const long double value = a.view()(i, j), d = old(i, j);
                         if (activation.kind == ActivationKind::leaky_relu && value == 0)
                           return activation.slope * d;
                         return d * oracle::derivative(activation, value);
                       }),
                  {}, [&](const Backend& backend, View<T> d) {
                    backend.run(ActivateBackward<T>{activation, a.view(), d});
                  });
      for (const Activation& activation : kActivationsTried) {
        const auto want = each(shape, [&](index_t i, index_t j) {
          return oracle::activate(activation, a.view()(i, j));
        });
        std::vector<long double> bound;
        for (const long double value : want) bound.push_back(4 * ulp<T>(value));
        expect<T>(context, random, "activate " + what, old, want, bound,
                  [&](const Backend& backend, View<T> out) {
                    backend.run(Activate<T>{activation, a.view(), out});
                  });
      }
      const Repeated<T> z(random, shape, repeat, integers<T>(random));
      expect<T>(
          context, random, "scale_shift " + what, old,
          each(shape, [&](index_t i,
                          index_t j) { return z.view()(i, j) * y.vector()[j] + y.vector()[j]; }),
          {}, [&](const Backend& backend, View<T> out) {
            backend.run(ScaleShift<T>{z.view(), y.vector(), y.vector(), out});
          });
    }
  }
  context.expect_cases(7 * 3 * (1 + 2 + 3 * 9));
}

template <class T>
void sums(CheckContext& context) {
  Random random(173);
  for (const Shape& shape : kShapes)
    for (Repeat repeat : {Repeat::rows, Repeat::columns, Repeat::all}) {
      const std::string what = describe(shape) + describe(repeat);
      const Repeated<T> a(random, shape, repeat, integers<T>(random));
      const Repeated<T> d(random, shape, pick(random, kRepeats), integers<T>(random));
      const Shape vector{1, shape.cols};
      const auto before = random_integers<T>(random, vector);
      const auto sum = [&](const auto& term) {
        return each(vector, [&](index_t, index_t j) {
          long double total = before.read()(0, j);
          for (index_t i = 0; i < shape.rows; ++i)
            total += 2 * static_cast<long double>(term(i, j));
          return total;
        });
      };
      expect<T>(context, random, "column_sums " + what, before.read(),
                sum([&](index_t i, index_t j) { return a.view()(i, j); }), {},
                [&](const Backend& backend, View<T> out) {
                  backend.run(ColumnSums<T>{2, a.view(), 1, row(out, 0)});
                });
      // Without a scale, d is only read, and may repeat itself, too.
      expect<T>(context, random, "scale_shift_backward " + what, before.read(),
                sum([&](index_t i, index_t j) { return a.view()(i, j) * d.view()(i, j); }), {},
                [&](const Backend& backend, View<T> out) {
                  const Operand<T> other(1, shape.cols, {}, [](index_t, index_t) { return 0; });
                  ScaleShiftBackward<T> call;
                  call.alpha = 2;
                  call.beta = 1;
                  call.x = a.view();
                  const ConstView<T> read = d.view();
                  call.d = {const_cast<T*>(read.data), read.rows, read.cols, read.row_stride,
                            read.col_stride};
                  call.scale_gradient = row(out, 0);
                  call.shift_gradient = other.vector();
                  backend.run(call);
                });
    }
  context.expect_cases(7 * 3 * 6);
}

template <class T>
void rows_of_logits(CheckContext& context) {
  Random random(174);
  for (const Shape& shape : kShapes)
    for (Repeat repeat : {Repeat::rows, Repeat::columns, Repeat::all}) {
      const std::string what = describe(shape) + describe(repeat);
      const Repeated<T> z(random, shape, repeat, integers<T>(random, 4));
      const Operand<T> before(shape.rows, shape.cols, {}, [](index_t, index_t) { return 0; });
      const auto n = static_cast<long double>(shape.cols);
      const long double error = (n + 16) * std::numeric_limits<T>::epsilon();
      const std::vector<long double> bound(static_cast<std::size_t>(shape.rows * shape.cols),
                                           error);
      expect<T>(context, random, "softmax " + what, before.read(), oracle::softmax(z.view()), bound,
                [&](const Backend& backend, View<T> p) {
                  backend.run(Softmax<T>{z.view(), p});
                });

      const std::int32_t label = static_cast<std::int32_t>(uniform_int(random, 0, shape.cols - 1));
      const T weight = 2;
      SoftmaxNll<T> call;
      call.logits = z.view();
      call.labels = {&label, shape.rows, 0};
      call.weights = {&weight, shape.rows, 0};
      call.label_smoothing = static_cast<T>(0.25);
      const auto want = oracle::softmax_nll(call);
      const std::vector<long double> loss_bound(static_cast<std::size_t>(shape.rows), 64 * error);
      expect<T>(context, random, "softmax_nll " + what, before.read(), want.gradient,
                std::vector<long double>(bound.size(), 4 * error),
                [&](const Backend& backend, View<T> gradient) {
                  const Operand<T> losses(1, shape.rows, {});
                  const Operand<std::int32_t> predictions(1, shape.rows, {});
                  call.gradient = gradient;
                  call.losses = losses.vector();
                  call.predictions = predictions.vector();
                  backend.run(call);
                  const auto problem =
                      first_of({exceeds(losses.read(), want.losses, loss_bound),
                                different_bits(predictions.read(), want.predictions)});
                  if (!problem.empty()) throw std::runtime_error("losses, predictions: " + problem);
                });
    }
  context.expect_cases(7 * 3 * 6);
}

template <class T>
void updates(CheckContext& context) {
  Random random(175);
  for (const Shape& shape : kShapes)
    for (Repeat repeat : {Repeat::rows, Repeat::columns, Repeat::all}) {
      const std::string what = describe(shape) + describe(repeat);
      const auto before = random_integers<T>(random, shape);
      const Repeated<T> gradient(random, shape, repeat, integers<T>(random));
      SgdUpdate<T> sgd;
      sgd.learning_rate = static_cast<T>(0.5);
      sgd.weight_decay = static_cast<T>(0.25);
      sgd.gradient = gradient.view();
      sgd.weights = before.view();
      expect<T>(context, random, "sgd_update " + what, before.read(),
                oracle::sgd_update(sgd).weights, {}, [&](const Backend& backend, View<T> weights) {
                  sgd.weights = weights;
                  backend.run(sgd);
                });
      // sqrt(g g) + 1 is a power of two, so that nothing is rounded.
      const Repeated<T> power(random, shape, repeat, [&] {
        return pick(random, {1, -1, 3, 7, -7});
      });
      const auto zeros = [&] {
        return Operand<T>(shape.rows, shape.cols, {}, [](index_t, index_t) { return 0; });
      };
      AdamUpdate<T> adam;
      adam.step_size = 1;
      adam.epsilon = 1;
      adam.gradient = power.view();
      const auto first = zeros(), second = zeros();
      adam.first = first.view();
      adam.second = second.view();
      adam.weights = before.view();
      expect<T>(context, random, "adam_update " + what, before.read(),
                oracle::adam_update(adam).weights, {},
                [&](const Backend& backend, View<T> weights) {
                  adam.weights = weights;
                  backend.run(adam);
                });
    }
  context.expect_cases(7 * 3 * 6);
}

template <class T>
void gathered(CheckContext& context) {
  Random random(176);
  constexpr index_t kStored = 5;
  for (const Shape& shape : kShapes) {
    Operand<std::uint8_t> values(kStored, shape.cols, {},
                                 [&](index_t, index_t) { return uniform_int(random, 0, 255); });
    values.make_read_only();
    const std::int32_t index = 3;
    const T offset = 128, scale = 2;
    GatherBytes<T> call;
    call.values = values.view().data;
    call.samples = kStored;
    call.features = shape.cols;
    call.indices = {&index, shape.rows, 0};
    call.offset = {&offset, shape.cols, 0};
    call.scale = {&scale, shape.cols, 0};
    const auto before = random_integers<T>(random, shape);
    expect<T>(context, random, "gather_bytes " + describe(shape), before.read(),
              each(shape, [&](index_t, index_t j) { return (values.view()(index, j) - 128) * 2; }),
              {}, [&](const Backend& backend, View<T> out) {
                call.out = out;
                backend.run(call);
              });
  }
  context.expect_cases(7 * 3);
}

}  // namespace

std::vector<Check> strides_checks() {
  return {{"strides", "products of repeated rows, columns and elements are exact", products<float>,
           products<double>},
          {"strides", "fused products of them equal the separate calls", fused_products<float>,
           fused_products<double>},
          {"strides", "element-wise kernels read repeated elements", elementwise<float>,
           elementwise<double>},
          {"strides", "sums over repeated elements are exact", sums<float>, sums<double>},
          {"strides", "softmax of repeated logits, one label and one weight", rows_of_logits<float>,
           rows_of_logits<double>},
          {"strides", "updates by repeated gradients are exact", updates<float>, updates<double>},
          {"strides", "one sample gathered again and again", gathered<float>, gathered<double>}};
}

}  // namespace lamella::conformance
