// The bytes of a file, decompressed if it is gzip'd.
//
// Not here: what the bytes mean (array_reader.h and the formats).
#ifndef LAMELLA_CORE_DATA_BYTE_SOURCE_H_
#define LAMELLA_CORE_DATA_BYTE_SOURCE_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/base/file.h"

namespace lamella::detail {

/// A file's bytes. What begins as gzip does is decompressed: any number of members, and as gzip
/// itself has it, whatever follows the last one is ignored. Reading is ours and not zlib's, because
/// zlib takes a read that a signal interrupted for the end.
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
  /// More than that cannot follow, whatever a header says. No bound is known of a pipe.
  std::uint64_t most_bytes_left() const;
  const std::filesystem::path& path() const { return file_.path(); }
  /// Throws DataError "FILE: MESSAGE".
  [[noreturn]] void fail(std::string_view message) const;

 private:
  enum class State { plain, in_member, between_members, at_end };
  struct Inflater;

  void fill();
  void begin_member();
  std::size_t inflate_into(std::span<std::byte> out);

  InputFile file_;
  std::vector<std::byte> buffer_;
  std::span<const std::byte> pending_;  // of buffer_, read and not used
  std::unique_ptr<Inflater> inflater_;  // of compressed data
  State state_ = State::plain;
  std::uint64_t position_ = 0;
};

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_DATA_BYTE_SOURCE_H_
