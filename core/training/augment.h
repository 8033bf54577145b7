// Gathers mini-batches of augmented samples: moves the images in their stored type (image_moves.h),
// preprocesses them as gather.h does, and adds noise.
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
#include <lamella/network.h>

#include "core/data/gather.h"
#include "core/kernels/image_moves.h"

namespace lamella::detail {

/// Throws ArgumentError, opened by `where`, if an option is out of range, or pixels are to be moved
/// and the samples are not images of a known shape.
void check_augmentation(std::string_view where, const Augmentation& augmentation,
                        const Dataset& data);

/// Height, width and channels of the images of a data set. Only after check_augmentation.
ImageShape image_shape(const Augmentation& augmentation, const Dataset& data);

/// The changes to sample `sample` in epoch `epoch`. Only what is cut out depends on the shape.
ImageMove draw_move(const Augmentation& augmentation, std::uint64_t seed, std::uint32_t epoch,
                    std::int32_t sample, const ImageShape& shape = {});

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
  /// As the next mini-batch of `network`. Images of bytes without noise are changed in the parallel
  /// region of its step; `samples` must then stay until that has been made.
  template <class T>
  void gather(std::span<const std::int32_t> samples, std::uint32_t epoch,
              const Gatherer<T>& gatherer, Network<T>& network);

 private:
  // The call that writes the images of `samples`, changed, to moved_.
  template <class T>
  MoveImages<T> moves(std::span<const std::int32_t> samples, std::uint32_t epoch);

  const Dataset& data_;
  Augmentation augmentation_;
  std::uint64_t seed_;
  ImageChanges changes_;
  Dataset::Features moved_;             // samples of a batch, one after the other
  std::vector<std::int32_t> in_order_;  // 0, 1, ...
};

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_TRAINING_AUGMENT_H_
