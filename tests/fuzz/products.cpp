// Fuzz target: matrix products and outer products on all backends.
#include <cmath>
#include <limits>

#include <lamella/packed_matrix.h>

#include "tests/fuzz/kernel_backends.h"
#include "tools/conformance/oracle.h"

using namespace lamella;

namespace {

constexpr double kFactors[] = {0, 1, 1, -1, 2, 0.5, -0.25, 0.1};

template <class T, class X>
void expect_sums(fuzz::Memory<T>& memory, View<T> v, const oracle::Sums<X>& want,
                 index_t roundings) {
  std::vector<X> bounds;
  for (const X magnitude : want.magnitudes)
    bounds.push_back(static_cast<X>(conformance::gamma<T>(roundings)) * magnitude);
  memory.expect(v, want.values, bounds);
}

template <class T>
Gemm<T> product(fuzz::Bytes& bytes, fuzz::Memory<T>& memory) {
  const index_t m = fuzz::size(bytes), n = fuzz::size(bytes);
  index_t k = fuzz::size(bytes);
  if (m * n * k > 200'000) k %= 8;  // a fuzzer lives on many small inputs
  Gemm<T> call;
  call.alpha = static_cast<T>(bytes.pick(kFactors));
  call.beta = static_cast<T>(bytes.pick(kFactors));
  call.a = memory.matrix(m, k);
  call.b = memory.matrix(k, n);
  call.c = memory.matrix(m, n);
  return call;
}

template <class T>
void gemm(fuzz::Bytes& bytes) {
  fuzz::Memory<T> memory(bytes, true);
  const Gemm<T> call = product(bytes, memory);
  const auto expect = [&] { expect_sums(memory, call.c, oracle::gemm(call), call.a.cols + 4); };
  if (!bytes.flag()) return fuzz::compare(memory, call, expect);
  // B packed in advance for each backend. A B that cannot be packed is refused here already.
  fuzz::run_on_all(
      memory,
      [&](const Backend& backend) {
        const std::shared_ptr<const Backend> borrowed(std::shared_ptr<const Backend>(), &backend);
        const PackedMatrix<T> packed(borrowed, call.b);
        Gemm<T> with_packed = call;
        with_packed.packed_b = &packed;
        backend.run(with_packed);
      },
      expect);
}

// Equal bit for bit to the separate calls, whose results the other targets compare.
template <class T>
void fused_gemm(fuzz::Bytes& bytes) {
  fuzz::Memory<T> memory(bytes, true);
  FusedGemm<T> call{product(bytes, memory), {}};
  const View<T> c = call.gemm.c;
  Epilogue<T>& epilogue = call.epilogue;
  if (bytes.flag()) epilogue.bias = memory.vector(c.cols);
  epilogue.activation = fuzz::activation(bytes);
  epilogue.backward_of = fuzz::activation(bytes);
  if (bytes.flag() && !memory.has_specials())
    epilogue.activation_output = memory.matrix(c.rows, c.cols);
  const auto anything = [&] {
    for (index_t i = 0; i < c.rows; ++i)
      for (index_t j = 0; j < c.cols; ++j)
        memory.expect(&c(i, j), 0, std::numeric_limits<long double>::infinity());
  };
  // NaN is no distance from anything: bounds cannot be used where there may be some.
  if (memory.has_specials()) epilogue.activation = {};
  const auto fused = fuzz::run_on_all(
      memory, [&](const Backend& backend) { backend.run(call); },
      [&] {
        if (!memory.has_specials()) return anything();
        auto want = oracle::gemm(call.gemm);
        for (std::size_t at = 0; at < want.values.size(); ++at)
          if (!epilogue.bias.empty()) {
            const auto bias = epilogue.bias[static_cast<index_t>(at) % c.cols];
            want.values[at] += bias;
            want.magnitudes[at] += std::abs(bias);
          }
        expect_sums(memory, c, want, call.gemm.a.cols + 5);
      });
  if (fused.empty() || memory.has_specials()) return;
  memory.restore();
  const auto separate = fuzz::run_on_all(
      memory,
      [&](const Backend& backend) {
        backend.run(call.gemm);
        if (!epilogue.bias.empty()) backend.run(BiasAdd<T>{epilogue.bias, c});
        backend.run(Activate<T>{epilogue.activation, c, c});
        if (!epilogue.activation_output.empty())
          backend.run(ActivateBackward<T>{epilogue.backward_of, epilogue.activation_output, c});
      },
      anything);
  fuzz::require(separate.size() == fused.size(), "the separate calls are refused");
  for (std::size_t i = 0; i < fused.size(); ++i)
    if (!std::ranges::equal(fused[i], separate[i], conformance::same_bits<T>))
      fuzz::finding(fuzz::fuzzed_backends()[i].label + ": fused and separate calls differ");
}

template <class T>
void outer_product(fuzz::Bytes& bytes) {
  fuzz::Memory<T> memory(bytes, true);
  const index_t m = fuzz::size(bytes), n = fuzz::size(bytes);
  const T alpha = static_cast<T>(bytes.pick(kFactors));
  const OuterProduct<T> call{alpha, memory.vector(m), memory.vector(n), memory.matrix(m, n)};
  fuzz::compare(memory, call, [&] { expect_sums(memory, call.a, oracle::outer_product(call), 3); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr void (*kKernels[])(fuzz::Bytes&) = {gemm<float>,          gemm<double>,
                                                fused_gemm<float>,    fused_gemm<double>,
                                                outer_product<float>, outer_product<double>};
  fuzz::Bytes bytes(data, size);
  bytes.pick(kKernels)(bytes);
  return 0;
}
