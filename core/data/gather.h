// Samples picked by index and preprocessed: the loops of Dataset::gather for all stored types, and
// Gatherer, which leaves bytes to a backend's kernel. Arguments are checked by the callers.
#ifndef LAMELLA_CORE_DATA_GATHER_H_
#define LAMELLA_CORE_DATA_GATHER_H_

#include <cstdint>
#include <span>
#include <vector>

#include <lamella/backend.h>
#include <lamella/dataset.h>

namespace lamella {

/// x' = (x - offset[j * offset_stride]) * scale[j * scale_stride] for feature j; stride 0 or 1.
struct AffineMap {
  const double* offset;
  index_t offset_stride;
  const double* scale;
  index_t scale_stride;
};

/// The map that `preprocessing` stands for; it must fit the data and outlive the result.
AffineMap affine_map(const Preprocessing& preprocessing);

/// out(i, j) ← map(values[indices[i] * features + j]); `out` is indices.size() x features.
///
/// The arithmetic does not depend on the layout of `out`. Bytes, which T holds exactly, are mapped
/// in T: (T(x) - T(offset)) * T(scale). Other types are mapped in double and rounded to T once, for
/// a large offset (a year, a timestamp) would cancel all that float has of x.
/// Allocates nothing.
template <class T, class Stored>
void gather_samples(const Stored* values, index_t features, std::span<const std::int32_t> indices,
                    const AffineMap& map, View<T> out) noexcept;

/// Gathers from stored values with one preprocessing, on one backend. Same bits as Dataset::gather.
template <class T>
class Gatherer {
 public:
  /// `preprocessing` must fit samples of `features` values; it and `backend` must outlive this.
  Gatherer(const Backend& backend, const Preprocessing& preprocessing, index_t features);

  /// The kernel call that gathers `indices` from bytes; its output is still to be set.
  GatherBytes<T> call(std::span<const std::uint8_t> values,
                      std::span<const std::int32_t> indices) const;

  /// Row i of `out` becomes sample indices[i] of `values`. Allocates nothing.
  void gather(const Dataset::Features& values, std::span<const std::int32_t> indices,
              View<T> out) const;

 private:
  const Backend& backend_;
  AffineMap map_;
  index_t features_;
  std::vector<T> offset_, scale_;  // one value, or one per feature
};

}  // namespace lamella

#endif  // LAMELLA_CORE_DATA_GATHER_H_
