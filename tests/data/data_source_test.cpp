// read_data_source and read_mnist_directory: what a name on the command line leads to.
#include <lamella/error.h>
#include <lamella/readers.h>

#include "tests/data/fixtures.h"

namespace lamella::test {
namespace {

using Catch::Matchers::ContainsSubstring;
using Labels = std::vector<std::int32_t>;
using Names = std::vector<std::string>;

// n images of 2 x 3 bytes, image i full of the number i, and labels that count 0 to 9.
std::string images(std::uint32_t n, std::uint32_t columns = 3) {
  std::string data;
  for (std::uint32_t i = 0; i < n; ++i) data += std::string(2 * columns, static_cast<char>(i));
  return idx_bytes(8, {n, 2, columns}, data);
}
std::string labels(std::uint32_t n) {
  std::string data;
  for (std::uint32_t i = 0; i < n; ++i) data += static_cast<char>(i % 10);
  return idx_bytes(8, {n}, data);
}
std::string npy(const std::string& shape, const std::string& bytes) {
  std::string header = "{'descr': '|u1', 'fortran_order': False, 'shape': " + shape + "}\n";
  return std::string("\x93NUMPY\x01\x00", 8) +
         little_endian(static_cast<std::uint16_t>(header.size())) + header + bytes;
}

void write_mnist(const ScratchDirectory& directory, std::uint32_t train, std::uint32_t test) {
  directory.write("train-images-idx3-ubyte", images(train));
  directory.write("train-labels-idx1-ubyte", labels(train));
  directory.write("t10k-images-idx3-ubyte", images(test));
  directory.write("t10k-labels-idx1-ubyte", labels(test));
}

DataSplit load(const std::filesystem::path& path, const CsvOptions& options = {}) {
  return read_data_source(path.string(), options, 1);
}
Labels labels_of(const Dataset& data) { return {data.labels().begin(), data.labels().end()}; }

TEST_CASE("an MNIST directory, compressed or not, in both spellings", "[load]") {
  const std::vector<Names> spellings = {{"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                         "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"},
                                        {"train-images.idx3-ubyte", "train-labels.idx1-ubyte",
                                         "t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte"}};
  for (const Names& names : spellings)
    for (const bool compressed : {false, true}) {
      const ScratchDirectory directory;
      const Names contents = {images(20), labels(20), images(5), labels(5)};
      for (std::size_t i = 0; i < 4; ++i)
        directory.write(names[i] + (compressed ? ".gz" : ""),
                        compressed ? gzipped(contents[i]) : contents[i]);
      const DataSplit split = load(directory.path());
      CHECK(split.train.samples() == 20);
      CHECK(split.train.holds_bytes());
      CHECK(split.train.sample_shape() == std::vector<index_t>{2, 3});
      CHECK(split.train.value(7, 5) == 7);
      CHECK(split.train.labels()[13] == 3);
      REQUIRE(split.test.has_value());
      CHECK(split.test->samples() == 5);
      // The test labels stop at 4; the classes are those of both parts.
      CHECK(split.test->class_names() == split.train.class_names());
      CHECK(split.train.class_names() == Names{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"});
    }
}

TEST_CASE("every missing MNIST file is named", "[load]") {
  const ScratchDirectory directory;
  directory.write("train-images-idx3-ubyte", images(20));
  directory.write("t10k-labels-idx1-ubyte.gz", gzipped(labels(20)));
  const std::string message = message_of<IoError>([&] { read_mnist_directory(directory.path()); });
  CHECK_THAT(message, ContainsSubstring(
                          "missing train-labels-idx1-ubyte, t10k-images-idx3-ubyte (each may"));
  CHECK_THAT(message_of<IoError>([&] { read_mnist_directory(directory.path() / "no"); }),
             ContainsSubstring("No such file or directory"));
  CHECK_THAT(message_of<IoError>(
                 [&] { read_mnist_directory(directory.path() / "train-images-idx3-ubyte"); }),
             ContainsSubstring("Not a directory"));
}

TEST_CASE("MNIST files that do not agree", "[load]") {
  const ScratchDirectory directory;
  write_mnist(directory, 20, 10);
  REQUIRE_NOTHROW(read_mnist_directory(directory.path()));
  const auto message = [&](const std::string& name, const std::string& content) {
    const std::string original = read_file(directory.path() / name);
    directory.write(name, content);
    std::string text = message_of<DataError>([&] { read_mnist_directory(directory.path()); });
    directory.write(name, original);
    return text;
  };
  CHECK_THAT(message("train-labels-idx1-ubyte", labels(19)),
             ContainsSubstring("train-labels-idx1-ubyte: 19 labels, but 20 samples in"));
  CHECK_THAT(message("train-labels-idx1-ubyte", images(20)),
             ContainsSubstring("labels of shape 20 x 2 x 3"));
  CHECK_THAT(message("t10k-images-idx3-ubyte", images(10, 4)),
             ContainsSubstring("shape 10 x 2 x 4 does not fit the training data's 20 x 2 x 3"));
  CHECK_THAT(message("train-images-idx3-ubyte", idx_bytes(8, {0, 2, 3}, "")),
             ContainsSubstring("shape 0 x 2 x 3 holds no samples"));
  CHECK_THAT(message("t10k-labels-idx1-ubyte", idx_bytes(9, {10}, std::string(10, '\xff'))),
             ContainsSubstring("label -1 of sample 0 is not one of the classes"));
  reset_largest_allocation();
  std::string huge;
  for (int i = 0; i < 10; ++i) huge += big_endian(std::int32_t{2'000'000'000});
  CHECK_THAT(message("t10k-labels-idx1-ubyte", idx_bytes(0x0c, {10}, huge)),
             ContainsSubstring("label 2000000000 of sample 0 is not one of the classes"));
  CHECK(largest_allocation() < 1 << 20);
  CHECK_THAT(message("t10k-images-idx3-ubyte", images(10).substr(0, 40)),
             ContainsSubstring("truncated"));
}

TEST_CASE("labels mean the class of that name", "[load]") {
  const ScratchDirectory directory;
  write_mnist(directory, 3, 2);
  CsvOptions options;
  options.class_names = {"2", "1", "0", "9"};
  const DataSplit split = load(directory.path(), options);
  CHECK(labels_of(split.train) == Labels{2, 1, 0});
  CHECK(split.test->class_names() == options.class_names);
  options.class_names = {"0", "1"};
  CHECK_THAT(message_of<DataError>([&] { load(directory.path(), options); }),
             ContainsSubstring("label 2 of sample 2 is not one of the classes '0', '1'"));
}

TEST_CASE("one IDX pair", "[load]") {
  const ScratchDirectory directory;
  write_mnist(directory, 12, 3);
  const auto path = directory.path() / "train-images-idx3-ubyte";
  const DataSplit split = load(path);
  CHECK(split.train.samples() == 12);
  CHECK(split.train.labelled());
  CHECK_FALSE(split.test.has_value());
  CsvOptions options;
  options.labelled = false;
  CHECK_FALSE(load(path, options).train.labelled());
  directory.write("other-idx", images(3));
  CHECK_THAT(message_of<ArgumentError>([&] { load(directory.path() / "other-idx"); }),
             ContainsSubstring("whose labels?"));
  CHECK(load(directory.path() / "other-idx", options).train.samples() == 3);
}

TEST_CASE("NPY pairs, with and without test data", "[load]") {
  const ScratchDirectory directory;
  directory.write("X.npy", npy("(2, 3)", "abcdef"));
  directory.write("y.npy", npy("(2,)", std::string("\x01\x00", 2)));
  const DataSplit split = load(directory.path() / "X.npy");
  CHECK(split.train.features() == 3);
  CHECK(labels_of(split.train) == Labels{1, 0});
  CHECK_FALSE(split.test.has_value());

  directory.write("X_train.npy", npy("(2, 3)", "abcdef"));
  directory.write("y_train.npy", npy("(2,)", std::string("\x01\x00", 2)));
  directory.write("X_test.npy", npy("(1, 3)", "abc"));
  CHECK_THAT(message_of<IoError>([&] { load(directory.path() / "X_train.npy"); }),
             ContainsSubstring("y_test.npy"));
  directory.write("y_test.npy", npy("(1,)", "\x02"));
  const DataSplit both = load(directory.path() / "X_train.npy");
  REQUIRE(both.test.has_value());
  CHECK(labels_of(*both.test) == Labels{2});
  CHECK(both.train.class_names() == Names{"0", "1", "2"});

  directory.write("points.npy", npy("(4,)", "abcd"));
  CHECK_THAT(message_of<ArgumentError>([&] { load(directory.path() / "points.npy"); }),
             ContainsSubstring("whose labels?"));
  CsvOptions options;
  options.labelled = false;
  const Dataset points = load(directory.path() / "points.npy", options).train;
  CHECK(points.samples() == 4);
  CHECK(points.sample_shape() == std::vector<index_t>{1});
}

TEST_CASE("features that are not finite name the sample", "[load]") {
  const ScratchDirectory directory;
  const std::string nan = big_endian(0x7fc00000U), zero = big_endian(0U);
  const auto path =
      write_file(directory, "images-idx", idx_bytes(0x0d, {2, 2}, zero + zero + zero + nan));
  CsvOptions options;
  options.labelled = false;
  CHECK_THAT(message_of<DataError>([&] { load(path, options); }),
             ContainsSubstring("feature 1 of sample 1 is not a finite number"));
}

TEST_CASE("generated data need no file, and one of that name does not matter", "[load]") {
  const ScratchDirectory directory;
  const auto before = std::filesystem::current_path();
  directory.write("moons", "not this one");
  std::filesystem::current_path(directory.path());
  const DataSplit moons = read_data_source("moons", {}, 1);
  std::filesystem::current_path(before);
  const DataSplit blobs = read_data_source("blobs", {}, 1);
  for (const DataSplit* split : {&moons, &blobs}) {
    CHECK(split->train.samples() == 1000);
    REQUIRE(split->test.has_value());
    CHECK(split->test->samples() == 1000);
    CHECK(split->train.class_names() == split->test->class_names());
    CHECK(all_values(split->train) != all_values(*split->test));
  }
  CHECK(moons.train.features() == 2);
  CHECK(blobs.train.classes() == 5);
  CHECK(all_values(moons.train) != all_values(read_data_source("moons", {}, 2).train));
  // Test blobs lie where the training blobs are.
  for (index_t i = 0; i < 5; ++i)
    for (index_t j = 0; j < 8; ++j) {
      double train = 0, test = 0;
      for (index_t s = i; s < 1000; s += 5) {
        train += blobs.train.value(s, j) / 200;
        test += blobs.test->value(s, j) / 200;
      }
      CHECK(std::abs(train - test) < 5 * 2.0 * std::sqrt(2.0 / 200));
    }
}

TEST_CASE("a CSV file in any case of its extension", "[load]") {
  const ScratchDirectory directory;
  const auto path = write_file(directory, "Table.CSV", "1,2,a\n");
  CHECK(load(path).train.features() == 2);
  CHECK_FALSE(load(path).test.has_value());
}

TEST_CASE("what is none of these is told what would be", "[load]") {
  const ScratchDirectory directory;
  const auto path = write_file(directory, "data.parquet", "PAR1");
  CHECK_THAT(message_of<ArgumentError>([&] { load(path); }),
             ContainsSubstring("data.parquet") && ContainsSubstring("moons, blobs") &&
                 ContainsSubstring(".csv") && ContainsSubstring(".npy"));
  CHECK_THAT(message_of<IoError>([] { read_data_source("mons", {}, 1); }),
             ContainsSubstring("'mons': No such file") && ContainsSubstring("moons, blobs"));
  CHECK_THROWS_AS(read_data_source("", {}, 1), IoError);
}

TEST_CASE("the files that a source consists of", "[load]") {
  using Files = std::vector<std::filesystem::path>;
  const auto files = [](const std::filesystem::path& path, bool labelled = true) {
    CsvOptions options;
    options.labelled = labelled;
    return data_source_files(path.string(), options);
  };
  const ScratchDirectory directory;
  const auto at = [&](const char* name) { return directory.path() / name; };
  CHECK(files("moons").empty());
  CHECK(files("blobs").empty());
  CHECK(files(directory.path()).empty());
  CHECK(files(at("x.csv")) == Files{at("x.csv")});
  CHECK(files(at("X.npy")) == Files{at("X.npy"), at("y.npy")});
  CHECK(files(at("X.npy"), false) == Files{at("X.npy")});
  CHECK(files(at("X_train.npy")) == Files{at("X_train.npy"), at("y_train.npy")});
  directory.write("X_test.npy", "");
  CHECK(files(at("X_train.npy")) ==
        Files{at("X_train.npy"), at("y_train.npy"), at("X_test.npy"), at("y_test.npy")});
  CHECK(files(at("a-images-idx3-ubyte.gz")) ==
        Files{at("a-images-idx3-ubyte.gz"), at("a-labels-idx1-ubyte.gz")});
  CHECK(files(at("unknown")) == Files{at("unknown")});
  write_mnist(directory, 1, 1);
  std::filesystem::remove(at("t10k-labels-idx1-ubyte"));
  CHECK(files(directory.path()) == Files{at("train-images-idx3-ubyte"),
                                         at("train-labels-idx1-ubyte"),
                                         at("t10k-images-idx3-ubyte")});
}

}  // namespace
}  // namespace lamella::test
