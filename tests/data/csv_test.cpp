// read_csv: columns, labels, quoting, and errors that name the place.
#include <clocale>
#include <string>
#include <vector>

#include <lamella/error.h>
#include <lamella/readers.h>

#include "tests/data/fixtures.h"

namespace lamella::test {
namespace {

using Catch::Matchers::ContainsSubstring;
using Doubles = std::vector<double>;
using Labels = std::vector<std::int32_t>;
using Names = std::vector<std::string>;

class Csv {
 public:
  Dataset read(const std::string& text, const CsvOptions& options = {}) const {
    return read_csv(write_file(directory_, "t.csv", text), options);
  }
  /// The message behind the path of the file.
  template <class E = DataError>
  std::string message(const std::string& text, const CsvOptions& options = {}) const {
    const std::string message = message_of<E>([&] { read(text, options); });
    const std::string path = (directory_.path() / "t.csv").string();
    return message.starts_with(path) ? message.substr(path.size()) : message;
  }

 private:
  ScratchDirectory directory_;
};

Labels labels_of(const Dataset& data) { return {data.labels().begin(), data.labels().end()}; }

TEST_CASE("a table with header and text labels", "[csv]") {
  const Dataset data = Csv().read("a,b,kind\n1,2.5,dog\n-3,4e2,cat\n5,.5,dog\n");
  CHECK(data.samples() == 3);
  CHECK(data.sample_shape() == std::vector<index_t>{2});
  CHECK_FALSE(data.holds_bytes());
  CHECK(all_values(data) == Doubles{1, 2.5, -3, 400, 5, .5});
  CHECK(data.class_names() == Names{"cat", "dog"});
  CHECK(labels_of(data) == Labels{1, 0, 1});
}

TEST_CASE("whole-number labels are in numeric order, others in text order", "[csv]") {
  const Csv csv;
  CHECK(csv.read("0,10\n0,9\n0,-1\n").class_names() == Names{"-1", "9", "10"});
  CHECK(labels_of(csv.read("0,10\n0,9\n0,-1\n")) == Labels{2, 1, 0});
  CHECK(csv.read("0,10\n0,9\n0,x\n").class_names() == Names{"10", "9", "x"});
  CHECK(csv.read("0,01\n0,1\n").class_names() == Names{"01", "1"});
  CHECK(csv.read("0,99999999999999999999\n0,9\n").class_names() ==
        Names{"9", "99999999999999999999"});
}

TEST_CASE("a header is found, or told", "[csv]") {
  const Csv csv;
  CHECK(csv.read("1,2,x\n3,4,y\n").samples() == 2);
  CHECK(csv.read("a,b,c\n3,4,y\n").samples() == 1);
  CHECK(csv.read(",b,c\n3,4,y\n").samples() == 1);
  CsvOptions options;
  options.header = true;
  CHECK(csv.read("1,2,x\n3,4,y\n", options).samples() == 1);
  options.header = false;
  CHECK(csv.read("1,2,x\n3,4,y\n", options).samples() == 2);
  CHECK_THAT(csv.message("a,b,x\n3,4,y\n", options),
             ContainsSubstring(":1: column 1: 'a' is not a number"));
}

TEST_CASE("one bad value in the first line does not make it a header", "[csv]") {
  const Csv csv;
  CHECK_THAT(csv.message("1,?,x\n3,4,y\n"), ContainsSubstring(":1: column 2: '?' is not a number"));
  CHECK_THAT(csv.message("1,,x\n3,4,y\n"), ContainsSubstring(":1: column 2: the value is missing"));
  CHECK_THAT(csv.message("nan,nan,x\n3,4,y\n"), ContainsSubstring("'nan' is not a finite number"));
}

TEST_CASE("the label column by name and index", "[csv]") {
  const Csv csv;
  const std::string text = "a,kind,b\n1,x,2\n3,y,4\n";
  for (const std::string column : {"kind", "1", "-2"}) {
    INFO(column);
    CsvOptions options;
    options.label_column = column;
    const Dataset data = csv.read(text, options);
    CHECK(all_values(data) == Doubles{1, 2, 3, 4});
    CHECK(data.class_names() == Names{"x", "y"});
  }
  CsvOptions by_name;
  by_name.label_column = "0";
  by_name.header = true;  // column "0" is the last, not the first
  CHECK(csv.read("2,1,0\n7,8,9\n", by_name).class_names() == Names{"9"});
}

TEST_CASE("label columns that are not there", "[csv]") {
  const Csv csv;
  CsvOptions options;
  options.label_column = "species";
  CHECK_THAT(
      csv.message("a,kind,b\n1,x,2\n", options),
      ContainsSubstring(":1: no column is called 'species'; the columns are 'a', 'kind', 'b'"));
  options.header = false;
  CHECK_THAT(csv.message<ArgumentError>("1,2,x\n", options), ContainsSubstring("'species'"));
  options = {};
  for (const std::string index : {"3", "-4", "9223372036854775807", "-9223372036854775808"}) {
    options.label_column = index;
    CHECK_THAT(csv.message("1,2,x\n", options),
               ContainsSubstring("label column " + index + " is outside 0 to 2 (or -1 to -3)"));
  }
  options.label_column = "kind";
  CHECK_THAT(csv.message("kind,kind,b\n1,x,2\n", options),
             ContainsSubstring("more than one column is called 'kind'"));
  std::string wide = "f0";
  for (int i = 1; i < 1000; ++i) wide.append(",f").append(std::to_string(i));
  CHECK_THAT(csv.message(wide + "\n", options), ContainsSubstring("'f19', ... (1000 in all)"));
}

TEST_CASE("unlabelled tables", "[csv]") {
  const Csv csv;
  CsvOptions options;
  options.labelled = false;
  options.label_column = "ignored";
  const Dataset data = csv.read("x,y\n1,2\n3,4\n", options);
  CHECK_FALSE(data.labelled());
  CHECK(data.classes() == 0);
  CHECK(all_values(data) == Doubles{1, 2, 3, 4});
  CHECK(csv.read("1\n2\n\n3\n", options).samples() == 3);
}

TEST_CASE("given classes keep their order and admit no others", "[csv]") {
  const Csv csv;
  CsvOptions options;
  options.class_names = {"dog", "cat", "emu"};
  const Dataset data = csv.read("1,cat\n2,dog\n", options);
  CHECK(data.class_names() == options.class_names);
  CHECK(labels_of(data) == Labels{1, 0});
  CHECK_THAT(csv.message("a,kind\n1,cat\n2,cow\n", options),
             ContainsSubstring(":3: column 2 ('kind'): label 'cow' is not one of the classes "
                               "'dog', 'cat', 'emu'"));
  options.class_names = {"dog", "dog"};
  CHECK_THAT(csv.message<ArgumentError>("1,dog\n", options), ContainsSubstring("'dog' twice"));
}

TEST_CASE("quoting, line ends, blanks and the byte order mark", "[csv]") {
  const Csv csv;
  const Names expected = {"a,b", "line\nbreak", "say \"hi\"", ""};
  const Dataset quoted = csv.read(
      "\"x\",\"the \"\"label\"\"\"\r\n"
      "1,\"a,b\"\r\n"
      "\"2\",\"line\nbreak\"\r\n"
      "3 , \"say \"\"hi\"\"\" \r\n");
  CHECK(quoted.class_names() == Names{"a,b", "line\nbreak", "say \"hi\""});
  CHECK(all_values(quoted) == Doubles{1, 2, 3});
  CHECK(csv.read("1,\" a \"\n").class_names() == Names{" a "});
  CHECK(csv.read("1,\"\"\"\"\n").class_names() == Names{"\""});
  CHECK(csv.read("\xef\xbb\xbf"
                 "1,a\r\n2,b")
            .samples() == 2);
  CHECK(csv.read("\r\n\n1,a\n\n  \n2,b\n\n\n").samples() == 2);
  CHECK(csv.read(" 1 ,\ta b \n").class_names() == Names{"a b"});
  CsvOptions options;
  options.delimiter = '\t';
  CHECK(all_values(csv.read("1\t2\ta,b\n", options)) == Doubles{1, 2});
  options.delimiter = ';';
  CHECK(csv.read("1;2;a\n", options).features() == 2);
}

TEST_CASE("misplaced quotes name the line on which they are", "[csv]") {
  const Csv csv;
  CHECK_THAT(csv.message("1,a\n2,b\"c\n"), ContainsSubstring(":2: column 2: a quote inside"));
  CHECK_THAT(csv.message("1,\"a\nb\"x\n"), ContainsSubstring(":2: column 2: characters after"));
  CHECK_THAT(csv.message("1,a\n2,\"b\n3,c\n"),
             ContainsSubstring(":2: column 2: a quoted field without closing quote"));
  CHECK_THAT(csv.message("1,\"a\n\n\"\nx,b\n"), ContainsSubstring(":4: column 1: 'x'"));
}

TEST_CASE("errors name file, line, column and column name", "[csv]") {
  const Csv csv;
  const std::string head = "width,height,kind\n1,2,a\n";
  const auto message = [&](const std::string& line) { return csv.message(head + line + "\n"); };
  CHECK_THAT(message("1,x,a"), ContainsSubstring(":3: column 2 ('height'): 'x' is not a number"));
  CHECK_THAT(message(",2,a"), ContainsSubstring(":3: column 1 ('width'): the value is missing"));
  CHECK_THAT(message("1,2,"), ContainsSubstring(":3: column 3 ('kind'): the label is missing"));
  CHECK_THAT(message("1,2"), ContainsSubstring(":3: 2 fields, where the first line has 3"));
  CHECK_THAT(message("1,2,3,a"), ContainsSubstring(":3: 4 fields, where the first line has 3"));
  for (const std::string value : {"nan", "NaN", "inf", "-inf", "Infinity"})
    CHECK_THAT(message(value + ",2,a"), ContainsSubstring("is not a finite number"));
  for (const std::string value : {"1e309", "-1e309", "1e999"})
    CHECK_THAT(message(value + ",2,a"), ContainsSubstring("is out of the range of double"));
  CsvOptions single;
  single.precision = CsvPrecision::single;
  for (const std::string value : {"1e39", "-1e39"})
    CHECK_THAT(csv.message(head + value + ",2,a\n", single),
               ContainsSubstring("is out of the range of float"));
  for (const std::string value : {"1.2.3", "1,5e", "0x10", "1 2", "--1", "+-1", "+", "-", ".", "e5",
                                  "1e", "\x01\x1b[31m", "12345678x", "1_000"})
    CHECK_THAT(message("\"" + value + "\",2,a"), ContainsSubstring("is not a number"));
  CHECK_THAT(message("\x1b[31m,2,a"), ContainsSubstring("'\\x1b[31m'"));
  CHECK_THAT(message(std::string(1000, 'x') + ",2,a"), ContainsSubstring("xxx...' is not"));
}

TEST_CASE("numbers in all spellings", "[csv]") {
  const Csv csv;
  CsvOptions options;
  options.labelled = false;
  const auto value = [&](const std::string& text) {
    return csv.read(text + ",0\n", options).value(0, 0);
  };
  CHECK(value("0") == 0);
  CHECK(value("9999999") == 9999999);
  CHECK(value("16777216") == 16777216);
  CHECK(value("007") == 7);
  CHECK(value("+1.5") == 1.5);
  CHECK(value("-1.5E-3") == static_cast<double>(-1.5e-3F));
  CHECK(value("5.") == 5);
  CHECK(value("0.1") == static_cast<double>(0.1F));
  CHECK(value("1e-310") == 0);
  CHECK(value("123456789012345678901234567890") == static_cast<double>(1.2345679e29F));
  CHECK(std::signbit(value("-0")));
}

TEST_CASE("numbers do not depend on the locale", "[csv]") {
  // Without a comma locale installed this still shows that the C locale is not needed by name.
  const char* const changed = std::setlocale(LC_ALL, "de_DE.UTF-8");
  INFO((changed != nullptr ? "with de_DE.UTF-8" : "de_DE.UTF-8 is not installed"));
  CHECK(Csv().read("1.5,a\n").value(0, 0) == 1.5);
  std::setlocale(LC_ALL, "C");
}

TEST_CASE("files without samples", "[csv]") {
  const Csv csv;
  for (const std::string text : {"", "\n", "\r\n\r\n", "\xef\xbb\xbf", "  \n"})
    CHECK_THAT(csv.message(text), ContainsSubstring("the file is empty"));
  CHECK_THAT(csv.message("a,b,c\n"), ContainsSubstring("a header line and no samples"));
  CHECK_THAT(csv.message("1\n2\n"), ContainsSubstring("one column only"));
  CHECK_THAT(csv.message("1;2\n"), ContainsSubstring("one column only"));
  CHECK_THAT(csv.message(std::string("\xff\xfe"
                                     "1\0,\0",
                                     6)),
             ContainsSubstring("UTF-16"));
}

TEST_CASE("tables longer than a buffer arrive whole", "[csv]") {
  std::string text = "a,b,label\n";
  constexpr int kRows = 200'000;  // about 3.7 MB: several buffers, records across their borders
  for (int i = 0; i < kRows; ++i)
    text += std::to_string(i) + "," + std::to_string(i % 1000) + ".25,\"c\"\"" +
            std::to_string(i % 3) + "\"\n";
  const Dataset data = Csv().read(text);
  REQUIRE(data.samples() == kRows);
  CHECK(data.class_names() == Names{"c\"0", "c\"1", "c\"2"});
  for (int i = 0; i < kRows; ++i) {
    REQUIRE(data.value(i, 0) == i);
    REQUIRE(data.value(i, 1) == i % 1000 + 0.25);
    REQUIRE(data.labels()[static_cast<std::size_t>(i)] == i % 3);
  }
}

TEST_CASE("a record longer than a buffer", "[csv]") {
  std::string text = "0";
  for (int i = 1; i < 500'000; ++i) text.append(",").append(std::to_string(i % 100));
  const Dataset data = Csv().read(text + ",x\n" + text + ",y");
  CHECK(data.samples() == 2);
  REQUIRE(data.features() == 500'000);
  CHECK(data.value(1, 499'999) == 99);
}

TEST_CASE("every prefix of a table is read or refused", "[csv]") {
  const Csv csv;
  const std::string text =
      "\xef\xbb\xbf"
      "\"a\",b\r\n1.5,\"x \"\"y\"\"\"\r\n2,z\r\n";
  for (std::size_t length = 0; length <= text.size(); ++length) {
    INFO(length);
    try {
      const Dataset data = csv.read(text.substr(0, length));
      CHECK(data.samples() >= 1);
    } catch (const DataError& error) {
      CHECK_THAT(error.what(), ContainsSubstring("t.csv:"));
    }
  }
}

TEST_CASE("delimiters that cannot be", "[csv]") {
  for (const char delimiter : {'"', '\n', '\r'}) {
    CsvOptions options;
    options.delimiter = delimiter;
    CHECK_THAT(Csv().message<ArgumentError>("1,2\n", options), ContainsSubstring("delimiter"));
  }
}

TEST_CASE("a CSV file that never ends is given up", "[csv]") {
  reset_largest_allocation();
  CHECK_THAT(message_of<DataError>([] { read_csv("/dev/zero"); }),
             ContainsSubstring("/dev/zero:1: a record of more than"));
  CHECK(largest_allocation() <= std::size_t{1} << 26);
}

TEST_CASE("a CSV file that is not there", "[csv]") {
  const ScratchDirectory directory;
  CHECK_THAT(message_of<IoError>([&] { read_csv(directory.path() / "no.csv"); }),
             ContainsSubstring("no.csv: cannot open: No such file"));
  CHECK_THAT(message_of<IoError>([&] { read_csv(directory.path()); }),
             ContainsSubstring("Is a directory"));
}

}  // namespace
}  // namespace lamella::test
