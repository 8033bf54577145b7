// Random shifts, flips, rotations, scales, shears and cut-out; the default of move_images, which
// all backends share.
#include "core/kernels/image_moves.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <type_traits>

namespace lamella {
namespace detail {
namespace {

// Copies `pixels` pixels, the last one first. The pixels of images in grey are a plain loop.
template <class Stored>
void copy_reversed(const Stored* from, index_t pixels, index_t channels, Stored* to) {
  if (channels == 1) {
    std::reverse_copy(from, from + pixels, to);
    return;
  }
  for (index_t x = 0; x < pixels; ++x)
    for (index_t c = 0; c < channels; ++c)
      to[x * channels + c] = from[(pixels - 1 - x) * channels + c];
}

// Moves by whole pixels: copies rows, in one piece.
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
    if (!move.flip)
      std::copy_n(source + (first - move.right) * channels, (last - first) * channels,
                  row + first * channels);
    else
      copy_reversed(source + (width + move.right - last) * channels, last - first, channels,
                    row + first * channels);
    std::fill_n(row + last * channels, (width - last) * channels, Stored{0});
  }
}

template <class Stored>
Stored rounded_to(double value) {
  if constexpr (std::is_integral_v<Stored>)
    // A mean of bytes is never negative or out of range.
    return static_cast<Stored>(value + 0.5);  // NOLINT(bugprone-incorrect-roundings)
  else
    return static_cast<Stored>(value);
}

// The largest whole number that is not above x. std::floor is a call where a processor need not
// have the instruction.
index_t floor_of(double x) {
  const auto truncated = static_cast<index_t>(x);
  return truncated - (x < static_cast<double>(truncated) ? 1 : 0);
}

// Maps every pixel back to its source point, and interpolates the four pixels around it.
template <class Stored>
void turn_image(const ImageShape& shape, const ImageMove& move, const Stored* from, Stored* to) {
  // Not a structured binding: clang 14 cannot use one inside a lambda.
  const index_t height = shape.height, width = shape.width, channels = shape.channels;
  // The inverse of scale, shear and rotation, the last one first.
  const double cosine = std::cos(move.angle), sine = std::sin(move.angle);
  const double y_down = cosine / move.scale, y_right = sine / move.scale;
  const double x_right = (cosine - move.shear * sine) / move.scale;
  const double x_down = (-sine - move.shear * cosine) / move.scale;
  const double centre_y = static_cast<double>(height - 1) / 2;
  const double centre_x = static_cast<double>(width - 1) / 2;
  const index_t step = move.flip ? -channels : channels;  // to the pixel on the right
  const index_t start = move.flip ? (width - 1) * channels : 0;
  for (index_t y = 0; y < height; ++y) {
    const double down = static_cast<double>(y - move.down) - centre_y;
    const double row_y = centre_y + y_down * down, row_x = x_down * down;
    for (index_t x = 0; x < width; ++x) {
      const double right = static_cast<double>(x - move.right) - centre_x;
      const double source_y = row_y + y_right * right;
      const double source_x = (centre_x + x_right * right) + row_x;
      const index_t top = floor_of(source_y), left = floor_of(source_x);
      const double below = source_y - static_cast<double>(top);
      const double beside = source_x - static_cast<double>(left);
      const auto mix = [&](const auto& upper_left, const auto& upper_right, const auto& lower_left,
                           const auto& lower_right) {
        const double upper = (1 - beside) * static_cast<double>(upper_left) +
                             beside * static_cast<double>(upper_right);
        const double lower = (1 - beside) * static_cast<double>(lower_left) +
                             beside * static_cast<double>(lower_right);
        return rounded_to<Stored>((1 - below) * upper + below * lower);
      };
      Stored* const out = to + (y * width + x) * channels;
      if (top >= 0 && top + 1 < height && left >= 0 && left + 1 < width) {
        const Stored* const at = from + top * width * channels + start + left * step;
        const Stored* const under = at + width * channels;
        for (index_t c = 0; c < channels; ++c)
          out[c] = mix(at[c], at[step + c], under[c], under[step + c]);
        continue;
      }
      for (index_t c = 0; c < channels; ++c) {
        const auto at = [&](index_t row, index_t column) {
          if (row < 0 || row >= height || column < 0 || column >= width) return 0.0;
          return static_cast<double>(from[row * width * channels + start + column * step + c]);
        };
        out[c] = mix(at(top, left), at(top, left + 1), at(top + 1, left), at(top + 1, left + 1));
      }
    }
  }
}

template <class Stored>
void cut_out(const ImageShape& shape, const ImageMove& move, Stored* image) {
  const index_t left = std::clamp<index_t>(move.cut_left, 0, shape.width);
  const index_t right = std::clamp<index_t>(move.cut_left + move.cut_size, left, shape.width);
  const index_t top = std::clamp<index_t>(move.cut_top, 0, shape.height);
  const index_t bottom = std::clamp<index_t>(move.cut_top + move.cut_size, top, shape.height);
  for (index_t y = top; y < bottom; ++y)
    std::fill_n(image + (y * shape.width + left) * shape.channels, (right - left) * shape.channels,
                Stored{0});
}

template <class Stored, class T>
void move_images_of(const MoveImages<T>& call) {
  const ImageShape shape{call.changes.height, call.changes.width, call.changes.channels};
  const RandomStream random(call.seed, call.stream);
  const index_t features = call.features();
  for (index_t i = 0; i < call.indices.size; ++i)
    move_image(shape, draw_move(call.changes, random, call.indices[i]),
               static_cast<const Stored*>(call.values) + call.indices[i] * features,
               static_cast<Stored*>(call.moved) + i * features);
}

}  // namespace

ImageMove draw_move(const ImageChanges& changes, const RandomStream& random, std::int32_t sample) {
  const auto shifts = random.uniform_pair(block_index(sample, kShiftBlock));
  const auto turns = random.uniform_pair(block_index(sample, kTurnBlock));
  const auto pixels = [&](double uniform) {
    const auto places = static_cast<double>(2 * changes.shift + 1);
    return static_cast<index_t>(uniform * places) - changes.shift;
  };
  constexpr double kDegree = std::numbers::pi / 180;
  ImageMove move;
  move.down = pixels(shifts[0]);
  move.right = pixels(shifts[1]);
  move.flip = changes.flip && turns[0] < 0.5;
  move.angle = (2 * turns[1] - 1) * changes.rotation * std::numbers::pi / 180;
  if (changes.scale != 0 || changes.shear != 0) {
    const auto scales = random.uniform_pair(block_index(sample, kScaleBlock));
    move.scale = 1 + (2 * scales[0] - 1) * changes.scale;
    move.shear = std::tan((2 * scales[1] - 1) * changes.shear * kDegree);
  }
  if (changes.cut_out != 0) {
    const auto centre = random.uniform_pair(block_index(sample, kCutBlock));
    const auto before = [&](double uniform, index_t size) {
      return static_cast<index_t>(uniform * static_cast<double>(size)) - changes.cut_out / 2;
    };
    move.cut_top = before(centre[0], changes.height);
    move.cut_left = before(centre[1], changes.width);
    move.cut_size = changes.cut_out;
  }
  return move;
}

template <class Stored>
void move_image(const ImageShape& shape, const ImageMove& move, const Stored* from, Stored* to) {
  if (move.angle == 0 && move.scale == 1 && move.shear == 0)
    shift_image(shape, move, from, to);
  else
    turn_image(shape, move, from, to);
  if (move.cut_size != 0) cut_out(shape, move, to);
}

template void move_image(const ImageShape&, const ImageMove&, const std::uint8_t*, std::uint8_t*);
template void move_image(const ImageShape&, const ImageMove&, const float*, float*);
template void move_image(const ImageShape&, const ImageMove&, const double*, double*);

}  // namespace detail

template <class T>
void Kernels<T>::move_images(const MoveImages<T>& call) const noexcept {
  switch (call.type) {
    case StoredType::u8:
      return detail::move_images_of<std::uint8_t>(call);
    case StoredType::f32:
      return detail::move_images_of<float>(call);
    case StoredType::f64:
      return detail::move_images_of<double>(call);
  }
}

template void Kernels<float>::move_images(const MoveImages<float>&) const noexcept;
template void Kernels<double>::move_images(const MoveImages<double>&) const noexcept;

}  // namespace lamella
