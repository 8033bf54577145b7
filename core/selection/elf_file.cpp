// Reads the header of an ELF file and those of its segments.
#include "core/selection/elf_file.h"

#include <elf.h>
#include <link.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>

#include "core/base/format.h"

namespace lamella::detail {
namespace {

#if defined(__x86_64__)
constexpr int kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr int kMachine = EM_AARCH64;
#else
constexpr int kMachine = EM_NONE;  // not checked
#endif

template <class Struct>
bool read_at(std::ifstream& file, std::uint64_t offset, Struct& result) {
  file.seekg(static_cast<std::streamoff>(offset));
  file.read(reinterpret_cast<char*>(&result), sizeof result);
  return file.gcount() == sizeof result;
}

}  // namespace

std::string unloadable_reason(const std::string& path) {
  struct stat status = {};
  if (stat(path.c_str(), &status) != 0) return {};
  if (!S_ISREG(status.st_mode)) return std::strerror(S_ISDIR(status.st_mode) ? EISDIR : ENOEXEC);
  const auto size = static_cast<std::uint64_t>(status.st_size);

  std::ifstream file(path, std::ios::binary);
  ElfW(Ehdr) header{};
  constexpr int kClass = sizeof(void*) == 8 ? ELFCLASS64 : ELFCLASS32;
  if (!read_at(file, 0, header) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
      header.e_ident[EI_CLASS] != kClass || header.e_phentsize != sizeof(ElfW(Phdr)))
    return {};
  if (kMachine != EM_NONE && header.e_machine != kMachine)
    return formatted("is for another processor (ELF machine {}, and this is {})", header.e_machine,
                     kMachine);
  for (std::uint64_t i = 0; i < header.e_phnum; ++i) {
    ElfW(Phdr) segment{};
    const bool there = read_at(file, header.e_phoff + i * sizeof segment, segment);
    if (there && segment.p_type != PT_LOAD) continue;
    if (!there || segment.p_offset > size || segment.p_filesz > size - segment.p_offset)
      return formatted("is cut off: it has {} bytes, and its segments need more", size);
  }
  return {};
}

}  // namespace lamella::detail
