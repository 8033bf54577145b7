// A library for LD_PRELOAD that lets allocations and system calls of a program fail; see inject.h.
//
// It allocates nothing itself. LAMELLA_FAULT_COUNT names a file that gets the number of calls when
// the program ends by itself.
#include "tests/faults/inject.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

// What the C library calls its allocator itself.
// NOLINTBEGIN(bugprone-reserved-identifier)
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
}
// NOLINTEND(bugprone-reserved-identifier)

namespace {

enum Call : int { kNone, kMalloc, kNew, kOpen, kRead, kPread, kWrite, kFsync, kRename, kClose };
struct Name {
  const char* name;
  int value;
};
constexpr Name kCalls[] = {{"malloc", kMalloc}, {"new", kNew},       {"open", kOpen},
                           {"read", kRead},     {"pread", kPread},   {"write", kWrite},
                           {"fsync", kFsync},   {"rename", kRename}, {"close", kClose}};
constexpr int kShort = -1;
constexpr int kKill = -2;
constexpr Name kErrors[] = {{"EIO", EIO},       {"ENOSPC", ENOSPC}, {"EINTR", EINTR},
                            {"EACCES", EACCES}, {"EMFILE", EMFILE}, {"short", kShort},
                            {"KILL", kKill}};

std::atomic<int> armed{kNone};
std::atomic<long> calls{0};
long first = 0;  // the call that fails; 0: none
bool and_all_after = false;
int error = ENOMEM;  // or kShort, kKill

thread_local int within_new __attribute__((tls_model("initial-exec"))) = 0;

[[noreturn]] void refuse(const char* text) {
  (void)!::write(STDERR_FILENO, "inject: cannot read: ", 21);
  (void)!::write(STDERR_FILENO, text, std::strlen(text));
  ::_exit(99);
}

template <std::size_t N>
int value_of(const Name (&names)[N], const char* text, std::size_t size) {
  for (const Name& name : names)
    if (std::strlen(name.name) == size && std::strncmp(name.name, text, size) == 0)
      return name.value;
  refuse(text);
}

/// Counts a call; true if it is to fail.
bool fails(Call call) {
  if (armed.load(std::memory_order_relaxed) != call) return false;
  const long number = ++calls;
  if (first == 0 || number < first || (number > first && !and_all_after)) return false;
  if (error == kKill && call != kWrite) ::kill(::getpid(), SIGKILL);
  return true;
}

bool allocation_fails() {
  const bool failing = fails(kMalloc) || (within_new > 0 && fails(kNew));
  if (failing) errno = ENOMEM;
  return failing;
}

template <class Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

void write_count() {
  const char* const path = std::getenv("LAMELLA_FAULT_COUNT");
  if (path == nullptr || armed == kNone) return;
  const long count = calls;
  armed = kNone;
  char text[32];
  const int size = std::snprintf(text, sizeof text, "%ld\n", count);
  const int file = ::open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  (void)!::write(file, text, static_cast<std::size_t>(size));
  ::close(file);
}

__attribute__((constructor)) void from_environment() { fault_arm(std::getenv("LAMELLA_FAULT")); }
__attribute__((destructor)) void at_end() { write_count(); }

/// A transfer of `size` bytes: 0 if it is to fail, errno set; less than `size` if it is to be
/// short.
std::size_t allowed(Call call, std::size_t size) {
  if (size == 0 || !fails(call)) return size;
  if (error == kShort)
    return std::min(size, std::max<std::size_t>(1, std::min<std::size_t>(size / 2, 777)));
  if (error == kKill) return size - 1;  // write() itself ends the program
  errno = error;
  return 0;
}

bool takes_mode(int flags) { return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE; }

}  // namespace

extern "C" {

void fault_arm(const char* specification) {
  armed = kNone;
  calls = 0;
  first = 0;
  if (specification == nullptr || *specification == '\0') return;
  const char* const colon = std::strchr(specification, ':');
  if (colon == nullptr) refuse(specification);
  const int call = value_of(kCalls, specification, static_cast<std::size_t>(colon - specification));
  char* rest = nullptr;
  first = std::strtol(colon + 1, &rest, 10);
  and_all_after = *rest == '+';
  if (and_all_after) ++rest;
  error = *rest == ':' ? value_of(kErrors, rest + 1, std::strlen(rest + 1)) : ENOMEM;
  armed = call;
}

long fault_calls() { return calls; }

// The headers of the C library name parameters by reserved words.
// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name)
void* malloc(std::size_t size) { return allocation_fails() ? nullptr : __libc_malloc(size); }
void* calloc(std::size_t count, std::size_t size) {
  return allocation_fails() ? nullptr : __libc_calloc(count, size);
}
void* realloc(void* memory, std::size_t size) {
  return allocation_fails() ? nullptr : __libc_realloc(memory, size);
}
void* memalign(std::size_t alignment, std::size_t size) {
  return allocation_fails() ? nullptr : __libc_memalign(alignment, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  return allocation_fails() ? nullptr : __libc_memalign(alignment, size);
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
  if (allocation_fails()) return ENOMEM;
  *memory = __libc_memalign(alignment, size);
  return *memory == nullptr ? ENOMEM : 0;
}

int open(const char* path, int flags, ...) {
  static const auto real = next<int (*)(const char*, int, ...)>("open");
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = takes_mode(flags) ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  if (fails(kOpen)) return errno = error, -1;
  return real(path, flags, mode);
}
int openat(int directory, const char* path, int flags, ...) {
  static const auto real = next<int (*)(int, const char*, int, ...)>("openat");
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = takes_mode(flags) ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  if (fails(kOpen)) return errno = error, -1;
  return real(directory, path, flags, mode);
}
ssize_t read(int file, void* to, std::size_t size) {
  static const auto real = next<ssize_t (*)(int, void*, std::size_t)>("read");
  const std::size_t some = allowed(kRead, size);
  return some == 0 && size > 0 ? -1 : real(file, to, some);
}
ssize_t pread(int file, void* to, std::size_t size, off_t from) {
  static const auto real = next<ssize_t (*)(int, void*, std::size_t, off_t)>("pread");
  const std::size_t some = allowed(kPread, size);
  return some == 0 && size > 0 ? -1 : real(file, to, some, from);
}
ssize_t write(int file, const void* from, std::size_t size) {
  static const auto real = next<ssize_t (*)(int, const void*, std::size_t)>("write");
  // A message about a fault is not to become a fault.
  const std::size_t some = file == STDERR_FILENO ? size : allowed(kWrite, size);
  if (error == kKill && some < size) {
    (void)!real(file, from, size / 2);
    ::kill(::getpid(), SIGKILL);
  }
  return some == 0 && size > 0 ? -1 : real(file, from, some);
}
int fsync(int file) {
  static const auto real = next<int (*)(int)>("fsync");
  if (fails(kFsync)) return errno = error, -1;
  return real(file);
}
int rename(const char* from, const char* to) {
  static const auto real = next<int (*)(const char*, const char*)>("rename");
  if (fails(kRename)) return errno = error, -1;
  return real(from, to);
}
int renameat(int from_directory, const char* from, int to_directory, const char* to) {
  static const auto real = next<int (*)(int, const char*, int, const char*)>("renameat");
  if (fails(kRename)) return errno = error, -1;
  return real(from_directory, from, to_directory, to);
}
int renameat2(int from_directory, const char* from, int to_directory, const char* to,
              unsigned flags) {
  static const auto real = next<int (*)(int, const char*, int, const char*, unsigned)>("renameat2");
  if (fails(kRename)) return errno = error, -1;
  return real(from_directory, from, to_directory, to, flags);
}
int linkat(int from_directory, const char* from, int to_directory, const char* to, int flags) {
  static const auto real = next<int (*)(int, const char*, int, const char*, int)>("linkat");
  if (fails(kRename)) return errno = error, -1;
  return real(from_directory, from, to_directory, to, flags);
}
int fdatasync(int file) {
  static const auto real = next<int (*)(int)>("fdatasync");
  if (fails(kFsync)) return errno = error, -1;
  return real(file);
}
int close(int file) {
  static const auto real = next<int (*)(int)>("close");
  if (!fails(kClose)) return real(file);
  real(file);  // Linux closes the file whatever it returns
  return errno = error, -1;
}
// NOLINTEND(readability-inconsistent-declaration-parameter-name)
}  // extern "C"

// Every form of new that programs use, so that "new" counts them.
namespace {

/// Throws outside of what counts as new: the memory of an exception is malloc's business. A handler
/// is called once, since it cannot find memory here.
template <class Allocate>
void* counted_new(Allocate allocate) {
  ++within_new;
  void* const memory = allocate();
  --within_new;
  if (memory != nullptr) return memory;
  if (const std::new_handler handler = std::get_new_handler()) handler();
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) {
  return counted_new([&] { return std::malloc(size == 0 ? 1 : size); });
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return counted_new([&] { return ::aligned_alloc(static_cast<std::size_t>(alignment), size); });
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
