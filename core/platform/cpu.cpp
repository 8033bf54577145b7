// Which instruction sets this machine can run: CPUID for the processor, XGETBV for the operating
// system, which must save the wide registers when it switches threads.
#include "core/platform/cpu.h"

#include <array>

#include "core/base/format.h"
#if defined(__x86_64__)
#include <cpuid.h>

#include "core/base/made_once.h"
#endif

namespace lamella::detail {
namespace {

constexpr std::uint32_t kFma = 1u << 12, kOsXsave = 1u << 27;  // leaf 1, ecx
constexpr std::uint32_t kAvx2 = 1u << 5;                       // leaf 7, ebx
constexpr std::uint64_t kYmmState = 0x06;                      // xcr0: xmm, upper halves of ymm
constexpr std::uint64_t kZmmState = 0xe6;  // and the masks, upper halves of zmm, zmm16 to 31

struct Feature {
  std::uint32_t bit;
  const char* name;
};
constexpr std::array<Feature, 5> kAvx512 = {{{1u << 16, "AVX512F"},
                                             {1u << 28, "AVX512CD"},
                                             {1u << 17, "AVX512DQ"},
                                             {1u << 30, "AVX512BW"},
                                             {1u << 31, "AVX512VL"}}};

#if defined(__x86_64__)
X86Words read_words() {
  X86Words words;
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0) words.leaf1_ecx = ecx;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0) words.leaf7_ebx = ebx;
  if ((words.leaf1_ecx & kOsXsave) != 0) {  // without it the instruction itself is illegal
    unsigned low = 0, high = 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    words.xcr0 = (std::uint64_t{high} << 32) | low;
  }
  return words;
}

constinit ComputedOnce<X86Words> words_of_processor;
#endif

}  // namespace

const char* processor_family() noexcept {
#if defined(__x86_64__)
  return "x86-64";
#elif defined(__aarch64__)
  return "AArch64";
#else
  return "another processor";
#endif
}

std::string x86_unavailable_reason(Isa isa, const X86Words& words) {
  if (isa == Isa::neon) return "an instruction set of AArch64";
  if (isa == Isa::baseline) return {};

  std::string missing;
  const auto require = [&missing](bool present, const char* name) {
    if (!present) missing += missing.empty() ? name : std::string(", ") + name;
  };
  require((words.leaf7_ebx & kAvx2) != 0, "AVX2");
  require((words.leaf1_ecx & kFma) != 0, "FMA");
  if (isa == Isa::avx512)
    for (const auto& feature : kAvx512) require((words.leaf7_ebx & feature.bit) != 0, feature.name);
  if (!missing.empty()) return formatted("this processor lacks {}", missing);

  const auto state = isa == Isa::avx512 ? kZmmState : kYmmState;
  if ((words.leaf1_ecx & kOsXsave) == 0 || (words.xcr0 & state) != state)
    return formatted("the operating system does not save the {} registers",
                     isa == Isa::avx512 ? "zmm" : "ymm");
  return {};
}

std::string isa_unavailable_reason(Isa isa) {
#if defined(__x86_64__)
  return x86_unavailable_reason(isa, words_of_processor.get(read_words));
#else
  if (isa != Isa::neon)
    return formatted("an instruction set of x86-64, and this is {}", processor_family());
#if defined(__aarch64__)
  return {};
#else
  return formatted("an instruction set of AArch64, and this is {}", processor_family());
#endif
#endif
}

}  // namespace lamella::detail
