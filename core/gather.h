// The loops of Dataset::gather over raw memory: samples picked by index, preprocessed, written with
// any strides. Arguments are checked by the caller (gather.cpp), nothing is allocated.
#ifndef LAMELLA_CORE_GATHER_H_
#define LAMELLA_CORE_GATHER_H_

#include <cstdint>
#include <span>

#include <lamella/view.h>

namespace lamella {

/// x' = (x - offset[j * offset_stride]) * scale[j * scale_stride] for feature j; stride 0 or 1.
struct AffineMap {
  const double* offset;
  index_t offset_stride;
  const double* scale;
  index_t scale_stride;
};

/// out(i, j) ← map(values[indices[i] * features + j]); `out` is indices.size() x features.
///
/// The arithmetic does not depend on the layout of `out`. Bytes, which T holds exactly, are mapped
/// in T: (T(x) - T(offset)) * T(scale). Other types are mapped in double and rounded to T once, for
/// a large offset (a year, a timestamp) would cancel all that float has of x.
template <class T, class Stored>
void gather_samples(const Stored* values, index_t features, std::span<const std::int32_t> indices,
                    const AffineMap& map, View<T> out) noexcept;

}  // namespace lamella

#endif  // LAMELLA_CORE_GATHER_H_
