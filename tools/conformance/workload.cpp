// The calls of workload.h, kernel by kernel.
#include "tools/conformance/workload.h"

#include "tools/conformance/compare.h"
#include "tools/conformance/operand.h"
#include "tools/conformance/shapes.h"

namespace lamella::conformance {
namespace {

// Rectangles have 270 thousand elements: enough work for four threads where an element is a load
// and a store. Odd sizes make the pieces of different threads end within a vector.
constexpr GemmShape kProducts[] = {{128, 100, 130}, {131, 67, 213}, {67, 131, 213},
                                   {10, 257, 700},  {257, 10, 700}, {35, 70, 1100}};
constexpr GemmShape kVectorProducts[] = {{1, 523, 521}, {523, 1, 521}};
constexpr Activation kTanh{ActivationKind::tanh, 0.01};
constexpr Activation kRelu{ActivationKind::relu, 0.01};
constexpr Activation kGelu{ActivationKind::gelu, 0.01};
constexpr Activation kSoftplus{ActivationKind::softplus, 0.01};
constexpr Activation kSigmoid{ActivationKind::sigmoid, 0.01};

template <class T>
class Workload {
 public:
  Workload(const Backend& backend, unsigned seed,
           const std::function<void(const std::string&)>& before_each)
      : backend_(backend), random_(seed), before_each_(before_each) {}

  std::vector<Outcome<T>> run_briefly() {
    products({67, 131, 213});
    rectangles({519, 521}, Order::rows);
    return std::move(outcomes_);
  }
  std::vector<Outcome<T>> run() {
    for (const GemmShape& s : kProducts) products(s);
    for (const GemmShape& s : kVectorProducts) products(s);
    for (Order order : {Order::rows, Order::columns}) {
      rectangles({519, 521}, order);
      rectangles({27001, 10}, order);
    }
    rectangles({10, 27001}, Order::rows);
    rectangles({300, 900}, Order::general);
    return std::move(outcomes_);
  }

 private:
  Operand<T> matrix(index_t rows, index_t cols, Order order, double low = -1, double high = 1) {
    const Layout layout{order, order == Order::general ? 1 : pick(random_, {0, 3}),
                        Placement::against_end, 0};
    return Operand<T>(rows, cols, layout,
                      [&](index_t, index_t) { return uniform(random_, low, high); });
  }
  Operand<T> vector(index_t size) { return matrix(1, size, Order::rows); }

  /// Makes the call and keeps its outputs.
  template <class Call, class... Outputs>
  void make(const std::string& kernel, const std::string& what, const Call& call,
            const Outputs&... outputs) {
    if (before_each_) before_each_(kernel);
    backend_.run(call);
    Outcome<T> outcome{kernel, what, {}};
    for (ConstView<T> output : {outputs.read()...})
      for (T value : elements(output)) outcome.values.push_back(value);
    outcomes_.push_back(std::move(outcome));
  }

  void products(const GemmShape& s) {
    const struct {
      Order a, b, c;
    } orders[] = {{Order::rows, Order::rows, Order::rows},
                  {Order::rows, Order::columns, Order::rows},
                  {Order::columns, Order::rows, Order::columns},
                  {Order::columns, Order::columns, Order::rows},
                  {Order::general, Order::general, Order::general}};
    for (const auto& [order_a, order_b, order_c] : orders) {
      const Operand<T> a = matrix(s.m, s.k, order_a), b = matrix(s.k, s.n, order_b);
      const Operand<T> c = matrix(s.m, s.n, order_c), d = matrix(s.m, s.n, order_c);
      const Operand<T> activation_output = matrix(s.m, s.n, order_c), bias = vector(s.n);
      const std::string what =
          describe(s) + " order of C " + std::to_string(static_cast<int>(order_c));
      const Gemm<T> product{static_cast<T>(-0.1), a.read(), b.read(), static_cast<T>(0.9),
                            c.view()};
      make("gemm", what, product, c);
      Epilogue<T> epilogue;
      epilogue.bias = bias.vector();
      epilogue.activation = kTanh;
      make("fused_gemm", what + " tanh",
           FusedGemm<T>{{1, a.read(), b.read(), 0, d.view()}, epilogue}, d);
      epilogue.activation = kRelu;
      epilogue.activation_output = activation_output.read();
      epilogue.backward_of = kSigmoid;
      make("fused_gemm", what + " relu activation_output",
           FusedGemm<T>{{1, a.read(), b.read(), 1, d.view()}, epilogue}, d);
    }
  }

  void rectangles(const Shape& s, Order order) {
    const std::string what = describe(s) + " order " + std::to_string(static_cast<int>(order));
    const Operand<T> a = matrix(s.rows, s.cols, order), b = matrix(s.rows, s.cols, order);
    const Operand<T> x = vector(s.rows), y = vector(s.cols), sums = vector(s.cols);
    const Operand<T> other_sums = vector(s.cols);
    make("bias_add", what, BiasAdd<T>{y.vector(), a.view()}, a);
    make("outer_product", what,
         OuterProduct<T>{static_cast<T>(-0.1), x.vector(), y.vector(), a.view()}, a);
    make("softmax", what, Softmax<T>{a.read(), b.view()}, b);
    make("column_sums", what,
         ColumnSums<T>{static_cast<T>(0.3), a.read(), static_cast<T>(0.9), sums.vector()}, sums);
    for (const Activation& f : {kTanh, kSigmoid, kRelu, kGelu, kSoftplus})
      make("activate", what, Activate<T>{f, a.read(), b.view()}, b);
    for (const Activation& f : {kTanh, kGelu})
      make("activate_backward", what, ActivateBackward<T>{f, b.read(), a.view()}, a);
    nll(s, what, a.read(), b);

    SgdUpdate<T> update;
    update.learning_rate = static_cast<T>(0.1);
    update.weight_decay = static_cast<T>(1e-4);
    update.gradient = b.read();
    update.weights = a.view();
    make("sgd_update", what, update, a);
    const Operand<T> velocity = matrix(s.rows, s.cols, order);
    update.momentum = static_cast<T>(0.9);
    update.nesterov = true;
    update.velocity = velocity.view();
    make("sgd_update", what + " nesterov", update, a, velocity);

    const Operand<T> second = matrix(s.rows, s.cols, order, 0, 1);
    AdamUpdate<T> adam;
    adam.beta1 = static_cast<T>(0.9);
    adam.one_minus_beta1 = static_cast<T>(0.1);
    adam.beta2 = static_cast<T>(0.999);
    adam.one_minus_beta2 = static_cast<T>(0.001);
    adam.weight_decay = static_cast<T>(1e-4);
    adam.weight_scale = static_cast<T>(0.999);
    adam.step_size = static_cast<T>(1e-3);
    adam.epsilon = static_cast<T>(1e-8);
    adam.gradient = b.read();
    adam.first = velocity.view();
    adam.second = second.view();
    adam.weights = a.view();
    make("adam_update", what, adam, a, velocity, second);

    make("constrain_weights", what,
         ConstrainWeights<T>{static_cast<T>(0.1), static_cast<T>(0.5), a.view()}, a);

    make("scale_shift", what, ScaleShift<T>{b.read(), y.vector(), y.vector(), a.view()}, a);
    make("scale_shift_backward", what,
         ScaleShiftBackward<T>{static_cast<T>(0.3), b.read(), y.vector(), a.view(),
                               static_cast<T>(0.9), sums.vector(), other_sums.vector()},
         a, sums, other_sums);

    for (const Activation& f : {kRelu, kTanh}) {
      const Operand<T> mean = vector(s.cols), deviation = vector(s.cols), moved = vector(s.cols);
      BatchNorm<T> norm;
      norm.activation = f;
      norm.x = b.read();
      norm.scale = norm.shift = y.vector();
      norm.mean = mean.vector();
      norm.inverse_deviation = deviation.vector();
      norm.running_mean = moved.vector();
      norm.y = a.view();
      make("batch_norm", what, norm, a, mean, deviation, moved);
      BatchNormBackward<T> back;
      back.alpha = static_cast<T>(0.3);
      back.activation = f;
      back.x = b.read();
      back.scale = back.shift = y.vector();
      back.mean = mean.vector();
      back.inverse_deviation = deviation.vector();
      back.d = a.view();
      back.beta = static_cast<T>(0.9);
      back.scale_gradient = sums.vector();
      back.shift_gradient = other_sums.vector();
      make("batch_norm_backward", what, back, a, sums, other_sums);
    }

    const index_t stored = 50;
    const Operand<std::uint8_t> bytes(1, stored * s.cols, {}, [&](index_t, index_t j) {
      return static_cast<std::uint8_t>(j * 37 % 251);
    });
    const Operand<std::int32_t> chosen(1, s.rows, {}, [&](index_t, index_t j) {
      return static_cast<std::int32_t>(j * 7 % stored);
    });
    GatherBytes<T> gather;
    gather.values = bytes.view().data;
    gather.samples = stored;
    gather.features = s.cols;
    gather.indices = chosen.vector();
    gather.offset = y.vector();
    gather.scale = y.vector();
    gather.out = a.view();
    make("gather_bytes", what, gather, a);

    DropUnits<T> drops;
    drops.probability = 0.4;
    drops.seed = 3;
    drops.samples = chosen.vector();
    drops.x = b.read();
    drops.y = a.view();
    make("drop_units", what, drops, a);

    MoveImages<T> moves;
    moves.changes = {1, s.cols, 1, 1, true, 20, 0.1, 5, 2};
    moves.type = sizeof(T) == 4 ? StoredType::f32 : StoredType::f64;
    const Operand<T> images(1, s.rows * s.cols, {}, [&](index_t, index_t) {
      return static_cast<T>(uniform(random_, 0, 1));
    });
    const Operand<std::int32_t> picked(1, s.rows, {}, [&](index_t, index_t j) {
      return static_cast<std::int32_t>((j * 3 + 1) % s.rows);
    });
    const Operand<T> moved(1, s.rows * s.cols, {});
    moves.values = images.view().data;
    moves.samples = s.rows;
    moves.indices = picked.vector();
    moves.moved = moved.view().data;
    make("move_images", what, moves, moved);
  }

  void nll(const Shape& s, const std::string& what, ConstView<T> logits,
           const Operand<T>& gradient) {
    const auto labels = vector_operand<std::int32_t>(
        s.rows, {}, [&](index_t) { return uniform_int(random_, 0, s.cols - 1); });
    const Operand<T> losses = vector(s.rows);
    const Operand<std::int32_t> predictions(1, s.rows, {});
    SoftmaxNll<T> call;
    call.logits = logits;
    call.labels = labels.vector();
    call.label_smoothing = static_cast<T>(0.1);
    call.gradient = gradient.view();
    call.losses = losses.vector();
    call.predictions = predictions.vector();
    make("softmax_nll", what, call, gradient, losses);
    for (const std::int32_t p : elements(predictions.read()))
      outcomes_.back().values.push_back(static_cast<T>(p));
  }

  const Backend& backend_;
  Random random_;
  const std::function<void(const std::string&)>& before_each_;
  std::vector<Outcome<T>> outcomes_;
};

}  // namespace

template <class T>
std::vector<Outcome<T>> run_workload(const Backend& backend, unsigned seed, Extent extent,
                                     const std::function<void(const std::string&)>& before_each) {
  Workload<T> workload(backend, seed, before_each);
  return extent == Extent::full ? workload.run() : workload.run_briefly();
}

template <class T>
std::string different_outcomes(const std::vector<Outcome<T>>& got,
                               const std::vector<Outcome<T>>& want) {
  if (got.size() != want.size()) return "different numbers of calls";
  for (std::size_t i = 0; i < got.size(); ++i) {
    const View<const T> values{got[i].values.data(), 1, static_cast<index_t>(got[i].values.size()),
                               0, 1};
    const std::string problem = different_bits(values, want[i].values);
    if (!problem.empty()) return got[i].kernel + " " + got[i].what + ": " + problem;
  }
  return "";
}

#define LAMELLA_INSTANTIATE(T)                                                                   \
  template std::vector<Outcome<T>> run_workload(const Backend&, unsigned, Extent,                \
                                                const std::function<void(const std::string&)>&); \
  template std::string different_outcomes(const std::vector<Outcome<T>>&,                        \
                                          const std::vector<Outcome<T>>&);
LAMELLA_INSTANTIATE(float)
LAMELLA_INSTANTIATE(double)
#undef LAMELLA_INSTANTIATE

}  // namespace lamella::conformance
