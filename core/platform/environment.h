// Environment variables, read strictly: what is set must mean something.
//
// Not here: which variable decides what (core/selection/, thread_limit.cpp).
#ifndef LAMELLA_CORE_PLATFORM_ENVIRONMENT_H_
#define LAMELLA_CORE_PLATFORM_ENVIRONMENT_H_

#include <optional>
#include <string>

namespace lamella::detail {

/// The value of an environment variable, or nothing if it is not set. Throws BackendError if it is
/// set but empty: that is more often a mistake in a script than a request for the default.
std::optional<std::string> environment(const char* variable);

/// A strictly positive decimal integer: digits alone, no sign, no blanks. Throws BackendError,
/// naming the variable.
std::optional<int> environment_positive_int(const char* variable);

/// "1" is true, "0" is false, and unset is `otherwise`. Throws BackendError for anything else.
bool environment_flag(const char* variable, bool otherwise = false);

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_PLATFORM_ENVIRONMENT_H_
