// Text for people: aligned tables, and names and durations as they should be read.
#ifndef LAMELLA_TOOLS_LAMELLA_IO_TEXT_TABLE_H_
#define LAMELLA_TOOLS_LAMELLA_IO_TEXT_TABLE_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lamella::cli {

/// Characters of UTF-8 text, near enough its width on a terminal.
std::size_t display_width(std::string_view text);

/// `text` with control characters replaced, safe to print on a terminal in one line.
std::string printable(std::string_view text);

/// A CSV field, quoted if it holds a comma, a quote, a line break or an outer space (RFC 4180).
std::string csv_field(std::string_view text);

/// 0.1 ms, 0.4 s, 12.3 s, 3:05, 2:10:00.
std::string duration(double seconds);

/// Rows of cells in aligned columns, two spaces apart.
class TextTable {
 public:
  enum class Align { left, right };

  explicit TextTable(std::vector<Align> columns) : columns_(std::move(columns)) {}
  /// Takes one cell per column.
  void add(std::vector<std::string> cells);
  /// The table, each line ended, no spaces at the ends of lines.
  std::string text() const;

 private:
  std::vector<Align> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace lamella::cli

#endif  // LAMELLA_TOOLS_LAMELLA_IO_TEXT_TABLE_H_
