// The version of the library; LAMELLA_VERSION comes from the project() line of CMakeLists.txt.
#include <lamella/version.h>

namespace lamella {

const char* version() noexcept { return LAMELLA_VERSION; }

}  // namespace lamella
