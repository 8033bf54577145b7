// Labels in arrays: which numbers stand for which classes, and which are none.
#include <bit>

#include <lamella/error.h>

#include "tests/data/fixtures.h"

namespace lamella::test {
namespace {

using Catch::Matchers::ContainsSubstring;
using Labels = std::vector<std::int32_t>;
using Names = std::vector<std::string>;

std::string npy(const std::string& descr, const std::string& shape, const std::string& bytes) {
  std::string header = "{'descr': '";
  header.append(descr).append("', 'fortran_order': False, 'shape': ").append(shape).append("}\n");
  std::string file("\x93NUMPY\x01\x00", 8);
  file.append(little_endian(static_cast<std::uint16_t>(header.size())));
  return file.append(header).append(bytes);
}
std::string int64s(const std::vector<std::int64_t>& values) {
  std::string bytes;
  for (const std::int64_t value : values) bytes += little_endian(value);
  return bytes;
}
std::string doubles(const std::vector<double>& values) {
  std::string bytes;
  for (const double value : values) bytes += little_endian(std::bit_cast<std::uint64_t>(value));
  return bytes;
}
std::string shape(std::size_t n) {
  std::string text = "(";
  return text.append(std::to_string(n)).append(",)");
}

// Samples of one byte each beside the labels.
class Arrays {
 public:
  void write(const std::string& end, std::size_t samples, const std::string& labels) const {
    directory_.write("X" + end, npy("|u1", shape(samples), std::string(samples, 'x')));
    directory_.write("y" + end, labels);
  }
  DataSplit read(const std::string& end = ".npy", const Names& class_names = {}) const {
    CsvOptions options;
    options.class_names = class_names;
    return read_data_source((directory_.path() / ("X" + end)).string(), options, 1);
  }
  Dataset of(const std::vector<std::int64_t>& labels, const Names& class_names = {}) const {
    write(".npy", labels.size(), npy("<i8", shape(labels.size()), int64s(labels)));
    return read(".npy", class_names).train;
  }
  std::string message(const std::string& labels, std::size_t samples) const {
    write(".npy", samples, labels);
    return message_of<DataError>([&] { read(); });
  }

 private:
  ScratchDirectory directory_;
};

Labels labels_of(const Dataset& data) { return {data.labels().begin(), data.labels().end()}; }

TEST_CASE("label numbers that are no class indices name their classes", "[array_labels]") {
  const Arrays arrays;
  const Dataset ids = arrays.of({90210, 90001, 99950, 90001});
  CHECK(ids.class_names() == Names{"90001", "90210", "99950"});
  CHECK(labels_of(ids) == Labels{1, 0, 2, 0});
  const Dataset signs = arrays.of({1, -1, -1});
  CHECK(signs.class_names() == Names{"-1", "1"});
  CHECK(labels_of(signs) == Labels{1, 0, 0});
  CHECK(arrays.of({2, 1, 3}).class_names() == Names{"1", "2", "3"});
  CHECK(arrays.of({0, 9}).class_names() == Names{"0", "9"});
  CHECK(arrays.of({std::int64_t{1} << 40, 5}).class_names() == Names{"5", "1099511627776"});
}

TEST_CASE("class indices with a gap stay what they are", "[array_labels]") {
  const Dataset data = Arrays().of({0, 3, 1});
  CHECK(data.class_names() == Names{"0", "1", "2", "3"});
  CHECK(labels_of(data) == Labels{0, 3, 1});
}

TEST_CASE("test labels are among those of the training data, or indices as they are",
          "[array_labels]") {
  const Arrays arrays;
  const auto read = [&](const std::vector<std::int64_t>& train,
                        const std::vector<std::int64_t>& test) {
    arrays.write("_train.npy", train.size(), npy("<i8", shape(train.size()), int64s(train)));
    arrays.write("_test.npy", test.size(), npy("<i8", shape(test.size()), int64s(test)));
    return arrays.read("_train.npy");
  };
  const DataSplit split = read({700, 500, 600}, {600, 700});
  CHECK(split.train.class_names() == Names{"500", "600", "700"});
  CHECK(labels_of(split.train) == Labels{2, 0, 1});
  CHECK(labels_of(*split.test) == Labels{1, 2});
  CHECK(read({0, 1}, {2, 0}).train.class_names() == Names{"0", "1", "2"});
  for (const std::int64_t unknown : {-1, 90001})
    CHECK_THAT(message_of<DataError>([&] {
                 read({0, 1}, {0, unknown});
               }),
               ContainsSubstring("y_test.npy: label " + std::to_string(unknown) +
                                 " of sample 1 is not one of the classes '0', '1'"));
}

TEST_CASE("labels are looked up among the classes of a model", "[array_labels]") {
  const Arrays arrays;
  const Names names{"-1", "1"};
  CHECK(labels_of(arrays.of({1, 1, -1}, names)) == Labels{1, 1, 0});
  CHECK_THAT(message_of<DataError>([&] {
               arrays.of({1, 0}, names);
             }),
             ContainsSubstring("label 0 of sample 1 is not one of the classes '-1', '1'"));
}

TEST_CASE("labels in a column, and one-hot rows", "[array_labels]") {
  const Arrays arrays;
  arrays.write(".npy", 3, npy("<i8", "(3, 1)", int64s({0, 1, 1})));
  CHECK(labels_of(arrays.read().train) == Labels{0, 1, 1});
  for (const std::string type : {"|u1", "|b1"}) {
    arrays.write(".npy", 2, npy(type, "(2, 3)", std::string("\0\0\1\0\1\0", 6)));
    CHECK(labels_of(arrays.read().train) == Labels{2, 1});
  }
  arrays.write(".npy", 2, npy("<f8", "(2, 2)", doubles({1, 0, 0, 1})));
  CHECK(labels_of(arrays.read().train) == Labels{0, 1});
  for (const auto& rows : std::vector<std::vector<double>>{
           {0, 1, 1, 1}, {0, 1, 0, 0}, {0, 1, 0.3, 0.7}, {0, 1, 2, 0}, {0, 1, -1, 1}})
    CHECK_THAT(arrays.message(npy("<f8", "(2, 2)", doubles(rows)), 2),
               ContainsSubstring("row 1 is not one-hot") && ContainsSubstring("argmax"));
}

TEST_CASE("numbers that cannot be labels", "[array_labels]") {
  const Arrays arrays;
  for (const double value :
       {1.5, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()})
    CHECK_THAT(arrays.message(npy("<f8", "(2,)", doubles({0, value})), 2),
               ContainsSubstring("of sample 1 is not a whole number"));
  CHECK_THAT(arrays.message(npy("<u8", "(2,)", int64s({0, -1})), 2),
             ContainsSubstring("too large to be told apart"));
  CHECK_THAT(arrays.message(npy("<i8", "(1, 2, 1)", int64s({0, 1})), 2),
             ContainsSubstring("labels of shape 1 x 2 x 1"));
  CHECK_THAT(arrays.message(npy("<i8", "(3,)", int64s({0, 1, 0})), 2),
             ContainsSubstring("3 labels, but 2 samples"));
}

}  // namespace
}  // namespace lamella::test
