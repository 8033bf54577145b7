// The tables of built-in backends and instruction sets, and whether each can be used here.
//
// Nothing registers itself, because a static archive would lose what does. Not here: the choice
// among them (choice.h), and plugins (plugin_selection.h).
#ifndef LAMELLA_CORE_SELECTION_BACKEND_TABLE_H_
#define LAMELLA_CORE_SELECTION_BACKEND_TABLE_H_

#include <memory>
#include <span>
#include <string>

#include "backends/executor.h"
#include "backends/kernel_table.h"
#include "core/platform/cpu.h"

namespace lamella::detail {

using MakeExecutor = std::unique_ptr<backends::Executor> (*)(int threads);
using AskLibraryThreads = backends::LibraryThreads (*)();

struct BackendEntry {
  const char* name;
  bool scalar_kernels;                  ///< else those of the best instruction set
  bool threads;                         ///< may use more than one
  MakeExecutor make_executor;           ///< null: not compiled
  AskLibraryThreads library_threads;    ///< null: it has no thread library
  bool (*has_lost_threads)() noexcept;  ///< in this process, a child of fork(); null: has none
  const char* option;                   ///< the CMake option that compiles it
  const char* description;
  const char* weakness;  ///< why `auto` prefers the next one: "... because it <weakness>"
};

/// The built-in backends. `auto` takes the last one that is usable and fits the thread limit.
std::span<const BackendEntry> backend_table();

struct IsaEntry {
  const char* name;
  Isa isa;
  backends::KernelTables (*tables)();
  const char* description;
};

/// The instruction sets, slowest first within a processor family.
std::span<const IsaEntry> isa_table();

bool is_compiled(const IsaEntry& entry);

/// Why the kernels of an instruction set cannot be used; empty if they can.
std::string unavailable_reason(const IsaEntry& entry);

/// Why a backend cannot be used at all; empty if it can.
std::string unavailable_reason(const BackendEntry& entry);

/// The backend whose executor runs a plugin's parallel loops: with threads if the library has any.
const BackendEntry& plugin_threads();

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_SELECTION_BACKEND_TABLE_H_
