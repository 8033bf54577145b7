// What the routines of lamella_cblas share: reporting errors, and access to the backend.
//
// Layouts and transposes are plain ints here, not the standard header's enumerations: callers pass
// anything, and a C++ enumeration may only hold what is in its range.
#ifndef LAMELLA_CBLAS_ROUTINE_H_
#define LAMELLA_CBLAS_ROUTINE_H_

#include <exception>

#include <lamella/backend.h>

namespace lamella::cblas {

constexpr int kRowMajor = 101;
constexpr int kColMajor = 102;
constexpr int kNoTrans = 111;
constexpr int kTrans = 112;
constexpr int kConjTrans = 113;

inline bool is_layout(int layout) { return layout == kRowMajor || layout == kColMajor; }
inline bool is_transpose(int trans) {
  return trans == kNoTrans || trans == kTrans || trans == kConjTrans;
}

/// The routine that was called, for messages, and whether the caller's matrices are row-major.
struct Routine {
  const char* name;
  bool row_major;

  /// Tells cblas_xerbla that argument `parameter`, called `argument`, is `value` and wrong. The
  /// number is the one that the standard's library gives: see docs/cblas.md#semantics.
  void bad_argument(int parameter, const char* argument, int value) const;
  /// Tells cblas_xerbla, with parameter 0, that the call could not be computed.
  void failed(const char* reason) const;

  /// Calls compute(backend) with the process's backend; what goes wrong is reported as failed().
  template <class Compute>
  void run(Compute compute) const noexcept {
    try {
      const Backend& chosen = backend();
      compute(chosen);
      chosen.throw_if_failed();
    } catch (const std::exception& error) {
      failed(error.what());
    }
  }

 private:
  /// The backend that the environment selects, made at the first call that gets one. Throws
  /// BackendError if there is none; the next call asks again.
  static const Backend& backend();
};

}  // namespace lamella::cblas

#endif  // LAMELLA_CBLAS_ROUTINE_H_
