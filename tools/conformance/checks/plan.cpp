// run(plan) is the calls of the plan, one after the other, bit for bit: also where a call reads or
// overwrites what an earlier one wrote.
#include <variant>

#include <lamella/backend.h>

#include "tools/conformance/checks.h"
#include "tools/conformance/compare.h"
#include "tools/conformance/operand.h"
#include "tools/conformance/shapes.h"

namespace lamella::conformance {
namespace {

constexpr Activation kRelu{ActivationKind::relu, 0.01};
constexpr Activation kSigmoid{ActivationKind::sigmoid, 0.01};
constexpr Activation kNone{ActivationKind::identity, 0.01};

/// The memory of a plan: made twice from one seed, for the plan and for its calls.
template <class T>
class Memory {
 public:
  explicit Memory(unsigned seed) : random(seed) {}
  /// A new matrix of random values, kept with all others.
  View<T> matrix(index_t rows, index_t cols, Layout layout) {
    matrices_.emplace_back(rows, cols, layout,
                           [&](index_t, index_t) { return uniform(random, -0.5, 0.5); });
    return matrices_.back().view();
  }
  /// A matrix whose content does not matter after a plan has run.
  View<T> passing_matrix(index_t rows, index_t cols, Layout layout) {
    passing_.emplace_back(rows, cols, layout,
                          [&](index_t, index_t) { return uniform(random, -0.5, 0.5); });
    return passing_.back().view();
  }
  VectorView<T> vector(index_t size) { return row(matrix(1, size, {}), 0); }
  ConstView<std::uint8_t> bytes(index_t rows, index_t cols) {
    bytes_.emplace_back(rows, cols, Layout{},
                        [&](index_t, index_t) { return uniform_int(random, 0, 255); });
    bytes_.back().make_read_only();
    return bytes_.back().view();
  }
  VectorView<std::int32_t> integers(index_t size, index_t below) {
    integers_.push_back(vector_operand<std::int32_t>(
        size, {}, [&](index_t) { return uniform_int(random, 0, below - 1); }));
    return integers_.back().vector();
  }

  std::string different(const Memory& other) const {
    for (std::size_t i = 0; i < matrices_.size(); ++i)
      if (auto problem = different_bits(matrices_[i].read(), other.matrices_[i].read());
          !problem.empty())
        return "matrix " + std::to_string(i) + ": " + problem;
    for (std::size_t i = 0; i < integers_.size(); ++i)
      if (auto problem = different_bits(integers_[i].read(), other.integers_[i].read());
          !problem.empty())
        return "integers " + std::to_string(i) + ": " + problem;
    return "";
  }

  Random random;

 private:
  std::vector<Operand<T>> matrices_, passing_;
  std::vector<Operand<std::int32_t>> integers_;
  std::vector<Operand<std::uint8_t>> bytes_;
};

/// `build(memory)` returns a plan over matrices it takes from the memory. Runs it as a plan and
/// call by call, three times over, as a network would.
template <class T, class Build>
void expect_plan_is_its_calls(CheckContext& context, const std::string& what, unsigned seed,
                              Build build) {
  for (const BackendUnderTest& tested : context.backends()) {
    context.begin(tested, what);
    Memory<T> planned(seed), called(seed);
    const Plan<T> plan = build(planned), calls = build(called);
    const std::string before = planned.different(called);
    for (int step = 0; step < 3; ++step) {
      tested.backend->kernels<T>().run(plan);
      tested.backend->throw_if_failed();
      for (const KernelCall<T>& call : calls.calls)
        std::visit([&](const auto& c) { tested.backend->run(c); }, call);
      context(tested, what + " step " + std::to_string(step),
              first_of({before, planned.different(called)}));
    }
  }
}

/// A training step of a network of one hidden layer on a mini-batch; samples in rows, or, with
/// `columns`, in columns of memory as the network of this library keeps them.
template <class T>
Plan<T> training_step(Memory<T>& memory, index_t batch, bool columns, bool momentum) {
  constexpr index_t kInputs = 60, kHidden = 70, kClasses = 10;
  const Layout samples{columns ? Order::columns : Order::rows, 0, Placement::against_end, 0};
  const View<T> x = memory.matrix(batch, kInputs, samples);
  const View<T> hidden = memory.matrix(batch, kHidden, samples);
  const View<T> logits = memory.matrix(batch, kClasses, samples);
  const View<T> delta = memory.matrix(batch, kHidden, samples);
  const View<T> w1 = memory.matrix(kHidden, kInputs, {}), w2 = memory.matrix(kClasses, kHidden, {});
  const View<T> g1 = memory.matrix(kHidden, kInputs, {}), v1 = memory.matrix(kHidden, kInputs, {});
  const VectorView<T> b1 = memory.vector(kHidden), b2 = memory.vector(kClasses);
  const VectorView<T> losses = memory.vector(batch);
  const T rate = static_cast<T>(-0.1);

  Plan<T> plan;
  plan.calls.push_back(FusedGemm<T>{{1, x, transposed(w1), 0, hidden}, {b1, kRelu, {}, {}}});
  plan.calls.push_back(FusedGemm<T>{{1, hidden, transposed(w2), 0, logits}, {b2, kNone, {}, {}}});
  SoftmaxNll<T> nll;
  nll.logits = logits;
  nll.labels = memory.integers(batch, kClasses);
  nll.scale = T{1} / static_cast<T>(batch);
  nll.gradient = logits;  // in place
  nll.losses = losses;
  nll.predictions = memory.integers(batch, kClasses);
  plan.calls.push_back(nll);
  plan.calls.push_back(FusedGemm<T>{{1, logits, w2, 0, delta}, {{}, kNone, hidden, kRelu}});
  plan.calls.push_back(FusedGemm<T>{{rate, transposed(logits), hidden, 1, w2}, {}});
  plan.calls.push_back(ColumnSums<T>{rate, logits, 1, b2});
  if (momentum) {
    plan.calls.push_back(FusedGemm<T>{{1, transposed(delta), x, 0, g1}, {}});
    SgdUpdate<T> update;
    update.learning_rate = -rate;
    update.momentum = static_cast<T>(0.9);
    update.gradient = g1;
    update.velocity = v1;
    update.weights = w1;
    plan.calls.push_back(update);
  } else {
    plan.calls.push_back(FusedGemm<T>{{rate, transposed(delta), x, 1, w1}, {}});
  }
  plan.calls.push_back(ColumnSums<T>{rate, delta, 1, b1});
  return plan;
}

/// A gathered mini-batch, which is a transient output, and the two products of a first layer that
/// read it.
template <class T>
Plan<T> gathering_step(Memory<T>& memory, const Shape& layer, index_t batch, bool columns,
                       bool repeated_map) {
  constexpr index_t kStored = 50;
  const index_t inputs = layer.cols, units = layer.rows;
  const Layout samples{columns ? Order::columns : Order::rows, 0, Placement::against_end, 0};
  const View<T> x = memory.passing_matrix(batch, inputs, samples);
  const View<T> hidden = memory.matrix(batch, units, samples);
  const View<T> w = memory.matrix(units, inputs, {});
  const VectorView<T> bias = memory.vector(units);
  const VectorView<T> map = memory.vector(inputs);

  Plan<T> plan;
  GatherBytes<T> gather;
  gather.values = memory.bytes(kStored, inputs).data;
  gather.samples = kStored;
  gather.features = inputs;
  gather.indices = memory.integers(batch, kStored);
  gather.offset = gather.scale = {map.data, inputs, repeated_map ? 0 : 1};
  gather.out = x;
  plan.transient_outputs.push_back(plan.calls.size());
  plan.calls.push_back(gather);
  plan.calls.push_back(FusedGemm<T>{{1, x, transposed(w), 0, hidden}, {bias, kRelu, {}, {}}});
  plan.calls.push_back(
      FusedGemm<T>{{static_cast<T>(-0.01), transposed(hidden), x, static_cast<T>(0.99), w}, {}});
  return plan;
}

template <class T>
void gathering_steps(CheckContext& context) {
  const Shape layers[] = {{70, 60}, {40, 784}, {200, 33}, {6, 130}, {15, 1}, {1, 20}, {90, 1000}};
  for (const Shape& layer : layers)
    for (index_t batch : {1, 2, 15, 32, 77, 128, 300})
      for (bool columns : {false, true}) {
        const bool repeated = (layer.cols + batch) % 2 == 0;
        expect_plan_is_its_calls<T>(
            context,
            describe(layer) + " batch " + std::to_string(batch) + (columns ? " columns" : " rows"),
            500, [&](Memory<T>& memory) {
              return gathering_step(memory, layer, batch, columns, repeated);
            });
      }
  context.expect_cases(294);
}

template <class T>
void training_steps(CheckContext& context) {
  for (index_t batch : {1, 32, 131})
    for (bool columns : {false, true})
      for (bool momentum : {false, true})
        expect_plan_is_its_calls<T>(
            context, "batch " + std::to_string(batch) + (columns ? " columns" : " rows"), 300,
            [&](Memory<T>& memory) { return training_step(memory, batch, columns, momentum); });
  context.expect_cases(36);
}

/// A call of any kind on square matrices that all calls share, so that most depend on others.
template <class T>
KernelCall<T> random_call(Memory<T>& memory, const std::vector<View<T>>& matrices) {
  Random& random = memory.random;
  // Three different ones: outputs may not overlap inputs.
  const index_t first = uniform_int(random, 0, static_cast<index_t>(matrices.size()) - 1);
  const auto at = [&](index_t i) {
    return matrices[static_cast<std::size_t>(first + i) % matrices.size()];
  };
  const View<T> p = at(0), q = random() % 2 == 0 ? at(1) : transposed(at(1)), out = at(2);
  const index_t n = out.rows;
  const T factor = static_cast<T>(0.05);
  switch (random() % 12) {
    case 0:
      return FusedGemm<T>{{factor, p, q, static_cast<T>(0.5), out}, {}};
    case 1:
      return FusedGemm<T>{{factor, p, q, 0, out}, {row(at(3), 0), kSigmoid, at(4), kSigmoid}};
    case 2:
      return BiasAdd<T>{row(p, n / 2), out};
    case 3:
      return Softmax<T>{q, out};
    case 4:
      return OuterProduct<T>{factor, row(p, 0), column(q, 1), out};
    case 5:
      return Activate<T>{pick(random, {kRelu, kSigmoid}), q, out};
    case 6:
      return ActivateBackward<T>{kSigmoid, q, out};
    case 7:
      return ColumnSums<T>{factor, q, static_cast<T>(0.5), row(out, n - 1)};
    case 8:
      return ScaleShift<T>{q, row(p, 1), column(p, 0), out};
    case 9:
      return ScaleShiftBackward<T>{
          factor, q, row(p, 0), out, static_cast<T>(0.5), row(at(3), 0), row(at(3), n - 1)};
    case 10: {
      AdamUpdate<T> update;
      update.beta1 = static_cast<T>(0.5);
      update.one_minus_beta1 = static_cast<T>(0.5);
      update.one_minus_beta2 =
          static_cast<T>(0.25);  // beta2 = 0: whatever sign a matrix has, v has none
      update.weight_decay = factor;
      update.step_size = factor;
      update.epsilon = static_cast<T>(0.1);
      update.gradient = q;
      update.first = p;
      update.second = at(3);
      update.weights = out;
      return update;
    }
    default: {
      SgdUpdate<T> update;
      update.learning_rate = factor;
      update.momentum = static_cast<T>(0.5);
      update.gradient = q;
      if (random() % 2 == 0) update.velocity = p;
      update.weights = out;
      return update;
    }
  }
}

template <class T>
void any_sequence(CheckContext& context) {
  for (unsigned seed = 400; seed < 424; ++seed)
    expect_plan_is_its_calls<T>(
        context, "seed " + std::to_string(seed), seed, [&](Memory<T>& memory) {
          const index_t size = pick(memory.random, {index_t{7}, index_t{33}, index_t{130}});
          std::vector<View<T>> matrices;
          for (int i = 0; i < 6; ++i)
            matrices.push_back(memory.matrix(size, size, random_layout(memory.random)));
          Plan<T> plan;
          for (int i = 0; i < 12; ++i) plan.calls.push_back(random_call(memory, matrices));
          return plan;
        });
  context.expect_cases(72);
}

template <class T>
void empty_plan(CheckContext& context) {
  for (const BackendUnderTest& tested : context.backends()) {
    context.begin(tested, "no calls");
    tested.backend->kernels<T>().run(Plan<T>{});
    context.survived(tested, "no calls");
  }
}

}  // namespace

std::vector<Check> plan_checks() {
  return {{"plan", "a training step runs as a plan as it runs call by call", training_steps<float>,
           training_steps<double>},
          {"plan", "products read a mini-batch that is a transient output", gathering_steps<float>,
           gathering_steps<double>},
          {"plan", "any sequence of calls runs as a plan as it runs call by call",
           any_sequence<float>, any_sequence<double>},
          {"plan", "an empty plan does nothing", empty_plan<float>, empty_plan<double>}};
}

}  // namespace lamella::conformance
