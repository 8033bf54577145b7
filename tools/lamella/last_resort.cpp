// What the program does where memory runs out and no handler can be reached: it says so and exits
// with 1, instead of aborting.
//
// Exceptions that can be caught are caught by run() in cli.cpp, which undoes what was begun. Three
// kinds cannot: those of static initialisers before main() (CLI11's validators are such objects),
// those of destructors, and the one for which memory ran out altogether. They come to
// std::terminate(). A library must not decide this for its host, so this is the program's.
#include "tools/lamella/last_resort.h"

#include <cxxabi.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <exception>
#include <new>
#include <string_view>
#include <typeinfo>

namespace lamella::cli {
namespace {

std::atomic<bool> failed{false};

[[noreturn]] void note_failure() {
  failed = true;
  throw std::bad_alloc();
}

/// Whether std::terminate() was called because of memory. Without any exception it was if none
/// could be made, and then there is no memory for another either.
bool memory_ran_out() {
  const std::type_info* const type = abi::__cxa_current_exception_type();
  if (type != nullptr && *type == typeid(std::bad_alloc)) return true;
  void* const probe = std::malloc(1024);
  std::free(probe);
  return probe == nullptr;
}

std::terminate_handler original = nullptr;

[[noreturn]] void at_terminate() {
  if (memory_ran_out()) {
    constexpr std::string_view kText = "lamella: error: out of memory; stopped at once\n";
    (void)!::write(STDERR_FILENO, kText.data(), kText.size());
    ::_exit(1);
  }
  original();
  std::abort();
}

/// Runs before the static initialisers of all other units, which have no priority. 101 is the first
/// that is not the implementation's.
__attribute__((constructor(101))) void install() {
  original = std::set_terminate(at_terminate);
  std::set_new_handler(note_failure);
}

}  // namespace

bool allocation_has_failed() noexcept { return failed; }

}  // namespace lamella::cli
