// softmax_nll: losses, gradient and predictions of a mini-batch against the oracle.
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

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

/// What a call is given, apart from the memory it lies in.
template <class T>
struct Batch {
  index_t samples, classes;
  std::vector<T> logits;  // row by row
  std::vector<std::int32_t> labels;
  std::vector<T> weights;  // or none
  double label_smoothing = 0, scale = 1;

  template <class F>
  Batch(Random& random, const Shape& shape, F logit) : samples(shape.rows), classes(shape.cols) {
    for (index_t i = 0; i < samples * classes; ++i) logits.push_back(static_cast<T>(logit()));
    for (index_t s = 0; s < samples; ++s)
      labels.push_back(static_cast<std::int32_t>(uniform_int(random, 0, classes - 1)));
  }
  void draw_weights(Random& random) {
    for (index_t s = 0; s < samples; ++s)
      weights.push_back(static_cast<T>(pick(random, {0.0, 1.0, 0.5, 3.7})));
  }
};

template <class T>
SoftmaxNll<T> call_of(const Batch<T>& batch, View<T> gradient, VectorView<T> losses,
                      VectorView<std::int32_t> predictions) {
  SoftmaxNll<T> call;
  call.logits = row_major(batch.logits.data(), batch.samples, batch.classes);
  call.labels = {batch.labels.data(), batch.samples, 1};
  if (!batch.weights.empty()) call.weights = {batch.weights.data(), batch.samples, 1};
  call.label_smoothing = static_cast<T>(batch.label_smoothing);
  call.scale = static_cast<T>(batch.scale);
  call.gradient = gradient;
  call.losses = losses;
  call.predictions = predictions;
  return call;
}

std::vector<std::pair<Order, Order>> all_orders() {
  std::vector<std::pair<Order, Order>> all;
  for (Order order_z : kOrders)
    for (Order order_g : kOrders) all.emplace_back(order_z, order_g);
  return all;
}

struct Bounds {
  std::vector<long double> losses, gradient;
};

/// Absolute error bounds. With d = max |z - max z| of the sample's finite logits, each exp carries
/// a relative error of (d + a few) u, the sum n u more; the loss adds terms up to d and log n.
template <class T>
Bounds bounds(const Batch<T>& batch, const oracle::SoftmaxNllResult& want) {
  Bounds result;
  const long double u = unit_roundoff<T>(), n = static_cast<long double>(batch.classes);
  for (index_t s = 0; s < batch.samples; ++s) {
    const T* z = batch.logits.data() + s * batch.classes;
    T top = -kInfinity<T>;
    for (index_t j = 0; j < batch.classes; ++j) top = std::max(top, z[j]);
    long double farthest = 0, reach = 0;  // of all logits, and of those with weight in the sum
    for (index_t j = 0; j < batch.classes; ++j) {
      if (!std::isfinite(z[j])) continue;
      const long double distance = static_cast<long double>(top) - z[j];
      farthest = std::max(farthest, distance);
      if (distance < 100) reach = std::max(reach, distance);
    }
    const long double weight =
        batch.weights.empty() ? 1.0L : batch.weights[static_cast<std::size_t>(s)];
    const bool smooth = batch.label_smoothing != 0;
    const auto label = static_cast<std::size_t>(batch.labels[static_cast<std::size_t>(s)]);
    const long double to_label =
        std::isfinite(z[label]) ? static_cast<long double>(top) - z[label] : 0;
    const long double terms = (smooth ? n : 1) * (smooth ? farthest : to_label) + std::log(n) + 1;
    result.losses.push_back(weight * u * (8 * terms + n + std::min(reach, 3.0L) * 2));
    for (index_t j = 0; j < batch.classes; ++j) {
      const long double g = want.gradient[static_cast<std::size_t>(s * batch.classes + j)];
      const long double step = std::abs(static_cast<long double>(batch.scale)) * weight;
      // p = g / step + t <= |g| / step + 1
      const long double p_and_t = std::min(std::abs(g) / (step == 0 ? 1 : step) + 1, 2.0L);
      const long double distance = std::isfinite(z[j]) ? static_cast<long double>(top) - z[j] : 0;
      result.gradient.push_back(step * u * p_and_t * (std::min(distance, 3.0L) + 12) +
                                step * u * n + std::numeric_limits<T>::min());
    }
  }
  return result;
}

/// Runs every tested, out of place and in place; `orders` are those of logits and gradient.
template <class T>
void expect(CheckContext& context, Random& random, const Batch<T>& batch,
            const std::vector<std::pair<Order, Order>>& orders = all_orders()) {
  const auto nothing = call_of<T>(batch, {}, {}, {});
  const oracle::SoftmaxNllResult want = oracle::softmax_nll(nothing);
  const Bounds bound = bounds(batch, want);
  const auto value = [&](index_t i, index_t j) {
    return batch.logits[static_cast<std::size_t>(i * batch.classes + j)];
  };
  for (const auto& [order_z, order_g] : orders) {
    const Layout layout_z = random_layout(random, order_z);
    const Layout layout_g = random_layout(random, order_g);
    const Layout layout_v = random_layout(random), layout_l = random_layout(random);
    const bool wants_predictions = random() % 3 != 0;
    Operand<T> z(batch.samples, batch.classes, layout_z, value);
    z.make_read_only();
    auto labels = vector_operand<std::int32_t>(batch.samples, layout_l, [&](index_t s) {
      return batch.labels[static_cast<std::size_t>(s)];
    });
    labels.make_read_only();
    auto weights = vector_operand<T>(batch.samples, layout_l, [&](index_t s) {
      return batch.weights.empty() ? T{1} : batch.weights[static_cast<std::size_t>(s)];
    });
    weights.make_read_only();
    const std::string what = describe(Shape{batch.samples, batch.classes}) + " Z " +
                             describe(layout_z) + " gradient " + describe(layout_g) + " losses " +
                             describe(layout_v) + " labels " + describe(layout_l) + " smoothing " +
                             std::to_string(batch.label_smoothing) +
                             (batch.weights.empty() ? "" : " weighted");
    for (const BackendUnderTest& tested : context.backends())
      for (bool in_place : {false, true}) {
        context.begin(tested, what + (in_place ? " in place" : ""));
        const Operand<T> own_z(batch.samples, batch.classes, layout_z, value);
        const Operand<T> own_g(batch.samples, batch.classes, layout_g);
        const Operand<T>& gradient = in_place ? own_z : own_g;
        const Operand<T> losses(1, batch.samples, layout_v);
        const Operand<std::int32_t> predictions(1, batch.samples, layout_v);
        auto call = call_of<T>(batch, gradient.view(), losses.vector(), {});
        call.logits = in_place ? own_z.read() : z.read();
        call.labels = labels.vector();
        if (!batch.weights.empty()) call.weights = weights.vector();
        if (wants_predictions) call.predictions = predictions.vector();
        tested.backend->run(call);
        context(
            tested, what + (in_place ? " in place" : ""),
            first_of({exceeds(losses.read(), want.losses, bound.losses),
                      exceeds(gradient.read(), want.gradient, bound.gradient),
                      wants_predictions ? different_bits(predictions.read(), want.predictions) : "",
                      losses.stray_writes(), gradient.stray_writes(), predictions.stray_writes()}));
      }
  }
}

template <class T>
void all_options(CheckContext& context) {
  Random random(70);
  for (const Shape& shape : {Shape{1, 10}, {5, 2}, {33, 3}, {128, 10}, {40, 17}, {17, 100}})
    for (double smoothing : {0.0, 0.1})
      for (bool weighted : {false, true})
        for (double range : {0.5, 5.0, 50.0}) {
          Batch<T> batch(random, shape, [&] { return uniform(random, -range, range); });
          batch.label_smoothing = smoothing;
          if (weighted) batch.draw_weights(random);
          batch.scale = pick(random, {1.0, 1.0 / 128, -2.0});
          expect(context, random, batch);
        }
  context.expect_cases(6 * 12 * 18);
}

template <class T>
void all_shapes(CheckContext& context) {
  Random random(71);
  for (index_t samples : {0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 33, 63, 65, 129})
    for (index_t classes : {1, 2, 3, 4, 7, 8, 9, 10, 15, 16, 17, 31, 32, 33, 65}) {
      Batch<T> batch(random, {samples, classes}, [&] { return uniform(random, -3, 3); });
      if (random() % 2 == 0) batch.draw_weights(random);
      if (random() % 2 == 0) batch.label_smoothing = 0.1;
      expect(context, random, batch,
             {{Order::rows, Order::rows}, {Order::columns, Order::columns}});
    }
  context.expect_cases(16 * 15 * 4);
}

template <class T>
void large_logits(CheckContext& context) {
  Random random(72);
  // 1e4 apart, or close together but far from 0: the loss is that of the differences.
  for (double offset : {0.0, 1e4, -1e4})
    for (double spread : {0.0, 2.0, 2e4}) {
      Batch<T> batch(random, {37, 10}, [&] {
        return offset + spread * static_cast<double>(uniform_int(random, -4, 4)) / 8;
      });
      expect(context, random, batch);
      batch.label_smoothing = 0.25;
      expect(context, random, batch);
    }
  for (T extreme : {std::numeric_limits<T>::max() / 4, T{1e30f}}) {
    Batch<T> batch(random, {20, 5}, [&] { return pick(random, {0.0, 1.0}) * extreme; });
    expect(context, random, batch);
  }
  context.expect_cases(20 * 18);
}

template <class T>
void equal_logits(CheckContext& context) {
  Random random(73);
  for (index_t classes : {1, 2, 5, 8, 10, 17, 33, 100})
    for (index_t samples : {1, 16, 50}) {
      // Few values: ties at every distance, across the lanes of a vector and within one.
      expect(context, random, Batch<T>(random, {samples, classes}, [&] {
               return static_cast<double>(uniform_int(random, -2, 0));
             }));
      expect(context, random, Batch<T>(random, {samples, classes}, [] { return 7.0; }));
      // One rare maximum more than once, and zeros of both signs, which are equal.
      expect(context, random, Batch<T>(random, {samples, classes}, [&] {
               return random() % 8 == 0 ? pick(random, {0.0, -0.0}) : -1.0;
             }));
    }
  context.expect_cases(8 * 3 * 3 * 18);
}

template <class T>
void masked_classes(CheckContext& context) {
  Random random(74);
  for (const Shape& shape : {Shape{5, 4}, {40, 10}, {9, 35}}) {
    Batch<T> batch(random, shape, [&] {
      return random() % 3 == 0 ? -static_cast<double>(kInfinity<T>) : uniform(random, -3, 3);
    });
    for (index_t s = 0; s < shape.rows; ++s)  // no sample's own class is masked
      batch.logits[static_cast<std::size_t>(s * shape.cols +
                                            batch.labels[static_cast<std::size_t>(s)])] = 1;
    expect(context, random, batch);
    // Unless it is: an infinite loss, with a gradient as finite as ever.
    batch.logits[0] = batch.logits[1] = 2;
    batch.labels[0] = 2;
    batch.logits[2] = -kInfinity<T>;
    expect(context, random, batch);
  }
  context.expect_cases(6 * 18);
}

template <class T>
void nan_in_a_sample(CheckContext& context) {
  Random random(75);
  for (T special : {kNan<T>, kInfinity<T>})
    for (const Shape& shape : {Shape{3, 4}, {37, 10}, {10, 37}})
      for (index_t j : {index_t{0}, shape.cols / 2, shape.cols - 1}) {
        Batch<T> batch(random, shape, [&] { return uniform(random, -3, 3); });
        const index_t spoilt = uniform_int(random, 0, shape.rows - 1);
        batch.logits[static_cast<std::size_t>(spoilt * shape.cols + j)] = special;
        const auto want = oracle::softmax_nll(call_of<T>(batch, {}, {}, {}));
        const Bounds bound = bounds(batch, want);
        for (const BackendUnderTest& tested : context.backends())
          for (Order order : kOrders) {
            const std::string what =
                describe(shape) + " special in sample " + std::to_string(spoilt);
            context.begin(tested, what);
            const Operand<T> z(shape.rows, shape.cols, random_layout(random, order),
                               [&](index_t s, index_t c) {
                                 return batch.logits[static_cast<std::size_t>(s * shape.cols + c)];
                               });
            const Operand<T> losses(1, shape.rows, {});
            auto call = call_of<T>(batch, z.view(), losses.vector(), {});
            call.logits = z.read();
            tested.backend->run(call);
            context(tested, what,
                    first_of({exceeds(losses.read(), want.losses, bound.losses),
                              exceeds(z.read(), want.gradient, bound.gradient)}));
          }
      }
  context.expect_cases(54);
}

}  // namespace

std::vector<Check> softmax_nll_checks() {
  return {
      {"softmax_nll", "agrees with the oracle, all options", all_options<float>,
       all_options<double>},
      {"softmax_nll", "agrees with the oracle, all shapes", all_shapes<float>, all_shapes<double>},
      {"softmax_nll", "keeps the loss of large logits", large_logits<float>, large_logits<double>},
      {"softmax_nll", "predicts the first of equal logits", equal_logits<float>,
       equal_logits<double>},
      {"softmax_nll", "masked classes (-inf) have no probability and do not spoil the loss",
       masked_classes<float>, masked_classes<double>},
      {"softmax_nll", "NaN spoils its sample and no other", nan_in_a_sample<float>,
       nan_in_a_sample<double>}};
}

}  // namespace lamella::conformance
