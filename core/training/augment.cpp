// Checks of augmentations, noise, and mini-batches of changed samples; see augment.h.
#include "core/training/augment.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <memory>
#include <numbers>
#include <numeric>
#include <type_traits>

#include <lamella/error.h>

#include "core/base/format.h"
#include "core/base/made_once.h"
#include "core/base/random.h"
#include "core/base/text.h"

namespace lamella::detail {
namespace {

constexpr index_t kMostChannels = 4;  // grey, grey and alpha, RGB, RGBA

// The shape of the images: that of the options, or else that of the data set.
const std::vector<index_t>& stated_shape(const Augmentation& augmentation, const Dataset& data) {
  return augmentation.image_shape.empty() ? data.sample_shape() : augmentation.image_shape;
}

// Magnitudes of a standard normal variable, one for each of 2^15 equally probable intervals. The
// last one stands for everything beyond (|z| > 4.17, one number in 32 thousand). A look-up is much
// cheaper than the logarithm, root and sine of Box and Muller.
class NormalTable {
 public:
  static constexpr std::size_t kSize = 1 << 15;
  static const NormalTable& instance() {
    static constinit detail::MadeOnce<const NormalTable> table;
    return table.get([] { return std::make_unique<const NormalTable>(); });
  }
  NormalTable() {
    // Newton's method on P(|Z| < z) = erf(z / √2), which starts from the previous interval's value.
    double z = 0;
    for (std::size_t i = 0; i < kSize; ++i) {
      const double beyond = 1 - (static_cast<double>(i) + 0.5) / kSize;
      for (int round = 0; round < 8; ++round) {
        const double density = std::sqrt(2 / std::numbers::pi) * std::exp(-z * z / 2);
        z += (std::erfc(z / std::numbers::sqrt2) - beyond) / density;
      }
      magnitudes_[i] = static_cast<float>(z);
    }
  }
  /// The number that 16 random bits stand for.
  float operator()(std::uint64_t bits) const {
    const float magnitude = magnitudes_[bits & (kSize - 1)];
    return (bits & kSize) != 0 ? -magnitude : magnitude;
  }

 private:
  std::array<float, kSize> magnitudes_;
};

}  // namespace

void check_augmentation(std::string_view where, const Augmentation& augmentation,
                        const Dataset& data) {
  const auto fail = [&](const std::string& problem) {
    throw ArgumentError(formatted("{}: augmentation: {}", where, problem));
  };
  if (augmentation.shift < 0)
    fail(formatted("shift is {}; it must be at least 0", augmentation.shift));
  if (!(augmentation.rotation >= 0 && augmentation.rotation <= 180))
    fail(formatted("rotation is {}; it must be in [0, 180] degrees", augmentation.rotation));
  if (!(augmentation.scale >= 0 && augmentation.scale <= 0.9))
    fail(formatted("scale is {}; it must be in [0, 0.9]", augmentation.scale));
  if (!(augmentation.shear >= 0 && augmentation.shear <= 80))
    fail(formatted("shear is {}; it must be in [0, 80] degrees", augmentation.shear));
  if (augmentation.cut_out < 0)
    fail(formatted("cut_out is {}; it must be at least 0", augmentation.cut_out));
  if (!(augmentation.noise >= 0 && std::isfinite(augmentation.noise)))
    fail(formatted("noise is {}; it must be finite and not negative", augmentation.noise));
  if (!augmentation.moves_pixels()) return;

  const std::vector<index_t>& shape = stated_shape(augmentation, data);
  const bool image = (shape.size() == 2 || (shape.size() == 3 && shape[2] <= kMostChannels)) &&
                     std::ranges::all_of(shape, [](index_t d) { return d >= 1; });
  if (!image)
    fail(
        formatted("changes other than noise need images, but a sample is of shape {}; "
                  "image_shape can say height, width and, for colours, up to {} channels",
                  shape_text(shape), kMostChannels));
  index_t left = data.features();  // divided, not multiplied: the product could overflow
  for (const index_t d : shape) left = left % d == 0 ? left / d : 0;
  if (left != 1)
    fail(formatted("image_shape {} is not that of samples of {} values", shape_text(shape),
                   data.features()));
  if (augmentation.cut_out > std::max(shape[0], shape[1]))
    fail(formatted("cut_out is {}, which is more than images of {} have", augmentation.cut_out,
                   shape_text(shape)));
  if (augmentation.shift >= std::max(shape[0], shape[1]))
    fail(formatted("shift is {}, which moves images of {} out of sight", augmentation.shift,
                   shape_text(shape)));
}

ImageShape image_shape(const Augmentation& augmentation, const Dataset& data) {
  const std::vector<index_t>& shape = stated_shape(augmentation, data);
  return {shape[0], shape[1], shape.size() > 2 ? shape[2] : 1};
}

ImageChanges image_changes(const Augmentation& augmentation, const Dataset& data) {
  const auto [height, width, channels] = image_shape(augmentation, data);
  return {height,
          width,
          channels,
          augmentation.shift,
          augmentation.flip,
          augmentation.rotation,
          augmentation.scale,
          augmentation.shear,
          augmentation.cut_out};
}

ImageMove draw_move(const Augmentation& augmentation, std::uint64_t seed, std::uint32_t epoch,
                    std::int32_t sample, const ImageShape& shape) {
  const ImageChanges changes{shape.height,       shape.width,        shape.channels,
                             augmentation.shift, augmentation.flip,  augmentation.rotation,
                             augmentation.scale, augmentation.shear, augmentation.cut_out};
  return draw_move(changes, RandomStream(seed, RandomPurpose::augmentation, epoch), sample);
}

template <class T>
void add_noise(double deviation, std::uint64_t seed, std::uint32_t epoch,
               std::span<const std::int32_t> samples, View<T> x) {
  constexpr index_t kNumbersPerBlock = 8;
  const RandomStream random(seed, RandomPurpose::augmentation, epoch);
  const NormalTable& normal = NormalTable::instance();
  const auto factor = static_cast<T>(deviation);
  for (index_t i = 0; i < x.rows; ++i)
    for (index_t first = 0; first < x.cols; first += kNumbersPerBlock) {
      const auto block = static_cast<std::uint64_t>(first / kNumbersPerBlock);
      const auto words =
          random.words(block_index(samples[static_cast<std::size_t>(i)], kFirstNoiseBlock + block));
      const index_t count = std::min(kNumbersPerBlock, x.cols - first);
      for (index_t j = 0; j < count; ++j) {
        const std::uint64_t bits = words[static_cast<std::size_t>(j / 4)] >> (j % 4 * 16);
        x(i, first + j) += factor * static_cast<T>(normal(bits));
      }
    }
}

Augmenter::Augmenter(const Dataset& data, const Augmentation& augmentation, std::uint64_t seed,
                     index_t batch_size)
    : data_(data), augmentation_(augmentation), seed_(seed) {
  if (!augmentation.moves_pixels()) return;
  changes_ = image_changes(augmentation, data);
  in_order_.resize(static_cast<std::size_t>(batch_size));
  std::iota(in_order_.begin(), in_order_.end(), 0);
  const auto values = static_cast<std::size_t>(batch_size * data.features());
  std::visit([&](const auto& stored) { moved_ = std::remove_cvref_t<decltype(stored)>(values); },
             data.values());
}

template <class T>
MoveImages<T> Augmenter::moves(std::span<const std::int32_t> samples, std::uint32_t epoch) {
  MoveImages<T> call;
  call.changes = changes_;
  call.seed = seed_;
  call.stream = RandomStream(seed_, RandomPurpose::augmentation, epoch).stream();
  call.samples = data_.samples();
  call.indices = {samples.data(), std::ssize(samples), 1};
  std::visit(
      [&](const auto& stored) {
        using Stored = typename std::remove_cvref_t<decltype(stored)>::value_type;
        call.type = std::is_same_v<Stored, std::uint8_t> ? StoredType::u8
                    : std::is_same_v<Stored, float>      ? StoredType::f32
                                                         : StoredType::f64;
        call.values = stored.data();
        call.moved = std::get<std::remove_cvref_t<decltype(stored)>>(moved_).data();
      },
      data_.values());
  return call;
}

template <class T>
void Augmenter::gather(std::span<const std::int32_t> samples, std::uint32_t epoch,
                       const Gatherer<T>& gatherer, View<T> out) {
  if (!augmentation_.moves_pixels()) {
    gatherer.gather(data_.values(), samples, out);
  } else {
    gatherer.backend().run(moves<T>(samples, epoch));
    gatherer.gather(moved_, std::span<const std::int32_t>(in_order_).first(samples.size()), out);
  }
  if (augmentation_.noise != 0) add_noise(augmentation_.noise, seed_, epoch, samples, out);
}

template <class T>
void Augmenter::gather(std::span<const std::int32_t> samples, std::uint32_t epoch,
                       const Gatherer<T>& gatherer, Network<T>& network) {
  const auto* const bytes = std::get_if<std::vector<std::uint8_t>>(&moved_);
  if (augmentation_.moves_pixels() && augmentation_.noise == 0 && bytes != nullptr)
    network.gather_batch(moves<T>(samples, epoch),
                         gatherer.call(*bytes, std::span(in_order_).first(samples.size())));
  else
    gather(samples, epoch, gatherer, network.batch_input(std::ssize(samples)));
}

template void add_noise(double, std::uint64_t, std::uint32_t, std::span<const std::int32_t>,
                        View<float>);
template void add_noise(double, std::uint64_t, std::uint32_t, std::span<const std::int32_t>,
                        View<double>);
template void Augmenter::gather(std::span<const std::int32_t>, std::uint32_t,
                                const Gatherer<float>&, View<float>);
template void Augmenter::gather(std::span<const std::int32_t>, std::uint32_t,
                                const Gatherer<float>&, Network<float>&);
template void Augmenter::gather(std::span<const std::int32_t>, std::uint32_t,
                                const Gatherer<double>&, View<double>);
template void Augmenter::gather(std::span<const std::int32_t>, std::uint32_t,
                                const Gatherer<double>&, Network<double>&);

}  // namespace lamella::detail
