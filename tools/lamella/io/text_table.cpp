// Aligned tables, CSV fields and durations.
#include "tools/lamella/io/text_table.h"

#include <algorithm>
#include <cmath>

#include "tools/lamella/io/format.h"

namespace lamella::cli {

std::size_t display_width(std::string_view text) {
  // Bytes 10xxxxxx continue a character.
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) >> 6) != 2; }));
}

std::string printable(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return result;
}

std::string csv_field(std::string_view text) {
  const bool plain = text.find_first_of(",\"\r\n") == text.npos &&
                     (text.empty() || (text.front() != ' ' && text.back() != ' '));
  if (plain) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string duration(double seconds) {
  if (!(seconds >= 0)) seconds = 0;
  if (seconds < 0.095) return formatted("{:.1f} ms", 1e3 * seconds);
  if (seconds < 59.95) return formatted("{:.1f} s", seconds);
  const long long whole = std::llround(std::min(seconds, 1e15));
  const auto hours = whole / 3600, minutes = whole / 60 % 60, rest = whole % 60;
  if (hours == 0) return formatted("{}:{:02}", minutes, rest);
  return formatted("{}:{:02}:{:02}", hours, minutes, rest);
}

void TextTable::add(std::vector<std::string> cells) {
  cells.resize(columns_.size());
  rows_.push_back(std::move(cells));
}

std::string TextTable::text() const {
  std::vector<std::size_t> widths(columns_.size(), 0);
  for (const auto& row : rows_)
    for (std::size_t j = 0; j < widths.size(); ++j)
      widths[j] = std::max(widths[j], display_width(row[j]));
  std::string result;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t j = 0; j < widths.size(); ++j) {
      const std::string padding(widths[j] - display_width(row[j]), ' ');
      if (j > 0) line += "  ";
      line += columns_[j] == Align::left ? row[j] + padding : padding + row[j];
    }
    line.resize(line.find_last_not_of(' ') + 1);
    result += line + '\n';
  }
  return result;
}

}  // namespace lamella::cli
