// Every kernel, on shapes large enough for several threads. The results are one list, which must be
// the same to the last bit for every number of threads and every executor.
#ifndef LAMELLA_TOOLS_CONFORMANCE_WORKLOAD_H_
#define LAMELLA_TOOLS_CONFORMANCE_WORKLOAD_H_

#include <functional>
#include <string>
#include <vector>

#include <lamella/backend.h>

namespace lamella::conformance {

/// One kernel call and everything it wrote.
template <class T>
struct Outcome {
  std::string kernel;  ///< "gemm", "bias_add", ...
  std::string what;    ///< shape and strides
  std::vector<T> values;
};

enum class Extent { full, brief };  ///< every kernel in both; brief: on few shapes

/// Runs the workload: inputs depend on `seed` alone. `before_each`, if given, is called with the
/// kernel's name in front of every call.
template <class T>
std::vector<Outcome<T>> run_workload(
    const Backend& backend, unsigned seed, Extent extent = Extent::full,
    const std::function<void(const std::string&)>& before_each = {});

/// Empty if both lists hold the same bits; otherwise the first call and element that differ.
template <class T>
std::string different_outcomes(const std::vector<Outcome<T>>& got,
                               const std::vector<Outcome<T>>& want);

}  // namespace lamella::conformance

#endif  // LAMELLA_TOOLS_CONFORMANCE_WORKLOAD_H_
