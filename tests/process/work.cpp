// Small and large products, and a model that is trained and predicts.
#include "tests/process/work.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <vector>

#include <lamella/backend_selection.h>
#include <lamella/dataset.h>
#include <lamella/lamella.h>
#include <lamella/matrix.h>
#include <lamella/network.h>
#include <lamella/trainer.h>

#ifdef LAMELLA_WITH_CBLAS
#include <lamella/cblas.h>
#endif

namespace lamella::test {
namespace {

[[noreturn]] void fail(const char* text) {
  std::fprintf(stderr, "failed: %s\n", text);
  _exit(3);
}

Bits fingerprint(const float* values, std::size_t count) {
  Bits bits = 14695981039346656037u;  // FNV-1a over the bytes
  const auto* bytes = reinterpret_cast<const unsigned char*>(values);
  for (std::size_t i = 0; i < count * sizeof(float); ++i) bits = (bits ^ bytes[i]) * 1099511628211u;
  return bits;
}

/// Small numbers of both signs without a short period.
std::vector<float> numbers(index_t count, int seed) {
  std::vector<float> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] =
        static_cast<float>((i * 31 + static_cast<std::size_t>(seed) * 17) % 1009) / 504.5f - 1;
  return values;
}

// A product large enough for several threads, and not of whole tiles.
constexpr index_t kM = 130, kN = 120, kK = 210;

class CppWork final : public Work {
 public:
  explicit CppWork(const std::string& backend) : backend_(make_backend({.name = backend})) {}
  Bits compute() override {
    std::vector<float> c(kM * kN);
    try {
      backend_->gemm<float>(1, row_major<const float>(a_.data(), kM, kK),
                            row_major<const float>(b_.data(), kK, kN), 0,
                            row_major(c.data(), kM, kN));
      train_on_bytes(c.data());
    } catch (const std::exception& error) {
      fail(error.what());
    }
    return fingerprint(c.data(), c.size());
  }
  /// A mini-batch of bytes is packed into memory of its own; some of the loss's bits go into `out`.
  void train_on_bytes(float* out) const {
    std::vector<std::int32_t> labels(kSamples);
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(kSamples * kFeatures));
    for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int32_t>(i % 5);
    for (std::size_t i = 0; i < bytes.size(); ++i)
      bytes[i] = static_cast<std::uint8_t>(i * 37 % 251);
    const Dataset data(std::move(bytes), {kFeatures}, std::move(labels));
    NetworkSpec spec;
    spec.inputs = kFeatures;
    spec.hidden = {64};
    spec.classes = 5;
    Network<float> network(spec, backend_, 1);
    TrainOptions options;
    options.epochs = 1;
    options.batch_size = 64;
    out[0] += static_cast<float>(
        train(network, data, nullptr, suggest_preprocessing(data), options).front().train_loss);
  }
  std::string threads() override {
    return std::to_string(backend_->info().threads) +
           " threads: " + backend_->info().threads_limited_by;
  }

 private:
  static constexpr index_t kSamples = 128, kFeatures = 160;
  std::shared_ptr<const Backend> backend_;
  const std::vector<float> a_ = numbers(kM * kK, 1), b_ = numbers(kK * kN, 2);
};

class CWork final : public Work {
 public:
  explicit CWork(const std::string& backend) {
    check(lamella_backend_create(backend.c_str(), nullptr, 0, &backend_));
    for (index_t i = 0; i < kSamples; ++i)
      labels_.push_back(static_cast<std::int32_t>(i % kClasses));
  }
  Bits compute() override {
    const index_t hidden[] = {64, 48};
    lamella_train_options options;
    lamella_train_options_init(&options, sizeof options);
    options.hidden = hidden;
    options.hidden_layers = 2;
    options.epochs = 1;
    lamella_model* model = nullptr;
    check(lamella_train_f32(samples_.data(), labels_.data(), kSamples, kFeatures, &options,
                            backend_, &model));
    std::vector<float> p(kSamples * kClasses);
    check(lamella_model_predict_f32(model, samples_.data(), kSamples, p.data()));
    lamella_model_destroy(model);
    return fingerprint(p.data(), p.size());
  }

 private:
  static constexpr index_t kSamples = 256, kFeatures = 100, kClasses = 10;
  static void check(int status) {
    if (status != LAMELLA_OK) fail(lamella_last_error());
  }
  lamella_backend* backend_ = nullptr;
  const std::vector<float> samples_ = numbers(kSamples * kFeatures, 3);
  std::vector<std::int32_t> labels_;
};

#ifdef LAMELLA_WITH_CBLAS
class CblasWork final : public Work {
 public:
  explicit CblasWork(const std::string& backend) { setenv("LAMELLA_BACKEND", backend.c_str(), 1); }
  Bits compute() override {
    std::vector<float> c(kM * kN);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, kM, kN, kK, 1, a_.data(), kK, b_.data(),
                kN, 0, c.data(), kN);
    return fingerprint(c.data(), c.size());
  }

 private:
  const std::vector<float> a_ = numbers(kM * kK, 1), b_ = numbers(kK * kN, 2);
};
#endif

}  // namespace

Work* make_work(const std::string& interface, const std::string& backend) {
  try {
    if (interface == "cpp") return new CppWork(backend);
    if (interface == "c") return new CWork(backend);
#ifdef LAMELLA_WITH_CBLAS
    if (interface == "cblas") return new CblasWork(backend);
#endif
  } catch (const std::exception& error) {
    fail(error.what());
  }
  usage("the interface is cpp, c or cblas");
}

void usage(const char* text) {
  std::fprintf(stderr, "usage: %s\n", text);
  _exit(2);
}

}  // namespace lamella::test
