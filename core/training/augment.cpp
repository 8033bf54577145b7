// Random shifts, flips, rotations and noise; see augment.h.
#include "core/training/augment.h"

#include <algorithm>
#include <array>
#include <cmath>
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

// The random numbers of a sample: block 0 shifts, block 1 turns and flips, the others are noise.
constexpr std::uint64_t kShiftBlock = 0;
constexpr std::uint64_t kTurnBlock = 1;
constexpr std::uint64_t kFirstNoiseBlock = 2;

std::uint64_t block_index(std::int32_t sample, std::uint64_t block) {
  return std::uint64_t{static_cast<std::uint32_t>(sample)} << 32 | block;
}

// The shape of the images: that of the options, or else that of the data set.
const std::vector<index_t>& stated_shape(const Augmentation& augmentation, const Dataset& data) {
  return augmentation.image_shape.empty() ? data.sample_shape() : augmentation.image_shape;
}

// Moves by whole pixels: copies rows, in one piece or, when flipped, pixel by pixel.
template <class Stored>
void shift_image(const ImageShape& shape, const ImageMove& move, const Stored* from, Stored* to) {
  const auto [height, width, channels] = shape;
  const index_t row_size = width * channels;
  const index_t first = std::clamp<index_t>(move.right, 0, width);  // columns that have a source
  const index_t last = std::clamp<index_t>(width + move.right, first, width);
  for (index_t y = 0; y < height; ++y) {
    Stored* const row = to + y * row_size;
    const index_t from_y = y - move.down;
    if (from_y < 0 || from_y >= height) {
      std::fill_n(row, row_size, Stored{0});
      continue;
    }
    const Stored* const source = from + from_y * row_size;
    std::fill_n(row, first * channels, Stored{0});
    if (!move.flip) {
      std::copy_n(source + (first - move.right) * channels, (last - first) * channels,
                  row + first * channels);
    } else {
      for (index_t x = first; x < last; ++x)
        std::copy_n(source + (width - 1 - (x - move.right)) * channels, channels,
                    row + x * channels);
    }
    std::fill_n(row + last * channels, (width - last) * channels, Stored{0});
  }
}

template <class Stored>
Stored rounded_to(double value) {
  if constexpr (std::is_integral_v<Stored>)
    return static_cast<Stored>(std::floor(value + 0.5));  // a mean of bytes: never out of range
  else
    return static_cast<Stored>(value);
}

// Rotates: maps every pixel back to its source point, and interpolates the four pixels around it.
template <class Stored>
void turn_image(const ImageShape& shape, const ImageMove& move, const Stored* from, Stored* to) {
  // Not a structured binding: clang 14 cannot use one inside a lambda.
  const index_t height = shape.height, width = shape.width, channels = shape.channels;
  const double cosine = std::cos(move.angle), sine = std::sin(move.angle);
  const double centre_y = static_cast<double>(height - 1) / 2;
  const double centre_x = static_cast<double>(width - 1) / 2;
  for (index_t y = 0; y < height; ++y)
    for (index_t x = 0; x < width; ++x) {
      const double down = static_cast<double>(y - move.down) - centre_y;
      const double right = static_cast<double>(x - move.right) - centre_x;
      const double source_y = centre_y + cosine * down + sine * right;
      const double source_x = centre_x + cosine * right - sine * down;
      const auto top = static_cast<index_t>(std::floor(source_y));
      const auto left = static_cast<index_t>(std::floor(source_x));
      const double below = source_y - static_cast<double>(top);
      const double beside = source_x - static_cast<double>(left);
      for (index_t c = 0; c < channels; ++c) {
        const auto at = [&](index_t row, index_t column) {
          if (row < 0 || row >= height || column < 0 || column >= width) return 0.0;
          const index_t unflipped = move.flip ? width - 1 - column : column;
          return static_cast<double>(from[(row * width + unflipped) * channels + c]);
        };
        const double upper = (1 - beside) * at(top, left) + beside * at(top, left + 1);
        const double lower = (1 - beside) * at(top + 1, left) + beside * at(top + 1, left + 1);
        to[(y * width + x) * channels + c] =
            rounded_to<Stored>((1 - below) * upper + below * lower);
      }
    }
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
  if (!(augmentation.noise >= 0 && std::isfinite(augmentation.noise)))
    fail(formatted("noise is {}; it must be finite and not negative", augmentation.noise));
  if (!augmentation.moves_pixels()) return;

  const std::vector<index_t>& shape = stated_shape(augmentation, data);
  const bool image = (shape.size() == 2 || (shape.size() == 3 && shape[2] <= kMostChannels)) &&
                     std::ranges::all_of(shape, [](index_t d) { return d >= 1; });
  if (!image)
    fail(
        formatted("shift, flip and rotation need images, but a sample is of shape {}; "
                  "image_shape can say height, width and, for colours, up to {} channels",
                  shape_text(shape), kMostChannels));
  index_t left = data.features();  // divided, not multiplied: the product could overflow
  for (const index_t d : shape) left = left % d == 0 ? left / d : 0;
  if (left != 1)
    fail(formatted("image_shape {} is not that of samples of {} values", shape_text(shape),
                   data.features()));
  if (augmentation.shift >= std::max(shape[0], shape[1]))
    fail(formatted("shift is {}, which moves images of {} out of sight", augmentation.shift,
                   shape_text(shape)));
}

ImageShape image_shape(const Augmentation& augmentation, const Dataset& data) {
  const std::vector<index_t>& shape = stated_shape(augmentation, data);
  return {shape[0], shape[1], shape.size() > 2 ? shape[2] : 1};
}

ImageMove draw_move(const Augmentation& augmentation, std::uint64_t seed, std::uint32_t epoch,
                    std::int32_t sample) {
  const RandomStream random(seed, RandomPurpose::augmentation, epoch);
  const auto shifts = random.uniform_pair(block_index(sample, kShiftBlock));
  const auto turns = random.uniform_pair(block_index(sample, kTurnBlock));
  const auto pixels = [&](double uniform) {
    const auto places = static_cast<double>(2 * augmentation.shift + 1);
    return static_cast<index_t>(uniform * places) - augmentation.shift;
  };
  ImageMove move;
  move.down = pixels(shifts[0]);
  move.right = pixels(shifts[1]);
  move.flip = augmentation.flip && turns[0] < 0.5;
  move.angle = (2 * turns[1] - 1) * augmentation.rotation * std::numbers::pi / 180;
  return move;
}

template <class Stored>
void move_image(const ImageShape& shape, const ImageMove& move, const Stored* from, Stored* to) {
  if (move.angle == 0)
    shift_image(shape, move, from, to);
  else
    turn_image(shape, move, from, to);
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
  shape_ = image_shape(augmentation, data);
  in_order_.resize(static_cast<std::size_t>(batch_size));
  std::iota(in_order_.begin(), in_order_.end(), 0);
  const auto values = static_cast<std::size_t>(batch_size * data.features());
  std::visit([&](const auto& stored) { moved_ = std::remove_cvref_t<decltype(stored)>(values); },
             data.values());
}

template <class T>
void Augmenter::gather(std::span<const std::int32_t> samples, std::uint32_t epoch,
                       const Gatherer<T>& gatherer, View<T> out) {
  if (!augmentation_.moves_pixels()) {
    gatherer.gather(data_.values(), samples, out);
  } else {
    const index_t features = data_.features();
    std::visit(
        [&](const auto& stored) {
          auto& moved = std::get<std::remove_cvref_t<decltype(stored)>>(moved_);
          for (std::size_t i = 0; i < samples.size(); ++i)
            move_image(shape_, draw_move(augmentation_, seed_, epoch, samples[i]),
                       stored.data() + samples[i] * features,
                       moved.data() + static_cast<index_t>(i) * features);
        },
        data_.values());
    gatherer.gather(moved_, std::span<const std::int32_t>(in_order_).first(samples.size()), out);
  }
  if (augmentation_.noise != 0) add_noise(augmentation_.noise, seed_, epoch, samples, out);
}

template void move_image(const ImageShape&, const ImageMove&, const std::uint8_t*, std::uint8_t*);
template void move_image(const ImageShape&, const ImageMove&, const float*, float*);
template void move_image(const ImageShape&, const ImageMove&, const double*, double*);
template void add_noise(double, std::uint64_t, std::uint32_t, std::span<const std::int32_t>,
                        View<float>);
template void add_noise(double, std::uint64_t, std::uint32_t, std::span<const std::int32_t>,
                        View<double>);
template void Augmenter::gather(std::span<const std::int32_t>, std::uint32_t,
                                const Gatherer<float>&, View<float>);
template void Augmenter::gather(std::span<const std::int32_t>, std::uint32_t,
                                const Gatherer<double>&, View<double>);

}  // namespace lamella::detail
