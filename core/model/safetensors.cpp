// Reading and writing of safetensors files; see safetensors.h.
#include "core/model/safetensors.h"

#include <array>
#include <bit>
#include <limits>
#include <set>

#include <lamella/error.h>

#include "core/base/format.h"
#include "core/base/json.h"
#include "core/base/output_file.h"
#include "core/base/text.h"
#include "core/model/safetensors_header.h"

namespace lamella::detail::safetensors {
namespace {

static_assert(std::endian::native == std::endian::little, "tensors are copied as they are");

// The limit of the format's reference implementation.
constexpr std::uint64_t kMaxHeader = 100'000'000;

// Readers may map the file into memory: spaces pad the header so that the data are aligned.
constexpr std::size_t kDataAlignment = 8;

using LengthBytes = std::array<std::byte, 8>;

void require_utf8(std::string_view text) {
  if (!json::is_utf8(text))
    throw ArgumentError(formatted("safetensors: {} is not UTF-8", in_quotes(text)));
}

std::string header_text(const Metadata& metadata, std::span<const TensorData> tensors) {
  json::Writer header;
  header.begin_object();
  if (!metadata.empty()) {
    header.key(kMetadataKey).begin_object();
    for (const auto& [key, text] : metadata) {
      require_utf8(key);
      require_utf8(text);
      header.key(key).value(text);
    }
    header.end_object();
  }
  std::set<std::string_view> names = {kMetadataKey};
  std::uint64_t position = 0;
  for (const TensorData& tensor : tensors) {
    const auto size = byte_size(tensor.dtype, tensor.shape);
    if (size != tensor.bytes.size())
      throw ArgumentError(formatted("safetensors: tensor {} has {} bytes, not those of {} {}",
                                    in_quotes(tensor.name), tensor.bytes.size(), tensor.dtype,
                                    shape_text(tensor.shape)));
    if (!names.insert(tensor.name).second)
      throw ArgumentError(formatted("safetensors: name {} is taken", in_quotes(tensor.name)));
    require_utf8(tensor.name);
    header.key(tensor.name).begin_object();
    header.key("dtype").value(tensor.dtype);
    header.key("shape").values(tensor.shape);
    header.key("data_offsets").values(std::vector{position, position + *size});
    header.end_object();
    position += *size;
  }
  std::string text = header.end_object().take();
  text.resize((text.size() + kDataAlignment - 1) / kDataAlignment * kDataAlignment, ' ');
  return text;
}

}  // namespace

Reader::Reader(const std::filesystem::path& path) : file_(path) {
  const std::uint64_t file_size = file_.size();
  LengthBytes length_bytes{};
  if (file_.read(length_bytes) != length_bytes.size())
    fail(formatted("truncated: {} bytes, where the header's length alone takes {}", file_size,
                   length_bytes.size()));
  const auto length = std::bit_cast<std::uint64_t>(length_bytes);
  if (length > kMaxHeader)
    fail(formatted("a header of {} bytes, more than the {} allowed: not a safetensors file?",
                   length, kMaxHeader));
  if (file_size < length_bytes.size() || length > file_size - length_bytes.size())
    fail(formatted("truncated: {} bytes, where header and its length take {}", file_size,
                   length + length_bytes.size()));
  std::string text(static_cast<std::size_t>(length), '\0');
  if (file_.read(std::as_writable_bytes(std::span(text))) != text.size())
    fail("the file got shorter while it was read");
  data_start_ = length_bytes.size() + length;
  try {
    Header header = parse_header(text, file_size - data_start_);
    metadata_ = std::move(header.metadata);
    tensors_ = std::move(header.tensors);
  } catch (const DataError& error) {
    fail(error.what());
  }
}

void Reader::read(const TensorInfo& tensor, std::span<std::byte> out) const {
  if (out.size() != tensor.end - tensor.begin)
    throw ArgumentError(formatted("safetensors: {} bytes for tensor {}, which has {}", out.size(),
                                  in_quotes(tensor.name), tensor.end - tensor.begin));
  if (file_.read_at(data_start_ + tensor.begin, out) != out.size())
    fail("the file got shorter while it was read");
}

void Reader::fail(std::string_view message) const {
  throw DataError(formatted("{}: {}", file_.path().string(), message));
}

void write(const std::filesystem::path& path, const Metadata& metadata,
           std::span<const TensorData> tensors) {
  const std::string header = header_text(metadata, tensors);
  OutputFile file(path);
  file.write(std::bit_cast<LengthBytes>(std::uint64_t{header.size()}));
  file.write(std::as_bytes(std::span(header)));
  for (const TensorData& tensor : tensors) file.write(tensor.bytes);
  file.commit();
}

}  // namespace lamella::detail::safetensors
