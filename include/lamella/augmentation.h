// Random changes to training samples that leave their classes as they are: more data from few.
//
// Not here: when they are made (trainer.h, while batches are gathered). Samples that are evaluated
// are never changed.
#ifndef LAMELLA_AUGMENTATION_H_
#define LAMELLA_AUGMENTATION_H_

#include <vector>

#include <lamella/view.h>

namespace lamella {

/// What is done to each sample of a mini-batch, anew in every epoch: an image is flipped, then
/// turned about its centre, then shifted; what comes in from outside is the stored value 0. Then
/// preprocessing applies, and noise is added to the network's inputs. What is drawn depends on
/// (seed, epoch, number of the sample) alone, whatever batch the sample is in.
struct Augmentation {
  index_t shift = 0;    ///< both ways, by whole pixels: each uniform in -shift ... shift
  bool flip = false;    ///< left and right exchanged, with probability 1/2
  double rotation = 0;  ///< degrees, in [0, 180]: uniform in ±rotation, bilinear between pixels
  double noise = 0;     ///< deviation of Gaussian noise, in units of the inputs; finite and >= 0
  /// {height, width} or {height, width, channels} of an image, row-major, up to 4 channels. Empty:
  /// the data set's sample_shape. Not needed for noise alone.
  std::vector<index_t> image_shape = {};

  /// Whether anything moves pixels, so that samples have to be images.
  bool moves_pixels() const { return shift != 0 || flip || rotation != 0; }
  /// Whether anything is done at all.
  bool active() const { return moves_pixels() || noise != 0; }

  friend bool operator==(const Augmentation&, const Augmentation&) = default;
};

}  // namespace lamella

#endif  // LAMELLA_AUGMENTATION_H_
