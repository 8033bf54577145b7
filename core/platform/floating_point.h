// Rounding and the treatment of denormal numbers, which are settings of a thread: put back after
// foreign code has run.
//
// Not here: the sticky flags of exceptions, which stay as the foreign code left them.
#ifndef LAMELLA_CORE_PLATFORM_FLOATING_POINT_H_
#define LAMELLA_CORE_PLATFORM_FLOATING_POINT_H_

#include <cstdint>

#if !defined(__x86_64__) && !defined(__aarch64__)
#include <cfenv>
#endif

namespace lamella::detail {

/// The settings at its construction hold again after its end. A library that is linked with
/// -ffast-math turns denormal numbers off, for the whole thread, as it is loaded; results would
/// depend on it. Costs a few cycles where nothing was changed.
class FloatingPointGuard {
 public:
#if defined(__x86_64__)
  FloatingPointGuard() noexcept {
    asm volatile("stmxcsr %0" : "=m"(mxcsr_));
    asm volatile("fnstcw %0" : "=m"(x87_));
  }
  ~FloatingPointGuard() {
    constexpr std::uint32_t kFlags = 0x3f;  // the sticky ones
    std::uint32_t mxcsr = 0;
    asm volatile("stmxcsr %0" : "=m"(mxcsr));
    if (((mxcsr ^ mxcsr_) & ~kFlags) != 0) {
      mxcsr = (mxcsr_ & ~kFlags) | (mxcsr & kFlags);
      asm volatile("ldmxcsr %0" : : "m"(mxcsr));
    }
    std::uint16_t x87 = 0;
    asm volatile("fnstcw %0" : "=m"(x87));
    if (x87 != x87_) asm volatile("fldcw %0" : : "m"(x87_));
  }
#elif defined(__aarch64__)
  FloatingPointGuard() noexcept { asm volatile("mrs %0, fpcr" : "=r"(fpcr_)); }
  ~FloatingPointGuard() {
    std::uint64_t now = 0;
    asm volatile("mrs %0, fpcr" : "=r"(now));
    if (now != fpcr_) asm volatile("msr fpcr, %0" : : "r"(fpcr_));
  }
#else
  FloatingPointGuard() noexcept { std::fegetenv(&environment_); }
  ~FloatingPointGuard() { std::fesetenv(&environment_); }
#endif
  FloatingPointGuard(const FloatingPointGuard&) = delete;
  FloatingPointGuard& operator=(const FloatingPointGuard&) = delete;

 private:
#if defined(__x86_64__)
  std::uint32_t mxcsr_ = 0;
  std::uint16_t x87_ = 0;
#elif defined(__aarch64__)
  std::uint64_t fpcr_ = 0;
#else
  std::fenv_t environment_;
#endif
};

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_PLATFORM_FLOATING_POINT_H_
