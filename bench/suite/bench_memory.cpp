// Kernels that touch each element a few times: their peak is a memory loop of the same traffic.
//
// Layout "row_major" has one sample per row, "col_major" one per column (transposed views of
// storage that is [features, samples]); "any" marks kernels that do not care. Values are chosen so
// that running a kernel in place for ever reaches neither infinity nor subnormal numbers.
#include <algorithm>
#include <functional>
#include <string>

#include <lamella/matrix.h>
#include <lamella/profile.h>

#include "bench/suite/benchmarks.h"

namespace lamella::bench {
namespace {

constexpr const char* kLayouts[] = {"col_major", "row_major"};

std::string text(index_t m, index_t n) { return std::to_string(m) + 'x' + std::to_string(n); }

/// A matrix of m samples with n features each, stored as the layout says, seen batch-first.
template <class T>
struct Samples {
  Matrix<T> storage;
  View<T> view;

  Samples(const std::string& layout, index_t m, index_t n)
      : storage(layout == "col_major" ? Matrix<T>(n, m) : Matrix<T>(m, n)),
        view(layout == "col_major" ? transposed(storage.view()) : storage.view()) {
    fill(storage.data(), storage.size());
  }
  Samples(const Samples&) = delete;
  Samples& operator=(const Samples&) = delete;
};

/// Runs `call` against `peak`. Its traffic is what a profile says of it.
template <class Call>
void run_call(Run& run, const BackendUnderTest& subject, PeakKind peak, const Call& call) {
  const ProfiledBackend profiled(subject.backend);
  profiled.run(call);
  const ProfileEntry entry = profiled.entries().front();
  const auto& kernels = subject.backend->kernels<typename KernelTraits<Call>::Element>();
  run_kernel(run, subject, peak, {entry.flops, entry.bytes, entry.footprint},
             [&] { KernelTraits<Call>::run(kernels, call); });
}

template <class T>
void register_bias_add(const BackendUnderTest& subject, const char* layout, index_t m, index_t n) {
  register_benchmark(benchmark_name("bias_add", type_name<T>, subject, layout, text(m, n)),
                     [=](Run& run) {
                       Samples<T> c(layout, m, n);
                       AlignedArray<T> bias(n);
                       fill(bias.data(), n);
                       const BiasAdd<T> call{bias.view(), c.view};
                       run_call(run, subject, PeakKind::scale, call);
                     });
}

template <class T>
void register_softmax(const BackendUnderTest& subject, const char* layout, index_t m, index_t n) {
  register_benchmark(benchmark_name("softmax", type_name<T>, subject, layout, text(m, n)),
                     [=](Run& run) {
                       Samples<T> logits(layout, m, n);
                       Samples<T> probabilities(layout, m, n);
                       const Softmax<T> call{logits.view, probabilities.view};
                       run_call(run, subject, PeakKind::copy, call);
                     });
}

template <class T>
void register_softmax_nll(const BackendUnderTest& subject, const char* layout, index_t m,
                          index_t n) {
  register_benchmark(benchmark_name("softmax_nll", type_name<T>, subject, layout, text(m, n)),
                     [=](Run& run) {
                       Samples<T> logits(layout, m, n);
                       Samples<T> gradient(layout, m, n);
                       AlignedArray<std::int32_t> labels(m);
                       AlignedArray<std::int32_t> predictions(m);
                       AlignedArray<T> losses(m);
                       for (index_t i = 0; i < m; ++i)
                         labels[i] = static_cast<std::int32_t>(i * 7 % n);
                       SoftmaxNll<T> call;
                       call.logits = logits.view;
                       call.labels = labels.view();
                       call.scale = T{1} / static_cast<T>(m);
                       call.gradient = gradient.view;
                       call.losses = losses.view();
                       call.predictions = predictions.view();
                       run_call(run, subject, PeakKind::copy, call);
                     });
}

template <class T>
void register_column_sums(const BackendUnderTest& subject, const char* layout, index_t m,
                          index_t n) {
  register_benchmark(benchmark_name("column_sums", type_name<T>, subject, layout, text(m, n)),
                     [=](Run& run) {
                       Samples<T> a(layout, m, n);
                       AlignedArray<T> sums(n);
                       const ColumnSums<T> call{T{1}, a.view, T{0}, sums.view()};
                       run_call(run, subject, PeakKind::read, call);
                     });
}

template <class T>
void register_scale_shift(const BackendUnderTest& subject, const char* layout, index_t m,
                          index_t n) {
  register_benchmark(benchmark_name("scale_shift", type_name<T>, subject, layout, text(m, n)),
                     [=](Run& run) {
                       Samples<T> x(layout, m, n);
                       Samples<T> y(layout, m, n);
                       AlignedArray<T> scale(n);
                       AlignedArray<T> shift(n);
                       fill(scale.data(), n);
                       fill(shift.data(), n);
                       const ScaleShift<T> call{x.view, scale.view(), shift.view(), y.view};
                       run_call(run, subject, PeakKind::copy, call);
                     });
}

template <class T>
void register_scale_shift_backward(const BackendUnderTest& subject, const char* layout, index_t m,
                                   index_t n) {
  register_benchmark(
      benchmark_name("scale_shift_backward", type_name<T>, subject, layout, text(m, n)),
      [=](Run& run) {
        Samples<T> x(layout, m, n);
        Samples<T> d(layout, m, n);
        AlignedArray<T> scale(n);  // ones: d is multiplied by them any number of times
        AlignedArray<T> scale_gradient(n);
        AlignedArray<T> shift_gradient(n);
        std::fill_n(scale.data(), n, T{1});
        ScaleShiftBackward<T> call;
        call.x = x.view;
        call.scale = scale.view();
        call.d = d.view;
        call.scale_gradient = scale_gradient.view();
        call.shift_gradient = shift_gradient.view();
        run_call(run, subject, PeakKind::axpy, call);
      });
}

template <class T>
void register_batch_norm(const BackendUnderTest& subject, const char* layout, index_t m,
                         index_t n) {
  register_benchmark(
      benchmark_name("batch_norm", type_name<T>, subject, layout, text(m, n)), [=](Run& run) {
        Samples<T> x(layout, m, n);
        Samples<T> y(layout, m, n);
        AlignedArray<T> vectors(4 * n);
        std::fill_n(vectors.data(), 4 * n, T{1});
        const auto vector = [&](index_t i) { return VectorView<T>{vectors.data() + i * n, n, 1}; };
        BatchNorm<T> call;
        call.activation.kind = ActivationKind::relu;
        call.x = x.view;
        call.scale = vector(0);
        call.shift = vector(1);
        call.mean = vector(2);
        call.inverse_deviation = vector(3);
        call.y = y.view;
        run_call(run, subject, PeakKind::copy, call);
      });
}

template <class T>
void register_batch_norm_backward(const BackendUnderTest& subject, const char* layout, index_t m,
                                  index_t n) {
  register_benchmark(
      benchmark_name("batch_norm_backward", type_name<T>, subject, layout, text(m, n)),
      [=](Run& run) {
        Samples<T> x(layout, m, n);
        Samples<T> d(layout, m, n);
        AlignedArray<T> vectors(6 * n);  // ones: d is multiplied by them any number of times
        std::fill_n(vectors.data(), 6 * n, T{1});
        const auto vector = [&](index_t i) { return VectorView<T>{vectors.data() + i * n, n, 1}; };
        BatchNormBackward<T> call;
        call.activation.kind = ActivationKind::relu;
        call.x = x.view;
        call.scale = vector(0);
        call.shift = vector(1);
        call.mean = vector(2);
        call.inverse_deviation = vector(3);
        call.d = d.view;
        call.scale_gradient = vector(4);
        call.shift_gradient = vector(5);
        run_call(run, subject, PeakKind::axpy, call);
      });
}

template <class T>
void register_outer_product(const BackendUnderTest& subject, index_t m, index_t n) {
  register_benchmark(
      benchmark_name("outer_product", type_name<T>, subject, "any", text(m, n)), [=](Run& run) {
        Matrix<T> a(m, n);
        AlignedArray<T> x(m);
        AlignedArray<T> y(n);
        fill(a.data(), a.size());
        fill(x.data(), m);
        fill(y.data(), n);
        const OuterProduct<T> call{static_cast<T>(-1e-3), x.view(), y.view(), a.view()};
        run_call(run, subject, PeakKind::scale, call);
      });
}

template <class T>
void register_activate(const BackendUnderTest& subject, ActivationKind kind,
                       const std::string& name, index_t m, index_t n) {
  register_benchmark(
      benchmark_name("activate", type_name<T>, subject, "any", name + '_' + text(m, n)),
      [=](Run& run) {
        Matrix<T> z(m, n);
        Matrix<T> a(m, n);
        fill(z.data(), z.size());
        const Activate<T> call{{kind}, z.view(), a.view()};
        run_call(run, subject, PeakKind::copy, call);
      });
}

// Only relu: its derivative is 0 or 1, so the gradient may be multiplied by it any number of times.
template <class T>
void register_activate_backward(const BackendUnderTest& subject, index_t m, index_t n) {
  register_benchmark(
      benchmark_name("activate_backward", type_name<T>, subject, "any", "relu_" + text(m, n)),
      [=](Run& run) {
        Matrix<T> a(m, n);
        Matrix<T> d(m, n);
        fill(a.data(), a.size());
        fill(d.data(), d.size());
        const ActivateBackward<T> call{{ActivationKind::relu}, a.view(), d.view()};
        run_call(run, subject, PeakKind::axpy, call);
      });
}

template <class T>
void register_sgd_update(const BackendUnderTest& subject, bool momentum, index_t m, index_t n) {
  register_benchmark(benchmark_name("sgd_update", type_name<T>, subject, "any",
                                    (momentum ? "momentum_" : "plain_") + text(m, n)),
                     [=](Run& run) {
                       Matrix<T> gradient(m, n);
                       Matrix<T> weights(m, n);
                       Matrix<T> velocity(momentum ? m : 0, momentum ? n : 0);
                       fill(gradient.data(), gradient.size());
                       fill(weights.data(), weights.size());
                       SgdUpdate<T> call;
                       call.learning_rate = static_cast<T>(1e-3);
                       call.momentum = momentum ? static_cast<T>(0.9) : T{0};
                       call.gradient = gradient.view();
                       if (momentum) call.velocity = velocity.view();
                       call.weights = weights.view();
                       run_call(run, subject, PeakKind::axpy, call);
                     });
}

template <class T>
void register_adam_update(const BackendUnderTest& subject, index_t m, index_t n) {
  register_benchmark(benchmark_name("adam_update", type_name<T>, subject, "any", text(m, n)),
                     [=](Run& run) {
                       Matrix<T> gradient(m, n);
                       Matrix<T> first(m, n);
                       Matrix<T> second(m, n);  // zero: v only grows by squares
                       Matrix<T> weights(m, n);
                       fill(gradient.data(), gradient.size());
                       fill(weights.data(), weights.size());
                       AdamUpdate<T> call;
                       call.beta1 = static_cast<T>(0.9);
                       call.one_minus_beta1 = static_cast<T>(0.1);
                       call.beta2 = static_cast<T>(0.999);
                       call.one_minus_beta2 = static_cast<T>(0.001);
                       call.step_size = static_cast<T>(1e-3);
                       call.epsilon = static_cast<T>(1e-8);
                       call.gradient = gradient.view();
                       call.first = first.view();
                       call.second = second.view();
                       call.weights = weights.view();
                       run_call(run, subject, PeakKind::axpy, call);
                     });
}

template <class T>
void register_drop_units(const BackendUnderTest& subject, const char* layout, index_t m,
                         index_t n) {
  register_benchmark(benchmark_name("drop_units", type_name<T>, subject, layout, text(m, n)),
                     [=](Run& run) {
                       Samples<T> y(layout, m, n);
                       AlignedArray<std::int32_t> samples(m);
                       for (index_t i = 0; i < m; ++i) samples[i] = static_cast<std::int32_t>(i);
                       DropUnits<T> call;
                       call.probability = 0.5;
                       call.samples = samples.view();
                       call.y = y.view;
                       run_call(run, subject, PeakKind::copy, call);
                     });
}

template <class T>
void register_constrain_weights(const BackendUnderTest& subject, index_t m, index_t n) {
  register_benchmark(benchmark_name("constrain_weights", type_name<T>, subject, "any", text(m, n)),
                     [=](Run& run) {
                       Matrix<T> weights(m, n);
                       fill(weights.data(), weights.size());
                       ConstrainWeights<T> call;
                       call.threshold = static_cast<T>(1e-6);
                       call.max_norm = 1000;  // in training, few rows are too long
                       call.weights = weights.view();
                       run_call(run, subject, PeakKind::scale, call);
                     });
}

template <class T>
void register_type(const BackendUnderTest& subject) {
  for (const char* layout : kLayouts) {
    register_bias_add<T>(subject, layout, 1024, 1024);
    register_softmax<T>(subject, layout, 1024, 1000);
    register_softmax<T>(subject, layout, 128, 10);
    register_softmax_nll<T>(subject, layout, 128, 10);
    register_column_sums<T>(subject, layout, 128, 512);
    register_column_sums<T>(subject, layout, 1024, 1024);
    register_scale_shift<T>(subject, layout, 128, 512);
    register_scale_shift_backward<T>(subject, layout, 128, 512);
    register_drop_units<T>(subject, layout, 128, 512);
    register_batch_norm<T>(subject, layout, 128, 512);
    register_batch_norm_backward<T>(subject, layout, 128, 512);
  }
  register_outer_product<T>(subject, 1024, 1024);
  register_outer_product<T>(subject, 512, 784);
  register_activate<T>(subject, ActivationKind::identity, "identity", 128, 512);
  register_activate<T>(subject, ActivationKind::relu, "relu", 128, 512);
  register_activate<T>(subject, ActivationKind::leaky_relu, "leaky_relu", 128, 512);
  register_activate<T>(subject, ActivationKind::tanh, "tanh", 128, 512);
  register_activate<T>(subject, ActivationKind::sigmoid, "sigmoid", 128, 512);
  register_activate_backward<T>(subject, 128, 512);
  register_sgd_update<T>(subject, false, 512, 784);
  register_sgd_update<T>(subject, true, 512, 784);
  register_adam_update<T>(subject, 512, 784);
  register_constrain_weights<T>(subject, 512, 784);
}

}  // namespace

void register_memory_kernels(const BackendUnderTest& subject) {
  register_type<float>(subject);
  register_type<double>(subject);
}

}  // namespace lamella::bench
