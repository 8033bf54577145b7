// The reader of NumPy's .npy files: a magic string, a version, a header that is a Python dict
// literal, then the elements. A strict parser reads the literal; nothing is evaluated.
#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <string>
#include <string_view>

#include <lamella/error.h>
#include <lamella/readers.h>

#include "core/base/format.h"
#include "core/base/text.h"
#include "core/data/array_reader.h"

namespace lamella {

using namespace detail;

namespace {

constexpr std::size_t kMaxHeader = 1U << 16;  // NumPy itself writes about 128 bytes
constexpr std::size_t kMaxDimensions = 32;    // NumPy's own limit

struct Header {
  ElementType type;
  bool fortran_order = false;
  std::vector<std::uint64_t> shape;
};

// A recursive-descent parser of {'descr': STRING, 'fortran_order': BOOL, 'shape': (INT, ...)}.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const ByteSource& source) : rest_(text), source_(source) {}

  Header parse() {
    Header header;
    bool have_type = false, have_order = false, have_shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string_view key = string();
      expect(':');
      if (key == "descr" && !have_type) {
        header.type = element_type(dtype());
        have_type = true;
      } else if (key == "fortran_order" && !have_order) {
        header.fortran_order = boolean();
        have_order = true;
      } else if (key == "shape" && !have_shape) {
        header.shape = tuple();
        have_shape = true;
      } else {
        fail(formatted("unexpected or repeated key {}", in_quotes(key)));
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_blanks();
    if (!rest_.empty()) fail("characters after the closing brace");
    if (!have_type || !have_order || !have_shape)
      fail("'descr', 'fortran_order' and 'shape' must all be there");
    return header;
  }

 private:
  [[noreturn]] void fail(std::string_view what) const {
    source_.fail(formatted("malformed .npy header: {}; before {}", what, in_quotes(rest_)));
  }
  void skip_blanks() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\n"), rest_.size()));
  }
  bool accept(char c) {
    skip_blanks();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail(formatted("'{}' expected", c));
  }
  bool accept(std::string_view word) {
    skip_blanks();
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  std::string_view string() {
    const char quote = accept('\'') ? '\'' : '"';
    if (quote == '"') expect('"');
    const std::size_t length = rest_.find(quote);
    if (length == std::string_view::npos) fail("a string without end");
    const std::string_view text = rest_.substr(0, length);
    rest_.remove_prefix(length + 1);
    return text;
  }
  std::string_view dtype() {
    skip_blanks();
    if (rest_.starts_with('[') || rest_.starts_with('('))
      source_.fail("structured dtypes are not supported: save one plain numeric array");
    return string();
  }
  bool boolean() {
    if (accept("True")) return true;
    if (!accept("False")) fail("True or False expected");
    return false;
  }
  std::vector<std::uint64_t> tuple() {
    std::vector<std::uint64_t> values;
    expect('(');
    while (!accept(')')) {
      skip_blanks();
      std::uint64_t value = 0;
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
      if (error != std::errc()) fail("a dimension (a whole number below 2^64) expected");
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
      values.push_back(value);
      if (values.size() > kMaxDimensions) fail("more than 32 dimensions");
      if (accept(',')) continue;
      if (values.size() == 1) fail("',' expected: a tuple of one is written (n,)");
      expect(')');
      break;
    }
    return values;
  }

  // An optional byte order, a kind and a size in bytes: '<f4', '|u1', '>i8'.
  ElementType element_type(std::string_view descr) const {
    using enum ElementType::Kind;
    std::string_view name = descr;
    char order = '=';
    if (!name.empty() && std::string_view("<>|=").find(name.front()) != std::string_view::npos) {
      order = name.front();
      name.remove_prefix(1);
    }
    const char kind = name.empty() ? '?' : name.front();
    if (kind == 'O')
      source_.fail("object arrays hold pickled Python objects, which are never loaded");
    ElementType type;
    type.kind = kind == 'f' ? floating : kind == 'i' ? signed_integer : unsigned_integer;
    type.bytes = name.size() == 2 ? name[1] - '0' : 0;
    type.big_endian = order == '>' || (order == '=' && std::endian::native == std::endian::big);
    const bool known =
        (kind == 'b' && type.bytes == 1) || (kind == 'f' && type.bytes == 2) ||
        ((kind == 'i' || kind == 'u') && (type.bytes == 1 || type.bytes == 2)) ||
        ((kind == 'i' || kind == 'u' || kind == 'f') && (type.bytes == 4 || type.bytes == 8));
    if (!known || (order == '|' && type.bytes != 1))
      source_.fail(
          formatted("dtype {} is not supported; bool, int, uint and float of up to 8 "
                    "bytes are",
                    in_quotes(descr)));
    return type;
  }

  std::string_view rest_;
  const ByteSource& source_;
};

// Rearranges elements that are stored with the first dimension fastest to the last one fastest.
template <class T>
std::vector<T> to_c_order(const std::vector<T>& from, std::span<const std::uint64_t> shape) {
  std::vector<T> to;
  to.reserve(from.size());
  std::vector<std::uint64_t> index(shape.size());
  std::uint64_t position = 0;  // of `index` in `from`
  while (to.size() < from.size()) {
    to.push_back(from[static_cast<std::size_t>(position)]);
    // Increment `index`, last dimension first. A dimension that wraps around subtracts its steps.
    std::uint64_t stride = from.size();
    for (std::size_t d = shape.size(); d-- > 0;) {
      stride /= shape[d];
      position += stride;
      if (++index[d] < shape[d]) break;
      position -= stride * shape[d];
      index[d] = 0;
    }
  }
  return to;
}

}  // namespace

NdArray read_npy(const std::filesystem::path& path) {
  ByteSource source(path);
  std::array<std::byte, 8> magic{};
  source.read_exactly(magic, "the magic string and version");
  constexpr std::string_view kMagic = "\x93NUMPY";
  if (std::memcmp(magic.data(), kMagic.data(), kMagic.size()) != 0)
    source.fail("not a .npy file: it does not begin with \\x93NUMPY");
  const auto version = std::to_integer<unsigned>(magic[6]);
  if (version < 1 || version > 3)
    source.fail(formatted(".npy version {} is unknown; 1 to 3 are read", version));

  std::array<std::byte, 4> length_bytes{};
  source.read_exactly(std::span(length_bytes).first(version == 1 ? 2 : 4), "the header's length");
  std::size_t length = 0;
  for (std::size_t i = 4; i-- > 0;)
    length = length << 8 | std::to_integer<std::size_t>(length_bytes[i]);
  if (length > kMaxHeader)
    source.fail(
        formatted("a header of {} bytes; more than {} is not credible", length, kMaxHeader));
  std::string text(length, '\0');
  source.read_exactly(std::as_writable_bytes(std::span(text)), "the header");

  const Header header = HeaderParser(text, source).parse();
  NdArray array{read_elements(source, header.type, header.shape),
                {header.shape.begin(), header.shape.end()}};
  if (header.fortran_order && header.shape.size() > 1)
    std::visit([&](auto& values) { values = to_c_order(values, header.shape); }, array.values);
  return array;
}

}  // namespace lamella
