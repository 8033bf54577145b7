// cblas_xerbla: the handler for programs that bring none. Alone in its unit: calls to it must go
// through the dynamic linker, where a program's own handler comes first.
#include "cblas/xerbla.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

extern "C" {

int RowMajorStrg = 0;

void cblas_xerbla(int parameter, const char* routine, const char* format, ...) {
  // Numbers of a row-major call are those of the column-major call with operands exchanged.
  constexpr struct {
    const char* routine;
    int one, other;
  } kExchanged[] = {{"gemm", 4, 5}, {"gemm", 9, 11}, {"gemv", 3, 4}, {"ger", 2, 3}, {"ger", 6, 8}};
  if (RowMajorStrg != 0)
    for (const auto& [kind, one, other] : kExchanged)
      if (std::strstr(routine, kind) != nullptr && (parameter == one || parameter == other)) {
        parameter = parameter == one ? other : one;
        break;
      }
  if (parameter != 0)
    std::fprintf(stderr, "lamella_cblas: %s: argument %d is wrong: ", routine, parameter);
  else
    std::fprintf(stderr, "lamella_cblas: %s: ", routine);
  va_list arguments;
  va_start(arguments, format);
  std::vfprintf(stderr, format, arguments);
  va_end(arguments);
  std::exit(-1);
}
}
