// The defaults of the optional kernels, composed of the four required ones and plain loops.
//
// With them a backend of four kernels trains networks, and they say in a few lines what a fused
// kernel has to compute. They are as fast as the compiler's own vectors make them. Nothing here
// allocates.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include <lamella/kernels.h>

namespace lamella {
namespace {

// 1 / (1 + exp(-z)), by the exponential of a non-positive number only: no overflow for any z.
template <class T>
T logistic(T z) {
  return z < 0 ? std::exp(z) / (1 + std::exp(z)) : 1 / (1 + std::exp(-z));
}

// log(1 + exp z)
template <class T>
T softplus(T z) {
  return (z > 0 ? z : T{0}) + std::log1p(std::exp(-std::fabs(z)));
}

// SELU's constants (Klambauer et al., "Self-normalizing neural networks", NIPS 2017).
constexpr double kSeluScale = 1.0507009873554804934193349852946;
constexpr double kSeluAlpha = 1.6732632423543772848170429916717;

// f(z). Comparisons are written so that NaN passes through.
template <class T>
T value_of(const Activation& f, T z) {
  switch (f.kind) {
    case ActivationKind::identity:
      return z;
    case ActivationKind::relu:
      return z <= 0 ? T{0} : z;
    case ActivationKind::leaky_relu:
      return z < 0 ? static_cast<T>(f.slope) * z : z;
    case ActivationKind::tanh:
      return std::tanh(z);
    case ActivationKind::sigmoid:
      return logistic(z);
    case ActivationKind::gelu:  // the complement keeps the digits of small values
      return z * (std::erfc(z * static_cast<T>(-0.70710678118654752440)) / 2);
    case ActivationKind::silu:
      return z * logistic(z);
    case ActivationKind::selu:
      return static_cast<T>(kSeluScale) * (z > 0 ? z : static_cast<T>(kSeluAlpha) * std::expm1(z));
    case ActivationKind::elu:
      return z > 0 ? z : std::expm1(z);
    case ActivationKind::mish:
      return z * std::tanh(softplus(z));
    case ActivationKind::softplus:
      return softplus(z);
  }
  return z;
}

// d f'(z), where a = f(z), or a = z if derivative_needs_input(f).
template <class T>
T times_derivative(const Activation& f, T a, T d) {
  switch (f.kind) {
    case ActivationKind::identity:
      return d;
    case ActivationKind::relu:
      return a > 0 ? d : T{0};
    case ActivationKind::leaky_relu:
      return a > 0 ? d : static_cast<T>(f.slope) * d;
    case ActivationKind::tanh:
      return d * (1 - a * a);
    case ActivationKind::sigmoid:
      return d * (a * (1 - a));
    case ActivationKind::gelu:
      return d * (std::erfc(a * static_cast<T>(-0.70710678118654752440)) / 2 +
                  a * (static_cast<T>(0.39894228040143267794) * std::exp(a * a / -2)));
    case ActivationKind::silu:
      return d * (logistic(a) * (1 + a * logistic(-a)));
    case ActivationKind::selu:
      return d * (a > 0 ? static_cast<T>(kSeluScale) : a + static_cast<T>(kSeluScale * kSeluAlpha));
    case ActivationKind::elu:
      return a > 0 ? d : d * (a + 1);
    case ActivationKind::mish: {
      const T t = std::tanh(softplus(a));
      return d * (t + a * logistic(a) * ((1 - t) * (1 + t)));
    }
    case ActivationKind::softplus:
      return d * -std::expm1(-a);
  }
  return d;
}

// body(first(i, j), others(i, j)...) for all i and j, in the order in which `first` lies in memory.
// Where neighbours are neighbours in every operand, the loop is one that compilers vectorise.
template <class Body, class First, class... Others>
void for_each_element(const Body& body, View<First> first, View<Others>... others) {
  if (first.row_stride < first.col_stride)
    return for_each_element(body, transposed(first), transposed(others)...);
  const bool contiguous = first.col_stride == 1 && (... && (others.col_stride == 1));
  for (index_t i = 0; i < first.rows; ++i) {
    if (contiguous)
      [&](First* f, Others*... o) {
        for (index_t j = 0; j < first.cols; ++j) body(f[j], o[j]...);
      }(first.data + i * first.row_stride, (others.data + i * others.row_stride)...);
    else
      for (index_t j = 0; j < first.cols; ++j) body(first(i, j), others(i, j)...);
  }
}

// use(f), where f equals `activation`. For relu and leaky_relu the compiler knows the kind, so that
// it can make a loop of vector instructions. tanh and sigmoid call functions anyway, beside which
// the branch costs nothing.
template <class Use>
void with_kind(const Activation& activation, const Use& use) {
  if (activation.kind == ActivationKind::relu)
    use(Activation{ActivationKind::relu, 0});
  else if (activation.kind == ActivationKind::leaky_relu)
    use(Activation{ActivationKind::leaky_relu, activation.slope});
  else
    use(activation);
}

// A row of ones, as long as the blocks that column_sums adds up: short enough to stay in cache,
// long enough that the number of products does not matter.
template <class T>
constexpr std::array<T, 256> kOnes = [] {
  std::array<T, 256> ones{};
  ones.fill(1);
  return ones;
}();

// losses and predictions of softmax_nll; the gradient may overwrite the logits afterwards.
template <class T>
void negative_log_likelihood(const SoftmaxNll<T>& call, index_t sample) {
  const ConstVectorView<T> z = row(call.logits, sample);
  T largest = -std::numeric_limits<T>::infinity();
  index_t best = 0;
  for (index_t j = 0; j < z.size; ++j)
    if (z[j] > largest) {
      largest = z[j];
      best = j;
    }
  T sum = 0;
  T below_largest = 0;
  for (index_t j = 0; j < z.size; ++j) {
    sum += std::exp(z[j] - largest);
    below_largest += largest - z[j];
  }
  T loss = std::log(sum) + (1 - call.label_smoothing) * (largest - z[call.labels[sample]]);
  // Without smoothing, a logit of -inf must not make this 0 * inf.
  if (call.label_smoothing != 0)
    loss += call.label_smoothing / static_cast<T>(z.size) * below_largest;
  call.losses[sample] = call.weights.empty() ? loss : call.weights[sample] * loss;
  if (!call.predictions.empty()) call.predictions[sample] = static_cast<std::int32_t>(best);
}

}  // namespace

template <class T>
index_t Kernels<T>::packed_size(index_t, index_t) const noexcept {
  return 0;
}

template <class T>
void Kernels<T>::pack_b(ConstView<T>, T*) const noexcept {}

template <class T>
void Kernels<T>::fused_gemm(const FusedGemm<T>& call) const noexcept {
  const View<T> c = call.gemm.c;
  const Epilogue<T>& epilogue = call.epilogue;
  gemm(call.gemm);
  if (!epilogue.bias.empty()) bias_add({epilogue.bias, c});
  if (epilogue.activation.kind != ActivationKind::identity) activate({epilogue.activation, c, c});
  if (!epilogue.activation_output.empty())
    activate_backward({epilogue.backward_of, epilogue.activation_output, c});
}

template <class T>
void Kernels<T>::activate(const Activate<T>& call) const noexcept {
  with_kind(call.activation, [&](const Activation& f) {
    if (call.z.data == call.a.data)  // one view, not two that might overlap
      for_each_element([&](T& a) { a = value_of(f, a); }, call.a);
    else
      for_each_element([&](T& a, T z) { a = value_of(f, z); }, call.a, call.z);
  });
}

template <class T>
void Kernels<T>::activate_backward(const ActivateBackward<T>& call) const noexcept {
  with_kind(call.activation, [&](const Activation& f) {
    for_each_element([&](T& d, T a) { d = times_derivative(f, a, d); }, call.d, call.a);
  });
}

template <class T>
void Kernels<T>::softmax_nll(const SoftmaxNll<T>& call) const noexcept {
  const View<T> gradient = call.gradient;
  for (index_t s = 0; s < gradient.rows; ++s) negative_log_likelihood(call, s);
  softmax({call.logits, gradient});
  const T spread = call.label_smoothing / static_cast<T>(gradient.cols);
  for (index_t s = 0; s < gradient.rows; ++s) {
    const T factor = call.weights.empty() ? call.scale : call.scale * call.weights[s];
    for (index_t j = 0; j < gradient.cols; ++j) {
      const T target = (j == call.labels[s] ? 1 - call.label_smoothing : T{0}) + spread;
      gradient(s, j) = factor * (gradient(s, j) - target);
    }
  }
}

template <class T>
void Kernels<T>::column_sums(const ColumnSums<T>& call) const noexcept {
  const View<T> sums{call.sums.data, 1, call.sums.size, call.sums.size * call.sums.stride,
                     call.sums.stride};
  constexpr auto longest = static_cast<index_t>(kOnes<T>.size());
  index_t done = 0;
  do {  // once even without rows: sums ← beta sums
    const index_t rows = std::min(call.a.rows - done, longest);
    const ConstView<T> ones{kOnes<T>.data(), 1, rows, longest, 1};
    gemm({call.alpha, ones, block(call.a, done, 0, rows, call.a.cols), done == 0 ? call.beta : T{1},
          sums});
    done += rows;
  } while (done < call.a.rows);
}

template <class T>
void Kernels<T>::scale_shift(const ScaleShift<T>& call) const noexcept {
  const index_t rows = call.y.rows, cols = call.y.cols;
  // Vectors as matrices that repeat their one row.
  const ConstView<T> scale{call.scale.data, rows, cols, 0, call.scale.stride};
  const ConstView<T> shift{call.shift.data, rows, cols, 0, call.shift.stride};
  if (call.x.data == call.y.data)  // one view, not two that might overlap
    for_each_element([](T& y, T s, T t) { y = y * s + t; }, call.y, scale, shift);
  else
    for_each_element([](T& y, T x, T s, T t) { y = x * s + t; }, call.y, call.x, scale, shift);
}

template <class T>
void Kernels<T>::scale_shift_backward(const ScaleShiftBackward<T>& call) const noexcept {
  const index_t samples = call.d.rows, features = call.d.cols;
  // Some features at a time, so that the inner loop runs along rows.
  constexpr index_t kStrip = 64;
  for (index_t first = 0; first < features; first += kStrip) {
    const index_t count = std::min(features - first, kStrip);
    std::array<T, kStrip> products{}, sums{}, scale{};
    if (!call.scale.empty())
      for (index_t j = 0; j < count; ++j)
        scale[static_cast<std::size_t>(j)] = call.scale[first + j];
    for (index_t i = 0; i < samples; ++i)
      for (index_t j = 0; j < count; ++j) {
        const auto at = static_cast<std::size_t>(j);
        T& d = call.d(i, first + j);
        products[at] += d * call.x(i, first + j);
        sums[at] += d;
        if (!call.scale.empty()) d *= scale[at];
      }
    const auto update = [&](T& gradient, T sum) {
      const T value = call.alpha * sum;
      gradient = call.beta != 0 ? value + call.beta * gradient : value;
    };
    for (index_t j = 0; j < count; ++j) {
      update(call.scale_gradient[first + j], products[static_cast<std::size_t>(j)]);
      update(call.shift_gradient[first + j], sums[static_cast<std::size_t>(j)]);
    }
  }
}

template <class T>
void Kernels<T>::batch_norm(const BatchNorm<T>& call) const noexcept {
  const index_t samples = call.x.rows;
  const auto count = static_cast<T>(samples);
  for (index_t j = 0; j < call.x.cols; ++j) {
    T sum = 0, squares = 0;
    for (index_t i = 0; i < samples; ++i) sum += call.x(i, j);
    const T mean = sum / count;
    for (index_t i = 0; i < samples; ++i) {
      const T centred = call.x(i, j) - mean;
      squares += centred * centred;
    }
    const T inverse = 1 / std::sqrt(squares / count + call.epsilon);
    const T factor = inverse * call.scale[j], shift = call.shift[j];
    for (index_t i = 0; i < samples; ++i)
      call.y(i, j) = value_of(call.activation, (call.x(i, j) - mean) * factor + shift);
    call.mean[j] = mean;
    call.inverse_deviation[j] = inverse;
    const auto follow = [&](VectorView<T> running, T value) {
      if (!running.empty()) running[j] = (1 - call.momentum) * running[j] + call.momentum * value;
    };
    follow(call.running_mean, mean);
    follow(call.running_variance, squares / (count - 1));
  }
}

template <class T>
void Kernels<T>::batch_norm_backward(const BatchNormBackward<T>& call) const noexcept {
  const index_t samples = call.d.rows;
  const auto count = static_cast<T>(samples);
  for (index_t j = 0; j < call.d.cols; ++j) {
    const T mean = call.mean[j], inverse = call.inverse_deviation[j];
    const T factor = inverse * call.scale[j], shift = call.shift[j];
    T sum = 0, product = 0;
    for (index_t i = 0; i < samples; ++i) {
      const T centred = call.x(i, j) - mean;
      T& d = call.d(i, j);
      const T z = centred * factor + shift;
      const T at = derivative_needs_input(call.activation.kind) ? z : value_of(call.activation, z);
      d = times_derivative(call.activation, at, d);
      sum += d;
      product += d * centred;
    }
    product *= inverse;
    const T by_position = factor * inverse * product / count, offset = factor * sum / count;
    for (index_t i = 0; i < samples; ++i)
      call.d(i, j) = factor * call.d(i, j) - (call.x(i, j) - mean) * by_position - offset;
    const auto update = [&](T& gradient, T total) {
      const T value = call.alpha * total;
      gradient = call.beta != 0 ? value + call.beta * gradient : value;
    };
    update(call.scale_gradient[j], product);
    update(call.shift_gradient[j], sum);
  }
}

template <class T>
void Kernels<T>::sgd_update(const SgdUpdate<T>& call) const noexcept {
  // Locals: a store could otherwise change the members.
  const T rate = call.learning_rate, momentum = call.momentum, decay = call.weight_decay;
  const bool nesterov = call.nesterov;
  if (call.velocity.empty())
    return for_each_element([=](T& w, T gradient) { w -= rate * (gradient + decay * w); },
                            call.weights, call.gradient);
  for_each_element(
      [=](T& w, T& v, T gradient) {
        const T g = gradient + decay * w;
        v = momentum * v + g;
        w -= rate * (nesterov ? g + momentum * v : v);
      },
      call.weights, call.velocity, call.gradient);
}

template <class T>
void Kernels<T>::adam_update(const AdamUpdate<T>& call) const noexcept {
  const T beta1 = call.beta1, one_minus_beta1 = call.one_minus_beta1, beta2 = call.beta2,
          one_minus_beta2 = call.one_minus_beta2;
  const T decay = call.weight_decay, keep = call.weight_scale, step = call.step_size,
          epsilon = call.epsilon;
  for_each_element(
      [=](T& w, T& m, T& v, T gradient) {
        const T g = gradient + decay * w;
        m = beta1 * m + one_minus_beta1 * g;
        v = beta2 * v + one_minus_beta2 * (g * g);
        w = keep * w - step * (m / (std::sqrt(v) + epsilon));
      },
      call.weights, call.first, call.second, call.gradient);
}

template <class T>
void Kernels<T>::constrain_weights(const ConstrainWeights<T>& call) const noexcept {
  const T threshold = call.threshold;
  if (threshold > 0)  // NaN passes through
    for_each_element([=](T& w) { w -= std::min(std::max(w, -threshold), threshold); },
                     call.weights);
  if (call.max_norm == std::numeric_limits<T>::infinity()) return;
  for (index_t i = 0; i < call.weights.rows; ++i) {
    const VectorView<T> w = row(call.weights, i);
    T squares = 0;
    for (index_t j = 0; j < w.size; ++j) squares += w[j] * w[j];
    const T norm = std::sqrt(squares);
    if (!(norm > call.max_norm) || !std::isfinite(norm)) continue;
    const T factor = call.max_norm / norm;
    for (index_t j = 0; j < w.size; ++j) w[j] *= factor;
  }
}

template <class T>
void Kernels<T>::gather_bytes(const GatherBytes<T>& call) const noexcept {
  // With one offset and scale for all features and a contiguous row, which a single sample always
  // is, the compiler can make a loop of vector instructions.
  const bool plain = call.features > 0 && call.out.col_stride == 1 && call.offset.stride == 0 &&
                     call.scale.stride == 0;
  for (index_t s = 0; s < call.out.rows; ++s) {
    const std::uint8_t* const sample = call.values + call.indices[s] * call.features;
    if (plain) {
      const T offset = call.offset[0], scale = call.scale[0];
      T* const out = &call.out(s, 0);
      for (index_t j = 0; j < call.features; ++j)
        out[j] = (static_cast<T>(sample[j]) - offset) * scale;
    } else {
      for (index_t j = 0; j < call.features; ++j)
        call.out(s, j) = (static_cast<T>(sample[j]) - call.offset[j]) * call.scale[j];
    }
  }
}

template <class T>
std::shared_ptr<const PlanAnalysis> Kernels<T>::prepare(const Plan<T>&) const {
  return nullptr;
}

template <class T>
void Kernels<T>::run(const Plan<T>& plan) const noexcept {
  for (const KernelCall<T>& call : plan.calls) dispatch(*this, call);
}

template <class T>
void Kernels<T>::run_observed(const Plan<T>& plan, PlanObserver<T>& observer) const noexcept {
  observer.begin();
  for (const KernelCall<T>& call : plan.calls) {
    dispatch(*this, call);
    observer.done(call);
  }
}

template class Kernels<float>;
template class Kernels<double>;

}  // namespace lamella
