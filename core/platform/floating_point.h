// How the processor rounds, and whether it takes denormal numbers for zero: settings of a thread,
// which decide the bits of a result. Carried over to threads that work for another one, and put
// back after foreign code has run.
//
// Not here: the sticky flags of exceptions, which stay as each thread's code left them.
#ifndef LAMELLA_CORE_PLATFORM_FLOATING_POINT_H_
#define LAMELLA_CORE_PLATFORM_FLOATING_POINT_H_

#include <cstdint>

namespace lamella::detail {

/// The register that holds the settings of a thread.
struct FloatingPointRegister {
#if defined(__x86_64__)
  // MXCSR: denormals are zeros (6), rounding (13, 14), flush to zero (15); sticky flags (0 to 5).
  static constexpr std::uint64_t kNumeric = 1u << 6 | 3u << 13 | 1u << 15;
  static constexpr std::uint64_t kSticky = 0x3f;
  static std::uint64_t read() noexcept { return __builtin_ia32_stmxcsr(); }
  static void write(std::uint64_t bits) noexcept {
    __builtin_ia32_ldmxcsr(static_cast<unsigned>(bits));
  }
#elif defined(__aarch64__)
  // FPCR: flush to zero, also of half precision (24, 19), rounding (22, 23), default NaN (25). The
  // sticky flags are in another register.
  static constexpr std::uint64_t kNumeric = 1u << 24 | 1u << 19 | 3u << 22 | 1u << 25;
  static constexpr std::uint64_t kSticky = 0;
  static std::uint64_t read() noexcept {
    std::uint64_t bits;
    __asm__ volatile("mrs %0, fpcr" : "=r"(bits));
    return bits;
  }
  static void write(std::uint64_t bits) noexcept {
    __asm__ volatile("msr fpcr, %0" : : "r"(bits) : "memory");
  }
#else
  static constexpr std::uint64_t kNumeric = 0, kSticky = 0;
  static std::uint64_t read() noexcept { return 0; }
  static void write(std::uint64_t) noexcept {}
#endif

  /// Gives the bits of `mask` the values that they have in `bits`. It reads the register, and
  /// writes it only if they differ.
  static void set(std::uint64_t mask, std::uint64_t bits) noexcept {
    const std::uint64_t now = read();
    if (((now ^ bits) & mask) != 0) write((now & ~mask) | (bits & mask));
  }
};

/// The settings of the thread that makes it, to be taken over by others: those that decide results.
/// Which exceptions trap stays a thread's own.
class FloatingPointControl {
 public:
  FloatingPointControl() noexcept : bits_(FloatingPointRegister::read()) {}

  /// While it exists, its thread has the settings given; then again those it had.
  class Scope {
   public:
    explicit Scope(const FloatingPointControl& wanted) noexcept
        : own_(FloatingPointRegister::read()), differs_(((own_ ^ wanted.bits_) & kMask) != 0) {
      if (differs_) FloatingPointRegister::write((own_ & ~kMask) | (wanted.bits_ & kMask));
    }
    ~Scope() {
      if (differs_) FloatingPointRegister::set(kMask, own_);
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    std::uint64_t own_;
    bool differs_;
  };

 private:
  static constexpr std::uint64_t kMask = FloatingPointRegister::kNumeric;

  std::uint64_t bits_;
};

/// All settings at its construction hold again after its end, also which exceptions trap and those
/// of x87. A library that is linked with -ffast-math turns denormal numbers off, for the whole
/// thread, as it is loaded; results would depend on it. Costs a few cycles where nothing was
/// changed.
class FloatingPointGuard {
 public:
  FloatingPointGuard() noexcept : bits_(FloatingPointRegister::read()) {
#if defined(__x86_64__)
    __asm__ volatile("fnstcw %0" : "=m"(x87_));
#endif
  }
  ~FloatingPointGuard() {
    FloatingPointRegister::set(~FloatingPointRegister::kSticky, bits_);
#if defined(__x86_64__)
    std::uint16_t x87 = 0;
    __asm__ volatile("fnstcw %0" : "=m"(x87));
    if (x87 != x87_) __asm__ volatile("fldcw %0" : : "m"(x87_));
#endif
  }
  FloatingPointGuard(const FloatingPointGuard&) = delete;
  FloatingPointGuard& operator=(const FloatingPointGuard&) = delete;

 private:
  std::uint64_t bits_;
#if defined(__x86_64__)
  std::uint16_t x87_ = 0;
#endif
};

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_PLATFORM_FLOATING_POINT_H_
