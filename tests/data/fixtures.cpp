// See fixtures.h. Replaces operator new of this executable, to see what the library asks for.
#include "tests/data/fixtures.h"

#include <zlib.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <new>
#include <stdexcept>

namespace {
std::atomic<std::size_t> largest{0};
}  // namespace

void* operator new(std::size_t size) {
  std::size_t seen = largest.load();
  while (size > seen && !largest.compare_exchange_weak(seen, size)) {
  }
  if (void* const memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace lamella::test {

std::size_t largest_allocation() { return largest.load(); }
void reset_largest_allocation() { largest = 0; }

std::filesystem::path write_file(const ScratchDirectory& directory, const std::string& name,
                                 const std::string& bytes) {
  directory.write(name, bytes);
  return directory.path() / name;
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::string gzipped(const std::string& bytes) {
  z_stream stream{};
  constexpr int kGzip = 15 + 16;
  if (deflateInit2(&stream, 9, Z_DEFLATED, kGzip, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::runtime_error("deflateInit2");
  std::string out(deflateBound(&stream, static_cast<uLong>(bytes.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (result != Z_STREAM_END) throw std::runtime_error("deflate");
  return out;
}

std::string idx_bytes(unsigned char type, const std::vector<std::uint32_t>& shape,
                      const std::string& data) {
  std::string bytes{'\0', '\0', static_cast<char>(type), static_cast<char>(shape.size())};
  for (const std::uint32_t dimension : shape) bytes += big_endian(dimension);
  return bytes + data;
}

std::vector<double> as_doubles(const Dataset::Features& features) {
  return std::visit(
      [](const auto& values) { return std::vector<double>(values.begin(), values.end()); },
      features);
}

std::vector<double> all_values(const Dataset& data) {
  std::vector<double> values;
  for (index_t s = 0; s < data.samples(); ++s)
    for (index_t f = 0; f < data.features(); ++f) values.push_back(data.value(s, f));
  return values;
}

}  // namespace lamella::test
