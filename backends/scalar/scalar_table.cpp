// The scalar kernels: plain loops, the readable reference for every other table. Start reading
// here.
//
// Nothing is fused, reordered or approximated; sums run from first to last element.
#include "backends/scalar/scalar_table.h"

#include <math.h>

namespace lamella::backends {
namespace {

// Tile and block sizes: the compiler keeps a 4 x 8 tile in registers; the blocks fit common L1 and
// L2.
constexpr index kMr = 4;
constexpr index kNr = 8;

/// 1 / (1 + exp(-z)), by the exponential of a non-positive number only: no overflow for any z.
template <class T>
T logistic(T z) {
  return z < 0 ? exp(z) / (1 + exp(z)) : 1 / (1 + exp(-z));
}

/// log(1 + exp z)
template <class T>
T softplus(T z) {
  return (z > 0 ? z : T{0}) + log1p(exp(-fabs(z)));
}

/// SELU's constants (Klambauer et al., "Self-normalizing neural networks", NIPS 2017).
constexpr double kSeluScale = 1.0507009873554804934193349852946;
constexpr double kSeluAlpha = 1.6732632423543772848170429916717;

template <class T>
T activation(int code, T slope, T z) {
  switch (code) {
    case kRelu:
      return z <= 0 ? T{0} : z;  // a comparison, not fmax, so that NaN passes through
    case kLeakyRelu:
      return z < 0 ? slope * z : z;
    case kTanh:
      return tanh(z);
    case kSigmoid:
      return logistic(z);
    case kGelu:  // the complement keeps the digits of small values
      return z * (erfc(z * static_cast<T>(-0.70710678118654752440)) / 2);
    case kSilu:
      return z * logistic(z);
    case kSelu:
      return static_cast<T>(kSeluScale) * (z > 0 ? z : static_cast<T>(kSeluAlpha) * expm1(z));
    case kElu:
      return z > 0 ? z : expm1(z);
    case kMish:
      return z * tanh(softplus(z));
    case kSoftplus:
      return softplus(z);
    default:
      return z;
  }
}

/// d * f'(z) for a = f(z), or a = z if derivative_needs_input(code).
template <class T>
T times_derivative(int code, T slope, T a, T d) {
  switch (code) {
    case kRelu:
      return a > 0 ? d : T{0};
    case kLeakyRelu:
      return a > 0 ? d : slope * d;
    case kTanh:
      return d * (1 - a * a);
    case kSigmoid:
      return d * (a * (1 - a));
    case kGelu:
      return d * (erfc(a * static_cast<T>(-0.70710678118654752440)) / 2 +
                  a * (static_cast<T>(0.39894228040143267794) * exp(a * a / -2)));
    case kSilu:
      return d * (logistic(a) * (1 + a * logistic(-a)));
    case kSelu:
      return d * (a > 0 ? static_cast<T>(kSeluScale) : a + static_cast<T>(kSeluScale * kSeluAlpha));
    case kElu:
      return a > 0 ? d : d * (a + 1);
    case kMish: {
      const T t = tanh(softplus(a));
      return d * (t + a * logistic(a) * ((1 - t) * (1 + t)));
    }
    case kSoftplus:
      return d * -expm1(-a);
    default:
      return d;
  }
}

/// One tile of kRows rows: C ← f(alpha A B + beta C + bias) * g'(activation_output). The number of
/// rows is a constant so that the compiler can keep the sums in registers.
template <index kRows, class T>
void gemm_tile(const GemmBlock<T>& g, index row, index column, index columns) {
  const T* a = g.a.data + row * g.a.row_stride;
  const T* b = g.b.panels + column / kNr * g.b.panel_stride;
  T sum[kRows][kNr] = {};
  for (index p = 0; p < g.k; ++p)
    for (index i = 0; i < kRows; ++i)
      for (index j = 0; j < kNr; ++j)
        sum[i][j] += a[i * g.a.row_stride + p * g.a.col_stride] * b[p * g.b.row_stride + j];

  const TileEpilogue<T>& e = g.epilogue;
  for (index i = 0; i < kRows; ++i)
    for (index j = 0; j < columns; ++j) {
      T& c = g.c[(row + i) * g.c_row_stride + column + j];
      T value = g.alpha * sum[i][j];
      if (g.beta != 0) value += g.beta * c;
      if ((e.steps & kAddRowBias) != 0) value += e.row_bias[(row + i) * e.row_bias_stride];
      if ((e.steps & kAddColumnBias) != 0) value += e.column_bias[column + j];
      if ((e.steps & kApplyActivation) != 0) value = activation(e.activation, e.slope, value);
      if ((e.steps & kMultiplyDerivative) != 0)
        value = times_derivative(
            e.backward_of, e.backward_slope,
            e.activation_output[(row + i) * e.activation_output_row_stride + column + j], value);
      c = value;
    }
}

template <class T>
void gemm(const GemmBlock<T>& g) {
  for (index column = 0; column < g.n; column += kNr) {
    const index columns = g.n - column < kNr ? g.n - column : kNr;
    index row = 0;
    for (; row + kMr <= g.m; row += kMr) gemm_tile<kMr>(g, row, column, columns);
    for (; row < g.m; ++row) gemm_tile<1>(g, row, column, columns);
  }
}

template <class T>
void pack_b(index k, index n, const T* b, index row_stride, index col_stride, T* packed) {
  for (index column = 0; column < n; column += kNr)
    for (index p = 0; p < k; ++p)
      for (index j = 0; j < kNr; ++j)
        *packed++ = column + j < n ? b[p * row_stride + (column + j) * col_stride] : T{0};
}

template <class T>
void gemv(index m, index k, T alpha, const T* a, index lda, const T* x, T beta, T* y,
          index y_stride) {
  for (index i = 0; i < m; ++i) {
    T sum = 0;
    for (index p = 0; p < k; ++p) sum += a[i * lda + p] * x[p];
    T value = alpha * sum;
    if (beta != 0) value += beta * y[i * y_stride];
    y[i * y_stride] = value;
  }
}

template <class T>
void outer_product(index m, index n, T alpha, const T* x, index x_stride, const T* y, T* a,
                   index lda) {
  for (index i = 0; i < m; ++i)
    for (index j = 0; j < n; ++j) a[i * lda + j] += alpha * x[i * x_stride] * y[j];
}

template <class T>
void bias_add_rows(index m, index n, const T* bias, T* c, index ldc) {
  for (index i = 0; i < m; ++i)
    for (index j = 0; j < n; ++j) c[i * ldc + j] += bias[j];
}

template <class T>
void bias_add_columns(index m, index n, const T* bias, index bias_stride, T* c, index ldc) {
  for (index i = 0; i < m; ++i)
    for (index j = 0; j < n; ++j) c[i * ldc + j] += bias[i * bias_stride];
}

/// Softmax of n values z[j * step] into p[j * step_out]; docs/math.md#forward.
template <class T>
void softmax_vector(index n, const T* z, T* p, index step, index step_out) {
  T largest = -INFINITY;
  for (index j = 0; j < n; ++j)
    if (z[j * step] > largest) largest = z[j * step];
  T sum = 0;
  for (index j = 0; j < n; ++j) {
    p[j * step_out] = exp(z[j * step] - largest);
    sum += p[j * step_out];
  }
  for (index j = 0; j < n; ++j) p[j * step_out] /= sum;
}

template <class T>
void softmax_rows(index m, index n, const T* z, index ldz, T* p, index ldp) {
  for (index i = 0; i < m; ++i) softmax_vector(n, z + i * ldz, p + i * ldp, 1, 1);
}

template <class T>
void softmax_columns(index m, index n, const T* z, index ldz, T* p, index ldp) {
  for (index j = 0; j < n; ++j) softmax_vector(m, z + j, p + j, ldz, ldp);
}

/// One sample: `step` elements lie between the logits of two classes, `step_out` in the gradient.
template <class T>
void softmax_nll_sample(const SoftmaxNllBlock<T>& s, index sample, const T* z, T* gradient,
                        index step, index step_out) {
  const index classes = s.classes;
  index best = 0;
  T largest = -INFINITY;
  for (index j = 0; j < classes; ++j)
    if (z[j * step] > largest) {
      largest = z[j * step];
      best = j;
    }
  const index label = s.labels[sample * s.labels_stride];
  const T weight = s.weights != nullptr ? s.weights[sample * s.weights_stride] : T{1};
  const T spread = s.label_smoothing / static_cast<T>(classes);
  const T to_label = largest - z[label * step];
  T sum = 0, to_all = 0;
  for (index j = 0; j < classes; ++j) {
    const T below = z[j * step] - largest;
    to_all -= below;
    gradient[j * step_out] = exp(below);
    sum += gradient[j * step_out];
  }
  T loss = log(sum) + (1 - s.label_smoothing) * to_label;
  if (spread != 0) loss += spread * to_all;  // the test keeps 0 * inf out for -inf logits
  s.losses[sample * s.losses_stride] = weight * loss;
  for (index j = 0; j < classes; ++j) {
    const T target = (j == label ? 1 - s.label_smoothing : T{0}) + spread;
    gradient[j * step_out] = s.scale * weight * (gradient[j * step_out] / sum - target);
  }
  if (s.predictions != nullptr)
    s.predictions[sample * s.predictions_stride] = static_cast<int32_t>(best);
}

template <class T>
void softmax_nll_rows(const SoftmaxNllBlock<T>& s) {
  for (index i = 0; i < s.samples; ++i)
    softmax_nll_sample(s, i, s.logits + i * s.logits_stride, s.gradient + i * s.gradient_stride, 1,
                       1);
}

template <class T>
void softmax_nll_columns(const SoftmaxNllBlock<T>& s) {
  for (index i = 0; i < s.samples; ++i)
    softmax_nll_sample(s, i, s.logits + i, s.gradient + i, s.logits_stride, s.gradient_stride);
}

template <class T>
void activate(int code, T slope, index n, const T* z, T* a) {
  for (index i = 0; i < n; ++i) a[i] = activation(code, slope, z[i]);
}

template <class T>
void activate_backward(int code, T slope, index n, const T* a, T* d) {
  for (index i = 0; i < n; ++i) d[i] = times_derivative(code, slope, a[i], d[i]);
}

template <class T>
void row_sums(index m, index n, T alpha, const T* a, index lda, T beta, T* sums,
              index sums_stride) {
  for (index i = 0; i < m; ++i) {
    T sum = 0;
    for (index j = 0; j < n; ++j) sum += a[i * lda + j];
    T value = alpha * sum;
    if (beta != 0) value += beta * sums[i * sums_stride];
    sums[i * sums_stride] = value;
  }
}

template <class T>
void column_sums(index m, index n, T alpha, const T* a, index lda, T beta, T* sums) {
  for (index j = 0; j < n; ++j) {
    T sum = 0;
    for (index i = 0; i < m; ++i) sum += a[i * lda + j];
    T value = alpha * sum;
    if (beta != 0) value += beta * sums[j];
    sums[j] = value;
  }
}

template <class T>
void scale_shift_rows(const ScaleShiftBlock<T>& s) {
  for (index i = 0; i < s.samples; ++i)
    for (index j = 0; j < s.features; ++j)
      s.y[i * s.y_stride + j] = s.x[i * s.x_stride + j] * s.scale[j] + s.shift[j];
}

template <class T>
void scale_shift_columns(const ScaleShiftBlock<T>& s) {
  for (index j = 0; j < s.features; ++j)
    for (index i = 0; i < s.samples; ++i)
      s.y[j * s.y_stride + i] =
          s.x[j * s.x_stride + i] * s.scale[j * s.scale_stride] + s.shift[j * s.shift_stride];
}

/// One feature: `step` elements lie between the values of two samples in x, `step_d` in d.
template <class T>
void scale_shift_backward_feature(const ScaleShiftBackwardBlock<T>& s, index feature, const T* x,
                                  T* d, index step, index step_d) {
  const T scale = s.scale != nullptr ? s.scale[feature * s.scale_stride] : T{1};
  T product = 0, sum = 0;
  for (index i = 0; i < s.samples; ++i) {
    product += d[i * step_d] * x[i * step];
    sum += d[i * step_d];
    if (s.scale != nullptr) d[i * step_d] *= scale;
  }
  const auto update = [&](T& gradient, T value) {
    value *= s.alpha;
    if (s.beta != 0) value += s.beta * gradient;
    gradient = value;
  };
  update(s.scale_gradient[feature * s.scale_gradient_stride], product);
  update(s.shift_gradient[feature * s.shift_gradient_stride], sum);
}

template <class T>
void scale_shift_backward_rows(const ScaleShiftBackwardBlock<T>& s) {
  for (index j = 0; j < s.features; ++j)
    scale_shift_backward_feature(s, j, s.x + j, s.d + j, s.x_stride, s.d_stride);
}

template <class T>
void scale_shift_backward_columns(const ScaleShiftBackwardBlock<T>& s) {
  for (index j = 0; j < s.features; ++j)
    scale_shift_backward_feature(s, j, s.x + j * s.x_stride, s.d + j * s.d_stride, 1, 1);
}

template <class T>
void batch_norm(const BatchNormBlock<T>& s) {
  const T count = static_cast<T>(s.samples);
  for (index j = 0; j < s.features; ++j) {
    const T* const x = s.x + j * s.x_stride;
    T sum = 0, squares = 0;
    for (index i = 0; i < s.samples; ++i) sum += x[i];
    const T mean = sum / count;
    for (index i = 0; i < s.samples; ++i) squares += (x[i] - mean) * (x[i] - mean);
    const T inverse = 1 / sqrt(squares / count + s.epsilon);
    for (index i = 0; i < s.samples; ++i)
      s.y[j * s.y_stride + i] =
          activation(s.activation, s.slope, (x[i] - mean) * (inverse * s.scale[j]) + s.shift[j]);
    s.mean[j] = mean;
    s.inverse_deviation[j] = inverse;
    const auto follow = [&](T* running, T value) {
      if (running != nullptr) running[j] = (1 - s.momentum) * running[j] + s.momentum * value;
    };
    follow(s.running_mean, mean);
    follow(s.running_variance, squares / (count - 1));
  }
}

template <class T>
void batch_norm_backward(const BatchNormBackwardBlock<T>& s) {
  const T count = static_cast<T>(s.samples);
  for (index j = 0; j < s.features; ++j) {
    const T* const x = s.x + j * s.x_stride;
    T* const d = s.d + j * s.d_stride;
    const T mean = s.mean[j], inverse = s.inverse_deviation[j], factor = inverse * s.scale[j];
    T sum = 0, product = 0;
    for (index i = 0; i < s.samples; ++i) {
      const T z = (x[i] - mean) * factor + s.shift[j];
      const T at = derivative_needs_input(s.activation) ? z : activation(s.activation, s.slope, z);
      d[i] = times_derivative(s.activation, s.slope, at, d[i]);
      sum += d[i];
      product += d[i] * (x[i] - mean) * inverse;
    }
    for (index i = 0; i < s.samples; ++i)
      d[i] = factor * (d[i] - sum / count - (x[i] - mean) * inverse * (product / count));
    const auto update = [&](T& gradient, T value) {
      value *= s.alpha;
      if (s.beta != 0) value += s.beta * gradient;
      gradient = value;
    };
    update(s.scale_gradient[j], product);
    update(s.shift_gradient[j], sum);
  }
}

template <class T>
void sgd_update(index n, T learning_rate, T momentum, T weight_decay, bool nesterov,
                const T* gradient, T* velocity, T* weights) {
  for (index i = 0; i < n; ++i) {
    const T g = gradient[i] + weight_decay * weights[i];
    T step = g;
    if (velocity != nullptr) {
      velocity[i] = momentum * velocity[i] + g;
      step = nesterov ? g + momentum * velocity[i] : velocity[i];
    }
    weights[i] -= learning_rate * step;
  }
}

template <class T>
void adam_update(const AdamBlock<T>& s) {
  for (index i = 0; i < s.n; ++i) {
    const T g = s.gradient[i] + s.weight_decay * s.weights[i];
    s.first[i] = s.beta1 * s.first[i] + s.one_minus_beta1 * g;
    s.second[i] = s.beta2 * s.second[i] + s.one_minus_beta2 * (g * g);
    s.weights[i] = s.weight_scale * s.weights[i] -
                   s.step_size * (s.first[i] / (sqrt(s.second[i]) + s.epsilon));
  }
}

/// One block of Philox4x32-10, in place.
void philox(uint32_t (&words)[4], uint64_t key) {
  uint32_t key0 = static_cast<uint32_t>(key), key1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < kPhiloxRounds; ++round) {
    const uint64_t even = uint64_t{kPhiloxFactors[0]} * words[0];
    const uint64_t odd = uint64_t{kPhiloxFactors[1]} * words[2];
    words[0] = static_cast<uint32_t>(odd >> 32) ^ words[1] ^ key0;
    words[1] = static_cast<uint32_t>(odd);
    words[2] = static_cast<uint32_t>(even >> 32) ^ words[3] ^ key1;
    words[3] = static_cast<uint32_t>(even);
    key0 += kPhiloxKeySteps[0];
    key1 += kPhiloxKeySteps[1];
  }
}

template <class T>
void drop_units(const DropBlock<T>& s) {
  for (index j = 0; j < s.units; j += 4)
    for (index i = 0; i < s.samples; ++i) {
      uint32_t words[4] = {s.first_block + static_cast<uint32_t>(j / 4),
                           static_cast<uint32_t>(s.numbers[i * s.numbers_stride]),
                           static_cast<uint32_t>(s.stream), static_cast<uint32_t>(s.stream >> 32)};
      philox(words, s.seed);
      for (index u = 0; u < 4 && j + u < s.units; ++u) {
        const T value =
            s.x != nullptr ? s.x[i * s.x_sample_stride + (j + u) * s.x_unit_stride] : T{1};
        s.y[i * s.y_sample_stride + (j + u) * s.y_unit_stride] =
            words[u] < s.dropped_below ? T{0} : value;
      }
    }
}

template <class T>
void constrain_rows(index m, index n, T threshold, T max_norm, T* weights, index ldw) {
  const T infinity = static_cast<T>(INFINITY);
  for (index i = 0; i < m; ++i) {
    T* const w = weights + i * ldw;
    for (index j = 0; j < n && threshold > 0; ++j)  // NaN passes through
      w[j] -= w[j] > threshold ? threshold : w[j] < -threshold ? -threshold : w[j];
    if (max_norm == infinity) continue;
    T squares = 0;
    for (index j = 0; j < n; ++j) squares += w[j] * w[j];
    const T norm = sqrt(squares);
    if (!(norm > max_norm && norm < infinity)) continue;
    const T factor = max_norm / norm;
    for (index j = 0; j < n; ++j) w[j] *= factor;
  }
}

template <class T>
constexpr KernelTable<T> make_table(index kc) {
  KernelTable<T> table{};
  table.isa = "scalar";
  table.mr = kMr;
  table.nr = kNr;
  table.kc = kc;
  table.mc = 64;
  table.nc = 256;
  table.loop_order = LoopOrder::jr_ir;
  table.gemm = gemm<T>;
  table.pack_b = pack_b<T>;
  table.gemv = gemv<T>;
  table.outer_product = outer_product<T>;
  table.bias_add_rows = bias_add_rows<T>;
  table.bias_add_columns = bias_add_columns<T>;
  table.softmax_rows = softmax_rows<T>;
  table.softmax_columns = softmax_columns<T>;
  table.softmax_nll_rows = softmax_nll_rows<T>;
  table.softmax_nll_columns = softmax_nll_columns<T>;
  table.activate = activate<T>;
  table.activate_backward = activate_backward<T>;
  table.row_sums = row_sums<T>;
  table.column_sums = column_sums<T>;
  table.scale_shift_rows = scale_shift_rows<T>;
  table.scale_shift_columns = scale_shift_columns<T>;
  table.scale_shift_backward_rows = scale_shift_backward_rows<T>;
  table.scale_shift_backward_columns = scale_shift_backward_columns<T>;
  table.batch_norm = batch_norm<T>;
  table.batch_norm_backward = batch_norm_backward<T>;
  table.sgd_update = sgd_update<T>;
  table.adam_update = adam_update<T>;
  table.constrain_rows = constrain_rows<T>;
  table.drop_units = drop_units<T>;
  return table;
}

}  // namespace

constinit const KernelTable<float> scalar_f32 = make_table<float>(512);
constinit const KernelTable<double> scalar_f64 = make_table<double>(256);

}  // namespace lamella::backends
