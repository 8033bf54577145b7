// Files in memory and findings; see fuzz.h.
#include "tests/fuzz/fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "tests/fuzz/acceptance.h"

namespace lamella::fuzz {
namespace {

int accepted_inputs = 0;

}  // namespace

MemoryFile::MemoryFile(std::span<const std::uint8_t> content)
    : descriptor_(memfd_create("input", MFD_CLOEXEC)) {
  if (descriptor_ < 0) finding("memfd_create failed: no fault of the input's");
  while (!content.empty()) {
    const ssize_t written = write(descriptor_, content.data(), content.size());
    if (written <= 0) finding("a write to memory failed: no fault of the input's");
    content = content.subspan(static_cast<std::size_t>(written));
  }
}

MemoryFile::~MemoryFile() { close(descriptor_); }

void finding(const std::string& what) {
  std::fprintf(stderr, "finding: %s\n", what.c_str());
  std::abort();
}

void accepted() { ++accepted_inputs; }

int accepted_so_far() { return accepted_inputs; }

}  // namespace lamella::fuzz
