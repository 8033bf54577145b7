// Fuzz target: the kernels that go element by element, on all backends.
#include <cmath>
#include <limits>

#include "tests/fuzz/kernel_backends.h"
#include "tools/conformance/oracle.h"

using namespace lamella;

namespace {

template <class T>
View<T> shaped(fuzz::Bytes& bytes, fuzz::Memory<T>& memory) {
  const index_t rows = fuzz::size(bytes);
  return memory.matrix(rows, fuzz::size(bytes));
}

template <class T>
void activate(fuzz::Bytes& bytes) {
  fuzz::Memory<T> memory(bytes, true);
  const View<T> z = shaped(bytes, memory);
  const Activate<T> call{fuzz::activation(bytes), z, memory.same_or_new(z)};
  fuzz::compare(memory, call, [&] {
    const ActivationKind kind = call.activation.kind;
    const long double ulps = kind == ActivationKind::leaky_relu                                ? 2
                             : kind == ActivationKind::tanh || kind == ActivationKind::sigmoid ? 4
                                                                                               : 0;
    std::vector<long double> want, bounds;
    for (const T value : conformance::elements(z)) {
      want.push_back(oracle::activate(call.activation, value));
      bounds.push_back(ulps * conformance::ulp<T>(want.back()));
    }
    memory.expect(call.a, want, bounds);
  });
}

template <class T>
void activate_backward(fuzz::Bytes& bytes) {
  fuzz::Memory<T> memory(bytes, false);
  const View<T> a = shaped(bytes, memory);
  const ActivateBackward<T> call{fuzz::activation(bytes), a, memory.matrix(a.rows, a.cols)};
  fuzz::compare(memory, call, [&] {
    for (index_t i = 0; i < a.rows; ++i)
      for (index_t j = 0; j < a.cols; ++j) {
        const long double d = call.d(i, j), value = a(i, j);
        const long double derivative = oracle::derivative(call.activation, value);
        // 1 - a² and a (1 - a) cancel: the error is that of their terms.
        const ActivationKind kind = call.activation.kind;
        const long double terms =
            1 + std::abs(value) + value * value + std::abs(call.activation.slope);
        long double bound = conformance::gamma<T>(3) * std::abs(d) * terms;
        if (kind == ActivationKind::identity || kind == ActivationKind::relu) bound = 0;
        // At 0 leaky relu has two derivatives, and either will do.
        if (kind == ActivationKind::leaky_relu && value == 0) bound += std::abs(d) * terms;
        memory.expect(&call.d(i, j), d * derivative, bound);
      }
  });
}

template <class T>
void sgd_update(fuzz::Bytes& bytes) {
  constexpr double kDecays[] = {0, 1e-4, 0.5};
  fuzz::Memory<T> memory(bytes, false);
  const View<T> weights = shaped(bytes, memory);
  SgdUpdate<T> call;
  call.learning_rate = static_cast<T>(0.1);
  call.momentum = bytes.flag() ? static_cast<T>(0.9) : T{0};
  call.weight_decay = static_cast<T>(bytes.pick(kDecays));
  const bool nesterov = bytes.flag();
  call.gradient = memory.same_or_new(weights);
  if (bytes.flag()) call.velocity = memory.matrix(weights.rows, weights.cols);
  call.nesterov = nesterov && !call.velocity.empty();  // Nesterov's form needs a velocity
  call.weights = weights;
  fuzz::compare(memory, call, [&] {
    const oracle::SgdResult want = oracle::sgd_update(call);
    std::vector<long double> velocity, bounds;
    const long double scale = conformance::gamma<T>(8);
    for (index_t i = 0; i < weights.rows; ++i)
      for (index_t j = 0; j < weights.cols; ++j) {
        const long double w = std::abs(weights(i, j));
        const long double g = std::abs(call.gradient(i, j)) + call.weight_decay * w;
        const long double v =
            g + (call.velocity.empty() ? 0 : call.momentum * std::abs(call.velocity(i, j)));
        velocity.push_back(scale * v);
        bounds.push_back(scale * (w + call.learning_rate * (g + v)));
      }
    memory.expect(weights, want.weights, bounds);
    if (!call.velocity.empty()) memory.expect(call.velocity, want.velocity, velocity);
  });
}

template <class T>
void adam_update(fuzz::Bytes& bytes) {
  fuzz::Memory<T> memory(bytes, false);
  const View<T> weights = shaped(bytes, memory);
  AdamUpdate<T> call;
  call.beta1 = static_cast<T>(0.9), call.one_minus_beta1 = static_cast<T>(0.1);
  call.beta2 = static_cast<T>(0.999), call.one_minus_beta2 = static_cast<T>(0.001);
  call.weight_scale = bytes.flag() ? T{1} : static_cast<T>(0.999);
  call.step_size = static_cast<T>(1e-3);
  call.epsilon = static_cast<T>(1e-4);
  call.gradient = memory.same_or_new(weights);
  call.first = memory.matrix(weights.rows, weights.cols);
  call.second = memory.matrix(weights.rows, weights.cols);
  call.weights = weights;
  // A second moment is a mean of squares.
  for (index_t i = 0; i < weights.rows && memory.usable(call.second); ++i)
    for (index_t j = 0; j < weights.cols; ++j) call.second(i, j) = std::abs(call.second(i, j));
  fuzz::compare(memory, call, [&] {
    const oracle::AdamResult want = oracle::adam_update(call);
    std::vector<long double> first, second, bounds;
    const long double scale = conformance::gamma<T>(12);
    for (index_t i = 0; i < weights.rows; ++i)
      for (index_t j = 0; j < weights.cols; ++j) {
        const long double g = std::abs(call.gradient(i, j));
        const long double m = call.beta1 * std::abs(call.first(i, j)) + call.one_minus_beta1 * g;
        const long double v = want.second[second.size()];
        first.push_back(scale * m);
        second.push_back(scale * v);
        bounds.push_back(scale * (std::abs(weights(i, j)) +
                                  2 * call.step_size * m / (std::sqrt(v) + call.epsilon)));
      }
    memory.expect(call.first, want.first, first);
    memory.expect(call.second, want.second, second);
    memory.expect(weights, want.weights, bounds);
  });
}

template <class T>
void gather_bytes(fuzz::Bytes& bytes) {
  fuzz::Memory<T> memory(bytes, false);
  const index_t rows = fuzz::size(bytes), features = fuzz::size(bytes), samples = 5;
  std::vector<std::uint8_t> values(static_cast<std::size_t>(samples * features));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::uint8_t>(i * 37);
  std::vector<std::int32_t> indices(static_cast<std::size_t>(rows));
  for (std::int32_t& index : indices) {
    const std::uint8_t byte = bytes.take();
    index = byte == 255 ? 5 : byte % 5;  // now and then one too large
  }
  GatherBytes<T> call;
  call.values = values.data();
  call.samples = samples;
  call.features = features;
  call.indices = {indices.data(), rows, 1};
  call.offset = memory.vector(features);
  call.scale = memory.vector(features);
  call.out = memory.matrix(rows, features);
  fuzz::compare(memory, call, [&] {
    for (index_t s = 0; s < rows; ++s)
      for (index_t j = 0; j < features; ++j) {
        const T byte = static_cast<T>(
            values[static_cast<std::size_t>(indices[static_cast<std::size_t>(s)] * features + j)]);
        memory.expect(&call.out(s, j), (byte - call.offset[j]) * call.scale[j], 0);
      }
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr void (*kKernels[])(fuzz::Bytes&) = {
      activate<float>,     activate<double>,    activate_backward<float>, activate_backward<double>,
      sgd_update<float>,   sgd_update<double>,  adam_update<float>,       adam_update<double>,
      gather_bytes<float>, gather_bytes<double>};
  fuzz::Bytes bytes(data, size);
  bytes.pick(kKernels)(bytes);
  return 0;
}
