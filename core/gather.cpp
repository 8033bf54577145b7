// Dataset::gather: checks, then one of three loops by the layout of the output.
//
// Training reads all of its data through here once an epoch. The hot layout has samples in columns
// (one feature of all samples contiguous), as the network keeps them; stored bytes are then
// transposed in registers, 16 samples x 16 features at a time, so that loads and stores are of
// whole vectors and each line of the output is written once.
#include "core/gather.h"

#include <array>
#include <cstddef>
#include <cstring>
#include <type_traits>
#include <utility>

#include <lamella/dataset.h>
#include <lamella/error.h>

#include "core/format.h"

namespace lamella {
namespace {

// Both compilers map these to the vector registers of any processor.
using Bytes16 = std::uint8_t __attribute__((vector_size(16)));
constexpr index_t kTile = 16;

template <class T, class Stored>
T map_value(Stored x, double offset, double scale) noexcept {
  if constexpr (std::is_same_v<Stored, std::uint8_t>)
    return (static_cast<T>(x) - static_cast<T>(offset)) * static_cast<T>(scale);
  else
    return static_cast<T>((static_cast<double>(x) - offset) * scale);
}

// Row i becomes column i: four rounds of interleaving row i with row i + 8.
void transpose(std::array<Bytes16, kTile>& tile) noexcept {
  for (int round = 0; round < 4; ++round) {
    std::array<Bytes16, kTile> next;
    for (std::size_t i = 0; i < 8; ++i) {
      const Bytes16 a = tile[i];
      const Bytes16 b = tile[i + 8];
      next[2 * i] =
          __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      next[2 * i + 1] = __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29,
                                                14, 30, 15, 31);
    }
    tile = next;
  }
}

// Samples i ... i + rows - 1 (rows <= 16) and features j ... j + cols - 1, element by element.
template <class T, class Stored>
void gather_block(const Stored* const* samples, index_t i, index_t rows, index_t j, index_t cols,
                  const AffineMap& map, View<T> out) noexcept {
  for (index_t f = j; f < j + cols; ++f) {
    const double offset = map.offset[f * map.offset_stride];
    const double scale = map.scale[f * map.scale_stride];
    for (index_t s = 0; s < rows; ++s) out(i + s, f) = map_value<T>(samples[s][f], offset, scale);
  }
}

// 16 samples x 16 features of bytes into an output whose rows (samples) are contiguous.
template <class T>
void gather_tile(const std::uint8_t* const* samples, index_t i, index_t j, const AffineMap& map,
                 View<T> out) noexcept {
  std::array<Bytes16, kTile> tile;
  for (std::size_t s = 0; s < kTile; ++s) std::memcpy(&tile[s], samples[s] + j, sizeof(Bytes16));
  transpose(tile);
  for (index_t f = 0; f < kTile; ++f) {
    const double offset = map.offset[(j + f) * map.offset_stride];
    const double scale = map.scale[(j + f) * map.scale_stride];
    std::array<std::uint8_t, kTile> bytes;
    std::memcpy(bytes.data(), &tile[static_cast<std::size_t>(f)], sizeof(bytes));
    T* const to = out.data + i + (j + f) * out.col_stride;
    for (std::size_t s = 0; s < kTile; ++s) to[s] = map_value<T>(bytes[s], offset, scale);
  }
}

// Any strides; 16 samples at a time, so that an output with contiguous rows is written by lines.
template <class T, class Stored>
void gather_columns(const Stored* values, index_t features, std::span<const std::int32_t> indices,
                    const AffineMap& map, View<T> out) noexcept {
  constexpr bool kBytes = std::is_same_v<Stored, std::uint8_t>;
  std::array<const Stored*, kTile> samples{};
  for (index_t i = 0; i < out.rows; i += kTile) {
    const index_t rows = out.rows - i < kTile ? out.rows - i : kTile;
    for (index_t s = 0; s < rows; ++s)
      samples[static_cast<std::size_t>(s)] =
          values + indices[static_cast<std::size_t>(i + s)] * features;
    index_t j = 0;
    if constexpr (kBytes)
      if (rows == kTile && out.row_stride == 1)
        for (; j + kTile <= features; j += kTile) gather_tile(samples.data(), i, j, map, out);
    gather_block(samples.data(), i, rows, j, features - j, map, out);
  }
}

// Contiguous columns: each sample is a straight run. Constant maps get a loop of their own, for the
// compiler to keep them in registers.
template <class T, class Stored>
void gather_rows(const Stored* values, index_t features, std::span<const std::int32_t> indices,
                 const AffineMap& map, View<T> out) noexcept {
  for (index_t i = 0; i < out.rows; ++i) {
    const Stored* const from = values + indices[static_cast<std::size_t>(i)] * features;
    T* const to = out.data + i * out.row_stride;
    if (map.offset_stride == 0 && map.scale_stride == 0) {
      const double offset = *map.offset;
      const double scale = *map.scale;
      for (index_t j = 0; j < features; ++j) to[j] = map_value<T>(from[j], offset, scale);
    } else {
      for (index_t j = 0; j < features; ++j)
        to[j] = map_value<T>(from[j], map.offset[j * map.offset_stride],
                             map.scale[j * map.scale_stride]);
    }
  }
}

void check_map(const std::vector<double>& values, const char* name, index_t features) {
  if (values.size() > 1 && values.size() != static_cast<std::size_t>(features))
    throw ArgumentError(
        formatted("Dataset::gather: preprocessing has {} values of {} for {} features; 0, 1 or "
                  "one per feature would be right",
                  values.size(), name, features));
}

}  // namespace

template <class T, class Stored>
void gather_samples(const Stored* values, index_t features, std::span<const std::int32_t> indices,
                    const AffineMap& map, View<T> out) noexcept {
  if (out.col_stride == 1)
    gather_rows(values, features, indices, map, out);
  else
    gather_columns(values, features, indices, map, out);
}

template <class T>
void Dataset::gather(std::span<const std::int32_t> indices, const Preprocessing& preprocessing,
                     View<T> out) const {
  if (out.rows != static_cast<index_t>(indices.size()) || out.cols != features())
    throw ArgumentError(
        formatted("Dataset::gather: out is {} x {}; {} indices of samples of {} features need {} "
                  "x {}",
                  out.rows, out.cols, indices.size(), features(), indices.size(), features()));
  for (const std::int32_t index : indices)
    if (index < 0 || index >= samples_)
      throw ArgumentError(
          formatted("Dataset::gather: index {} is not among the {} samples", index, samples_));
  check_map(preprocessing.offset, "offset", features());
  check_map(preprocessing.scale, "scale", features());
  if (out.empty()) return;
  if (out.data == nullptr) throw ArgumentError("Dataset::gather: out has no memory");

  static constexpr double kZero = 0, kOne = 1;
  const auto stride = [](const std::vector<double>& v) { return index_t{v.size() > 1 ? 1 : 0}; };
  const AffineMap map{preprocessing.offset.empty() ? &kZero : preprocessing.offset.data(),
                      stride(preprocessing.offset),
                      preprocessing.scale.empty() ? &kOne : preprocessing.scale.data(),
                      stride(preprocessing.scale)};
  std::visit([&](const auto& v) { gather_samples(v.data(), features(), indices, map, out); },
             values_);
}

#define LAMELLA_INSTANTIATE(T, Stored)                                                \
  template void gather_samples(const Stored*, index_t, std::span<const std::int32_t>, \
                               const AffineMap&, View<T>) noexcept;
LAMELLA_INSTANTIATE(float, std::uint8_t)
LAMELLA_INSTANTIATE(float, float)
LAMELLA_INSTANTIATE(float, double)
LAMELLA_INSTANTIATE(double, std::uint8_t)
LAMELLA_INSTANTIATE(double, float)
LAMELLA_INSTANTIATE(double, double)
#undef LAMELLA_INSTANTIATE

template void Dataset::gather(std::span<const std::int32_t>, const Preprocessing&,
                              View<float>) const;
template void Dataset::gather(std::span<const std::int32_t>, const Preprocessing&,
                              View<double>) const;

}  // namespace lamella
