// Thirty lines that need the C++ runtime, libm and zlib, and nothing else: one matrix product, one
// trained network. Linked by hand against a build with every optional dependency off.
#include <cstdio>
#include <exception>

#include <lamella/backend_selection.h>
#include <lamella/generators.h>
#include <lamella/matrix.h>
#include <lamella/network.h>
#include <lamella/trainer.h>

int main() {
  try {
    const auto backend = lamella::make_backend();
    lamella::Matrix<float> a(2, 3), b(3, 2), c(2, 2);
    for (int i = 0; i < 2; ++i)
      for (int k = 0; k < 3; ++k) a(i, k) = b(k, i) = float(i + k);
    backend->gemm(1, a.view(), b.view(), 0, c.view());

    const auto data = lamella::make_moons(200, 0.1, 1);
    lamella::Network<float> network({.inputs = 2, .hidden = {10}, .classes = 2}, backend);
    const auto epochs = lamella::train(network, data, nullptr, {}, {.batch_size = 10});
    std::printf("%s: %g, loss %g\n", backend->info().name.c_str(), double(c(1, 1)),
                epochs.back().train_loss);
    return c(1, 1) == 14 && epochs.back().train_loss < epochs.front().train_loss ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
