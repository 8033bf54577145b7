// The formulas of kernels.h, one plain loop each; see oracle.h.
#include "tools/conformance/oracle.h"

#include <cmath>
#include <limits>

namespace lamella::oracle {
namespace {

constexpr long double kNan = std::numeric_limits<long double>::quiet_NaN();

long double largest(const std::vector<long double>& z) {
  long double top = -std::numeric_limits<long double>::infinity();
  for (long double x : z) {
    if (std::isnan(x)) return kNan;
    if (x > top) top = x;
  }
  return top;
}

template <class T>
std::vector<long double> wide_row(ConstView<T> v, index_t i) {
  std::vector<long double> values;
  for (index_t j = 0; j < v.cols; ++j) values.push_back(v(i, j));
  return values;
}

std::vector<long double> softmax_of(const std::vector<long double>& z) {
  const long double top = largest(z);
  std::vector<long double> p(z.size(), kNan);
  if (!std::isfinite(top)) return p;
  long double sum = 0;
  for (std::size_t j = 0; j < z.size(); ++j) sum += p[j] = std::exp(z[j] - top);
  for (long double& x : p) x /= sum;
  return p;
}

}  // namespace

template <class T>
Sums<Wide<T>> gemm(const Gemm<T>& call) {
  using X = Wide<T>;
  const index_t m = call.c.rows, n = call.c.cols, k = call.alpha == 0 ? 0 : call.a.cols;
  Sums<X> result;
  result.values.resize(static_cast<std::size_t>(m * n));
  result.magnitudes.resize(result.values.size());
  // A row of C at a time: adding multiples of B's rows is fast where B's rows are contiguous.
  std::vector<X> b(static_cast<std::size_t>(k * n));
  for (index_t p = 0; p < k; ++p)
    for (index_t j = 0; j < n; ++j) b[static_cast<std::size_t>(p * n + j)] = call.b(p, j);
  const X alpha = call.alpha, beta = call.beta;
  for (index_t i = 0; i < m; ++i) {
    X* values = result.values.data() + i * n;
    X* magnitudes = result.magnitudes.data() + i * n;
    for (index_t p = 0; p < k; ++p) {
      const X a = call.a(i, p);
      const X* b_row = b.data() + p * n;
      for (index_t j = 0; j < n; ++j) {
        values[j] += a * b_row[j];
        magnitudes[j] += std::abs(a * b_row[j]);
      }
    }
    for (index_t j = 0; j < n; ++j) {
      values[j] = call.alpha == 0 ? X{0} : alpha * values[j];
      magnitudes[j] *= std::abs(alpha);
      if (call.beta == 0) continue;
      const X c = call.c(i, j);
      values[j] += beta * c;
      magnitudes[j] += std::abs(beta * c);
    }
  }
  return result;
}

template <class T>
Sums<Wide<T>> outer_product(const OuterProduct<T>& call) {
  using X = Wide<T>;
  Sums<X> result;
  for (index_t i = 0; i < call.a.rows; ++i)
    for (index_t j = 0; j < call.a.cols; ++j) {
      const X a = call.a(i, j), product = X{call.alpha} * X{call.x[i]} * X{call.y[j]};
      result.values.push_back(a + product);
      result.magnitudes.push_back(std::abs(a) + std::abs(product));
    }
  return result;
}

template <class T>
Sums<Wide<T>> column_sums(const ColumnSums<T>& call) {
  using X = Wide<T>;
  Sums<X> result;
  for (index_t j = 0; j < call.a.cols; ++j) {
    X sum = 0, magnitude = 0;
    for (index_t i = 0; i < call.a.rows; ++i) {
      sum += call.a(i, j);
      magnitude += std::abs(X{call.a(i, j)});
    }
    sum *= call.alpha;
    magnitude *= std::abs(call.alpha);
    if (call.beta != 0) {
      sum += X{call.beta} * X{call.sums[j]};
      magnitude += std::abs(X{call.beta} * X{call.sums[j]});
    }
    result.values.push_back(sum);
    result.magnitudes.push_back(magnitude);
  }
  return result;
}

template <class T>
std::vector<long double> softmax(ConstView<T> logits) {
  std::vector<long double> result;
  for (index_t i = 0; i < logits.rows; ++i)
    for (long double p : softmax_of(wide_row(logits, i))) result.push_back(p);
  return result;
}

template <class T>
SoftmaxNllResult softmax_nll(const SoftmaxNll<T>& call) {
  SoftmaxNllResult result;
  const index_t classes = call.logits.cols;
  const long double smoothing = call.label_smoothing;
  for (index_t s = 0; s < call.logits.rows; ++s) {
    const std::vector<long double> z = wide_row(call.logits, s);
    const std::vector<long double> p = softmax_of(z);
    const long double weight = call.weights.empty() ? 1.0L : call.weights[s];
    const long double top = largest(z);
    long double sum = 0, toward_target = 0;
    std::int32_t first_largest = 0;
    for (index_t j = 0; j < classes; ++j) {
      const auto at = static_cast<std::size_t>(j);
      const long double target =
          (j == call.labels[s] ? 1 - smoothing : 0) + smoothing / static_cast<long double>(classes);
      sum += std::exp(z[at] - top);
      if (target != 0) toward_target += target * (z[at] - top);
      if (z[at] > z[static_cast<std::size_t>(first_largest)])
        first_largest = static_cast<std::int32_t>(j);
      result.gradient.push_back(call.scale * weight * (p[at] - target));
    }
    result.losses.push_back(weight * (std::log(sum) - toward_target));
    result.predictions.push_back(first_largest);
  }
  return result;
}

namespace {

constexpr long double kSeluScale = 1.0507009873554804934193349852946L;
constexpr long double kSeluAlpha = 1.6732632423543772848170429916717L;

long double logistic(long double z) { return 1 / (1 + std::exp(-z)); }
long double softplus(long double z) {
  return std::max(z, 0.0L) + std::log1p(std::exp(-std::abs(z)));
}

}  // namespace

long double activate(const Activation& activation, long double z) {
  if (std::isnan(z)) return z;
  switch (activation.kind) {
    case ActivationKind::identity:
      return z;
    case ActivationKind::relu:
      return z > 0 ? z : 0.0L;
    case ActivationKind::leaky_relu:
      return z < 0 ? activation.slope * z : z;
    case ActivationKind::tanh:
      return std::tanh(z);
    case ActivationKind::sigmoid:
      return logistic(z);
    case ActivationKind::gelu:
      return z * std::erfc(-z / std::sqrt(2.0L)) / 2;
    case ActivationKind::silu:
      return z * logistic(z);
    case ActivationKind::selu:
      return kSeluScale * (z > 0 ? z : kSeluAlpha * std::expm1(z));
    case ActivationKind::elu:
      return z > 0 ? z : std::expm1(z);
    case ActivationKind::mish:
      return z * std::tanh(softplus(z));
    case ActivationKind::softplus:
      return softplus(z);
  }
  return kNan;
}

long double derivative(const Activation& activation, long double a) {
  switch (activation.kind) {
    case ActivationKind::identity:
      return 1;
    case ActivationKind::relu:
      return a > 0 ? 1 : 0;
    case ActivationKind::leaky_relu:
      return a < 0 ? static_cast<long double>(activation.slope) : 1;
    case ActivationKind::tanh:
      return (1 - a) * (1 + a);
    case ActivationKind::sigmoid:
      return a * (1 - a);
    case ActivationKind::gelu:  // of gelu, silu and mish, a is z
      return std::erfc(-a / std::sqrt(2.0L)) / 2 +
             a * std::exp(-a * a / 2) / std::sqrt(2 * std::acos(-1.0L));
    case ActivationKind::silu:
      return logistic(a) * (1 + a * logistic(-a));
    case ActivationKind::selu:
      return a > 0 ? kSeluScale : a + kSeluScale * kSeluAlpha;
    case ActivationKind::elu:
      return a > 0 ? 1 : a + 1;
    case ActivationKind::mish: {
      const long double t = std::tanh(softplus(a));
      return t + a * logistic(a) * (1 - t) * (1 + t);
    }
    case ActivationKind::softplus:
      return -std::expm1(-a);
  }
  return kNan;
}

template <class T>
SgdResult sgd_update(const SgdUpdate<T>& call) {
  SgdResult result;
  const long double rate = call.learning_rate, momentum = call.momentum;
  for (index_t i = 0; i < call.weights.rows; ++i)
    for (index_t j = 0; j < call.weights.cols; ++j) {
      const long double w = call.weights(i, j);
      const long double g = call.gradient(i, j) + call.weight_decay * w;
      long double v = g;
      if (!call.velocity.empty()) {
        v = momentum * call.velocity(i, j) + g;
        result.velocity.push_back(v);
      }
      result.weights.push_back(w - rate * (call.nesterov ? g + momentum * v : v));
    }
  return result;
}

template <class T>
AdamResult adam_update(const AdamUpdate<T>& call) {
  AdamResult result;
  for (index_t i = 0; i < call.weights.rows; ++i)
    for (index_t j = 0; j < call.weights.cols; ++j) {
      const long double w = call.weights(i, j);
      const long double g = call.gradient(i, j) + call.weight_decay * w;
      const long double m =
          call.beta1 * static_cast<long double>(call.first(i, j)) + call.one_minus_beta1 * g;
      const long double v =
          call.beta2 * static_cast<long double>(call.second(i, j)) + call.one_minus_beta2 * g * g;
      result.first.push_back(m);
      result.second.push_back(v);
      result.weights.push_back(call.weight_scale * w -
                               call.step_size * m / (std::sqrt(v) + call.epsilon));
    }
  return result;
}

#define LAMELLA_INSTANTIATE(T)                                  \
  template Sums<Wide<T>> gemm(const Gemm<T>&);                  \
  template Sums<Wide<T>> outer_product(const OuterProduct<T>&); \
  template Sums<Wide<T>> column_sums(const ColumnSums<T>&);     \
  template std::vector<long double> softmax(ConstView<T>);      \
  template SoftmaxNllResult softmax_nll(const SoftmaxNll<T>&);  \
  template SgdResult sgd_update(const SgdUpdate<T>&);           \
  template AdamResult adam_update(const AdamUpdate<T>&);
LAMELLA_INSTANTIATE(float)
LAMELLA_INSTANTIATE(double)
#undef LAMELLA_INSTANTIATE

}  // namespace lamella::oracle
