// Dataset::gather: checks, then a loop by the layout of the output. Gatherer: by the stored type.
//
// Bytes that a network trains on or is evaluated with do not pass through these loops but through
// the backend's kernel (GatherBytes).
#include "core/data/gather.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <type_traits>

#include <lamella/error.h>

#include "core/base/format.h"

namespace lamella {
namespace detail {
namespace {

// Samples at a time where columns of the output are strided. They fill whole cache lines, and there
// are enough of them that values stored one by one are in the cache when vectors load them.
constexpr index_t kTile = 64;

// Any strides. Goes by tiles of samples, so that an output whose columns are contiguous is written
// by whole cache lines.
template <class T, class Stored>
void gather_columns(const Stored* values, index_t features, std::span<const std::int32_t> indices,
                    const AffineMap& map, View<T> out) noexcept {
  std::array<const Stored*, kTile> samples{};
  std::array<Stored, kTile> stored{};
  for (index_t i = 0; i < out.rows; i += kTile) {
    const index_t rows = std::min(kTile, out.rows - i);
    for (index_t s = 0; s < rows; ++s)
      samples[static_cast<std::size_t>(s)] =
          values + indices[static_cast<std::size_t>(i + s)] * features;
    for (index_t f = 0; f < features; ++f) {
      const double offset = map.offset[f * map.offset_stride];
      const double scale = map.scale[f * map.scale_stride];
      T* to = &out(i, f);
      // Without preprocessing the values are only converted, which saves most of the time.
      if (offset == 0 && scale == 1)
        for (index_t s = 0; s < rows; ++s, to += out.row_stride)
          *to = static_cast<T>(samples[static_cast<std::size_t>(s)][f]);
      else if (out.row_stride == 1) {
        // First collect the values, then map them by vectors.
        const auto count = static_cast<std::size_t>(rows);
        for (std::size_t s = 0; s < count; ++s) stored[s] = samples[s][f];
        for (std::size_t s = 0; s < count; ++s) to[s] = map_value<T>(stored[s], offset, scale);
      } else
        for (index_t s = 0; s < rows; ++s, to += out.row_stride)
          *to = map_value<T>(samples[static_cast<std::size_t>(s)][f], offset, scale);
    }
  }
}

// Contiguous columns: each sample is a straight run.
template <class T, class Stored>
void gather_rows(const Stored* values, index_t features, std::span<const std::int32_t> indices,
                 const AffineMap& map, View<T> out) noexcept {
  for (index_t i = 0; i < out.rows; ++i)
    map_sample(values + indices[static_cast<std::size_t>(i)] * features, features, map,
               out.data + i * out.row_stride);
}

// A vector of a preprocessing in T; an empty one becomes `otherwise`.
template <class T>
std::vector<T> in_type(const std::vector<double>& entries, T otherwise) {
  if (entries.empty()) return {otherwise};
  std::vector<T> result;
  result.reserve(entries.size());
  for (const double entry : entries) result.push_back(static_cast<T>(entry));
  return result;
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
Gatherer<T>::Gatherer(const Backend& backend, const Preprocessing& preprocessing, index_t features)
    : backend_(backend),
      map_(affine_map(preprocessing)),
      features_(features),
      offset_(in_type(preprocessing.offset, T{0})),
      scale_(in_type(preprocessing.scale, T{1})) {}

template <class T>
GatherBytes<T> Gatherer<T>::call(std::span<const std::uint8_t> values,
                                 std::span<const std::int32_t> indices) const {
  const auto per_feature = [this](const std::vector<T>& entries) {
    return ConstVectorView<T>{entries.data(), features_, entries.size() > 1 ? 1 : 0};
  };
  GatherBytes<T> call;
  call.values = values.data();
  call.samples = static_cast<index_t>(values.size()) / features_;
  call.features = features_;
  call.indices = {indices.data(), static_cast<index_t>(indices.size()), 1};
  call.offset = per_feature(offset_);
  call.scale = per_feature(scale_);
  return call;
}

template <class T>
void Gatherer<T>::gather(const Dataset::Features& values, std::span<const std::int32_t> indices,
                         View<T> out) const {
  if (const auto* bytes = std::get_if<std::vector<std::uint8_t>>(&values)) {
    GatherBytes<T> batch = call(*bytes, indices);
    batch.out = out;
    backend_.run(batch);
  } else {
    std::visit([&](const auto& v) { gather_samples(v.data(), features_, indices, map_, out); },
               values);
  }
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

template class Gatherer<float>;
template class Gatherer<double>;

}  // namespace detail

using namespace detail;

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
  check_preprocessing("Dataset::gather", preprocessing, features());
  if (out.empty()) return;
  if (out.data == nullptr) throw ArgumentError("Dataset::gather: out has no memory");

  const AffineMap map = affine_map(preprocessing);
  std::visit([&](const auto& v) { gather_samples(v.data(), features(), indices, map, out); },
             values_);
}

template void Dataset::gather(std::span<const std::int32_t>, const Preprocessing&,
                              View<float>) const;
template void Dataset::gather(std::span<const std::int32_t>, const Preprocessing&,
                              View<double>) const;

}  // namespace lamella
