// Decodes the elements of arrays in binary files.
//
// Not here: bytes (byte_source.h) and headers. The formats (idx.cpp, npy.cpp) parse theirs and say
// how many elements follow. Memory grows with the real content of the file, whatever its header
// promises.
#ifndef LAMELLA_CORE_DATA_ARRAY_READER_H_
#define LAMELLA_CORE_DATA_ARRAY_READER_H_

#include <cstdint>
#include <span>

#include <lamella/readers.h>

#include "core/data/byte_source.h"

namespace lamella::detail {

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
