// What can be told of a shared library before the dynamic loader maps it.
#ifndef LAMELLA_CORE_SELECTION_ELF_FILE_H_
#define LAMELLA_CORE_SELECTION_ELF_FILE_H_

#include <string>

namespace lamella::detail {

/// Why the loader should not be given this file, or nothing. A library that was cut off would end
/// the process by a bus error; the loader says "No such file" of one for another processor; and it
/// waits for ever at a pipe. A file that is missing or no library is left to its messages.
std::string unloadable_reason(const std::string& path);

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_SELECTION_ELF_FILE_H_
