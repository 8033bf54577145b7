// Augmentation: random changes to training samples that do not change their classes.
//
// Not here: when they are made (trainer.h, while mini-batches are gathered). Samples that are
// evaluated are never changed.
#ifndef LAMELLA_AUGMENTATION_H_
#define LAMELLA_AUGMENTATION_H_

#include <vector>

#include <lamella/view.h>

namespace lamella {

/// The changes to each sample of a mini-batch, which are drawn anew in every epoch. An image is
/// flipped, then scaled, sheared and rotated about its centre, then shifted; pixels that come in
/// from outside have the stored value 0, and so has what is cut out at last. Then preprocessing
/// applies, and noise is added to the network's inputs. The random numbers depend on (seed, epoch,
/// number of the sample) alone, and not on the mini-batch that the sample is in.
struct Augmentation {
  index_t shift = 0;    ///< whole pixels, in both directions: each uniform in -shift ... shift
  bool flip = false;    ///< exchange left and right, with probability 1/2
  double rotation = 0;  ///< degrees, in [0, 180]: uniform in ±rotation, bilinear between pixels
  double scale = 0;     ///< in [0, 0.9]: a factor uniform in 1 ± scale, bilinear between pixels
  double shear = 0;     ///< degrees, in [0, 80]: rows move by the tangent of an angle uniform in
                        ///< ±shear, bilinear between pixels
  /// Pixels, at least 0: the side of a square that is set to 0, with a centre anywhere in the
  /// image, so that a part of it may lie outside (DeVries and Taylor, "Improved regularization of
  /// convolutional neural networks with cutout", 2017).
  index_t cut_out = 0;
  double noise = 0;  ///< standard deviation of Gaussian noise on the inputs; finite and >= 0
  /// {height, width} or {height, width, channels} of an image, row-major, up to 4 channels. Empty:
  /// the data set's sample_shape. Not needed for noise alone.
  std::vector<index_t> image_shape = {};

  /// Whether pixels move, so that samples have to be images.
  bool moves_pixels() const {
    return shift != 0 || flip || rotation != 0 || scale != 0 || shear != 0 || cut_out != 0;
  }
  /// Whether samples change at all.
  bool active() const { return moves_pixels() || noise != 0; }

  friend bool operator==(const Augmentation&, const Augmentation&) = default;
};

}  // namespace lamella

#endif  // LAMELLA_AUGMENTATION_H_
