// The version of the library that is linked.
#ifndef LAMELLA_VERSION_H_
#define LAMELLA_VERSION_H_

#include <lamella/export.h>

namespace lamella {

/// "major.minor.patch", as find_package(lamella) sees it. A string constant.
LAMELLA_API const char* version() noexcept;

}  // namespace lamella

#endif  // LAMELLA_VERSION_H_
