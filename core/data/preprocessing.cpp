// Preprocessing: learned from data, checked, and applied to samples outside of a data set.
#include "core/data/preprocessing.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <variant>
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

namespace {

// Calls visit(feature, value) for all values, sample by sample.
template <class Visit>
void for_each_value(const Dataset& data, const Visit& visit) {
  const auto features = static_cast<std::size_t>(data.features());
  std::visit(
      [&](const auto& values) {
        for (std::size_t first = 0; first < values.size(); first += features)
          for (std::size_t j = 0; j < features; ++j)
            visit(j, static_cast<double>(values[first + j]));
      },
      data.values());
}

struct Ranges {
  std::vector<double> low, high;  // of each feature
};

Ranges ranges_of(const Dataset& data) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const auto features = static_cast<std::size_t>(data.features());
  Ranges ranges{std::vector<double>(features, infinity), std::vector<double>(features, -infinity)};
  for_each_value(data, [&](std::size_t j, double x) {
    ranges.low[j] = std::min(ranges.low[j], x);
    ranges.high[j] = std::max(ranges.high[j], x);
  });
  return ranges;
}

double largest(const Ranges& ranges, std::size_t j) {
  return std::max(std::abs(ranges.low[j]), std::abs(ranges.high[j]));
}

// The binary exponent by which a feature has to be scaled so that its squares and sums of them
// neither overflow nor underflow; 0 for all but extreme features. Scaling by a power of two rounds
// nothing.
int unit_exponent(double magnitude) {
  constexpr int kSafe = 480;  // 2^960 times 2^63 samples is below 2^1024
  if (magnitude == 0 || !std::isfinite(magnitude)) return 0;
  const int exponent = std::ilogb(magnitude);
  return std::abs(exponent) <= kSafe ? 0 : -exponent;
}

// 1 / x for x > 0, or the largest number if that is larger than all.
double finite_reciprocal(double x) { return std::min(1 / x, std::numeric_limits<double>::max()); }

Preprocessing unit_bytes(const Ranges& ranges) {
  double high = 0;
  for (const double h : ranges.high) high = std::max(high, h);
  if (high == 1) return {};
  return {{}, {1.0 / 255.0}};
}

}  // namespace

Preprocessing suggest_preprocessing(const Dataset& data) {
  if (data.holds_bytes()) return unit_bytes(ranges_of(data));
  return standardize(data);
}

Preprocessing standardize(const Dataset& data) {
  return standardize(data, MeanRounding::sum_divided);
}

Preprocessing standardize(const Dataset& data, MeanRounding rounding) {
  if (data.samples() == 0) return {};
  const auto features = static_cast<std::size_t>(data.features());
  const auto n = static_cast<double>(data.samples());
  const Ranges ranges = ranges_of(data);
  std::vector<double> unit(features);
  for (std::size_t j = 0; j < features; ++j)
    unit[j] = std::ldexp(1.0, std::clamp(unit_exponent(largest(ranges, j)), -1022, 1023));

  // Two passes: the one-pass formula loses everything when the mean is large. The mean is a plain
  // sum, which every model so far was trained with. For many samples far from zero it is off by
  // more than the feature varies, so the second pass also sums what is left of it.
  std::vector<double> mean(features), squares(features), rest(features);
  if (rounding == MeanRounding::sum_divided) {
    for_each_value(data, [&](std::size_t j, double x) { mean[j] += x * unit[j]; });
    for (double& m : mean) m /= n;
  } else {
    for_each_value(data, [&](std::size_t j, double x) { mean[j] += x * unit[j] / n; });
  }
  for_each_value(data, [&](std::size_t j, double x) {
    const double d = x * unit[j] - mean[j];
    squares[j] += d * d;
    rest[j] += d;
  });

  Preprocessing result{mean, std::vector<double>(features, 1.0)};
  for (std::size_t j = 0; j < features; ++j) {
    const double low = ranges.low[j] * unit[j], high = ranges.high[j] * unit[j];
    double deviation = std::sqrt(squares[j] / n);
    const double error = rest[j] / n;
    constexpr double kNegligible = 1e-6;
    if (std::abs(error) > kNegligible * deviation && deviation > 1e-12 * std::abs(mean[j])) {
      // The sum of squares about m + e is that about m less n e^2.
      mean[j] += error;
      deviation = std::sqrt(std::max(0.0, squares[j] / n - error * error));
    }
    result.offset[j] = mean[j] / unit[j];
    if (unit[j] != 1)  // rounding must not lead out of the range of double
      result.offset[j] = std::clamp(result.offset[j], ranges.low[j], ranges.high[j]);
    // What differs in its last bits alone is a constant that was computed in several ways.
    constexpr double kLastBits = 16 * std::numeric_limits<double>::epsilon();
    const bool constant = high - low <= kLastBits * std::max(std::abs(low), std::abs(high));
    if (constant || !(deviation > 0)) continue;  // which NaN is not either
    // The distance of such values to an offset other than 0 could be infinite.
    if (!std::isfinite(ranges.high[j] - ranges.low[j])) result.offset[j] = 0;
    result.scale[j] = std::min(unit[j] / deviation, std::numeric_limits<double>::max());
  }
  return result;
}

Preprocessing scale_to_unit(const Dataset& data) {
  if (data.samples() == 0) return {};
  const Ranges ranges = ranges_of(data);
  if (data.holds_bytes()) return unit_bytes(ranges);
  Preprocessing result{ranges.low, std::vector<double>(ranges.low.size(), 1.0)};
  for (std::size_t j = 0; j < result.scale.size(); ++j) {
    const double range = ranges.high[j] - ranges.low[j];
    if (range == 0) continue;
    if (std::isfinite(range)) {
      result.scale[j] = finite_reciprocal(range);
    } else {
      result.offset[j] = 0;
      result.scale[j] = 1 / largest(ranges, j);
    }
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
