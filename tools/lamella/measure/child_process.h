// Work in a child process, which may fault, exit or hang without harm to this one.
//
// Not here: which work (isolated_check.h, plugin_probe.h).
#ifndef LAMELLA_TOOLS_LAMELLA_MEASURE_CHILD_PROCESS_H_
#define LAMELLA_TOOLS_LAMELLA_MEASURE_CHILD_PROCESS_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>

namespace lamella::cli {

/// A string of fixed size, that a process may die writing.
template <std::size_t size>
struct SharedText {
  std::array<char, size> chars;

  SharedText& operator=(std::string_view text) {
    const std::size_t length = text.size() < size ? text.size() : size - 1;
    chars[length] = '\0';
    std::memcpy(chars.data(), text.data(), length);
    return *this;
  }
  std::string get() const { return {chars.data(), strnlen(chars.data(), size)}; }
};

/// Pages that this process and its children share, filled with zeros.
class SharedPages {
 public:
  explicit SharedPages(std::size_t bytes);
  ~SharedPages();
  SharedPages(const SharedPages&) = delete;
  SharedPages& operator=(const SharedPages&) = delete;

  void* data() const { return memory_; }

 private:
  void* memory_;
  std::size_t bytes_;
};

/// A zeroed T that a child writes and its parent reads, whatever becomes of the child.
template <class T>
class Shared {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  Shared() : pages_(sizeof(T)) {}
  T& operator*() const { return *static_cast<T*>(pages_.data()); }
  T* operator->() const { return &**this; }

 private:
  SharedPages pages_;
};

/// An exception of a child, for its parent.
struct SharedError {
  enum class Kind { none, backend, plugin, other };
  Kind kind;
  SharedText<16384> text;

  /// Calls work() and keeps what it throws.
  void capture(const std::function<void()>& work) noexcept;
  /// Throws BackendError, PluginError or Error, if anything was kept.
  void rethrow() const;
};

/// What the parent does while it waits.
struct Watch {
  std::chrono::milliseconds limit{0};    ///< after which the child is killed; 0: never
  std::function<void()> tick = nullptr;  ///< called several times a second
};

/// Runs `work`, which must not throw, in a child process; what it prints goes to standard error.
/// Returns how the child ended before `work` did, such as "signal 11 (Segmentation fault)"; empty
/// if `work` returned. The caller must not have started threads. Throws IoError if there can be no
/// process.
std::string run_in_child(const std::function<void()>& work, const Watch& watch = {});

}  // namespace lamella::cli

#endif  // LAMELLA_TOOLS_LAMELLA_MEASURE_CHILD_PROCESS_H_
