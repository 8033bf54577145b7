// The families of benchmarks; each registers its own with Google Benchmark.
#ifndef LAMELLA_BENCH_SUITE_BENCHMARKS_H_
#define LAMELLA_BENCH_SUITE_BENCHMARKS_H_

#include <filesystem>
#include <optional>

#include "bench/suite/measure.h"
#include "bench/workloads/fill.h"

namespace lamella::bench {

/// The machine's own loops, on one thread and on `threads`, for every usable instruction set.
void register_peaks(int threads, const PinPolicy& pin);

/// Measures them once now and puts them into the context that heads every report. Takes seconds.
void add_peaks_to_context(int threads, const PinPolicy& pin);

/// gemm and fused_gemm at the shapes of networks, and squares.
void register_gemms(const BackendUnderTest& subject);

/// bias_add, softmax, outer_product and everything else that is bound by memory.
void register_memory_kernels(const BackendUnderTest& subject);

/// Predictions and single training steps of networks.
void register_network_calls(const BackendUnderTest& subject);

/// Epochs of training. `data` holds MNIST's four files (Fashion-MNIST); if empty, synthetic bytes
/// of the same shape are used.
void register_training(const BackendUnderTest& subject,
                       const std::optional<std::filesystem::path>& data);

}  // namespace lamella::bench

#endif  // LAMELLA_BENCH_SUITE_BENCHMARKS_H_
