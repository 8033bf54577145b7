// Splits delimiter-separated text into records and fields; see csv_scanner.h.
#include "core/data/csv_scanner.h"

#include <algorithm>
#include <cstring>

#include <lamella/error.h>

#include "core/base/format.h"

namespace lamella::detail {
namespace {

constexpr std::size_t kFirstBuffer = std::size_t{1} << 20;
constexpr std::size_t kLongestRecord = std::size_t{1} << 26;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

std::string_view trimmed(const char* begin, const char* end) {
  while (begin != end && is_blank(*begin)) ++begin;
  while (begin != end && is_blank(end[-1])) --end;
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace

CsvScanner::CsvScanner(const std::filesystem::path& path, char delimiter)
    : file_(path), delimiter_(delimiter), buffer_(kFirstBuffer) {
  skip_byte_order_mark();
}

void CsvScanner::fail(std::string_view message) const {
  throw DataError(formatted("{}:{}: {}", file_.path().string(), line_, message));
}

// Makes room behind end_ and reads into it; false if the file has no more.
bool CsvScanner::fill() {
  if (at_end_) return false;
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  } else if (end_ == buffer_.size()) {
    if (buffer_.size() >= kLongestRecord)
      fail(
          formatted("a record of more than {} bytes; is this a text file, and every quote "
                    "closed?",
                    kLongestRecord));
    buffer_.resize(2 * buffer_.size());
  }
  const std::size_t count = file_.read(std::as_writable_bytes(std::span(buffer_)).subspan(end_));
  end_ += count;
  at_end_ = end_ < buffer_.size();
  return count > 0;
}

void CsvScanner::skip_byte_order_mark() {
  fill();
  const std::string_view start(buffer_.data(), end_);
  line_ = 1;
  if (start.starts_with("\xff\xfe") || start.starts_with("\xfe\xff"))
    fail("UTF-16 text; UTF-8 (or any encoding that extends ASCII) can be read");
  if (start.starts_with("\xef\xbb\xbf")) begin_ = 3;
}

bool CsvScanner::next() {
  for (;;) {
    line_ = next_line_;
    // An incomplete record is scanned again from its start once more of the file is there.
    while (!scan_record())
      if (!fill() && begin_ == end_) return false;
    if (fields_.size() > 1 || !fields_[0].empty()) break;
  }
  for (const std::size_t f : escaped_) {  // in place: the record is complete and not read again
    char* const begin = buffer_.data() + (fields_[f].data() - buffer_.data());
    char* to = begin;
    for (const char* from = begin; from != begin + fields_[f].size(); ++from, ++to) {
      *to = *from;
      if (*from == '"') ++from;
    }
    fields_[f] = {begin, static_cast<std::size_t>(to - begin)};
  }
  return true;
}

// Scans the record at begin_ and moves behind it. False, and nothing changed, if the buffer ends
// first and more may follow.
bool CsvScanner::scan_record() {
  fields_.clear();
  escaped_.clear();
  std::uint64_t newlines = 0;
  std::size_t at = begin_;
  if (at == end_) return false;
  const char* const text = buffer_.data();
  for (;;) {
    const std::size_t start = at;
    while (at < end_ && text[at] != delimiter_ && text[at] != '\n' && text[at] != '"') ++at;
    if (at < end_ && text[at] == '"') {
      if (!trimmed(text + start, text + at).empty()) {
        line_ += newlines;
        fail(formatted("column {}: a quote inside a field that does not begin with one",
                       fields_.size() + 1));
      }
      if (!scan_quoted(at, newlines)) return false;
    } else {
      if (at == end_ && !at_end_) return false;
      fields_.push_back(trimmed(text + start, text + at));
    }
    if (at == end_ || text[at] == '\n') break;
    ++at;  // the delimiter
  }
  begin_ = std::min(at + 1, end_);
  next_line_ = line_ + newlines + 1;
  return true;
}

// Scans the quoted field whose opening quote is at `at`, up to its delimiter or line end.
bool CsvScanner::scan_quoted(std::size_t& at, std::uint64_t& newlines) {
  const char* const text = buffer_.data();
  const std::size_t start = ++at;
  bool escaped = false;
  for (;; ++at) {
    if (at < end_ && text[at] != '"') {
      newlines += text[at] == '\n' ? 1 : 0;
    } else if (at + 1 < end_ && text[at + 1] == '"') {
      escaped = true;
      ++at;
    } else if (at + 1 < end_ || at_end_) {
      break;
    } else {
      return false;
    }
  }
  const std::size_t column = fields_.size() + 1;
  if (at >= end_) fail(formatted("column {}: a quoted field without closing quote", column));
  if (escaped) escaped_.push_back(fields_.size());
  fields_.emplace_back(text + start, at - start);
  for (++at; at < end_ && text[at] != delimiter_ && text[at] != '\n'; ++at)
    if (!is_blank(text[at])) {
      line_ += newlines;
      fail(formatted("column {}: characters after the closing quote", column));
    }
  return at < end_ || at_end_;
}

}  // namespace lamella::detail
