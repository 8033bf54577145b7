// Decompression by zlib's inflate over our own reading; see byte_source.h.
#include "core/data/byte_source.h"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <new>

#include <lamella/error.h>

#include "core/base/format.h"

namespace lamella::detail {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 17;
constexpr int kGzipOnly = 15 + 16;  // the largest window, and gzip's header and checksum

bool begins_as_gzip(std::span<const std::byte> bytes) {
  return bytes.size() >= 2 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b};
}

}  // namespace

struct ByteSource::Inflater {
  Inflater() {
    if (::inflateInit2(&stream, kGzipOnly) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { ::inflateEnd(&stream); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  z_stream stream = {};
};

ByteSource::ByteSource(const std::filesystem::path& path) : file_(path), buffer_(kBufferBytes) {
  fill();
  if (!begins_as_gzip(pending_)) return;
  inflater_ = std::make_unique<Inflater>();
  state_ = State::in_member;
}

ByteSource::~ByteSource() = default;

// Reads behind what is pending, of which there is less than the buffer holds.
void ByteSource::fill() {
  std::copy(pending_.begin(), pending_.end(), buffer_.begin());
  const std::size_t kept = pending_.size();
  const std::size_t count = file_.read(std::span(buffer_).subspan(kept));
  pending_ = std::span<const std::byte>(buffer_).first(kept + count);
}

void ByteSource::begin_member() {
  if (pending_.size() < 2) fill();
  if (!begins_as_gzip(pending_)) {
    state_ = State::at_end;
    return;
  }
  ::inflateReset(&inflater_->stream);
  state_ = State::in_member;
}

// Bytes of the member under way; 0 only if that gave none.
std::size_t ByteSource::inflate_into(std::span<std::byte> out) {
  if (pending_.empty()) fill();
  if (pending_.empty())
    fail(formatted("truncated: the compressed data end early, after {} bytes of content",
                   position_));
  z_stream& stream = inflater_->stream;
  // zlib's interface is older than const; it only reads.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(pending_.data()));
  stream.avail_in = static_cast<uInt>(pending_.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(std::min(out.size(), std::size_t{1} << 30));
  const auto room = stream.avail_out;
  const int result = ::inflate(&stream, Z_NO_FLUSH);
  pending_ = pending_.last(stream.avail_in);
  const std::size_t count = room - stream.avail_out;
  position_ += count;
  if (result == Z_STREAM_END) {
    state_ = State::between_members;
  } else if (result == Z_MEM_ERROR) {
    throw std::bad_alloc();
  } else if (result != Z_OK && result != Z_BUF_ERROR) {
    fail(formatted("damaged gzip data after {} bytes of content ({})", position_,
                   stream.msg != nullptr ? stream.msg : "not gzip's"));
  }
  return count;
}

std::size_t ByteSource::read(std::span<std::byte> out) {
  std::size_t done = 0;
  while (done < out.size() && state_ != State::at_end) {
    const std::span<std::byte> rest = out.subspan(done);
    if (state_ == State::between_members) {
      begin_member();
    } else if (state_ == State::in_member) {
      done += inflate_into(rest);
    } else if (!pending_.empty()) {
      const std::size_t count = std::min(rest.size(), pending_.size());
      std::copy_n(pending_.begin(), count, rest.begin());
      pending_ = pending_.subspan(count);
      position_ += count;
      done += count;
    } else {
      const std::size_t count = file_.read(rest);
      position_ += count;
      return done + count;
    }
  }
  return done;
}

void ByteSource::read_exactly(std::span<std::byte> out, std::string_view what) {
  const std::uint64_t start = position_;
  if (read(out) != out.size())
    fail(formatted("truncated: the file ends at byte {}, within {} (bytes {} to {})", position_,
                   what, start, start + out.size() - 1));
}

std::uint64_t ByteSource::most_bytes_left() const {
  constexpr std::uint64_t kBestCompression = 1032;  // of deflate
  constexpr std::uint64_t kAny = std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t size = file_.known_size().value_or(kAny);
  const std::uint64_t factor = inflater_ ? kBestCompression : 1;
  return size > kAny / factor ? kAny : size * factor;
}

void ByteSource::fail(std::string_view message) const {
  throw DataError(formatted("{}: {}", file_.path().string(), message));
}

}  // namespace lamella::detail
