// Fuzz target: CSV tables. The first bytes choose the options, the rest is the table.
#include <cmath>
#include <string>
#include <variant>
#include <vector>

#include <lamella/readers.h>

#include "tests/fuzz/fuzz.h"

using namespace lamella;

namespace {

CsvOptions options(fuzz::Bytes& bytes) {
  constexpr const char* kColumns[] = {"",   "0",     "1", "-1",
                                      "-2", "label", "y", "9999999999999999999"};
  const std::vector<std::string> names[] = {{}, {}, {}, {"0", "1"}, {"1", "0"}, {"a", "b", "c"}};
  constexpr char kDelimiters[] = {',', ',', ';', '\t', '|', ' ', ':', '"', '.', '\n', '\0', '1'};
  CsvOptions csv;
  const std::size_t header = bytes.below(4);
  if (header >= 2) csv.header = header == 2;
  const std::uint8_t columns = bytes.take();
  csv.labelled = columns % 4 != 0;
  csv.precision = static_cast<CsvPrecision>(columns / 4 % 3);
  const std::vector<std::string> features[] = {{}, {}, {"a", "b"}, {"b"}, {"b", "a", "c"}};
  csv.columns = {features[columns / 12 % 5], columns / 60 % 2 == 0 ? "" : "y"};
  csv.warn = [](const std::string& sentence) {
    fuzz::require(!sentence.empty(), "a warning without words");
  };
  csv.label_column = bytes.pick(kColumns);
  csv.class_names = bytes.pick(names);
  csv.delimiter = bytes.pick(kDelimiters);
  return csv;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Bytes bytes(data, size);
  const CsvOptions csv = options(bytes);
  const fuzz::MemoryFile file(bytes.rest());
  fuzz::reads_or_refuses([&] {
    try {
      const Dataset table = read_csv(file.path(), csv);
      fuzz::require(table.labelled() == csv.labelled || table.samples() == 0,
                    "labels are not where the options want them");
      for (index_t i = 0; i < table.samples(); ++i)
        for (index_t j = 0; j < table.features(); ++j)
          fuzz::require(std::isfinite(table.value(i, j)), "a feature is not finite");
    } catch (const ArgumentError&) {
      // Options that contradict each other, which is not the file's fault.
    }
  });
  return 0;
}
