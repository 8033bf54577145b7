// Gathers mini-batches of augmented samples: moves the images in their stored type, preprocesses
// them as gather.h does, and adds noise.
//
// Every random number is a function of (seed, epoch, sample), so results do not depend on
// mini-batches or threads.
#ifndef LAMELLA_CORE_TRAINING_AUGMENT_H_
#define LAMELLA_CORE_TRAINING_AUGMENT_H_

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <lamella/augmentation.h>
#include <lamella/dataset.h>

#include "core/data/gather.h"

namespace lamella::detail {

/// Throws ArgumentError, opened by `where`, if an option is out of range, or pixels are to be moved
/// and the samples are not images of a known shape.
void check_augmentation(std::string_view where, const Augmentation& augmentation,
                        const Dataset& data);

/// The changes of one image, as drawn.
struct ImageMove {
  index_t down = 0;  // pixels
  index_t right = 0;
  bool flip = false;
  double angle = 0;  // radians, anticlockwise as seen with rows going down
};

/// The changes to sample `sample` in epoch `epoch`.
ImageMove draw_move(const Augmentation& augmentation, std::uint64_t seed, std::uint32_t epoch,
                    std::int32_t sample);

/// Height, width and channels of the images of a data set. Only after check_augmentation.
struct ImageShape {
  index_t height = 1, width = 1, channels = 1;
};
ImageShape image_shape(const Augmentation& augmentation, const Dataset& data);

/// to ← from after `move`; both hold height x width x channels values and do not overlap.
template <class Stored>
void move_image(const ImageShape& shape, const ImageMove& move, const Stored* from, Stored* to);

/// Adds Gaussian noise to row i of `x`, the sample with number samples[i].
template <class T>
void add_noise(double deviation, std::uint64_t seed, std::uint32_t epoch,
               std::span<const std::int32_t> samples, View<T> x);

/// Gathers samples with the changes of an epoch.
class Augmenter {
 public:
  /// For batches of up to `batch_size` samples of `data`, which must outlive it;
  /// check_augmentation must have passed.
  Augmenter(const Dataset& data, const Augmentation& augmentation, std::uint64_t seed,
            index_t batch_size);

  /// `gatherer` must be for samples of this data set. Allocates nothing.
  template <class T>
  void gather(std::span<const std::int32_t> samples, std::uint32_t epoch,
              const Gatherer<T>& gatherer, View<T> out);

 private:
  const Dataset& data_;
  Augmentation augmentation_;
  std::uint64_t seed_;
  ImageShape shape_;
  Dataset::Features moved_;             // samples of a batch, one after the other
  std::vector<std::int32_t> in_order_;  // 0, 1, ...
};

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_TRAINING_AUGMENT_H_
