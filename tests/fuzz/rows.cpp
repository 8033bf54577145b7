// Fuzz target: the kernels that sum over rows or columns, on all backends.
#include <cmath>
#include <limits>

#include "tests/fuzz/kernel_backends.h"
#include "tools/conformance/oracle.h"

using namespace lamella;

namespace {

constexpr double kFactors[] = {1, -1, 2, 0.5, -0.25, 0.1};
constexpr double kBetas[] = {0, 1, -0.5, 0.9};

/// Largest minus smallest of the operands that hold real or small whole numbers.
constexpr long double kRange = 6;

template <class T>
View<T> shaped(fuzz::Bytes& bytes, fuzz::Memory<T>& memory) {
  const index_t rows = fuzz::size(bytes);
  return memory.matrix(rows, fuzz::size(bytes));
}

template <class T>
void bias_add(fuzz::Bytes& bytes) {
  fuzz::Memory<T> memory(bytes, true);
  const View<T> c = shaped(bytes, memory);
  const BiasAdd<T> call{memory.vector(c.cols), c};
  fuzz::compare(memory, call, [&] {
    for (index_t i = 0; i < c.rows; ++i)
      for (index_t j = 0; j < c.cols; ++j) {
        const long double sum = static_cast<long double>(c(i, j)) + call.bias[j];
        memory.expect(&c(i, j), static_cast<T>(sum), 0);  // one rounding, the same for all
      }
  });
}

template <class T>
void softmax(fuzz::Bytes& bytes) {
  fuzz::Memory<T> memory(bytes, false);
  const View<T> z = shaped(bytes, memory);
  const Softmax<T> call{z, memory.same_or_new(z)};
  fuzz::compare(memory, call, [&] {
    const auto want = oracle::softmax(call.logits);
    std::vector<long double> bounds;
    for (const long double p : want)
      bounds.push_back(p * conformance::unit_roundoff<T>() *
                           (2 * kRange + 16 + static_cast<long double>(z.cols)) +
                       std::numeric_limits<T>::min());
    memory.expect(call.probabilities, want, bounds);
  });
}

template <class T>
void softmax_nll(fuzz::Bytes& bytes) {
  constexpr double kSmoothings[] = {0, 0, 0.1, 0.5, 1, 1.5};
  fuzz::Memory<T> memory(bytes, false);
  const View<T> z = shaped(bytes, memory);
  SoftmaxNll<T> call;
  call.logits = z;
  call.gradient = memory.same_or_new(z);
  call.losses = memory.vector(z.rows);
  call.label_smoothing = static_cast<T>(bytes.pick(kSmoothings));
  call.scale = static_cast<T>(bytes.pick(kFactors));
  std::vector<std::int32_t> labels(static_cast<std::size_t>(z.rows)), predictions(labels);
  for (std::int32_t& label : labels)  // in range: kernels may trust them
    label = z.cols == 0 ? 0 : static_cast<std::int32_t>(bytes.take() % z.cols);
  call.labels = {labels.data(), z.rows, 1};
  if (bytes.flag()) call.weights = memory.vector(z.rows);
  const bool predicts = bytes.flag();
  if (predicts) call.predictions = {predictions.data(), z.rows, 1};
  oracle::SoftmaxNllResult want;
  const auto expect = [&] {
    want = oracle::softmax_nll(call);
    const long double u = conformance::unit_roundoff<T>();
    const long double n = static_cast<long double>(z.cols);
    const long double terms = (call.label_smoothing != 0 ? n : 1) * kRange + std::log(n) + 1;
    std::vector<long double> losses, gradient;
    for (index_t s = 0; s < z.rows; ++s) {
      const long double weight = call.weights.empty() ? 1.0L : std::abs(call.weights[s]);
      losses.push_back(weight * u * (8 * terms + n + 6));
      gradient.insert(gradient.end(), static_cast<std::size_t>(z.cols),
                      std::abs(call.scale) * weight * u * (2 * (kRange + 12) + n) +
                          std::numeric_limits<T>::min());
    }
    memory.expect(call.gradient, want.gradient, gradient);
    memory.expect(conformance::as_row(call.losses), want.losses, losses);
  };
  fuzz::run_on_all(
      memory,
      [&](const Backend& backend) {
        backend.run(call);
        if (predicts && !want.predictions.empty() && predictions != want.predictions)
          fuzz::finding(backend.info().name + ": other predictions");
      },
      expect);
}

template <class T>
void column_sums(fuzz::Bytes& bytes) {
  fuzz::Memory<T> memory(bytes, true);
  const View<T> a = shaped(bytes, memory);
  const T alpha = static_cast<T>(bytes.pick(kFactors)), beta = static_cast<T>(bytes.pick(kBetas));
  const ColumnSums<T> call{alpha, a, beta, memory.vector(a.cols)};
  fuzz::compare(memory, call, [&] {
    auto want = oracle::column_sums(call);
    for (auto& magnitude : want.magnitudes)
      magnitude *= static_cast<oracle::Wide<T>>(conformance::gamma<T>(a.rows + 4));
    memory.expect(conformance::as_row(call.sums), want.values, want.magnitudes);
  });
}

template <class T>
void scale_shift(fuzz::Bytes& bytes) {
  fuzz::Memory<T> memory(bytes, true);
  const View<T> x = shaped(bytes, memory);
  const ScaleShift<T> call{x, memory.vector(x.cols), memory.vector(x.cols), memory.same_or_new(x)};
  fuzz::compare(memory, call, [&] {
    std::vector<long double> want, bounds;
    for (index_t i = 0; i < x.rows; ++i)
      for (index_t j = 0; j < x.cols; ++j) {
        const long double product = static_cast<long double>(x(i, j)) * call.scale[j];
        want.push_back(product + call.shift[j]);
        bounds.push_back(conformance::gamma<T>(2) *
                         (std::abs(product) + std::abs(static_cast<long double>(call.shift[j]))));
      }
    memory.expect(call.y, want, bounds);
  });
}

template <class T>
void scale_shift_backward(fuzz::Bytes& bytes) {
  fuzz::Memory<T> memory(bytes, false);
  const View<T> x = shaped(bytes, memory);
  ScaleShiftBackward<T> call;
  call.alpha = static_cast<T>(bytes.pick(kFactors));
  call.beta = static_cast<T>(bytes.pick(kBetas));
  call.x = x;
  call.d = memory.same_or_new(x);
  call.scale_gradient = memory.vector(x.cols);
  call.shift_gradient = memory.vector(x.cols);
  const std::size_t scale = bytes.below(3);
  if (scale == 1) call.scale = memory.vector(x.cols);
  if (scale == 2) call.scale = call.scale_gradient;
  fuzz::compare(memory, call, [&] {
    for (index_t j = 0; j < x.cols; ++j) {
      long double product = 0, sum = 0, products = 0, sums = 0;
      for (index_t i = 0; i < x.rows; ++i) {
        const long double d = call.d(i, j), term = d * x(i, j);
        product += term, sum += d;
        products += std::abs(term), sums += std::abs(d);
        if (!call.scale.empty()) {
          const long double result = d * call.scale[j];
          memory.expect(&call.d(i, j), result, conformance::gamma<T>(1) * std::abs(result));
        }
      }
      const auto expect = [&](T& gradient, long double value, long double magnitude) {
        const long double before = call.beta == 0 ? 0 : call.beta * gradient;
        memory.expect(&gradient, call.alpha * value + before,
                      conformance::gamma<T>(x.rows + 5) *
                          (std::abs(call.alpha) * magnitude + std::abs(before)));
      };
      expect(call.scale_gradient[j], product, products);
      expect(call.shift_gradient[j], sum, sums);
    }
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr void (*kKernels[])(fuzz::Bytes&) = {bias_add<float>,
                                                bias_add<double>,
                                                softmax<float>,
                                                softmax<double>,
                                                softmax_nll<float>,
                                                softmax_nll<double>,
                                                column_sums<float>,
                                                column_sums<double>,
                                                scale_shift<float>,
                                                scale_shift<double>,
                                                scale_shift_backward<float>,
                                                scale_shift_backward<double>};
  fuzz::Bytes bytes(data, size);
  bytes.pick(kKernels)(bytes);
  return 0;
}
