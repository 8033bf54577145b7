// Samples chosen by index and preprocessed: the loops of Dataset::gather for all stored types, and
// Gatherer, which leaves bytes to a backend's kernel. Arguments are checked by the callers.
#ifndef LAMELLA_CORE_DATA_GATHER_H_
#define LAMELLA_CORE_DATA_GATHER_H_

#include <cstdint>
#include <span>
#include <vector>

#include <lamella/backend.h>
#include <lamella/dataset.h>

#include "core/data/preprocessing.h"

namespace lamella::detail {

/// out(i, j) ← map(values[indices[i] * features + j]); `out` is indices.size() x features.
///
/// The arithmetic is map_value's, whatever the layout of `out`. Allocates nothing.
template <class T, class Stored>
void gather_samples(const Stored* values, index_t features, std::span<const std::int32_t> indices,
                    const AffineMap& map, View<T> out) noexcept;

/// Gathers from stored values with one preprocessing, on one backend. Same bits as Dataset::gather.
template <class T>
class Gatherer {
 public:
  /// `preprocessing` must fit samples of `features` values; it and `backend` must outlive this.
  Gatherer(const Backend& backend, const Preprocessing& preprocessing, index_t features);

  const Backend& backend() const { return backend_; }

  /// The kernel call that gathers `indices` from bytes; the caller sets its output.
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

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_DATA_GATHER_H_
