// Splits delimiter-separated text into records and fields (RFC 4180), a buffer at a time.
//
// Not here: what the fields mean (csv.cpp). Memory is bounded by the longest record, not the file.
#ifndef LAMELLA_CORE_DATA_CSV_SCANNER_H_
#define LAMELLA_CORE_DATA_CSV_SCANNER_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/file.h"

namespace lamella::detail {

/// Reads records one after the other. Lines end in LF or CRLF; a field in quotes may hold
/// delimiters, line ends and doubled quotes; blanks around fields are not part of them (but those
/// in quotes are). A byte order mark and lines without any content are skipped.
class CsvScanner {
 public:
  CsvScanner(const std::filesystem::path& path, char delimiter);

  /// Moves to the next record; false at the end of the file. Throws IoError, or DataError naming
  /// file and line for a quote that is out of place or a record longer than 64 MiB.
  bool next();
  /// The current record's fields, valid until the next call of next().
  const std::vector<std::string_view>& fields() const { return fields_; }
  /// Line on which the current record begins, from 1.
  std::uint64_t line() const { return line_; }
  /// Throws DataError "FILE:LINE: MESSAGE" with the line of the current record.
  [[noreturn]] void fail(std::string_view message) const;

 private:
  bool scan_record();
  bool scan_quoted(std::size_t& at, std::uint64_t& newlines);
  bool fill();
  void skip_byte_order_mark();

  InputFile file_;
  char delimiter_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  // of the next record in buffer_
  std::size_t end_ = 0;    // of the bytes in buffer_
  bool at_end_ = false;    // nothing left to read beyond end_
  std::uint64_t line_ = 0;
  std::uint64_t next_line_ = 1;
  std::vector<std::string_view> fields_;
  std::vector<std::size_t> escaped_;  // fields that hold doubled quotes
};

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_DATA_CSV_SCANNER_H_
