// Which instruction sets this processor and its operating system can run.
//
// Not here: whether kernels for them are compiled in, and which are chosen (core/selection/).
// Detection reads CPUID and XGETBV, in a unit compiled for the baseline instruction set.
#ifndef LAMELLA_CORE_PLATFORM_CPU_H_
#define LAMELLA_CORE_PLATFORM_CPU_H_

#include <cstdint>
#include <string>

namespace lamella::detail {

/// baseline: SSE2, which every x86-64 has. avx2: AVX2 and FMA. avx512: AVX-512 F, CD, DQ, BW, VL.
/// neon: Advanced SIMD, which every AArch64 has.
enum class Isa { baseline, avx2, avx512, neon };

/// The processor family this library is compiled for: "x86-64", "AArch64", or "another processor".
const char* processor_family() noexcept;

/// The registers of CPUID and XGETBV that decide; all zero on other processors.
struct X86Words {
  std::uint32_t leaf1_ecx = 0;
  std::uint32_t leaf7_ebx = 0;
  std::uint64_t xcr0 = 0;
};

/// Why x86 code for `isa` cannot run with these registers, in words; empty if it can.
std::string x86_unavailable_reason(Isa isa, const X86Words& words);

/// Why code for `isa` cannot run on this machine, in words; empty if it can.
std::string isa_unavailable_reason(Isa isa);

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_PLATFORM_CPU_H_
