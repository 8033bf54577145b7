// Lets each allocation of an operation of the library fail in turn, within one process: a host.
//
// Usage: lamella_fault_library KIND BACKEND OPERATION..., under the preload library of inject.cpp.
// KIND is malloc or new, with a + if all allocations after the n-th are to fail, too. For each n
// until one is not reached, the operation runs in a thread of its own. It has to end with its
// result, std::bad_alloc, an Error of lamella's, or a status with a text; a signal or an exit ends
// this program and tells its caller. Run by allocations.py.
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <lamella/backend_selection.h>
#include <lamella/error.h>
#include <lamella/generators.h>
#include <lamella/lamella.h>
#include <lamella/matrix.h>
#include <lamella/model_file.h>
#include <lamella/profile.h>
#include <lamella/readers.h>
#include <lamella/trainer.h>

#include "tests/faults/inject.h"
#include "tests/scratch_directory.h"

#pragma weak fault_arm
#pragma weak fault_calls

namespace lamella::test {
namespace {

/// What an operation gave: a digest of its bytes, since text would have to be allocated.
class Digest {
 public:
  Digest& add(const void* bytes, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i)
      value_ = (value_ ^ static_cast<const unsigned char*>(bytes)[i]) * 0x100000001b3;
    return *this;
  }
  Digest& add(std::string_view text) { return add(text.data(), text.size()); }
  template <class T>
  Digest& add_all(const std::vector<T>& values) {
    return add(values.data(), values.size() * sizeof(T));
  }
  friend bool operator==(const Digest&, const Digest&) = default;

 private:
  std::uint64_t value_ = 0xcbf29ce484222325;
};

/// How an operation failed, in memory that is there before.
struct Failure {
  bool of_memory = false;
  bool of_ours = true;  // an Error of lamella's, bad_alloc or a status
  std::array<char, 1200> text{};

  void set(std::string_view what) { text[what.copy(text.data(), text.size() - 1)] = '\0'; }
};

/// Thrown by operations on the C interface, with the text it left.
struct CFailure {
  int status;
};

void need(int status) {
  if (status != LAMELLA_OK) throw CFailure{status};
}

/// What operations work on. Made without faults.
struct Fixture {
  Fixture(std::string backend_name) : name(std::move(backend_name)), data(make_moons(120, 0.1, 1)) {
    backend = make_backend({name, "", 2});
    Network<float> network({2, {8, 5}, 2}, backend, 3);
    info = {data.class_names(), data.sample_shape(), suggest_preprocessing(data)};
    save_model(model, network, info);
    save_model(other, network, info);
    for (index_t i = 0; i < data.samples(); ++i)
      for (index_t j = 0; j < 2; ++j) x.push_back(static_cast<float>(data.value(i, j)));
    labels.assign(data.labels().begin(), data.labels().end());
    std::string csv = "a,b,kind\n";
    for (int i = 0; i < 40; ++i)
      csv += std::to_string(i) + ".5," + std::to_string(-i) + (i % 2 ? ",yes\n" : ",no\n");
    files.write("t.csv", csv);
    std::string npy = "\x93NUMPY\x01" + std::string(1, '\0') + std::string("\x46", 1) +
                      std::string(1, '\0') +
                      "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }";
    npy.resize(79, ' ');
    files.write("t.npy", npy + "\n" + std::string(24, '\0'));
    using namespace std::string_literals;
    files.write("t.idx", "\0\0\x08\x01\0\0\0\x03\x01\x02\x03"s);
  }

  std::string path(const char* file) const { return (files.path() / file).string(); }

  ScratchDirectory files;
  std::string name;
  Dataset data;
  std::shared_ptr<const Backend> backend;
  ModelInfo info;
  std::vector<float> x;
  std::vector<std::int32_t> labels;
  const std::string model = path("model"), other = path("other");
};

template <class T>
Digest probabilities(const Network<T>& network) {
  std::vector<T> in(32), out(32);
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<T>(i) / 16 - 1;
  network.predict(row_major(in.data(), 16, 2), row_major(out.data(), 16, 2));
  return Digest().add_all(out);
}

template <class T>
Digest train_network(const Fixture& given, std::shared_ptr<const Backend> backend) {
  Network<T> network({2, {8, 5}, 2}, std::move(backend), 3);
  TrainOptions options;
  options.epochs = 2;
  options.batch_size = 50;
  options.dropout = 0.1;
  options.optimizer = SgdOptions{.momentum = 0.9};
  options.augmentation.noise = 0.1;
  TrainCallbacks callbacks;
  callbacks.on_epoch = [](const EpochReport&) {};
  const DataSplit split{given.data, given.data};
  train(network, split.train, &*split.test, given.info.preprocessing, options, callbacks);
  return probabilities(network);
}

/// Products that pack their operands, in memory or, without any, on the stack: the same bits.
template <class T>
Digest products(const Backend& backend) {
  constexpr index_t m = 70, k = 90, n = 110;
  const auto filled = [](index_t rows, index_t cols) {
    Matrix<T> matrix(rows, cols);
    for (index_t i = 0; i < rows; ++i)
      for (index_t j = 0; j < cols; ++j)
        matrix.view()(i, j) = static_cast<T>((i * 31 + j * 17) % 64 - 32) / 16;
    return matrix;
  };
  const Matrix<T> a = filled(m, k), b = filled(k, n), transposed_a = filled(k, m);
  Matrix<T> c(m, n);
  backend.gemm(1, a.view(), b.view(), 0, c.view());
  backend.gemm(1, transposed(transposed_a.view()), b.view(), 1, c.view());
  Digest digest;
  for (index_t i = 0; i < m; ++i) digest.add(&c.view()(i, 0), n * sizeof(T));
  return digest;
}

Digest digest_of(const Dataset& data) {
  Digest digest;
  for (index_t i = 0; i < data.samples(); ++i)
    for (index_t j = 0; j < data.features(); ++j) {
      const double value = data.value(i, j);
      digest.add(&value, sizeof value);
    }
  return digest;
}

/// The text of the Error that `call` has to throw.
template <class Call>
Digest error_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return Digest().add(error.what());
  }
  return {};
}

struct CBackend {
  lamella_backend* handle = nullptr;
  ~CBackend() { lamella_backend_destroy(handle); }
};
struct CModel {
  lamella_model* handle = nullptr;
  ~CModel() { lamella_model_destroy(handle); }
};

Digest c_predict(const lamella_model* model, const Fixture& given) {
  std::vector<float> out(given.x.size());
  need(lamella_model_predict_f32(model, given.x.data(), given.data.samples(), out.data()));
  return Digest().add_all(out);
}

using Operation = Digest (*)(const Fixture&);

const std::map<std::string_view, Operation>& operations() {
  static const std::map<std::string_view, Operation> all{
      {"list",
       [](const Fixture&) {
         Digest digest;
         for (const BackendStatus& status : list_backends()) digest.add(status.name);
         for (const IsaStatus& status : list_isas()) digest.add(status.name);
         return digest.add(thread_limit().limited_by);
       }},
      {"backend",
       [](const Fixture& given) {
         return Digest().add(make_backend({given.name, "", 2})->info().name);
       }},
      {"train_f32",
       [](const Fixture& given) { return train_network<float>(given, given.backend); }},
      {"train_f64",
       [](const Fixture& given) { return train_network<double>(given, given.backend); }},
      {"new_backend_train",
       [](const Fixture& given) {
         return train_network<float>(given, make_backend({given.name, "", 2}));
       }},
      {"train_bytes",
       [](const Fixture& given) {
         std::vector<std::uint8_t> pixels;
         std::vector<std::int32_t> labels;
         for (int i = 0; i < 64 * 300; ++i) pixels.push_back(static_cast<std::uint8_t>(i * i / 7));
         for (int i = 0; i < 64; ++i) labels.push_back(i % 3);
         const Dataset data(std::move(pixels), {300}, std::move(labels));
         Network<float> network({300, {40}, 3}, given.backend, 3);
         TrainOptions options;
         options.epochs = 2;
         options.batch_size = 32;
         train(network, data, nullptr, {{0}, {1.0 / 255}}, options);
         Digest digest;
         for (index_t i = 0; i < 40; ++i)
           for (index_t j = 0; j < 300; ++j)
             digest.add(&network.layer(0).weights(i, j), sizeof(float));
         return digest;
       }},
      {"products_f32", [](const Fixture& given) { return products<float>(*given.backend); }},
      {"products_f64", [](const Fixture& given) { return products<double>(*given.backend); }},
      {"profile",
       [](const Fixture& given) {
         const auto profiled = std::make_shared<ProfiledBackend>(given.backend);
         const Digest digest = train_network<float>(given, profiled);
         return profiled->entries().empty() ? Digest() : digest;
       }},
      {"load",
       [](const Fixture& given) {
         const Model loaded = load_model(given.model, given.backend);
         return std::visit([](const auto& network) { return probabilities(network); },
                           loaded.network);
       }},
      {"save",
       [](const Fixture& given) {
         const Network<float> network({2, {8, 5}, 2}, given.backend, 4);
         save_model(given.other, network, given.info);
         return probabilities(network);
       }},
      {"csv", [](const Fixture& given) { return digest_of(read_csv(given.path("t.csv"))); }},
      {"npy",
       [](const Fixture& given) { return Digest().add_all(read_npy(given.path("t.npy")).shape); }},
      {"idx",
       [](const Fixture& given) { return Digest().add_all(read_idx(given.path("t.idx")).shape); }},
      {"preprocessing",
       [](const Fixture& given) {
         return Digest().add_all(suggest_preprocessing(given.data).scale);
       }},
      {"errors",
       [](const Fixture& given) {
         error_of([&] { make_backend({"no such backend"}); });
         error_of([&] { load_model("/no/such/model", given.backend); });
         error_of([&] { load_model(given.path("t.csv"), given.backend); });
         error_of([&] { read_npy(given.path("t.csv")); });
         return error_of([&] { Network<float>({0, {}, 2}, given.backend); });
       }},
      {"c_train",
       [](const Fixture& given) {
         CBackend backend;
         need(lamella_backend_create(given.name.c_str(), nullptr, 2, &backend.handle));
         lamella_train_options options;
         lamella_train_options_init(&options, sizeof options);
         constexpr ptrdiff_t kHidden[] = {7};
         options.hidden = kHidden;
         options.hidden_layers = 1;
         options.epochs = 2;
         CModel model;
         need(lamella_train_f32(given.x.data(), given.labels.data(), given.data.samples(), 2,
                                &options, backend.handle, &model.handle));
         return c_predict(model.handle, given);
       }},
      {"c_load",
       [](const Fixture& given) {
         CModel model;
         need(lamella_model_load(given.model.c_str(), nullptr, &model.handle));
         need(lamella_model_save(model.handle, given.other.c_str()));
         return c_predict(model.handle, given);
       }},
      {"c_error",
       [](const Fixture&) {
         CModel model;
         const int status = lamella_model_load("/no/such/model", nullptr, &model.handle);
         if (status == LAMELLA_ERROR_MEMORY) throw CFailure{status};
         return Digest().add(lamella_last_error());
       }},
  };
  return all;
}

/// Runs `operation` in a new thread while `fault` is armed.
std::optional<Digest> run_once(Operation operation, const Fixture& given, const std::string& fault,
                               Failure& failure, long& calls) {
  std::optional<Digest> result;
  std::thread([&] {
    fault_arm(fault.c_str());
    try {
      result = operation(given);
    } catch (const std::bad_alloc&) {
      failure.of_memory = true;
    } catch (const Error& error) {
      failure.set(error.what());
    } catch (const CFailure& c) {
      failure.of_memory = c.status == LAMELLA_ERROR_MEMORY;
      failure.set(lamella_last_error());
    } catch (const std::exception& error) {
      failure.of_ours = false;
      failure.set(error.what());
    }
    calls = fault_calls();
    fault_arm(nullptr);
  }).join();
  return result;
}

/// A model that was being written is the old or the new one, and nothing lies beside it.
bool files_are_whole(const Fixture& given) {
  for (const auto& entry : std::filesystem::directory_iterator(given.files.path()))
    if (entry.path().filename().string().starts_with('.')) return false;
  load_model(given.other, given.backend);
  return true;
}

int run_operation(std::string_view name, const std::string& kind, const Fixture& given) {
  const bool sustained = kind.ends_with('+');
  const std::string plain = kind.substr(0, kind.size() - (sustained ? 1 : 0));
  const Operation operation = operations().at(name);
  std::vector<Digest> successes;  // with a fault that did not matter
  int problems = 0;
  long failures_of_memory = 0, other_failures = 0, n = 1;
  for (;; ++n) {
    // If it ends the process, the last line says where.
    std::printf("\r%.*s %s %ld ", static_cast<int>(name.size()), name.data(), kind.c_str(), n);
    std::fflush(stdout);
    Failure failure;
    long calls = 0;
    const auto result = run_once(
        operation, given, plain + ":" + std::to_string(n) + (sustained ? "+" : ""), failure, calls);
    if (result) successes.push_back(*result);
    if (result && calls < n) break;
    (failure.of_memory ? failures_of_memory : other_failures) += !result;
    const std::string_view text = failure.text.data();
    if (!result && (!failure.of_ours || (!failure.of_memory && text.empty()))) {
      std::printf("unexpected: '%s'\n", failure.text.data());
      ++problems;
    }
    if (result && sustained && name != "list" && name != "profile" && calls > n + 20) {
      std::printf("success without memory (%ld calls)\n", calls);
      ++problems;
    }
    if (!files_are_whole(given)) {
      std::printf("left a half file\n");
      ++problems;
    }
  }
  for (const Digest& digest : successes)
    if (!(digest == successes.back())) {
      std::printf("a success has another result\n");
      ++problems;
      break;
    }
  std::printf("\r%.*s %s: %ld allocations, %ld failures of memory, %ld others, %zu successes\n",
              static_cast<int>(name.size()), name.data(), kind.c_str(), n - 1, failures_of_memory,
              other_failures, successes.size());
  if (failures_of_memory == 0) {
    std::printf("no allocation failed: nothing was tested\n");
    ++problems;
  }
  return problems;
}

int run(int argc, char** argv) {
  if (argc < 4 || fault_arm == nullptr) {
    std::fprintf(stderr,
                 "usage: LD_PRELOAD=inject.so lamella_fault_library KIND BACKEND all|NAME...\n");
    return 2;
  }
  const Fixture given(argv[2]);
  int problems = 0;
  for (const auto& [name, operation] : operations())
    for (int i = 3; i < argc; ++i)
      if (argv[i] == name || std::string_view(argv[i]) == "all")
        problems += run_operation(name, argv[1], given);
  std::printf("%d problems\n", problems);
  return problems == 0 ? 0 : 1;
}

}  // namespace
}  // namespace lamella::test

int main(int argc, char** argv) { return lamella::test::run(argc, argv); }
