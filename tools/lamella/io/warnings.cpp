// Warnings on standard error; see warnings.h.
#include "tools/lamella/io/warnings.h"

#include "tools/lamella/io/streams.h"

namespace lamella::cli {

void Warnings::print(const std::string& text, Suspicion suspicion) const {
  if (which_ == Which::likely && suspicion != Suspicion::likely) return;
  write_stderr("lamella: warning: " + text + "\n");
}

}  // namespace lamella::cli
