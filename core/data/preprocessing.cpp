// Preprocessing: learned from data, checked, and applied to samples outside of a data set.
#include "core/data/preprocessing.h"

#include <cmath>
#include <vector>

#include <lamella/error.h>

#include "core/base/footprint.h"
#include "core/base/format.h"
#include "core/base/sizes.h"
#include "core/kernels/checks.h"

namespace lamella {
namespace detail {
namespace {

// A vector of a preprocessing has one value per feature if it has several.
index_t feature_stride(const std::vector<double>& values) { return values.size() > 1 ? 1 : 0; }

}  // namespace

AffineMap affine_map(const Preprocessing& preprocessing) {
  static constexpr double kZero = 0, kOne = 1;
  const auto& [offset, scale] = preprocessing;
  return {offset.empty() ? &kZero : offset.data(), feature_stride(offset),
          scale.empty() ? &kOne : scale.data(), feature_stride(scale)};
}

void check_preprocessing(std::string_view where, const Preprocessing& preprocessing,
                         index_t features) {
  const auto check = [&](const char* name, const std::vector<double>& values) {
    if (!fits_features(values.size(), features))
      throw ArgumentError(
          formatted("{}: the preprocessing has {} values of {} but the data have {} features; it "
                    "needs none, 1 or {}",
                    where, values.size(), name, features, features));
  };
  check("offset", preprocessing.offset);
  check("scale", preprocessing.scale);
}

}  // namespace detail

using namespace detail;

Preprocessing suggest_preprocessing(const Dataset& data) {
  if (data.holds_bytes()) return {{}, {1.0 / 255.0}};
  return standardize(data);
}

Preprocessing standardize(const Dataset& data) {
  if (data.samples() == 0) return {};
  const auto features = static_cast<std::size_t>(data.features());
  std::vector<double> row(features);
  const auto for_each_value = [&](auto&& visit) {
    for (std::int32_t s = 0; s < data.samples(); ++s) {
      data.gather<double>({&s, 1}, {}, row_major(row.data(), 1, data.features()));
      for (std::size_t j = 0; j < features; ++j) visit(j, row[j]);
    }
  };
  // Two passes: the one-pass formula loses everything when the mean is large.
  const auto n = static_cast<double>(data.samples());
  std::vector<double> mean(features), variance(features);
  for_each_value([&](std::size_t j, double x) { mean[j] += x; });
  for (double& m : mean) m /= n;
  for_each_value([&](std::size_t j, double x) { variance[j] += (x - mean[j]) * (x - mean[j]); });
  Preprocessing result{mean, std::vector<double>(features, 1.0)};
  for (std::size_t j = 0; j < features; ++j) {
    const double deviation = std::sqrt(variance[j] / n);
    // The deviation of a constant feature consists of rounding errors, about 1e-16 of the mean.
    if (deviation > 1e-12 * std::abs(mean[j]) && std::isfinite(1.0 / deviation))
      result.scale[j] = 1.0 / deviation;
  }
  return result;
}

template <class T, class Stored>
void apply_preprocessing(View<const Stored> x, const Preprocessing& preprocessing, View<T> out) {
  constexpr const char* where = "apply_preprocessing";
  check_output(where, "out", out);
  if (out.rows != x.rows || out.cols != x.cols)
    throw ArgumentError(formatted("{}: x is {} x {} but out is {} x {}", where, x.rows, x.cols,
                                  out.rows, out.cols));
  check_preprocessing(where, preprocessing, x.cols);
  if (x.empty()) return;
  const UntypedView read = untyped(x), written = untyped(View<const T>(out));
  const auto read_bytes = footprint(read);
  if (x.data == nullptr || x.row_stride < 0 || x.col_stride < 0 || !read_bytes)
    throw ArgumentError(
        formatted("{}: x has no memory, or strides that are negative or too large", where));
  if (overlap(*read_bytes, *footprint(written)) && !same_view(read, written))
    throw ArgumentError(formatted("{}: x and out overlap", where));

  const AffineMap map = affine_map(preprocessing);
  for (index_t i = 0; i < x.rows; ++i) {
    if (x.col_stride == 1 && out.col_stride == 1) {
      map_sample(&x(i, 0), x.cols, map, &out(i, 0));
      continue;
    }
    for (index_t j = 0; j < x.cols; ++j)
      out(i, j) =
          map_value<T>(x(i, j), map.offset[j * map.offset_stride], map.scale[j * map.scale_stride]);
  }
}

#define LAMELLA_INSTANTIATE(T, Stored) \
  template void apply_preprocessing(View<const Stored>, const Preprocessing&, View<T>);
LAMELLA_INSTANTIATE(float, std::uint8_t)
LAMELLA_INSTANTIATE(float, float)
LAMELLA_INSTANTIATE(float, double)
LAMELLA_INSTANTIATE(double, std::uint8_t)
LAMELLA_INSTANTIATE(double, float)
LAMELLA_INSTANTIATE(double, double)
#undef LAMELLA_INSTANTIATE

}  // namespace lamella
