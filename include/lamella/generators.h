// Data sets that need no file: points drawn from simple distributions.
#ifndef LAMELLA_GENERATORS_H_
#define LAMELLA_GENERATORS_H_

#include <cstdint>

#include <lamella/dataset.h>
#include <lamella/export.h>
#include <lamella/view.h>

namespace lamella {

/// Two interleaved half circles: 2 features; sample i is of class i % 2. Gaussian noise of the
/// given standard deviation is added to both features. The same seed gives the same points on every
/// platform up to libm's rounding; sample i is the same for every number of samples. Throws
/// ArgumentError for fewer than 1 sample or negative noise.
LAMELLA_API Dataset make_moons(index_t samples, double noise, std::uint64_t seed);

/// Isotropic Gaussian clusters, one per class, with centres uniform in [-10, 10] per feature.
/// Sample i is of class i % classes. Seed and errors as make_moons.
LAMELLA_API Dataset make_blobs(index_t samples, index_t features, index_t classes, double deviation,
                               std::uint64_t seed);

}  // namespace lamella

#endif  // LAMELLA_GENERATORS_H_
