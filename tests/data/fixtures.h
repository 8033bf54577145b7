// Helpers of the tests of readers and writers: temporary files, errors as text, allocations that
// have been made.
#ifndef LAMELLA_TESTS_DATA_FIXTURES_H_
#define LAMELLA_TESTS_DATA_FIXTURES_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include <lamella/readers.h>

#include "tests/catch.h"
#include "tests/scratch_directory.h"

namespace lamella::test {

/// The text of the E that `call` throws; "(no exception)" without one. Others pass through.
template <class E, class Call>
std::string message_of(Call call) {
  try {
    call();
  } catch (const E& error) {
    return error.what();
  }
  return "(no exception)";
}

/// Whole files, byte for byte.
std::filesystem::path write_file(const ScratchDirectory& directory, const std::string& name,
                                 const std::string& bytes);
std::string read_file(const std::filesystem::path& path);

/// `bytes` compressed as a gzip file.
std::string gzipped(const std::string& bytes);

/// `value` as sizeof(Integer) bytes in the given order.
template <class Integer>
std::string big_endian(Integer value) {
  std::string bytes;
  for (std::size_t i = sizeof(Integer); i-- > 0;)
    bytes += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i));
  return bytes;
}
template <class Integer>
std::string little_endian(Integer value) {
  const std::string bytes = big_endian(value);
  return {bytes.rbegin(), bytes.rend()};
}

/// An IDX file: element type, dimensions, data as given.
std::string idx_bytes(unsigned char type, const std::vector<std::uint32_t>& shape,
                      const std::string& data);

/// Bytes of the largest request to operator new since the last reset_largest_allocation().
std::size_t largest_allocation();
void reset_largest_allocation();

/// The values of an array as doubles.
std::vector<double> as_doubles(const Dataset::Features& features);
/// All values of a data set, row-major.
std::vector<double> all_values(const Dataset& data);

}  // namespace lamella::test

#endif  // LAMELLA_TESTS_DATA_FIXTURES_H_
