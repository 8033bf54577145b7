// Parsing of a safetensors header. The parser reports events and builds no tree, so that nesting or
// repetition in a hostile file costs neither memory nor stack, and repeated keys are noticed.
#include "core/model/safetensors_header.h"

#include <algorithm>
#include <array>
#include <limits>
#include <set>
#include <utility>

#include <lamella/error.h>

#include "core/base/format.h"
#include "core/base/json.h"
#include "core/base/text.h"

namespace lamella::detail::safetensors {
namespace {

struct ElementSize {
  std::string_view dtype;
  std::uint64_t bytes;
};
constexpr std::array<ElementSize, 15> kElementSizes = {{{"BOOL", 1},
                                                        {"U8", 1},
                                                        {"I8", 1},
                                                        {"F8_E4M3", 1},
                                                        {"F8_E5M2", 1},
                                                        {"U16", 2},
                                                        {"I16", 2},
                                                        {"F16", 2},
                                                        {"BF16", 2},
                                                        {"U32", 4},
                                                        {"I32", 4},
                                                        {"F32", 4},
                                                        {"U64", 8},
                                                        {"I64", 8},
                                                        {"F64", 8}}};

// Receives the parser's events for
//   {"__metadata__": {KEY: TEXT, ...},
//    NAME: {"dtype": TEXT, "shape": [N, ...], "data_offsets": [N, N]}, ...}
// and throws at the first event that does not fit.
class HeaderEvents final : public json::Events {
 public:
  Header header;

  void null() override { unexpected("null"); }
  void boolean(bool) override { unexpected("a boolean"); }
  void negative(std::int64_t) override { unexpected("a negative number"); }
  void real(double) override { unexpected("a number that is not whole or not below 2^64"); }

  void whole(std::uint64_t value) override {
    if (numbers_ == nullptr) unexpected("a number");
    numbers_->push_back(value);
  }
  void text(std::string value) override {
    if (state_ == State::metadata)
      header.metadata.emplace(key_, std::move(value));
    else if (state_ == State::tensor && key_ == "dtype")
      header.tensors.back().dtype = std::move(value);
    else
      unexpected("text");
  }
  void begin_object() override {
    if (state_ == State::before) {
      state_ = State::top;
    } else if (state_ == State::top && key_ == kMetadataKey) {
      state_ = State::metadata;
    } else if (state_ == State::top) {
      state_ = State::tensor;
      header.tensors.push_back({key_, {}, {}, 0, 0});
      offsets_.clear();
      fields_.clear();
    } else {
      unexpected("an object");
    }
  }
  void key(std::string value) override {
    const bool is_new = state_ == State::metadata ? !header.metadata.contains(value)
                        : state_ == State::top    ? names_.insert(value).second
                                                  : fields_.insert(value).second;
    if (!is_new) throw DataError(formatted("{}key {} is there twice", place(), in_quotes(value)));
    key_ = std::move(value);
    if (state_ == State::tensor && key_ != "dtype" && key_ != "shape" && key_ != "data_offsets")
      throw DataError(formatted("{}unknown key {}", place(), in_quotes(key_)));
  }
  void end_object() override {
    if (state_ == State::tensor) finish_tensor();
    state_ = state_ == State::top ? State::after : State::top;
  }
  void begin_array() override {
    if (state_ != State::tensor || key_ == "dtype" || numbers_ != nullptr) unexpected("an array");
    numbers_ = key_ == "shape" ? &header.tensors.back().shape : &offsets_;
  }
  void end_array() override { numbers_ = nullptr; }

 private:
  enum class State { before, top, metadata, tensor, after };

  std::string place() const {
    if (state_ == State::tensor)
      return formatted("tensor {}: ", in_quotes(header.tensors.back().name));
    return state_ == State::metadata ? "metadata: " : "header: ";
  }
  [[noreturn]] void unexpected(std::string_view what) const {
    throw DataError(
        formatted("{}{} has no place here (after key {})", place(), what, in_quotes(key_)));
  }
  void finish_tensor() {
    if (fields_.size() != 3)
      throw DataError(place() + "dtype, shape and data_offsets must all be there");
    if (offsets_.size() != 2)
      throw DataError(
          formatted("{}data_offsets has {} numbers and not 2", place(), offsets_.size()));
    header.tensors.back().begin = offsets_[0];
    header.tensors.back().end = offsets_[1];
  }

  State state_ = State::before;
  std::string key_;
  std::set<std::string> names_;   // keys of the header itself
  std::set<std::string> fields_;  // of the open tensor
  std::vector<std::uint64_t> offsets_;
  std::vector<std::uint64_t>* numbers_ = nullptr;  // where numbers of the open array go
};

// Tensors lie one after the other, from the first byte of the data to the last.
void check_layout(std::span<const TensorInfo> tensors, std::uint64_t data_size) {
  std::uint64_t position = 0;
  for (const TensorInfo& tensor : tensors) {
    const auto fail = [&](const std::string& what) {
      throw DataError(formatted("tensor {}: {}", in_quotes(tensor.name), what));
    };
    const std::optional<std::uint64_t> size = byte_size(tensor.dtype, tensor.shape);
    if (!size)
      fail(formatted("dtype {} is unknown, or a shape of {} overflows", in_quotes(tensor.dtype),
                     shape_text(tensor.shape)));
    if (tensor.begin > tensor.end || tensor.end > data_size)
      fail(formatted("data_offsets {} to {} are not within the {} bytes of data", tensor.begin,
                     tensor.end, data_size));
    if (tensor.end - tensor.begin != *size)
      fail(formatted("{} bytes, where {} of shape {} takes {}", tensor.end - tensor.begin,
                     tensor.dtype, shape_text(tensor.shape), *size));
    if (tensor.begin != position)
      fail(formatted("begins at byte {} of the data, where byte {} is next", tensor.begin,
                     position));
    position = tensor.end;
  }
  if (position != data_size)
    throw DataError(formatted("{} bytes of data, of which tensors take {}", data_size, position));
}

}  // namespace

std::optional<std::uint64_t> byte_size(std::string_view dtype,
                                       std::span<const std::uint64_t> shape) {
  const auto* const found = std::ranges::find(kElementSizes, dtype, &ElementSize::dtype);
  if (found == kElementSizes.end()) return std::nullopt;
  if (std::ranges::find(shape, 0U) != shape.end()) return 0;
  std::uint64_t size = found->bytes;
  for (const std::uint64_t dimension : shape) {
    if (size > std::numeric_limits<std::uint64_t>::max() / dimension) return std::nullopt;
    size *= dimension;
  }
  return size;
}

Header parse_header(const std::string& text, std::uint64_t data_size) {
  if (!text.starts_with('{')) throw DataError("the header does not begin with '{'");
  HeaderEvents events;
  json::parse(text, events);
  std::ranges::stable_sort(events.header.tensors, {}, [](const TensorInfo& tensor) {
    return std::pair(tensor.begin, tensor.end);
  });
  check_layout(events.header.tensors, data_size);
  return std::move(events.header);
}

}  // namespace lamella::detail::safetensors
