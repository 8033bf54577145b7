// Asks backend selection for everything that is usable; see test_backends.h.
#include "tests/test_backends.h"

#include <cstdlib>
#include <stdexcept>
#include <string>

#include <lamella/backend_selection.h>

#include "tests/minimal_backend.h"

namespace lamella::test {
namespace {

std::vector<std::shared_ptr<const Backend>> make_test_backends() {
  const char* variable = std::getenv("LAMELLA_TEST_BACKEND");
  const std::string wanted = variable == nullptr ? "" : variable;
  std::vector<std::shared_ptr<const Backend>> made;
  if (wanted.empty() || wanted == "minimal") made.push_back(make_minimal_backend());
  for (const BackendStatus& status : list_backends()) {
    if (!status.usable || (!wanted.empty() && wanted != status.name)) continue;
    BackendRequest request;
    request.name = status.name;
    made.push_back(make_backend(request));
  }
  if (made.empty())
    throw std::runtime_error("LAMELLA_TEST_BACKEND=" + wanted + " is unknown or not usable here");
  return made;
}

}  // namespace

const std::vector<std::shared_ptr<const Backend>>& test_backends() {
  static const std::vector<std::shared_ptr<const Backend>> made = make_test_backends();
  return made;
}

std::vector<std::string> usable_isas() {
  std::vector<std::string> names;
  for (const IsaStatus& isa : list_isas())
    if (isa.compiled && isa.usable) names.push_back(isa.name);
  return names;
}

}  // namespace lamella::test
