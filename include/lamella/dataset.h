// Labelled samples in memory, and the preprocessing that turns them into network inputs.
//
// Not here: how to get them from files (readers.h) or without files (generators.h), and what a
// network does with them (trainer.h). Features stay in the element type they came in (bytes stay
// bytes); Preprocessing is applied when a mini-batch is gathered.
#ifndef LAMELLA_DATASET_H_
#define LAMELLA_DATASET_H_

#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include <lamella/export.h>
#include <lamella/view.h>

namespace lamella {

/// The affine map x' = (x - offset) * scale that turns stored features into network inputs.
///
/// Each vector is empty (offset 0, scale 1), or has one value for all features, or one value per
/// feature.
struct Preprocessing {
  std::vector<double> offset = {};
  std::vector<double> scale = {};

  friend bool operator==(const Preprocessing&, const Preprocessing&) = default;
};

/// The names of a table's columns. Data without names have neither.
struct ColumnNames {
  std::vector<std::string> features = {};  ///< empty, or one per feature, all different
  std::string label = {};                  ///< empty if unlabelled or without a name

  friend bool operator==(const ColumnNames&, const ColumnNames&) = default;
};

/// A matrix of samples x features and, unless it is unlabelled, one class index per sample; and
/// weights of the samples, if they do not all count the same. Immutable.
class LAMELLA_API Dataset {
 public:
  /// Row-major sample values in the type they are kept in.
  using Features = std::variant<std::vector<std::uint8_t>, std::vector<float>, std::vector<double>>;

  Dataset() = default;

  /// Takes ownership of `features` (row-major, product(sample_shape) values per sample, dimensions
  /// at least 1) and `labels` (empty for unlabelled data, else one per sample in
  /// [0, class_names.size())). With class_names empty, the names are "0", "1", ... up to the
  /// largest label, which must be below 2^20, and not make more than 1000 classes where there are
  /// fewer samples: such labels are identifiers. At most 2^31 - 1 samples.
  /// Throws ArgumentError if sizes disagree, DataError if a label is out of range (naming the
  /// sample).
  Dataset(Features features, std::vector<index_t> sample_shape, std::vector<std::int32_t> labels,
          std::vector<std::string> class_names = {});

  index_t samples() const { return samples_; }
  index_t features() const { return features_per_sample_; }
  index_t classes() const { return static_cast<index_t>(class_names_.size()); }
  bool labelled() const { return !labels_.empty(); }
  bool holds_bytes() const { return std::holds_alternative<std::vector<std::uint8_t>>(values_); }
  /// Shape of one sample, for example {28, 28}; its product is features().
  const std::vector<index_t>& sample_shape() const { return sample_shape_; }
  /// All values, unscaled: those of sample i begin at i * features().
  const Features& values() const { return values_; }
  std::span<const std::int32_t> labels() const { return labels_; }
  const std::vector<std::string>& class_names() const { return class_names_; }
  /// Names of the columns; empty unless the source had them.
  const ColumnNames& columns() const { return columns_; }
  /// The same data with these names. Throws ArgumentError unless there is none or one per feature.
  Dataset with_columns(ColumnNames columns) &&;
  /// How much each sample counts in training; empty if all count the same.
  std::span<const double> weights() const { return weights_; }
  /// The same data with these weights: none, or one per sample, finite and not negative, at least
  /// one of them above 0. Throws ArgumentError if their number is wrong, DataError for a weight out
  /// of range (naming the sample).
  Dataset with_weights(std::vector<double> weights) &&;
  /// Value of one feature of one sample, unscaled; both must be in range (not checked). O(1).
  double value(index_t sample, index_t feature) const;

  /// Row i of `out` (indices.size() x features()) becomes the preprocessed sample indices[i].
  ///
  /// Stored bytes are mapped in T, as (T(x) - T(offset)) * T(scale); floats and doubles are mapped
  /// in double and rounded to T once. The bits do not depend on the strides of `out`, which may be
  /// any; fastest when rows or columns of `out` are contiguous. Throws ArgumentError if shapes
  /// disagree, an index is out of range, or `preprocessing` does not fit. Allocates nothing.
  template <class T>
  void gather(std::span<const std::int32_t> indices, const Preprocessing& preprocessing,
              View<T> out) const;

  /// A copy of the samples named by `indices`, in that order, with their weights and the same class
  /// and column names.
  /// Throws ArgumentError if an index is out of range.
  Dataset subset(std::span<const std::int32_t> indices) const;

 private:
  Features values_;
  std::vector<index_t> sample_shape_;
  std::vector<std::int32_t> labels_;
  std::vector<double> weights_;
  std::vector<std::string> class_names_;
  ColumnNames columns_;
  index_t samples_ = 0;
  index_t features_per_sample_ = 0;
};

/// Preprocessing that suits `data`: bytes are scaled to [0, 1] (by 1/255; those that are 0 and 1
/// alone, as bool is, stay 0 and 1), other types are standardised. O(samples * features).
LAMELLA_API Preprocessing suggest_preprocessing(const Dataset& data);

/// Preprocessing that gives each feature mean 0 and (population) standard deviation 1 over `data`,
/// whatever the magnitude of its finite values. A feature that does not vary, or by a few units in
/// the last place alone, is only centred. A feature whose range exceeds that of double is only
/// scaled. Without samples the result is empty. O(samples * features).
LAMELLA_API Preprocessing standardize(const Dataset& data);

/// How a mean is rounded. The two differ in its last bits, and so do models trained with them.
enum class MeanRounding : std::uint8_t {
  sum_divided,       ///< the sum over the number of samples; what standardize(data) does
  summands_divided,  ///< the sum of x / samples; what `lamella train --preprocess standardize` does
};
/// The same with a mean that is rounded in this way.
LAMELLA_API Preprocessing standardize(const Dataset& data, MeanRounding rounding);

/// Preprocessing that maps each feature's range over `data` to [0, 1]; bytes as
/// suggest_preprocessing. A feature that does not vary becomes 0. One whose range exceeds that of
/// double is only scaled, to [-1, 1]. O(samples * features).
LAMELLA_API Preprocessing scale_to_unit(const Dataset& data);

/// out(i, j) ← (x(i, j) - offset[j]) * scale[j]: preprocesses samples that are not in a Dataset,
/// with the same bits as Dataset::gather.
///
/// x and `out` are [samples, features], any strides; they may be the same view, but may not overlap
/// otherwise. T is float or double, Stored std::uint8_t, float or double. Throws ArgumentError if
/// shapes disagree, elements of `out` share memory, x and `out` overlap, or `preprocessing` does
/// not fit. Allocates nothing.
template <class T, class Stored>
LAMELLA_API void apply_preprocessing(View<const Stored> x, const Preprocessing& preprocessing,
                                     View<T> out);
/// The same for a view through which x could be written.
template <class T, class Stored>
requires(!std::is_const_v<Stored>) void apply_preprocessing(View<Stored> x,
                                                            const Preprocessing& preprocessing,
                                                            View<T> out) {
  apply_preprocessing(View<const Stored>(x), preprocessing, out);
}

}  // namespace lamella

#endif  // LAMELLA_DATASET_H_
