// Environment variables, read strictly.
#include "core/platform/environment.h"

#include <charconv>
#include <cstdlib>
#include <limits>

#include <lamella/error.h>

#include "core/base/format.h"

namespace lamella::detail {

std::optional<std::string> environment(const char* variable) {
  const char* value = std::getenv(variable);
  if (value == nullptr) return std::nullopt;
  if (*value == '\0')
    throw BackendError(formatted("{} is set but empty; give it a value or unset it", variable));
  return std::string(value);
}

std::optional<int> environment_positive_int(const char* variable) {
  const auto text = environment(variable);
  if (!text) return std::nullopt;
  int value = 0;
  const char* end = text->data() + text->size();
  const auto parsed = std::from_chars(text->data(), end, value);
  if (parsed.ec != std::errc{} || parsed.ptr != end || value < 1)
    throw BackendError(formatted("{} is \"{}\", but must be an integer from 1 to {}", variable,
                                 *text, std::numeric_limits<int>::max()));
  return value;
}

bool environment_flag(const char* variable, bool otherwise) {
  const auto text = environment(variable);
  if (!text) return otherwise;
  if (*text == "0") return false;
  if (*text == "1") return true;
  throw BackendError(formatted("{} is \"{}\", but must be 0 or 1", variable, *text));
}

}  // namespace lamella::detail
