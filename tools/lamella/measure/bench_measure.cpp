// Operations with their operands, and the loop that times each of them beside its peak.
#include "tools/lamella/measure/bench_measure.h"

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include <lamella/matrix.h>
#include <lamella/network.h>

#include "bench/roofline/ratio.h"
#include "bench/workloads/products.h"
#include "tools/lamella/io/format.h"

namespace lamella::cli {
namespace {

using namespace bench;
using BackendPtr = std::shared_ptr<const Backend>;
using Call = std::function<void()>;

constexpr int kLeastStretches = 5;

/// An operation that any backend can be asked for.
struct Operation {
  std::string name, shape;
  PeakKind peak;
  Work work;
  std::function<Call(const BackendPtr&)> prepare;  ///< operands, in a call that keeps them
};

template <class T>
Operation product(const char* name, Role role, const Shape& shape) {
  const auto operands = std::make_shared<Operands<T>>(role, Layout::col_major, shape);
  // With one sample each weight is read once: the peak is memory's.
  return {name, shape.text(), shape.m == 1 ? PeakKind::read : fma_peak<T>, work_of(operands->call),
          [operands](const BackendPtr& backend) -> Call {
            return [operands, backend] { backend->kernels<T>().gemm(operands->call); };
          }};
}

/// Softmax, loss and gradient of a mini-batch, samples in columns as the network has them.
template <class T>
Operation softmax(index_t batch, index_t classes) {
  struct Data {
    Matrix<T> logits, gradient;
    AlignedArray<std::int32_t> labels, predictions;
    AlignedArray<T> losses;
  };
  const auto data = std::make_shared<Data>(
      Data{Matrix<T>(classes, batch), Matrix<T>(classes, batch), AlignedArray<std::int32_t>(batch),
           AlignedArray<std::int32_t>(batch), AlignedArray<T>(batch)});
  fill(data->logits.data(), data->logits.size());
  for (index_t s = 0; s < batch; ++s) data->labels[s] = static_cast<std::int32_t>(s * 7 % classes);
  const auto elements = static_cast<double>(batch) * static_cast<double>(classes);
  // The exponential counted as one: maximum, difference, exponential, sum, quotient, target.
  const Work work{6 * elements, 2 * sizeof(T) * elements, 2 * sizeof(T) * elements};
  return {"softmax", formatted("{}x{}", batch, classes), PeakKind::copy, work,
          [data](const BackendPtr& backend) -> Call {
            SoftmaxNll<T> call;
            call.logits = transposed(data->logits.view());
            call.labels = data->labels.view();
            call.scale = T{1} / static_cast<T>(data->labels.size());
            call.gradient = transposed(data->gradient.view());
            call.losses = data->losses.view();
            call.predictions = data->predictions.view();
            return [data, backend, call] { backend->kernels<T>().softmax_nll(call); };
          }};
}

/// W ← W - η v, v ← μ v + g.
template <class T>
Operation update(index_t rows, index_t cols) {
  struct Data {
    Matrix<T> gradient, velocity, weights;
  };
  const auto data = std::make_shared<Data>(
      Data{Matrix<T>(rows, cols), Matrix<T>(rows, cols), Matrix<T>(rows, cols)});
  fill(data->gradient.data(), data->gradient.size());
  fill(data->weights.data(), data->weights.size());
  const double bytes = sizeof(T) * static_cast<double>(rows) * static_cast<double>(cols);
  // Gradient in; weights and velocity in and out.
  const Work work{4 * bytes / sizeof(T), 5 * bytes, 3 * bytes};
  return {"momentum update", formatted("{}x{}", rows, cols), PeakKind::axpy, work,
          [data](const BackendPtr& backend) -> Call {
            SgdUpdate<T> call;
            call.learning_rate = static_cast<T>(1e-3);
            call.momentum = static_cast<T>(0.9);
            call.gradient = std::as_const(data->gradient).view();
            call.velocity = data->velocity.view();
            call.weights = data->weights.view();
            return [data, backend, call] { backend->kernels<T>().sgd_update(call); };
          }};
}

/// A whole training step of the network, without momentum.
template <class T>
Operation step(const BenchPlan& plan) {
  const auto batch = static_cast<double>(plan.batch);
  double parameters = 0;
  for (std::size_t l = 1; l < plan.widths.size(); ++l)
    parameters += static_cast<double>(plan.widths[l]) * static_cast<double>(plan.widths[l - 1]);
  // Parameters are read forward and backward, read and written by the update; the input is read.
  const double bytes =
      sizeof(T) * (4 * parameters + batch * static_cast<double>(plan.widths.front()));
  return {"step",
          formatted("{} batch {}", joined(plan.widths, "-"), plan.batch),
          fma_peak<T>,
          {batch * training_flops(plan.widths), bytes, bytes},
          [plan](const BackendPtr& backend) -> Call {
            struct Data {
              Network<T> network;
              std::vector<std::int32_t> labels;
            };
            const auto& widths = plan.widths;
            const NetworkSpec spec{widths.front(),
                                   {widths.begin() + 1, widths.end() - 1},
                                   widths.back(),
                                   {ActivationKind::relu}};
            const auto data = std::make_shared<Data>(Data{Network<T>(spec, backend), {}});
            const View<T> input = data->network.batch_input(plan.batch);
            for (index_t s = 0; s < plan.batch; ++s) {
              data->labels.push_back(static_cast<std::int32_t>(s % widths.back()));
              for (index_t j = 0; j < input.cols; ++j)
                input(s, j) = static_cast<T>((s * 31 + j * 17) % 64) / 64;
            }
            return [data] {
              data->network.train_batch(data->labels, {}, SgdOptions{.learning_rate = 1e-3});
            };
          }};
}

template <class T>
std::vector<Operation> operations(const BenchPlan& plan) {
  const auto& widths = plan.widths;
  std::vector<Operation> list;
  const std::size_t layers = widths.size() - 1;
  for (std::size_t l = 0; l < layers; ++l)
    list.push_back(product<T>("forward", Role::forward, {plan.batch, widths[l + 1], widths[l]}));
  for (std::size_t l = 0; l < layers; ++l)
    list.push_back(product<T>("weight gradient", Role::weight_gradient,
                              {widths[l + 1], widths[l], plan.batch}));
  for (std::size_t l = 1; l < layers; ++l)
    list.push_back(
        product<T>("input gradient", Role::input_gradient, {plan.batch, widths[l], widths[l + 1]}));
  list.push_back(softmax<T>(plan.batch, widths.back()));
  list.push_back(update<T>(widths[1], widths[0]));
  list.push_back(step<T>(plan));
  return list;
}

BackendUnderTest subject_of(const BackendPtr& backend) {
  return {backend, peak_loops_for(backend->info().isa), {}};
}

Measurement measure(const Operation& operation, const BackendPtr& backend, double seconds) {
  const BackendUnderTest subject = subject_of(backend);
  const ScopedPin pinned(subject.pin_of_caller());
  const Call call = operation.prepare(backend);
  call();  // warms up caches and threads
  const std::int64_t calls = calls_per_stretch(call);
  PeakRatio ratio(subject, operation.peak, operation.work.footprint);
  const bool by_bytes = !counts_flops(operation.peak);
  const double work = by_bytes ? operation.work.bytes : operation.work.flops;
  double spent = 0;
  for (int stretches = 0; stretches < kLeastStretches || spent < seconds; ++stretches) {
    if (calls > 1) call();  // reading the peak has emptied the caches
    const Stretch stretch = time_stretch(calls, call);
    ratio.add(work * static_cast<double>(calls), stretch.seconds, stretch.busy_seconds);
    spent += stretch.seconds;
    backend->throw_if_failed();
  }
  const PeakRatio::Summary summary = ratio.summary();
  return {backend->info().name,
          work / summary.per_second,
          operation.work.flops,
          operation.work.bytes,
          formatted("{} {}", name_of(operation.peak), subject.loops->isa),
          summary.peak,
          summary.ratio,
          by_bytes,
          summary.quiet};
}

}  // namespace

std::vector<Row> measure_rows(const std::vector<BackendPtr>& backends, const BenchPlan& plan) {
  std::vector<Row> rows;
  const auto all =
      plan.precision == Precision::f64 ? operations<double>(plan) : operations<float>(plan);
  for (const Operation& operation : all) {
    Row row{operation.name, operation.shape, {}};
    for (const BackendPtr& backend : backends)
      row.measured.push_back(measure(operation, backend, plan.seconds));
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<MachinePeak> measure_peaks(const BackendPtr& backend, Precision precision) {
  const BackendUnderTest subject = subject_of(backend);
  const ScopedPin pinned(subject.pin_of_caller());
  const int threads = backend->info().threads;
  const PeakKind fma = precision == Precision::f64 ? PeakKind::fma_f64 : PeakKind::fma_f32;
  std::vector<MachinePeak> peaks = {
      {formatted("fma {}", subject.loops->isa), false,
       PeakMeter({fma, subject.loops, threads, 0}).measure().per_second}};
  for (const MemoryLevel& level : memory_levels(threads))
    peaks.push_back(
        {level.name, true,
         PeakMeter({PeakKind::triad, subject.loops, threads, level.bytes}).measure().per_second});
  return peaks;
}

}  // namespace lamella::cli
