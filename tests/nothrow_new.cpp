// The nothrow form of operator new, as the standard library has it, for tests that replace the
// throwing one: a sanitizer's does not call that.
#include <new>

void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  try {
    return operator new(size);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
