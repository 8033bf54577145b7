// read_csv: columns by name, headers that are numbers, label columns, and numbers that float would
// make equal.
#include <fcntl.h>
#include <sys/stat.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <thread>

#include <lamella/error.h>

#include "tests/data/fixtures.h"

namespace lamella::test {
namespace {

using Catch::Matchers::ContainsSubstring;
using Doubles = std::vector<double>;
using Names = std::vector<std::string>;

class Csv {
 public:
  Dataset read(const std::string& text, CsvOptions options = {}) {
    warnings_.clear();
    options.warn = [this](const std::string& warning) { warnings_.push_back(warning); };
    return read_csv(write_file(directory_, "t.csv", text), options);
  }
  std::string message(const std::string& text, const CsvOptions& options = {}) {
    return message_of<DataError>([&] { read(text, options); });
  }
  const Names& warnings() const { return warnings_; }

 private:
  ScratchDirectory directory_;
  Names warnings_;
};

bool holds_doubles(const Dataset& data) {
  return std::holds_alternative<std::vector<double>>(data.values());
}

CsvOptions like(Names features, std::string label = {}, bool labelled = true) {
  CsvOptions options;
  options.columns = {std::move(features), std::move(label)};
  options.labelled = labelled;
  return options;
}

CsvOptions with_label(std::string column) {
  CsvOptions options;
  options.label_column = std::move(column);
  return options;
}
CsvOptions with_header(bool header) {
  CsvOptions options;
  options.header = header;
  return options;
}
CsvOptions unlabelled(CsvPrecision precision = CsvPrecision::automatic) {
  CsvOptions options;
  options.labelled = false;
  options.precision = precision;
  return options;
}

TEST_CASE("the names of a header are kept", "[csv_columns]") {
  Csv csv;
  const Dataset data = csv.read("a,kind,b\n1,x,2\n3,y,4\n", with_label("kind"));
  CHECK(data.columns() == ColumnNames{{"a", "b"}, "kind"});
  CHECK(data.subset(std::vector<std::int32_t>{1}).columns() == data.columns());
  CHECK(csv.read("1,2,x\n3,4,y\n").columns() == ColumnNames{});
  CHECK(csv.warnings().empty());
  CHECK(csv.read("a,a,k\n1,2,x\n3,4,y\n").columns() == ColumnNames{});
  REQUIRE(csv.warnings().size() == 1);
  CHECK_THAT(csv.warnings()[0], ContainsSubstring("more than one column is called 'a'"));
}

TEST_CASE("features and label are taken by name, wherever they are", "[csv_columns]") {
  Csv csv;
  const std::string text = "id,dose,state,age\n7,1,well,30\n8,2,sick,40\n";
  const Dataset data = csv.read(text, like({"age", "dose"}, "state"));
  CHECK(all_values(data) == Doubles{30, 1, 40, 2});
  CHECK(data.class_names() == Names{"sick", "well"});
  REQUIRE(csv.warnings().size() == 1);
  CHECK_THAT(csv.warnings()[0],
             ContainsSubstring("the model does not use 'id', which is left out"));
  CHECK(all_values(csv.read(text, like({"dose", "age"}, "state", false))) == Doubles{1, 30, 2, 40});
  CHECK(all_values(csv.read("5,6\n", like({"age", "dose"}, "state", false))) == Doubles{5, 6});
  CHECK_THAT(csv.message("height,dose\n1,2\n", like({"age", "dose"}, "", false)),
             ContainsSubstring("takes the columns 'age', 'dose'; 'age' is missing among the "
                               "table's 'height', 'dose'"));
  CHECK_THAT(csv.message("age,dose\n1,2\n", like({"age", "dose"}, "state")),
             ContainsSubstring("no column is called 'state'"));
  CHECK_THAT(csv.message("age,dose,dose\n1,2,3\n", like({"age", "dose"}, "", false)),
             ContainsSubstring("more than one column is called 'dose'"));
  // Names that are numbers, known from the model.
  CHECK(all_values(csv.read("2020,2019\n0.5,0.25\n", like({"2019", "2020"}, "", false))) ==
        Doubles{0.25, 0.5});
}

TEST_CASE("a column called label is the label", "[csv_columns]") {
  Csv csv;
  for (const std::string name : {"label", "Class", "TARGET", "species"}) {
    const Dataset data = csv.read(name + ",p,q\n0,1,7\n1,2,7\n");
    CHECK(data.columns().label == name);
    CHECK(all_values(data) == Doubles{1, 7, 2, 7});
    REQUIRE(csv.warnings().size() == 1);
    CHECK_THAT(csv.warnings()[0], ContainsSubstring("labels are taken from column '" + name));
  }
  CHECK(csv.read("class,p,label\n0,1,7\n1,2,8\n").columns().label == "label");
  CHECK(csv.warnings().empty());
  CHECK(csv.read("label,p,q\n0,1,7\n1,2,8\n", with_label("-1")).columns().label == "q");
  CHECK_THAT(csv.message("class,label,q\n0,1,7\n1,2,8\n"),
             ContainsSubstring("may be in any of the columns 'class', 'label'"));
}

TEST_CASE("a header of numbers is not taken for a sample", "[csv_columns]") {
  Csv csv;
  const std::string rows = "0.5,1.5,0\n-1,2,1\n0.25,3,0\n4,1,1\n2,5,1\n";
  for (const std::string header : {"2019,2020,region\n", "2019,2020,2021\n"}) {
    CHECK_THAT(csv.message(header + rows),
               ContainsSubstring("t.csv:1: names or numbers?") && ContainsSubstring("--no-header"));
    CHECK(csv.read(header + rows, with_header(true)).samples() == 5);
    CHECK(csv.read(header + rows, with_header(false)).samples() == 6);
  }
  CHECK_THAT(csv.message("2019,2020,region\n0.5,1.5,0\n"),
             ContainsSubstring("'region' is the label of no other sample"));
  CHECK_THAT(csv.message("0,1,2,3\n0.5,1.5,0,1\n1,2,1,0.5\n", unlabelled()),
             ContainsSubstring("they count upwards"));
  CHECK(csv.read("1,2,3\n4,5,6\n", unlabelled()).samples() == 2);
  CHECK(csv.read(rows).samples() == 5);
}

TEST_CASE("values that float would make equal are kept as double", "[csv_columns]") {
  Csv csv;
  const auto values = [&](const std::string& text) { return csv.read(text, unlabelled()); };
  const Dataset stamps = values("1700000007797\n1700000007798\n");
  CHECK(holds_doubles(stamps));
  CHECK(all_values(stamps) == Doubles{1700000007797, 1700000007798});
  CHECK(holds_doubles(values("16777217\n3\n")));
  CHECK(holds_doubles(values("1000000.001\n1000000.002\n")));
  CHECK(holds_doubles(values("1e-60\n2e-60\n")));
  CHECK(holds_doubles(values("1e39\n2\n")));
  // Constants have nothing to lose, and ordinary decimals nothing that matters.
  for (const std::string text : {"1700000007797\n", "36.6\n36.6\n", "0.1\n0.2\n", "16777216\n3\n",
                                 "293.15\n295.65\n", "1e-310\n0\n1\n", "1990\n2024\n"})
    CHECK_FALSE(holds_doubles(values(text)));
  CHECK_FALSE(
      holds_doubles(csv.read("1700000007797\n1700000007798\n", unlabelled(CsvPrecision::single))));
  CHECK(holds_doubles(csv.read("1\n2\n", unlabelled(CsvPrecision::full))));
}

TEST_CASE("a pipe is read once, with the same result", "[csv_columns]") {
  const ScratchDirectory directory;
  const auto pipe = directory.path() / "pipe";
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  for (const std::string text : {"1700000007797\n1700000007798\n", "0.1\n0.25\n"}) {
    std::thread writer([&] { std::ofstream(pipe) << text; });
    const Dataset from_pipe = read_csv(pipe, unlabelled());
    writer.join();
    const Dataset from_file = read_csv(write_file(directory, "file", text), unlabelled());
    CHECK(from_pipe.values() == from_file.values());
  }
}

TEST_CASE("numbers below double's range are 0, numbers above are refused", "[csv_columns]") {
  Csv csv;
  const auto value = [&](const std::string& text) {
    return csv.read(text + "\n", unlabelled()).value(0, 0);
  };
  const std::string zeros(400, '0');
  for (const std::string& text :
       {std::string("1e-473"), std::string("1e-310"), std::string("2.5E-99999999999999999999"),
        "0." + zeros + "1e50", "." + zeros + "3", std::string("+1e-400")})
    CHECK(value(text) == 0);
  CHECK(std::signbit(value("-1e-473")));
  for (const std::string& text : {std::string("1e400"), std::string("-1e400"), "1" + zeros,
                                  "1" + zeros + "e-50", std::string("1e99999999999999999999")})
    CHECK_THAT(csv.message(text + "\n", unlabelled()),
               ContainsSubstring("is out of the range of double"));
  CHECK(value("1" + zeros + "e-400") == 1);
}

}  // namespace
}  // namespace lamella::test
