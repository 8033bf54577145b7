// How the processor rounds, and whether it takes denormal numbers for zero: settings of a thread,
// which decide the bits of a result. Threads that work for a caller take over the caller's, or
// results would depend on which thread computes what.
//
// Part of the contract of backends/, for those who make executors. The thread's exceptions, that is
// flags and traps, stay its own.
#ifndef LAMELLA_BACKENDS_FLOATING_POINT_CONTROL_H_
#define LAMELLA_BACKENDS_FLOATING_POINT_CONTROL_H_

#include <cstdint>

namespace lamella::backends {

/// The settings of the thread that makes it.
class FloatingPointControl {
 public:
  FloatingPointControl() noexcept : bits_(read() & kSettings) {}

  /// While it exists, its thread has the settings given; then again those it had. It reads the
  /// register, and writes it only if they differ.
  class Scope {
   public:
    explicit Scope(const FloatingPointControl& wanted) noexcept : own_(read() & kSettings) {
      differs_ = own_ != wanted.bits_;
      if (differs_) set(wanted.bits_);
    }
    ~Scope() {
      if (differs_) set(own_);
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    std::uint64_t own_;
    bool differs_;
  };

 private:
#if defined(__x86_64__)
  // MXCSR: denormals are zeros (6), rounding (13, 14), flush to zero (15).
  static constexpr std::uint64_t kSettings = 1u << 6 | 3u << 13 | 1u << 15;
  static std::uint64_t read() noexcept { return __builtin_ia32_stmxcsr(); }
  static void write(std::uint64_t bits) noexcept {
    __builtin_ia32_ldmxcsr(static_cast<unsigned>(bits));
  }
#elif defined(__aarch64__)
  // FPCR: flush to zero, also of half precision (24, 19), rounding (22, 23), default NaN (25).
  static constexpr std::uint64_t kSettings = 1u << 24 | 1u << 19 | 3u << 22 | 1u << 25;
  static std::uint64_t read() noexcept {
    std::uint64_t bits;
    __asm__ volatile("mrs %0, fpcr" : "=r"(bits));
    return bits;
  }
  static void write(std::uint64_t bits) noexcept {
    __asm__ volatile("msr fpcr, %0" : : "r"(bits) : "memory");
  }
#else
  static constexpr std::uint64_t kSettings = 0;
  static std::uint64_t read() noexcept { return 0; }
  static void write(std::uint64_t) noexcept {}
#endif
  static void set(std::uint64_t settings) noexcept { write((read() & ~kSettings) | settings); }

  std::uint64_t bits_;
};

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_FLOATING_POINT_CONTROL_H_
