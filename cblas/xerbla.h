// The standard's error handler. Programs may define one of their own, which then gets the calls.
#ifndef LAMELLA_CBLAS_XERBLA_H_
#define LAMELLA_CBLAS_XERBLA_H_

#include <lamella/export.h>

extern "C" {

/// Nonzero while an error in a row-major call is reported; part of the standard's protocol.
LAMELLA_API extern int RowMajorStrg;

/// Reports that argument `parameter` (0: none) of `routine` was wrong; `format` and what follows
/// say more, as for printf. lamella's own prints to stderr and ends the process with exit code 255.
LAMELLA_API void cblas_xerbla(int parameter, const char* routine, const char* format, ...);
}

#endif  // LAMELLA_CBLAS_XERBLA_H_
