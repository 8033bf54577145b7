// BlockedKernels of everything but GEMM: which form of a kernel fits the strides, and which
// worker does which rows.
//
// Every kernel has a form for rows with unit stride and one for columns. Views with neither go
// through the column form one row at a time: a row with column stride s is a column with leading
// dimension s.
#include "backends/driver/blocked_kernels.h"
#include "backends/driver/byte_samples.h"
#include "backends/driver/partition.h"

namespace lamella::backends {
namespace {

static_assert(kIdentity == static_cast<int>(ActivationKind::identity) &&
              kRelu == static_cast<int>(ActivationKind::relu) &&
              kLeakyRelu == static_cast<int>(ActivationKind::leaky_relu) &&
              kTanh == static_cast<int>(ActivationKind::tanh) &&
              kSigmoid == static_cast<int>(ActivationKind::sigmoid) &&
              kGelu == static_cast<int>(ActivationKind::gelu) &&
              kSilu == static_cast<int>(ActivationKind::silu) &&
              kSelu == static_cast<int>(ActivationKind::selu) &&
              kElu == static_cast<int>(ActivationKind::elu) &&
              kMish == static_cast<int>(ActivationKind::mish) &&
              kSoftplus == static_cast<int>(ActivationKind::softplus));

/// A row of one element is contiguous whatever its stride says.
template <class T>
bool unit_rows(View<T> v) {
  return v.col_stride == 1 || v.cols == 1;
}
template <class T>
bool unit_columns(View<T> v) {
  return v.row_stride == 1 || v.rows == 1;
}

/// Samples that share a cache line or a vector when they lie along the lanes; tasks are cut there.
constexpr index kLaneGrain = 16;

template <class T>
View<T> writable(ConstView<T> v) {
  return {const_cast<T*>(v.data), v.rows, v.cols, v.row_stride, v.col_stride};
}

/// kernel(n, p0, p1, ...) over runs of contiguous elements of views of one shape.
template <class T, class Kernel, class... Views>
void elementwise(const Executor& executor, double cost, const Kernel& kernel, View<T> first,
                 Views... rest) {
  if (first.empty()) return;
  const double work = cost * static_cast<double>(first.size());
  if (!(unit_rows(first) && ... && unit_rows(rest)) &&
      (unit_columns(first) && ... && unit_columns(rest))) {
    elementwise<T>(executor, cost, kernel, transposed(first), transposed(rest)...);
    return;
  }
  const auto dense = [](const View<T>& v) {
    return unit_rows(v) && (v.row_stride == v.cols || v.rows == 1);
  };
  if ((dense(first) && ... && dense(rest))) {
    parallel_for(executor, first.size(), 64, work, [&](Range r) {
      kernel(r.size(), first.data + r.begin, (rest.data + r.begin)...);
    });
    return;
  }
  const bool rows = (unit_rows(first) && ... && unit_rows(rest));
  parallel_for(executor, first.rows, 1, work, [&](Range r) {
    for (index i = r.begin; i < r.end; ++i) {
      if (rows) {
        kernel(first.cols, &first(i, 0), &rest(i, 0)...);
      } else {
        for (index j = 0; j < first.cols; ++j) kernel(1, &first(i, j), &rest(i, j)...);
      }
    }
  });
}

}  // namespace

template <class T>
void BlockedKernels<T>::bias_add(const BiasAdd<T>& call) const noexcept {
  const View<T> c = call.c;
  if (c.empty()) return;
  const ConstVectorView<T> bias = call.bias;
  const double work = static_cast<double>(c.size());
  if (unit_rows(c) && bias.stride == 1) {
    parallel_for(executor_, c.rows, 1, work, [&](Range r) {
      table_.bias_add_rows(r.size(), c.cols, bias.data, &c(r.begin, 0), c.row_stride);
    });
  } else if (unit_columns(c)) {
    parallel_for(executor_, c.cols, 1, work, [&](Range r) {
      table_.bias_add_columns(r.size(), c.rows, &bias[r.begin], bias.stride, &c(0, r.begin),
                              c.col_stride);
    });
  } else {
    parallel_for(executor_, c.rows, 1, work, [&](Range r) {
      for (index i = r.begin; i < r.end; ++i)
        table_.bias_add_columns(c.cols, 1, bias.data, bias.stride, &c(i, 0), c.col_stride);
    });
  }
}

template <class T>
void BlockedKernels<T>::softmax(const Softmax<T>& call) const noexcept {
  const ConstView<T> z = call.logits;
  const View<T> p = call.probabilities;
  if (z.empty()) return;
  const double work = static_cast<double>(kExpCost * z.size());
  if (unit_columns(z) && unit_columns(p) && z.rows > 1) {
    parallel_for(executor_, z.rows, kLaneGrain, work, [&](Range r) {
      table_.softmax_columns(z.cols, r.size(), &z(r.begin, 0), z.col_stride, &p(r.begin, 0),
                             p.col_stride);
    });
  } else if (unit_rows(z) && unit_rows(p)) {
    parallel_for(executor_, z.rows, 1, work, [&](Range r) {
      table_.softmax_rows(r.size(), z.cols, &z(r.begin, 0), z.row_stride, &p(r.begin, 0),
                          p.row_stride);
    });
  } else {
    parallel_for(executor_, z.rows, 1, work, [&](Range r) {
      for (index i = r.begin; i < r.end; ++i)
        table_.softmax_columns(z.cols, 1, &z(i, 0), z.col_stride, &p(i, 0), p.col_stride);
    });
  }
}

template <class T>
void BlockedKernels<T>::outer_product(const OuterProduct<T>& call) const noexcept {
  View<T> a = call.a;
  if (a.empty()) return;
  ConstVectorView<T> x = call.x, y = call.y;
  if (!(unit_rows(a) && y.stride == 1) && unit_columns(a) && x.stride == 1) {
    a = transposed(a);
    std::swap(x, y);
  }
  const double work = static_cast<double>(a.size());
  if (unit_rows(a) && y.stride == 1) {
    parallel_for(executor_, a.rows, 1, work, [&](Range r) {
      table_.outer_product(r.size(), a.cols, call.alpha, &x[r.begin], x.stride, y.data,
                           &a(r.begin, 0), a.row_stride);
    });
  } else {
    parallel_for(executor_, a.rows, 1, work, [&](Range r) {
      for (index i = r.begin; i < r.end; ++i)
        table_.outer_product(a.cols, 1, call.alpha, y.data, y.stride, &x[i], &a(i, 0),
                             a.col_stride);
    });
  }
}

template <class T>
void BlockedKernels<T>::activate(const Activate<T>& call) const noexcept {
  const int code = static_cast<int>(call.activation.kind);
  const T slope = static_cast<T>(call.activation.slope);
  elementwise<T>(
      executor_, is_cheap(code) ? 1.0 : static_cast<double>(kExpCost),
      [&](index n, T* a, const T* z) { table_.activate(code, slope, n, z, a); }, call.a,
      writable<T>(call.z));
}

template <class T>
void BlockedKernels<T>::activate_backward(const ActivateBackward<T>& call) const noexcept {
  const int code = static_cast<int>(call.activation.kind);
  const T slope = static_cast<T>(call.activation.slope);
  elementwise<T>(
      executor_, has_cheap_derivative(code) ? 1.0 : static_cast<double>(kExpCost),
      [&](index n, T* d, const T* a) { table_.activate_backward(code, slope, n, a, d); }, call.d,
      writable<T>(call.a));
}

template <class T>
void BlockedKernels<T>::softmax_nll(const SoftmaxNll<T>& call) const noexcept {
  const ConstView<T> z = call.logits;
  const View<T> d = call.gradient;
  if (z.empty()) return;
  const auto samples_from = [&](index first, index samples) {
    SoftmaxNllBlock<T> s{};
    s.samples = samples;
    s.classes = z.cols;
    s.logits = &z(first, 0);
    s.labels = &call.labels[first];
    s.labels_stride = call.labels.stride;
    if (!call.weights.empty()) s.weights = &call.weights[first];
    s.weights_stride = call.weights.stride;
    s.label_smoothing = call.label_smoothing;
    s.scale = call.scale;
    s.gradient = &d(first, 0);
    s.losses = &call.losses[first];
    s.losses_stride = call.losses.stride;
    if (!call.predictions.empty()) s.predictions = &call.predictions[first];
    s.predictions_stride = call.predictions.stride;
    return s;
  };
  const double work = static_cast<double>(kExpCost * z.size());
  if (unit_columns(z) && unit_columns(d) && z.rows > 1) {
    parallel_for(executor_, z.rows, kLaneGrain, work, [&](Range r) {
      SoftmaxNllBlock<T> s = samples_from(r.begin, r.size());
      s.logits_stride = z.col_stride;
      s.gradient_stride = d.col_stride;
      table_.softmax_nll_columns(s);
    });
  } else if (unit_rows(z) && unit_rows(d)) {
    parallel_for(executor_, z.rows, 1, work, [&](Range r) {
      SoftmaxNllBlock<T> s = samples_from(r.begin, r.size());
      s.logits_stride = z.row_stride;
      s.gradient_stride = d.row_stride;
      table_.softmax_nll_rows(s);
    });
  } else {
    parallel_for(executor_, z.rows, 1, work, [&](Range r) {
      for (index i = r.begin; i < r.end; ++i) {
        SoftmaxNllBlock<T> s = samples_from(i, 1);
        s.logits_stride = z.col_stride;
        s.gradient_stride = d.col_stride;
        table_.softmax_nll_columns(s);
      }
    });
  }
}

template <class T>
void BlockedKernels<T>::column_sums(const ColumnSums<T>& call) const noexcept {
  const ConstView<T> a = call.a;
  const VectorView<T> sums = call.sums;
  if (sums.empty()) return;
  const double work = static_cast<double>(a.size());
  // One sample is a row and a column alike: as columns, these would be sums of one element each.
  const bool one_row = a.rows == 1 && unit_rows(a) && sums.stride == 1;
  if (unit_columns(a) && !one_row) {
    parallel_for(executor_, a.cols, 1, work, [&](Range r) {
      table_.row_sums(r.size(), a.rows, call.alpha, column(a, r.begin).data, a.col_stride,
                      call.beta, &sums[r.begin], sums.stride);
    });
  } else if (unit_rows(a) && sums.stride == 1) {
    parallel_for(executor_, a.cols, kLaneGrain, work, [&](Range r) {
      table_.column_sums(a.rows, r.size(), call.alpha, column(a, r.begin).data, a.row_stride,
                         call.beta, &sums[r.begin]);
    });
  } else {
    parallel_for(executor_, a.cols, 1, work, [&](Range r) {
      for (index j = r.begin; j < r.end; ++j)
        table_.column_sums(a.rows, 1, call.alpha, column(a, j).data, a.row_stride, call.beta,
                           &sums[j]);
    });
  }
}

template <class T>
void BlockedKernels<T>::scale_shift(const ScaleShift<T>& call) const noexcept {
  const ConstView<T> x = call.x;
  const View<T> y = call.y;
  if (y.empty()) return;
  const auto block_at = [&](index sample, index samples, index feature, index features) {
    ScaleShiftBlock<T> s{};
    s.samples = samples;
    s.features = features;
    s.scale = &call.scale[feature];
    s.scale_stride = call.scale.stride;
    s.shift = &call.shift[feature];
    s.shift_stride = call.shift.stride;
    s.x = &x(sample, feature);
    s.y = &y(sample, feature);
    return s;
  };
  const double work = static_cast<double>(y.size());
  const bool columns = unit_columns(x) && unit_columns(y);
  // One feature is a row and a column alike: as rows, these would be vectors of one element each.
  if (unit_rows(x) && unit_rows(y) && call.scale.stride == 1 && call.shift.stride == 1 &&
      !(columns && y.cols == 1)) {
    parallel_for(executor_, y.rows, 1, work, [&](Range r) {
      ScaleShiftBlock<T> s = block_at(r.begin, r.size(), 0, y.cols);
      s.x_stride = x.row_stride;
      s.y_stride = y.row_stride;
      table_.scale_shift_rows(s);
    });
  } else if (columns) {
    parallel_for(executor_, y.cols, 1, work, [&](Range r) {
      ScaleShiftBlock<T> s = block_at(0, y.rows, r.begin, r.size());
      s.x_stride = x.col_stride;
      s.y_stride = y.col_stride;
      table_.scale_shift_columns(s);
    });
  } else {
    parallel_for(executor_, y.rows, 1, work, [&](Range r) {
      for (index i = r.begin; i < r.end; ++i) {
        ScaleShiftBlock<T> s = block_at(i, 1, 0, y.cols);
        s.x_stride = x.col_stride;
        s.y_stride = y.col_stride;
        table_.scale_shift_columns(s);
      }
    });
  }
}

template <class T>
void BlockedKernels<T>::scale_shift_backward(const ScaleShiftBackward<T>& call) const noexcept {
  const ConstView<T> x = call.x;
  const View<T> d = call.d;
  if (d.cols == 0) return;
  const auto features_from = [&](index first, index features, index x_stride, index d_stride) {
    ScaleShiftBackwardBlock<T> s{};
    s.samples = d.rows;
    s.features = features;
    s.alpha = call.alpha;
    s.beta = call.beta;
    s.x = column(x, first).data;
    s.x_stride = x_stride;
    s.d = column(d, first).data;
    s.d_stride = d_stride;
    if (!call.scale.empty()) s.scale = &call.scale[first];
    s.scale_stride = call.scale.stride;
    s.scale_gradient = &call.scale_gradient[first];
    s.scale_gradient_stride = call.scale_gradient.stride;
    s.shift_gradient = &call.shift_gradient[first];
    s.shift_gradient_stride = call.shift_gradient.stride;
    return s;
  };
  const double work = 2 * static_cast<double>(d.size());
  const bool rows = unit_rows(x) && unit_rows(d);
  // As with column_sums, one sample is taken as a row.
  if (unit_columns(x) && unit_columns(d) && !(rows && d.rows == 1)) {
    parallel_for(executor_, d.cols, 1, work, [&](Range r) {
      table_.scale_shift_backward_columns(
          features_from(r.begin, r.size(), x.col_stride, d.col_stride));
    });
  } else if (rows) {
    parallel_for(executor_, d.cols, kLaneGrain, work, [&](Range r) {
      table_.scale_shift_backward_rows(
          features_from(r.begin, r.size(), x.row_stride, d.row_stride));
    });
  } else {
    parallel_for(executor_, d.cols, 1, work, [&](Range r) {
      for (index j = r.begin; j < r.end; ++j)
        table_.scale_shift_backward_rows(features_from(j, 1, x.row_stride, d.row_stride));
    });
  }
}

template <class T>
void BlockedKernels<T>::batch_norm(const BatchNorm<T>& call) const noexcept {
  const ConstView<T> x = call.x;
  if (x.cols == 0) return;
  const double work = 3 * static_cast<double>(x.size());
  const bool running = !call.running_mean.empty(), varying = !call.running_variance.empty();
  if (unit_columns(x) && unit_columns(call.y) && call.scale.stride == 1 && call.shift.stride == 1 &&
      call.mean.stride == 1 && call.inverse_deviation.stride == 1 &&
      (!running || call.running_mean.stride == 1) &&
      (!varying || call.running_variance.stride == 1)) {
    parallel_for(executor_, x.cols, 1, work, [&](Range r) {
      table_.batch_norm(
          {x.rows, r.size(), call.epsilon, call.momentum, static_cast<int>(call.activation.kind),
           static_cast<T>(call.activation.slope), column(x, r.begin).data, x.col_stride,
           &call.scale[r.begin], &call.shift[r.begin], &call.mean[r.begin],
           &call.inverse_deviation[r.begin], running ? &call.running_mean[r.begin] : nullptr,
           varying ? &call.running_variance[r.begin] : nullptr, column(call.y, r.begin).data,
           call.y.col_stride});
    });
    return;
  }
  parallel_for(executor_, x.cols, 1, work, [&](Range r) {
    const auto part = [&](auto vector) {
      using Vector = decltype(vector);
      return vector.empty() ? vector : Vector{&vector[r.begin], r.size(), vector.stride};
    };
    BatchNorm<T> features = call;
    features.x = block(x, 0, r.begin, x.rows, r.size());
    features.scale = part(call.scale);
    features.shift = part(call.shift);
    features.mean = part(call.mean);
    features.inverse_deviation = part(call.inverse_deviation);
    features.running_mean = part(call.running_mean);
    features.running_variance = part(call.running_variance);
    features.y = block(call.y, 0, r.begin, x.rows, r.size());
    Kernels<T>::batch_norm(features);
  });
}

template <class T>
void BlockedKernels<T>::batch_norm_backward(const BatchNormBackward<T>& call) const noexcept {
  const View<T> d = call.d;
  if (d.cols == 0) return;
  const double work = 3 * static_cast<double>(d.size());
  if (unit_columns(call.x) && unit_columns(d) && call.scale.stride == 1 && call.shift.stride == 1 &&
      call.mean.stride == 1 && call.inverse_deviation.stride == 1 &&
      call.scale_gradient.stride == 1 && call.shift_gradient.stride == 1) {
    parallel_for(executor_, d.cols, 1, work, [&](Range r) {
      table_.batch_norm_backward(
          {d.rows, r.size(), call.alpha, call.beta, static_cast<int>(call.activation.kind),
           static_cast<T>(call.activation.slope), column(call.x, r.begin).data, call.x.col_stride,
           &call.scale[r.begin], &call.shift[r.begin], &call.mean[r.begin],
           &call.inverse_deviation[r.begin], column(d, r.begin).data, d.col_stride,
           &call.scale_gradient[r.begin], &call.shift_gradient[r.begin]});
    });
    return;
  }
  parallel_for(executor_, d.cols, 1, work, [&](Range r) {
    const auto part = [&](auto vector) {
      return decltype(vector){&vector[r.begin], r.size(), vector.stride};
    };
    BatchNormBackward<T> features = call;
    features.x = block(call.x, 0, r.begin, d.rows, r.size());
    features.scale = part(call.scale);
    features.shift = part(call.shift);
    features.mean = part(call.mean);
    features.inverse_deviation = part(call.inverse_deviation);
    features.d = block(d, 0, r.begin, d.rows, r.size());
    features.scale_gradient = part(call.scale_gradient);
    features.shift_gradient = part(call.shift_gradient);
    Kernels<T>::batch_norm_backward(features);
  });
}

template <class T>
void BlockedKernels<T>::sgd_update(const SgdUpdate<T>& call) const noexcept {
  const auto update = [&](index n, T* w, const T* g, T* v) {
    table_.sgd_update(n, call.learning_rate, call.momentum, call.weight_decay, call.nesterov, g, v,
                      w);
  };
  if (call.velocity.empty())
    elementwise<T>(
        executor_, 1.0, [&](index n, T* w, const T* g) { update(n, w, g, nullptr); }, call.weights,
        writable<T>(call.gradient));
  else
    elementwise<T>(executor_, 1.0, update, call.weights, writable<T>(call.gradient), call.velocity);
}

template <class T>
void BlockedKernels<T>::adam_update(const AdamUpdate<T>& call) const noexcept {
  constexpr double cost = 4;  // per element, in loads and stores: it touches seven, and divides
  elementwise<T>(
      executor_, cost,
      [&](index n, T* w, const T* g, T* m, T* v) {
        table_.adam_update({n, call.beta1, call.one_minus_beta1, call.beta2, call.one_minus_beta2,
                            call.weight_decay, call.weight_scale, call.step_size, call.epsilon, g,
                            m, v, w});
      },
      call.weights, writable<T>(call.gradient), call.first, call.second);
}

template <class T>
void BlockedKernels<T>::gather_bytes(const GatherBytes<T>& call) const noexcept {
  if (call.out.empty()) return;
  if (table_.gather_columns == nullptr || !unit_columns(call.out) ||
      call.out.rows < kFewestSamples) {
    parallel_for(executor_, call.out.rows, 1, static_cast<double>(call.out.size()), [&](Range r) {
      GatherBytes<T> part = call;
      part.indices = {&call.indices[r.begin], r.size(), call.indices.stride};
      part.out = block(call.out, r.begin, 0, r.size(), call.out.cols);
      Kernels<T>::gather_bytes(part);
    });
    return;
  }
  // Cut along the features, by cache lines of a stored sample.
  constexpr index kGrain = 64;
  parallel_for(
      executor_, call.features, kGrain, static_cast<double>(call.out.size()), [&](Range r) {
        table_.gather_columns(block_of_samples(call, {0, call.out.rows}, r),
                              call.out.data + r.begin * call.out.col_stride, call.out.col_stride);
      });
}

template <class T>
void BlockedKernels<T>::drop_units(const DropUnits<T>& call) const noexcept {
  constexpr index kUnits = 4;  // of a block of random numbers
  constexpr double kCost = 3;  // of an element: a random number is some forty instructions
  const View<T> y = call.y;
  if (y.empty()) return;
  parallel_for(executor_, y.cols, kUnits, kCost * static_cast<double>(y.size()), [&](Range r) {
    DropBlock<T> s{};
    s.samples = y.rows;
    s.units = r.size();
    s.dropped_below = static_cast<std::uint32_t>(call.probability * 0x1p32);
    s.first_block = call.first_block + static_cast<std::uint32_t>(r.begin / kUnits);
    s.seed = call.seed;
    s.stream = call.stream;
    s.numbers = call.samples.data;
    s.numbers_stride = call.samples.stride;
    if (!call.x.empty()) s.x = column(call.x, r.begin).data;
    s.x_sample_stride = call.x.row_stride;
    s.x_unit_stride = call.x.col_stride;
    s.y = column(y, r.begin).data;
    s.y_sample_stride = y.rows == 1 ? 1 : y.row_stride;
    s.y_unit_stride = y.col_stride;
    table_.drop_units(s);
  });
}

template <class T>
void BlockedKernels<T>::move_images(const MoveImages<T>& call) const noexcept {
  const ImageChanges& c = call.changes;
  const bool interpolates = c.rotation != 0 || c.scale != 0 || c.shear != 0;
  const double cost = interpolates ? 16 : 2;  // of a value
  const index size = call.type == StoredType::u8 ? 1 : call.type == StoredType::f32 ? 4 : 8;
  const index bytes = call.features() * size;
  const index images = call.indices.size;
  if (images == 0) return;
  parallel_for(executor_, images, 1, cost * static_cast<double>(images * call.features()),
               [&](Range r) {
                 MoveImages<T> part = call;
                 part.indices = {&call.indices[r.begin], r.size(), call.indices.stride};
                 part.moved = static_cast<char*>(call.moved) + r.begin * bytes;
                 Kernels<T>::move_images(part);
               });
}

template <class T>
void BlockedKernels<T>::constrain_weights(const ConstrainWeights<T>& call) const noexcept {
  const View<T> w = call.weights;
  if (w.empty()) return;
  parallel_for(executor_, w.rows, 1, static_cast<double>(w.size()), [&](Range r) {
    if (unit_rows(w)) {
      table_.constrain_rows(r.size(), w.cols, call.threshold, call.max_norm, &w(r.begin, 0),
                            w.row_stride);
    } else {
      ConstrainWeights<T> part = call;
      part.weights = block(w, r.begin, 0, r.size(), w.cols);
      Kernels<T>::constrain_weights(part);
    }
  });
}

template class BlockedKernels<float>;
template class BlockedKernels<double>;

}  // namespace lamella::backends
