// A fixed buffer for each thread; see last_error.h.
#include "core/c_api/last_error.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace lamella::detail {
namespace {

constexpr std::size_t kRoom = 1024;
constexpr std::string_view kCut = " ... ";
constexpr std::size_t kHead = 600;
constexpr std::size_t kTail = kRoom - 1 - kHead - kCut.size();

// Initialised by the compiler and without a destructor, so that neither its first use allocates
// nor a late use finds it destroyed.
constinit thread_local std::array<char, kRoom> buffer{};

/// Whether a character of UTF-8 continues at `byte`.
bool continues(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

/// The longest beginning of at most `most` bytes that ends between two characters. Where there is
/// no such place within a character's length, the text is not UTF-8 and may be cut anywhere.
std::size_t head_of(std::string_view text, std::size_t most) {
  for (std::size_t size = most; size + 4 > most; --size)
    if (!continues(text[size])) return size;
  return most;
}

/// The same for the end of the text.
std::size_t tail_of(std::string_view text, std::size_t most) {
  for (std::size_t size = most; size + 4 > most; --size)
    if (!continues(text[text.size() - size])) return size;
  return most;
}

}  // namespace

void set_last_error(std::string_view text) noexcept {
  char* end = buffer.data();
  const auto add = [&end](std::string_view piece) { end = std::ranges::copy(piece, end).out; };
  if (text.size() < kRoom) {
    add(text);
  } else {
    add(text.substr(0, head_of(text, kHead)));
    add(kCut);
    add(text.substr(text.size() - tail_of(text, kTail)));
  }
  *end = '\0';
}

const char* last_error() noexcept { return buffer.data(); }

}  // namespace lamella::detail
