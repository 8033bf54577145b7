// The text of a thread's last error: memory that every thread has and that nothing can take away.
//
// Not here: which status an exception becomes (c_api.cpp).
#ifndef LAMELLA_CORE_C_API_LAST_ERROR_H_
#define LAMELLA_CORE_C_API_LAST_ERROR_H_

#include <string_view>

namespace lamella::detail {

/// Keeps `text` for the calling thread. A text that is too long loses its middle, since the reason
/// stands at its end; characters of UTF-8 stay whole. Allocates nothing, and works at any time:
/// when memory has run out, in destructors of thread-local and static objects, in functions of
/// atexit() and of pthread_key_create().
void set_last_error(std::string_view text) noexcept;

/// What set_last_error() kept for the calling thread; empty before the first.
const char* last_error() noexcept;

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_C_API_LAST_ERROR_H_
