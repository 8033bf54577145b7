// Soak: models and data are written, read again as the same, and read when they are damaged.
#include <fstream>
#include <iterator>

#include <lamella/error.h>
#include <lamella/matrix.h>
#include <lamella/model_file.h>
#include <lamella/readers.h>

#include "tests/soak/operations.h"
#include "tools/conformance/compare.h"

namespace lamella::soak {
namespace {

namespace fs = std::filesystem;

std::string content_of(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}
void write(const fs::path& path, const std::string& content) {
  std::ofstream stream(path, std::ios::binary);
  stream << content;
  if (!stream.flush()) throw std::runtime_error(path.string() + " cannot be written");
}

/// read() of a file that has been cut or changed at random: it is read, or refused by a DataError.
template <class Read>
void read_damaged(Random& random, const fs::path& path, const Read& read) {
  std::string content = content_of(path);
  if (content.empty()) return;
  const auto place = [&] {
    return static_cast<std::size_t>(uniform_int(random, 0, std::ssize(content) - 1));
  };
  if (uniform_int(random, 0, 2) == 0)
    content.resize(place());
  else
    for (index_t changes = uniform_int(random, 1, 4); changes > 0; --changes)
      content[place()] = static_cast<char>(random());
  write(path, content);
  try {
    read();
  } catch (const DataError& error) {
    require(std::string(error.what()).find(path.filename().string()) != std::string::npos,
            "an error does not name its file");
  }
}

template <class T>
void models(Context& context) {
  Random& random = context.random;
  NetworkSpec spec{uniform_int(random, 1, 40), {}, uniform_int(random, 2, 6), {}};
  for (index_t layers = uniform_int(random, 0, 3); layers > 0; --layers)
    spec.hidden.push_back(uniform_int(random, 1, 50));
  spec.activation = {pick(random, kActivations).kind, 0.1};
  const auto backend = any_backend(random);
  const Network<T> network(spec, backend, random());
  ModelInfo info;
  for (index_t k = 0; k < spec.classes; ++k)
    info.class_names.push_back(std::to_string(k) + " class");
  info.sample_shape = {spec.inputs};
  if (uniform_int(random, 0, 1) == 0) info.preprocessing = {{0.5}, {2.0}};
  const fs::path path = context.directory / "model.safetensors";
  save_model(path, network, info);
  const Model loaded = load_model(path, backend);
  require(loaded.info.class_names == info.class_names, "class names are lost");
  const auto* const same = std::get_if<Network<T>>(&loaded.network);
  require(same != nullptr && same->spec() == spec, "the architecture is lost");
  Matrix<T> x(3, spec.inputs), p(3, spec.classes), q(3, spec.classes);
  for (index_t i = 0; i < 3; ++i)
    for (index_t j = 0; j < spec.inputs; ++j)
      x.view()(i, j) = static_cast<T>(uniform(random, -2, 2));
  network.predict(x.view(), p.view());
  same->predict(x.view(), q.view());
  const std::string difference = conformance::different_bits(q.view(), p.view());
  require(difference.empty(), "a loaded model predicts other bits: " + difference);
  read_damaged(random, path, [&] { load_model(path, backend); });
}

void tables(Context& context) {
  Random& random = context.random;
  const index_t samples = uniform_int(random, 20, 60), features = uniform_int(random, 1, 8);
  std::string text;
  for (index_t j = 0; j < features; ++j) text += std::to_string(j) + "f,";
  text += "label\n";
  std::vector<double> values;
  for (index_t i = 0; i < samples; ++i) {
    for (index_t j = 0; j < features; ++j) {
      values.push_back(static_cast<double>(uniform_int(random, -8000, 8000)) / 8);
      text += std::to_string(values.back()) + ",";
    }
    text += i % 3 == 0 ? "a\n" : "b\n";
  }
  const fs::path path = context.directory / "table.csv";
  write(path, text);
  const Dataset table = read_csv(path);
  require(table.samples() == samples && table.features() == features, "a table has lost cells");
  for (index_t i = 0; i < samples; ++i) {
    for (index_t j = 0; j < features; ++j)
      require(table.value(i, j) == values[static_cast<std::size_t>(i * features + j)],
              "a number of a table has changed");
    require(table.labels()[static_cast<std::size_t>(i)] == (i % 3 == 0 ? 0 : 1),
            "a label of a table has changed");
  }
  read_damaged(random, path, [&] { read_csv(path); });
}

void arrays(Context& context) {
  Random& random = context.random;
  const index_t n = uniform_int(random, 1, 500);
  std::string bytes;
  for (index_t i = 0; i < n; ++i) bytes += static_cast<char>(random());
  const bool is_npy = uniform_int(random, 0, 1) == 0;
  const fs::path path = context.directory / (is_npy ? "array.npy" : "array-idx1-ubyte");
  std::string header;
  if (is_npy) {
    std::string description =
        "{'descr': '|u1', 'fortran_order': False, 'shape': (" + std::to_string(n) + ",), }";
    description.append(117 - description.size(), ' ') += '\n';
    header = std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(description.size()) + '\0' +
             description;
  } else {
    header = std::string("\0\0\x08\x01", 4);
    for (int shift = 24; shift >= 0; shift -= 8) header += static_cast<char>(n >> shift);
  }
  write(path, header + bytes);
  const auto read = [&] { return is_npy ? read_npy(path) : read_idx(path); };
  const NdArray array = read();
  const auto* const values = std::get_if<std::vector<std::uint8_t>>(&array.values);
  require(values != nullptr && std::string(values->begin(), values->end()) == bytes,
          "an array has changed");
  read_damaged(random, path, read);
}

}  // namespace

std::vector<Operation> file_operations() {
  return {{"models_f32", models<float>},
          {"models_f64", models<double>},
          {"tables", tables},
          {"arrays", arrays}};
}

}  // namespace lamella::soak
