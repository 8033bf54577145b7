// Figures of probabilities, collected chunk by chunk.
#ifndef LAMELLA_CORE_TRAINING_PROBABILITY_METRICS_H_
#define LAMELLA_CORE_TRAINING_PROBABILITY_METRICS_H_

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <lamella/metrics.h>

namespace lamella::detail {

/// Throws ArgumentError, opened by `where`, unless there is a label in [0, classes) for each row.
template <class T>
void check_labels_of(std::string_view where, std::span<const std::int32_t> labels,
                     ConstView<T> probabilities);

template <class T>
class ProbabilityFigures {
 public:
  /// For up to `samples` samples; that much memory is reserved if ranks are wanted. Throws
  /// ArgumentError, opened by `where`, if top_k is below 1.
  ProbabilityFigures(std::string_view where, index_t samples, index_t classes, index_t top_k,
                     RankMetrics ranks);

  /// Labels are in [0, classes); `probabilities` has a row for each.
  void add(std::span<const std::int32_t> labels, ConstView<T> probabilities);

  ProbabilityMetrics result();

 private:
  static constexpr std::size_t kBins = 15;
  struct Bin {
    index_t samples = 0, correct = 0;
    double confidence = 0;  // the sum
  };

  void rank(ProbabilityMetrics& metrics);

  index_t classes_;
  index_t top_k_;
  bool ranks_;
  index_t samples_ = 0;
  index_t in_top_k_ = 0;
  double squares_ = 0;
  std::array<Bin, kBins> bins_ = {};
  std::vector<std::int32_t> labels_;    // of all samples, if ranks are wanted
  std::vector<std::vector<T>> scores_;  // [class][sample]
};

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_TRAINING_PROBABILITY_METRICS_H_
