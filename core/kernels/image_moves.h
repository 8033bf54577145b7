// The random changes of one image: what is drawn, and the image that it gives.
//
// Not here: which data can be changed (core/training/augment.h).
#ifndef LAMELLA_CORE_KERNELS_IMAGE_MOVES_H_
#define LAMELLA_CORE_KERNELS_IMAGE_MOVES_H_

#include <cstdint>

#include <lamella/kernels.h>

#include "core/base/random.h"

namespace lamella::detail {

// The random numbers of a sample, by the number of their block. Noise has all blocks that have no
// other purpose.
inline constexpr std::uint64_t kShiftBlock = 0;
inline constexpr std::uint64_t kTurnBlock = 1;  // and flip
inline constexpr std::uint64_t kFirstNoiseBlock = 2;
inline constexpr std::uint64_t kCutBlock = 0xfffffffe;
inline constexpr std::uint64_t kScaleBlock = 0xffffffff;  // and shear

/// The index of a block of random numbers of a sample.
constexpr std::uint64_t block_index(std::int32_t sample, std::uint64_t block) {
  return std::uint64_t{static_cast<std::uint32_t>(sample)} << 32 | block;
}

/// The sides of an image.
struct ImageShape {
  index_t height = 1, width = 1, channels = 1;
};

/// The changes of one image, as drawn, in the order in which they are made.
struct ImageMove {
  index_t down = 0;  // pixels
  index_t right = 0;
  bool flip = false;  // before everything else
  double angle = 0;   // radians, anticlockwise as seen with rows going down
  double scale = 1;
  double shear = 0;     // tangent of the angle
  index_t cut_top = 0;  // the square that is cut out at last, which may reach over the edges
  index_t cut_left = 0;
  index_t cut_size = 0;
};

/// The changes to sample `sample`.
ImageMove draw_move(const ImageChanges& changes, const RandomStream& random, std::int32_t sample);

/// to ← from after `move`; both hold height x width x channels values and do not overlap.
template <class Stored>
void move_image(const ImageShape& shape, const ImageMove& move, const Stored* from, Stored* to);

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_KERNELS_IMAGE_MOVES_H_
