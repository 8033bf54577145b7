// The arithmetic of Preprocessing: one value, one run of values, and whether a preprocessing fits.
//
// Not here: which samples are mapped (gather.h).
#ifndef LAMELLA_CORE_DATA_PREPROCESSING_H_
#define LAMELLA_CORE_DATA_PREPROCESSING_H_

#include <cstdint>
#include <string_view>
#include <type_traits>

#include <lamella/dataset.h>

namespace lamella::detail {

/// x' = (x - offset[j * offset_stride]) * scale[j * scale_stride] for feature j; stride 0 or 1.
struct AffineMap {
  const double* offset;
  index_t offset_stride;
  const double* scale;
  index_t scale_stride;
};

/// The map that `preprocessing` stands for; it must fit the data and outlive the result.
AffineMap affine_map(const Preprocessing& preprocessing);

/// Throws ArgumentError, opened by `where`, unless each vector of `preprocessing` has 0, 1 or
/// `features` values.
void check_preprocessing(std::string_view where, const Preprocessing& preprocessing,
                         index_t features);

/// One value. Bytes, which T holds exactly, are mapped in T. Other types are mapped in double and
/// rounded to T once: a large offset (a year, a timestamp) would cancel all digits of a float.
template <class T, class Stored>
T map_value(Stored x, double offset, double scale) noexcept {
  if constexpr (std::is_same_v<Stored, std::uint8_t>)
    return (static_cast<T>(x) - static_cast<T>(offset)) * static_cast<T>(scale);
  else
    return static_cast<T>((static_cast<double>(x) - offset) * scale);
}

/// The contiguous features of one sample. Constant maps get a loop of their own, so that the
/// compiler keeps them in registers.
template <class T, class Stored>
void map_sample(const Stored* from, index_t features, const AffineMap& map, T* to) noexcept {
  if (map.offset_stride == 0 && map.scale_stride == 0) {
    const double offset = *map.offset;
    const double scale = *map.scale;
    for (index_t j = 0; j < features; ++j) to[j] = map_value<T>(from[j], offset, scale);
  } else {
    for (index_t j = 0; j < features; ++j)
      to[j] =
          map_value<T>(from[j], map.offset[j * map.offset_stride], map.scale[j * map.scale_stride]);
  }
}

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_DATA_PREPROCESSING_H_
