// save_model and load_model: exact round trips, and every way in which a file may not be a model.
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include <lamella/backend_selection.h>
#include <lamella/error.h>
#include <lamella/model_file.h>

#include "core/model/safetensors.h"
#include "tests/data/fixtures.h"

namespace lamella::test {
namespace {

using Catch::Matchers::ContainsSubstring;

std::shared_ptr<const Backend> backend() {
  static const auto made = make_backend({.name = "scalar"});
  return made;
}

NetworkSpec small_spec() { return {2, {3}, 2, {ActivationKind::leaky_relu, 0.1}}; }
ModelInfo small_info() { return {{"no", "yes"}, {2}, {{0.1, 1e-300}, {1.0 / 3, -2.5}}}; }

template <class T>
void check_same_parameters(const Network<T>& a, const Network<T>& b) {
  REQUIRE(a.layers() == b.layers());
  for (index_t l = 0; l < a.layers(); ++l) {
    const auto x = a.layer(l), y = b.layer(l);
    REQUIRE(x.weights.size() == y.weights.size());
    for (index_t i = 0; i < x.weights.rows; ++i) {
      for (index_t j = 0; j < x.weights.cols; ++j)
        CHECK(std::memcmp(&x.weights(i, j), &y.weights(i, j), sizeof(T)) == 0);
      CHECK(std::memcmp(&x.bias[i], &y.bias[i], sizeof(T)) == 0);
    }
  }
}

TEMPLATE_TEST_CASE("a model is loaded as it was saved", "[model_file]", float, double) {
  using T = TestType;
  const ScratchDirectory directory;
  const auto path = directory.path() / "m.safetensors";
  const std::vector<NetworkSpec> specs = {
      {1, {}, 1, {ActivationKind::identity}},
      {6, {}, 3, {ActivationKind::sigmoid}},
      {6, {5, 4, 7}, 3, {ActivationKind::tanh}},
      {6, {17}, 2, {ActivationKind::relu}},
      {6, {256}, 2, {ActivationKind::relu}},  // padded rows
      {6, {1}, 2, {ActivationKind::leaky_relu, 0.2}},
      {6, {5, 4}, 2, {ActivationKind::relu}, Normalization::batch}};
  for (const NetworkSpec& spec : specs) {
    Network<T> network(spec, backend(), 42);
    for (index_t l = 0; l < network.layers(); ++l)
      for (index_t i = 0; i < network.layer(l).bias.size; ++i)
        network.layer(l).bias[i] = static_cast<T>(0.1) * static_cast<T>(i - 1);
    // Values that text would lose: the least denormal and minus zero.
    network.layer(0).weights(0, 0) = std::numeric_limits<T>::denorm_min();
    network.layer(0).bias[0] = -T{0};
    ModelInfo info;
    for (index_t c = 0; c < spec.classes; ++c) info.class_names.push_back(std::to_string(c));
    info.sample_shape = spec.inputs == 6 ? std::vector<index_t>{2, 3} : std::vector<index_t>{1};
    info.preprocessing = {{}, {1.0 / 255.0}};

    save_model(path, network, info);
    const Model loaded = load_model(path, backend());
    const auto* const same = std::get_if<Network<T>>(&loaded.network);
    REQUIRE(same != nullptr);
    CHECK(same->spec() == spec);
    check_same_parameters(*same, network);
    CHECK(loaded.info.class_names == info.class_names);
    CHECK(loaded.info.sample_shape == info.sample_shape);
    CHECK(loaded.info.preprocessing == info.preprocessing);

    const std::string first = read_file(path);
    save_model(path, *same, loaded.info);
    CHECK(read_file(path) == first);
  }
}

TEST_CASE("preprocessing keeps every bit", "[model_file]") {
  const ScratchDirectory directory;
  const auto path = directory.path() / "m";
  const std::vector<double> awkward = {0.1,
                                       1.0 / 3,
                                       -0.0,
                                       5e-324,
                                       2.2250738585072011e-308,
                                       1.7976931348623157e308,
                                       9007199254740993.0,
                                       1e23,
                                       -123456789.12345679,
                                       std::nextafter(1.0, 2.0)};
  const auto count = static_cast<index_t>(awkward.size());
  const Network<float> network({count, {}, 2, {}}, backend());
  save_model(path, network, {{"a", "b"}, {count}, {awkward, {awkward[1]}}});
  const Preprocessing loaded = load_model(path, backend()).info.preprocessing;
  REQUIRE(loaded.offset.size() == awkward.size());
  for (std::size_t i = 0; i < awkward.size(); ++i)
    CHECK(std::bit_cast<std::uint64_t>(loaded.offset[i]) ==
          std::bit_cast<std::uint64_t>(awkward[i]));
  CHECK(loaded.scale == std::vector<double>{awkward[1]});
}

TEST_CASE("class names of any bytes survive", "[model_file]") {
  const ScratchDirectory directory;
  const auto path = directory.path() / "m";
  const std::vector<std::string> names = {
      "caf\xc3\xa9", "caf\xe9",         std::string("\xff\x00\xfe", 3), "",
      "\"\\\n\x01",  "{\"hex\":\"00\"}"};
  const auto count = static_cast<index_t>(names.size());
  const Network<float> network({1, {}, count, {}}, backend());
  save_model(path, network, {names, {1}, {}});
  CHECK(load_model(path, backend()).info.class_names == names);
}

TEST_CASE("names of columns are kept, and are nowhere if there are none", "[model_file]") {
  const ScratchDirectory directory;
  const auto path = directory.path() / "m";
  const Network<float> network(small_spec(), backend());
  ModelInfo info = small_info();
  save_model(path, network, info);
  CHECK(!safetensors::Reader(path).metadata().contains("columns"));
  CHECK(load_model(path, backend()).info.columns == ColumnNames{});
  for (const CsvPrecision precision : {CsvPrecision::single, CsvPrecision::full}) {
    info.columns = {{"caf\xe9", "\"\n"}, "kind"};
    info.precision = precision;
    save_model(path, network, info);
    const ModelInfo loaded = load_model(path, backend()).info;
    CHECK(loaded.columns == info.columns);
    CHECK(loaded.precision == precision);
  }
  info.columns.features.pop_back();
  CHECK_THAT(message_of<ArgumentError>([&] { save_model(path, network, info); }),
             ContainsSubstring("1 names of columns for 2 inputs"));
}

TEST_CASE("info that does not fit the network is not saved", "[model_file]") {
  const ScratchDirectory directory;
  const Network<float> network(small_spec(), backend());
  const auto refusal = [&](const ModelInfo& info) {
    return message_of<ArgumentError>([&] { save_model(directory.path() / "m", network, info); });
  };
  ModelInfo info = small_info();
  info.class_names.pop_back();
  CHECK_THAT(refusal(info), ContainsSubstring("1 class_names for 2 classes"));
  info = small_info();
  info.sample_shape = {3};
  CHECK_THAT(refusal(info), ContainsSubstring("sample_shape of 3 for 2 inputs"));
  info.sample_shape = {};
  CHECK_THAT(refusal(info), ContainsSubstring("no dimensions"));
  info.sample_shape = {-1, -2};
  CHECK_THAT(refusal(info), ContainsSubstring("-1 x -2"));
  info = small_info();
  info.preprocessing.scale = {1, 2, 3};
  CHECK_THAT(refusal(info), ContainsSubstring("3 values for 2 inputs"));
  info.preprocessing.scale = {std::numeric_limits<double>::infinity()};
  CHECK_THAT(refusal(info), ContainsSubstring("not finite"));

  Network<float> broken(small_spec(), backend());
  broken.layer(1).bias[1] = std::numeric_limits<float>::quiet_NaN();
  CHECK_THAT(
      message_of<ArgumentError>([&] { save_model(directory.path() / "m", broken, small_info()); }),
      ContainsSubstring("layers.1.bias has a value that is not finite"));
  CHECK(std::filesystem::is_empty(directory.path()));
}

// A small model whose parts can be exchanged before it is written.
struct Parts {
  safetensors::Metadata metadata;
  std::vector<safetensors::TensorData> tensors;
  std::vector<float> values = std::vector<float>(100, 0.5F);

  Parts() {
    const ScratchDirectory directory;
    save_model(directory.path() / "m", Network<float>(small_spec(), backend()), small_info());
    metadata = safetensors::Reader(directory.path() / "m").metadata();
    add("layers.0.weight", {3, 2});
    add("layers.0.bias", {3});
    add("layers.1.weight", {2, 3});
    add("layers.1.bias", {2});
  }
  void add(const std::string& name, const std::vector<std::uint64_t>& shape,
           const std::string& dtype = "F32") {
    std::uint64_t bytes = dtype == "F32" ? 4 : dtype == "F64" ? 8 : 1;
    for (const std::uint64_t dimension : shape) bytes *= dimension;
    tensors.push_back({name, dtype, shape, std::as_bytes(std::span(values)).first(bytes)});
  }
  Model load() const {
    const ScratchDirectory directory;
    safetensors::write(directory.path() / "m", metadata, tensors);
    return load_model(directory.path() / "m", backend());
  }
  std::string message() const {
    const std::string text = message_of<DataError>([&] { load(); });
    CHECK_THAT(text, ContainsSubstring("/m: "));
    return text;
  }
};

TEST_CASE("tensors that are not those of the architecture", "[model_file]") {
  REQUIRE_NOTHROW(Parts().load());
  {
    Parts parts;
    std::swap(parts.tensors[0], parts.tensors[3]);
    CHECK_NOTHROW(parts.load());  // names decide, not the order
  }
  {
    Parts parts;
    parts.tensors.pop_back();
    CHECK_THAT(parts.message(), ContainsSubstring("3 tensors, where the architecture has 4"));
    parts.add("layers.2.bias", {2});
    CHECK_THAT(parts.message(), ContainsSubstring("tensor layers.1.bias is missing"));
  }
  {
    Parts parts;
    parts.add("extra", {1});
    CHECK_THAT(parts.message(), ContainsSubstring("5 tensors"));
  }
  {
    Parts parts;
    parts.tensors[0].shape = {2, 3};
    CHECK_THAT(parts.message(), ContainsSubstring("layers.0.weight has shape 2 x 3, where the "
                                                  "architecture has 3 x 2"));
    parts.tensors[0].shape = {6};
    CHECK_THAT(parts.message(), ContainsSubstring("has shape 6"));
  }
  {
    Parts parts;
    parts.tensors.pop_back();
    parts.add("layers.1.bias", {2}, "F64");
    CHECK_THAT(parts.message(), ContainsSubstring("layers.1.bias has dtype F64"));
  }
  {
    Parts parts;
    parts.tensors.clear();
    parts.add("layers.0.weight", {3, 2}, "U8");
    parts.add("layers.0.bias", {3}, "U8");
    parts.add("layers.1.weight", {2, 3}, "U8");
    parts.add("layers.1.bias", {2}, "U8");
    CHECK_THAT(parts.message(), ContainsSubstring("layers.0.weight has dtype U8"));
  }
}

TEST_CASE("weights that are not finite are refused by name", "[model_file]") {
  for (const float value :
       {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    Parts parts;
    parts.values[5] = value;  // within layers.0.weight and layers.1.weight alone
    CHECK_THAT(parts.message(),
               ContainsSubstring("tensor layers.0.weight has a value that is not finite"));
  }
}

TEST_CASE("metadata that is not a model's", "[model_file]") {
  const auto with = [](const std::string& key, const std::string& value) {
    Parts parts;
    parts.metadata[key] = value;
    return parts.message();
  };
  for (const std::string key : {"format", "format_version", "architecture", "class_names",
                                "sample_shape", "preprocessing"}) {
    Parts parts;
    REQUIRE(parts.metadata.erase(key) == 1);
    CHECK_THAT(parts.message(), ContainsSubstring(key));
    INFO(key);
    CHECK_THAT(with(key, ""), ContainsSubstring(key));
    CHECK_THAT(with(key, "null"), ContainsSubstring(key));
    CHECK_THAT(with(key, "[[[[[[[[]]]]]]]]"), ContainsSubstring(key));
    CHECK_THAT(with(key, "{\"a\":{}}"), ContainsSubstring(key));
    CHECK_THAT(with(key, std::string(2'000'000, '[')), ContainsSubstring(key));
  }
  CHECK_THAT(with("format", "pt"), ContainsSubstring("not a lamella model"));
  CHECK_THAT(with("format_version", "2"), ContainsSubstring("format_version '2', where 1"));
  struct Case {
    std::string key, value, message;
  };
  const std::vector<Case> cases = {
      {"architecture", R"({"inputs":3,"hidden":[3],"classes":2,"activation":"relu","slope":0.1})",
       "sample_shape of 2 for 3 inputs"},
      {"architecture", R"({"inputs":2,"hidden":[4],"classes":2,"activation":"relu","slope":0.1})",
       "where the architecture has 4 x 2"},
      {"architecture", R"({"inputs":2,"hidden":[],"classes":2,"activation":"relu","slope":0.1})",
       "4 tensors, where the architecture has 2"},
      {"architecture", R"({"inputs":2,"hidden":[3],"classes":3,"activation":"relu","slope":0.1})",
       "2 class_names for 3 classes"},
      {"architecture", R"({"inputs":2,"hidden":[3],"classes":2,"activation":"swish","slope":0.1})",
       "activation 'swish' is unknown"},
      {"architecture", R"({"inputs":2,"hidden":[3],"classes":2,"activation":"relu","slope":0})",
       "slope must be positive"},
      {"architecture", R"({"inputs":2,"hidden":[3],"classes":2,"activation":"relu","slope":1e999})",
       "architecture"},
      {"architecture", R"({"inputs":0,"hidden":[3],"classes":2,"activation":"relu","slope":0.1})",
       "'0' is no size"},
      {"architecture", R"({"inputs":-2,"hidden":[3],"classes":2,"activation":"relu","slope":0.1})",
       "'-2' is no size"},
      {"architecture", R"({"inputs":2.5,"hidden":[3],"classes":2,"activation":"relu","slope":0.1})",
       "'2.5' is no size"},
      {"architecture", R"({"inputs":2,"hidden":[[3]],"classes":2,"activation":"relu","slope":0.1})",
       "is no size"},
      {"architecture",
       R"({"inputs":18446744073709551615,"hidden":[],"classes":2,"activation":"relu","slope":1})",
       "is no size"},
      {"architecture",
       R"({"inputs":2,"hidden":[9223372036854775807],"classes":2,"activation":"relu","slope":1})",
       "where the architecture has 9223372036854775807 x 2"},
      {"architecture", R"({"hidden":[3],"classes":2,"activation":"relu","slope":0.1})", "inputs"},
      {"architecture", R"({"inputs":2,"inputs":2,"hidden":[3],"classes":2,"activation":"relu"})",
       "key 'inputs' is there twice"},
      {"class_names", R"(["a"])", "1 class_names"},
      {"class_names", R"({"a":"b"})", "class_names"},
      {"class_names", R"(["a",1])", "class_names"},
      {"class_names", R"(["a",{"hex":"0"}])", "hexadecimal"},
      {"class_names", R"(["a",{"hex":"zz"}])", "hexadecimal"},
      {"class_names", R"(["a",{"hex":1}])", "class_names"},
      {"sample_shape", "[]", "sample_shape"},
      {"sample_shape", "[2,2]", "sample_shape of 2 x 2 for 2 inputs"},
      {"sample_shape", "[9223372036854775807,9223372036854775807]", "sample_shape"},
      {"preprocessing", R"({"offset":[]})", "scale"},
      {"preprocessing", R"({"offset":[1,2,3],"scale":[]})", "3 values for 2 inputs"},
      {"preprocessing", R"({"offset":["1"],"scale":[]})", "preprocessing"},
      {"preprocessing", R"({"offset":1,"scale":[]})", "preprocessing"},
      {"preprocessing", R"({"offset":[null],"scale":[]})", "preprocessing"},
  };
  for (const Case& c : cases) {
    INFO(c.value);
    CHECK_THAT(with(c.key, c.value), ContainsSubstring(c.message));
  }
}

TEST_CASE("tensors of normalised layers that cannot be", "[model_file]") {
  NetworkSpec spec = small_spec();
  spec.normalization = Normalization::batch;
  const ScratchDirectory directory;
  const auto path = directory.path() / "m";
  Network<float> network(spec, backend());
  network.layer(0).running_variance[1] = -1;
  save_model(path, network, small_info());
  CHECK_THAT(message_of<DataError>([&] { load_model(path, backend()); }),
             ContainsSubstring("tensor layers.0.running_variance has a value below 0"));
  network.layer(0).running_variance[1] = 1;
  save_model(path, network, small_info());
  Parts parts;
  const std::string plain = parts.metadata["architecture"];
  CHECK_THAT(plain, !ContainsSubstring("normalization"));
  parts.metadata = safetensors::Reader(path).metadata();
  CHECK_THAT(parts.message(), ContainsSubstring("4 tensors, where the architecture has 7"));
  const auto with = [&](const std::string& value) {
    parts.metadata["architecture"] =
        plain.substr(0, plain.size() - 1) + ",\"normalization\":" + value + "}";
    return parts.message();
  };
  CHECK_THAT(with("\"group\""), ContainsSubstring("normalization 'group' is unknown"));
  CHECK_THAT(with("1"), ContainsSubstring("architecture"));
}

TEST_CASE("a huge architecture costs nothing before it is refused", "[model_file]") {
  Parts parts;
  parts.metadata["architecture"] =
      R"({"inputs":2,"hidden":[1000000000,1000000000],"classes":2,"activation":"relu","slope":1})";
  reset_largest_allocation();
  CHECK_THAT(parts.message(), ContainsSubstring("4 tensors, where the architecture has 6"));
  parts.metadata["architecture"] =
      R"({"inputs":2,"hidden":[1000000000],"classes":2,"activation":"relu","slope":1})";
  CHECK_THAT(parts.message(), ContainsSubstring("1000000000 x 2"));
  CHECK(largest_allocation() < 1 << 20);
}

TEST_CASE("a model file cut anywhere is refused", "[model_file]") {
  const ScratchDirectory directory;
  const auto path = directory.path() / "m";
  save_model(path, Network<double>(small_spec(), backend()), small_info());
  const std::string whole = read_file(path);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    INFO(length << " of " << whole.size() << " bytes");
    const auto cut = write_file(directory, "cut", whole.substr(0, length));
    CHECK_THROWS_AS(load_model(cut, backend()), DataError);
  }
}

TEST_CASE("model files that cannot be opened or written", "[model_file]") {
  const ScratchDirectory directory;
  CHECK_THAT(message_of<IoError>([&] { load_model(directory.path() / "no", backend()); }),
             ContainsSubstring("No such file"));
  CHECK_THROWS_AS(load_model(directory.path() / "no", nullptr), ArgumentError);
  const Network<float> network(small_spec(), backend());
  CHECK_THAT(message_of<IoError>([&] { save_model("/dev/full", network, small_info()); }),
             ContainsSubstring("/dev/full: cannot write: No space left on device"));
  CHECK_THAT(message_of<IoError>(
                 [&] { save_model(directory.path() / "no" / "m", network, small_info()); }),
             ContainsSubstring("No such file"));
}

}  // namespace
}  // namespace lamella::test
