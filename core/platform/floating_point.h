// Rounding and the treatment of denormal numbers, which are settings of a thread: put back after
// foreign code has run.
//
// Not here: the sticky flags of exceptions, which stay as the foreign code left them.
#ifndef LAMELLA_CORE_PLATFORM_FLOATING_POINT_H_
#define LAMELLA_CORE_PLATFORM_FLOATING_POINT_H_

#include <cstdint>

#if defined(__x86_64__) || defined(__i386__)
#include <xmmintrin.h>
#elif !defined(__aarch64__)
#include <cfenv>
#endif

namespace lamella::detail {

/// The settings at its construction hold again after its end. A library that is linked with
/// -ffast-math turns denormal numbers off, for the whole thread, as it is loaded; results would
/// depend on it. Costs a few cycles where nothing was changed.
class FloatingPointGuard {
 public:
#if defined(__x86_64__) || defined(__i386__)
  FloatingPointGuard() noexcept : mxcsr_(_mm_getcsr()) { asm volatile("fnstcw %0" : "=m"(x87_)); }
  ~FloatingPointGuard() {
    constexpr unsigned kFlags = 0x3f;  // the sticky ones
    const unsigned now = _mm_getcsr();
    if (((now ^ mxcsr_) & ~kFlags) != 0) _mm_setcsr((mxcsr_ & ~kFlags) | (now & kFlags));
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
#if defined(__x86_64__) || defined(__i386__)
  unsigned mxcsr_;
  std::uint16_t x87_ = 0;
#elif defined(__aarch64__)
  std::uint64_t fpcr_ = 0;
#else
  std::fenv_t environment_;
#endif
};

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_PLATFORM_FLOATING_POINT_H_
