// One line of text in a fixed buffer, for code that must not allocate: what kernels print.
#ifndef LAMELLA_CORE_KERNELS_LINE_H_
#define LAMELLA_CORE_KERNELS_LINE_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

#include "core/base/format.h"

namespace lamella::detail {

/// Text beyond the end of the buffer is dropped.
class Line {
 public:
  template <class... Args>
  Line& add(fmt::format_string<Args...> format, Args&&... args) noexcept {
    const std::size_t room = text_.size() - size_;
    size_ += std::min(
        room, formatted_to_n(text_.data() + size_, room, format, std::forward<Args>(args)...));
    return *this;
  }
  /// As add(), with a space in front unless the line is empty.
  template <class... Args>
  Line& add_word(fmt::format_string<Args...> format, Args&&... args) noexcept {
    if (size_ > 0) add(" ");
    return add(format, std::forward<Args>(args)...);
  }
  /// Ends the line, at the cost of its last character if the buffer is full.
  void end() noexcept {
    if (size_ == text_.size()) --size_;
    text_[size_++] = '\n';
  }

  std::string_view text() const noexcept { return {text_.data(), size_}; }

 private:
  std::array<char, 512> text_{};
  std::size_t size_ = 0;
};

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_KERNELS_LINE_H_
