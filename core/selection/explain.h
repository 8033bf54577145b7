// The choice of a backend in words, for LAMELLA_VERBOSE=1.
#ifndef LAMELLA_CORE_SELECTION_EXPLAIN_H_
#define LAMELLA_CORE_SELECTION_EXPLAIN_H_

#include <string>

#include "core/selection/choice.h"

namespace lamella::detail {

/// What was chosen, and why each of the others was not: a line each.
std::string explain(const Choice& choice);

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_SELECTION_EXPLAIN_H_
