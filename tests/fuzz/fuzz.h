// What fuzz targets share: the bytes of an input, a file that holds them, and what a finding is.
//
// A target is one function, LLVMFuzzerTestOneInput. With libFuzzer (preset `fuzz`) that makes up
// inputs; in other builds replay.cpp runs the target on a corpus.
#ifndef LAMELLA_TESTS_FUZZ_FUZZ_H_
#define LAMELLA_TESTS_FUZZ_FUZZ_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include <lamella/error.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace lamella::fuzz {

/// The bytes of an input, taken from the front. After the last one all are 0.
class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : rest_(data, size) {}

  std::uint8_t take() {
    if (rest_.empty()) return 0;
    const std::uint8_t first = rest_.front();
    rest_ = rest_.subspan(1);
    return first;
  }
  bool flag() { return take() % 2 != 0; }
  /// A number below `count`.
  std::size_t below(std::size_t count) { return take() % count; }
  template <class Choices>
  const auto& pick(const Choices& choices) {
    return choices[below(std::size(choices))];
  }
  /// The next `count` bytes, or as many as there are.
  std::span<const std::uint8_t> take(std::size_t count) {
    const auto first = rest_.first(std::min(count, rest_.size()));
    rest_ = rest_.subspan(first.size());
    return first;
  }
  std::span<const std::uint8_t> rest() const { return rest_; }
  std::string text() const { return {rest_.begin(), rest_.end()}; }

 private:
  std::span<const std::uint8_t> rest_;
};

/// A file in memory that has a path as long as the object lives.
class MemoryFile {
 public:
  explicit MemoryFile(std::span<const std::uint8_t> content);
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile();

  std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

/// Says what is wrong and ends the program by a signal, so that libFuzzer keeps the input.
[[noreturn]] void finding(const std::string& what);
inline void require(bool holds, const char* what) {
  if (!holds) finding(what);
}

/// The input is one that the library accepts. Seeds named good-* must be (replay.cpp).
void accepted();

/// read() on an untrusted file: it reads it, or says by a DataError what is wrong with it. Any
/// other exception is a finding: libFuzzer reports those that are not caught.
template <class Read>
void reads_or_refuses(const Read& read) {
  try {
    read();
    accepted();
  } catch (const DataError& error) {
    require(*error.what() != '\0', "an error without a message");
  }
}

}  // namespace lamella::fuzz

#endif  // LAMELLA_TESTS_FUZZ_FUZZ_H_
