// Reads arrays of numbers out of (possibly gzip'd) binary files: bytes, then decoded elements.
//
// Not here: headers. The formats (idx.cpp, npy.cpp) parse theirs and say how many elements follow.
// Memory grows with the real content of the file, whatever its header promises.
#ifndef LAMELLA_CORE_DATA_ARRAY_READER_H_
#define LAMELLA_CORE_DATA_ARRAY_READER_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <lamella/readers.h>

namespace lamella::detail {

/// A file's bytes, decompressed if it is gzip'd.
class ByteSource {
 public:
  /// Throws IoError if `path` cannot be opened.
  explicit ByteSource(const std::filesystem::path& path);
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  ~ByteSource();

  /// Reads until `out` is full or the data end; returns the number of bytes read. Throws IoError if
  /// the system cannot read, DataError if compressed data are damaged or cut short.
  std::size_t read(std::span<std::byte> out);
  /// Fills `out`, or throws DataError that says in which part (`what`) of the file data end.
  void read_exactly(std::span<std::byte> out, std::string_view what);
  /// Bytes (after decompression) read so far.
  std::uint64_t position() const { return position_; }
  /// Throws DataError "FILE: MESSAGE".
  [[noreturn]] void fail(std::string_view message) const;

 private:
  std::filesystem::path path_;
  void* file_ = nullptr;  // gzFile
  std::uint64_t position_ = 0;
};

/// How one element is stored.
struct ElementType {
  enum class Kind : std::uint8_t { unsigned_integer, signed_integer, floating };
  Kind kind = Kind::unsigned_integer;
  int bytes = 1;  ///< 1, 2, 4 or 8; floating: 2, 4 or 8
  bool big_endian = false;
};

/// Reads the elements of an array of `shape`, as the type that NdArray documents, and checks that
/// the file ends there. Throws DataError with the numbers of bytes expected and found.
Dataset::Features read_elements(ByteSource& source, ElementType type,
                                std::span<const std::uint64_t> shape);

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_DATA_ARRAY_READER_H_
