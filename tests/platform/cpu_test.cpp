// Detection of instruction sets: the decision is a function of CPUID's words, so every machine can
// be tried here; and the answer for this machine agrees with the kernel's.
#include "core/platform/cpu.h"

#include <fstream>
#include <sstream>
#include <string>

#include "tests/catch.h"

namespace lamella::test {
namespace {

using Catch::Matchers::ContainsSubstring;
using detail::Isa;
using detail::x86_unavailable_reason;

// The bits of Intel's manual, written out a second time.
constexpr std::uint32_t kFma = 1u << 12, kOsXsave = 1u << 27, kAvx2 = 1u << 5;
constexpr std::uint32_t kAvx512 = 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31;

TEST_CASE("AVX2 needs AVX2, FMA and an operating system that saves ymm", "[cpu]") {
  CHECK(x86_unavailable_reason(Isa::avx2, {kFma | kOsXsave, kAvx2, 0x7}).empty());
  CHECK_THAT(x86_unavailable_reason(Isa::avx2, {kFma | kOsXsave, 0, 0x7}),
             ContainsSubstring("lacks AVX2"));
  CHECK_THAT(x86_unavailable_reason(Isa::avx2, {kOsXsave, kAvx2, 0x7}),
             ContainsSubstring("lacks FMA"));
  CHECK_THAT(x86_unavailable_reason(Isa::avx2, {}), ContainsSubstring("lacks AVX2, FMA"));
  CHECK_THAT(x86_unavailable_reason(Isa::avx2, {kFma | kOsXsave, kAvx2, 0x3}),
             ContainsSubstring("ymm"));
  CHECK_THAT(x86_unavailable_reason(Isa::avx2, {kFma, kAvx2, 0x7}), ContainsSubstring("ymm"));
}

TEST_CASE("AVX-512 needs five features and an operating system that saves zmm", "[cpu]") {
  CHECK(x86_unavailable_reason(Isa::avx512, {kFma | kOsXsave, kAvx2 | kAvx512, 0xe7}).empty());
  for (const int bit : {16, 17, 28, 30, 31}) {
    CAPTURE(bit);
    const auto without = kAvx512 & ~(1u << bit);
    CHECK_THAT(x86_unavailable_reason(Isa::avx512, {kFma | kOsXsave, kAvx2 | without, 0xe7}),
               ContainsSubstring("lacks AVX512"));
  }
  for (const std::uint64_t xcr0 : {0x7u, 0x27u, 0x67u, 0xa7u, 0xc7u, 0xe1u}) {
    CAPTURE(xcr0);
    CHECK_THAT(x86_unavailable_reason(Isa::avx512, {kFma | kOsXsave, kAvx2 | kAvx512, xcr0}),
               ContainsSubstring("zmm"));
  }
}

TEST_CASE("every x86-64 has the baseline and none has NEON", "[cpu]") {
  CHECK(x86_unavailable_reason(Isa::baseline, {}).empty());
  CHECK_THAT(x86_unavailable_reason(Isa::neon, {~0u, ~0u, ~0ull}), ContainsSubstring("AArch64"));
}

#if defined(__x86_64__) && defined(__linux__)
TEST_CASE("detection agrees with /proc/cpuinfo", "[cpu]") {
  // The kernel clears a flag there whose register state it does not save.
  std::ifstream file("/proc/cpuinfo");
  std::string flags;
  for (std::string line; std::getline(file, line) && flags.empty();)
    if (line.rfind("flags", 0) == 0) flags = line + " ";
  if (flags.empty()) {
    WARN("/proc/cpuinfo has no flags here: nothing to compare with");
    return;
  }
  const auto has = [&](const char* flag) {
    return flags.find(std::string(" ") + flag + " ") != std::string::npos;
  };
  CHECK(detail::isa_unavailable_reason(Isa::avx2).empty() == (has("avx2") && has("fma")));
  CHECK(detail::isa_unavailable_reason(Isa::avx512).empty() ==
        (has("avx2") && has("fma") && has("avx512f") && has("avx512cd") && has("avx512dq") &&
         has("avx512bw") && has("avx512vl")));
}
#endif

TEST_CASE("exactly one family's simplest instruction set is usable", "[cpu]") {
  const bool x86 = std::string(detail::processor_family()) == "x86-64";
  const bool arm = std::string(detail::processor_family()) == "AArch64";
  CHECK(detail::isa_unavailable_reason(Isa::baseline).empty() == x86);
  CHECK(detail::isa_unavailable_reason(Isa::neon).empty() == arm);
}

}  // namespace
}  // namespace lamella::test
