// Finds the temperature by Newton's method inside of an interval that shrinks.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <vector>

#include <lamella/calibration.h>
#include <lamella/chunks.h>
#include <lamella/error.h>
#include <lamella/matrix.h>

#include "core/base/format.h"
#include "core/base/sizes.h"
#include "core/data/gather.h"
#include "core/training/evaluation.h"
#include "core/training/probability_metrics.h"

namespace lamella {

using namespace detail;

namespace {

constexpr double kColdest = 0.01, kHottest = 100;

// First and second derivative of the mean loss by β = 1 / τ. The loss is convex in β: its first
// derivative is the mean of E[z] - z_y, and its second that of the variance of z, both under
// softmax(β z).
struct Derivatives {
  double first = 0;
  double second = 0;
};

// Logits up to a constant per sample, one row for each.
class Logits {
 public:
  template <class T>
  Logits(std::string_view where, std::span<const std::int32_t> labels, ConstView<T> probabilities)
      : labels_(labels), classes_(static_cast<std::size_t>(probabilities.cols)) {
    values_.reserve(labels.size() * classes_);
    for (index_t s = 0; s < probabilities.rows; ++s)
      for (index_t c = 0; c < probabilities.cols; ++c) {
        const T p = probabilities(s, c);
        if (!std::isfinite(p))
          throw ArgumentError(
              formatted("{}: the probability of class {} for sample {} is {}; it "
                        "must be finite",
                        where, c, s, p));
        // What has underflowed counts as the smallest number: it is as good as impossible anyway.
        values_.push_back(std::log(static_cast<double>(std::max(p, kSmallest<T>))));
      }
  }

  Derivatives derivatives(double beta) const {
    Derivatives sum;
    for (std::size_t s = 0; s < labels_.size(); ++s) {
      const std::span z(values_.data() + s * classes_, classes_);
      const double largest = *std::ranges::max_element(z);
      double total = 0, mean = 0, square = 0;
      for (const double value : z) {
        const double distance = value - largest;  // of all terms: the largest is exp(0)
        const double weight = std::exp(beta * distance);
        total += weight;
        mean += weight * distance;
        square += weight * distance * distance;
      }
      mean /= total;
      sum.first += mean - (z[static_cast<std::size_t>(labels_[s])] - largest);
      sum.second += square / total - mean * mean;
    }
    const auto n = static_cast<double>(labels_.size());
    return {sum.first / n, sum.second / n};
  }

 private:
  template <class T>
  static constexpr T kSmallest = std::numeric_limits<T>::min();

  std::span<const std::int32_t> labels_;
  std::size_t classes_;
  std::vector<double> values_;
};

// The root of the first derivative, which rises with β.
double best_beta(const Logits& logits) {
  double low = 1 / kHottest, high = 1 / kColdest;
  if (logits.derivatives(low).first >= 0) return low;
  if (logits.derivatives(high).first <= 0) return high;
  double beta = 1;
  constexpr int kMostSteps = 200;
  for (int step = 0; step < kMostSteps; ++step) {
    const auto [first, second] = logits.derivatives(beta);
    if (first == 0) break;
    (first < 0 ? low : high) = beta;
    double next = second > 0 ? beta - first / second : low;
    // A step of Newton's that leaves the interval is replaced by halving it.
    if (!(next > low && next < high)) next = (low + high) / 2;
    const bool close = std::abs(next - beta) <= 1e-12 * beta;
    beta = next;
    if (close) break;
  }
  return beta;
}

}  // namespace

template <class T>
double fit_temperature(std::span<const std::int32_t> labels, ConstView<T> probabilities) {
  constexpr std::string_view where = "fit_temperature";
  check_labels_of(where, labels, probabilities);
  if (labels.empty()) throw ArgumentError(formatted("{}: there are no samples", where));
  return 1 / best_beta(Logits(where, labels, probabilities));
}

template <class T>
double fit_temperature(const Network<T>& network, const Dataset& data,
                       const Preprocessing& preprocessing) {
  check_fits("fit_temperature", "given", network.spec(), data, preprocessing);
  const index_t classes = network.spec().classes;
  Matrix<T> probabilities(data.samples(), classes);
  for_each_gathered_chunk(
      network, data, preprocessing, [&](ConstView<T> x, std::span<const std::int32_t> indices) {
        network.predict(x, block(probabilities.view(), indices.front(), 0, x.rows, classes));
      });
  return fit_temperature<T>(data.labels(), probabilities.view());
}

template <class T>
void apply_temperature(Network<T>& network, double temperature) {
  if (!(temperature > 0 && std::isfinite(temperature)))
    throw ArgumentError(formatted(
        "apply_temperature: the temperature is {}; it must be finite and above 0", temperature));
  const LayerView<T> last = network.layer(network.layers() - 1);
  const auto divided = [&](T value) {
    return static_cast<T>(static_cast<double>(value) / temperature);
  };
  for (index_t i = 0; i < last.weights.rows; ++i)
    for (index_t j = 0; j < last.weights.cols; ++j)
      last.weights(i, j) = divided(last.weights(i, j));
  for (index_t i = 0; i < last.bias.size; ++i) last.bias[i] = divided(last.bias[i]);
}

#define LAMELLA_INSTANTIATE(T)                                                              \
  template double fit_temperature(std::span<const std::int32_t>, ConstView<T>);             \
  template double fit_temperature(const Network<T>&, const Dataset&, const Preprocessing&); \
  template void apply_temperature(Network<T>&, double);
LAMELLA_INSTANTIATE(float)
LAMELLA_INSTANTIATE(double)

}  // namespace lamella
