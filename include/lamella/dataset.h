// Labelled samples in memory, and the ways to get them: files, arrays, built-in generators.
//
// Not here: what a network does with them (trainer.h). Features stay in the element type they came
// in (bytes stay bytes); Preprocessing is applied when a batch is gathered.
#ifndef LAMELLA_DATASET_H_
#define LAMELLA_DATASET_H_

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include <lamella/view.h>

namespace lamella {

/// The affine map x' = (x - offset) * scale that turns stored features into network inputs.
///
/// Each vector holds nothing (0 and 1), one value for all features, or one value per feature.
struct Preprocessing {
  std::vector<double> offset;
  std::vector<double> scale;

  friend bool operator==(const Preprocessing&, const Preprocessing&) = default;
};

/// Samples x features values and, unless unlabelled, one class index per sample. Immutable.
class Dataset {
 public:
  /// Row-major sample values in the type they are kept in.
  using Features = std::variant<std::vector<std::uint8_t>, std::vector<float>, std::vector<double>>;

  Dataset() = default;

  /// Takes ownership of `features` (row-major, product(sample_shape) values a sample) and `labels`
  /// (empty for unlabelled data, else one per sample in [0, class_names.size())).
  /// With class_names empty, the names are "0", "1", ... up to the largest label.
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
  std::span<const std::int32_t> labels() const { return labels_; }
  const std::vector<std::string>& class_names() const { return class_names_; }
  /// Value of one feature of one sample, unscaled. O(1).
  double value(index_t sample, index_t feature) const;

  /// Row i of `out` (indices.size() x features()) becomes the preprocessed sample indices[i].
  /// Any strides; fastest when rows or columns of `out` are contiguous. Throws ArgumentError if
  /// shapes disagree or an index is out of range. Allocates nothing.
  template <class T>
  void gather(std::span<const std::int32_t> indices, const Preprocessing& preprocessing,
              View<T> out) const;

  /// The samples named by `indices`, in that order, with the same class names.
  Dataset subset(std::span<const std::int32_t> indices) const;

 private:
  Features values_;
  std::vector<index_t> sample_shape_;
  std::vector<std::int32_t> labels_;
  std::vector<std::string> class_names_;
  index_t samples_ = 0;
  index_t features_per_sample_ = 0;
};

/// Training data and, where the source has them, test data with the same features and classes.
struct DataSplit {
  Dataset train;
  std::optional<Dataset> test;
};

/// How to read a table of numbers.
struct CsvOptions {
  std::optional<bool> header;  ///< nothing: a first line with a non-numeric feature is a header
  std::string label_column;  ///< name, or 0-based index (negative from the end); empty: last column
  bool labelled = true;      ///< false: every column is a feature
  std::vector<std::string> class_names;  ///< if given, labels must be among them, in this order
  char delimiter = ',';
};

/// One array from an IDX file (MNIST's format), gzip'd or not: any element type and shape.
/// Throws IoError if it cannot be read, DataError (naming file and offset) if malformed.
struct NdArray {
  Dataset::Features values;  ///< u8 stays u8; i8, i16, f32 become float; i32, f64 become double
  std::vector<index_t> shape;
};
NdArray read_idx(const std::filesystem::path& path);

/// One array from a NumPy .npy file (versions 1 to 3, little or big endian, C or Fortran order,
/// bool, integer and float types of up to 8 bytes). Errors as read_idx.
NdArray read_npy(const std::filesystem::path& path);

/// A table with a label column. Text labels map to classes in sorted order (numeric order if all
/// labels are integers). Throws IoError, or DataError naming file, line and column.
Dataset read_csv(const std::filesystem::path& path, const CsvOptions& options = {});

/// A directory that holds MNIST's four standard file names (train-images-idx3-ubyte, ... with or
/// without .gz). Throws IoError naming every file that is missing, DataError if counts disagree.
DataSplit read_mnist_directory(const std::filesystem::path& directory);

/// Two interleaved half circles: 2 features, 2 classes. Gaussian noise of the given deviation.
/// The same seed gives the same points on every platform up to libm's rounding.
Dataset make_moons(index_t samples, double noise, std::uint64_t seed);

/// Isotropic Gaussian clusters, one a class, centres uniform in [-10, 10] per feature.
Dataset make_blobs(index_t samples, index_t features, index_t classes, double deviation,
                   std::uint64_t seed);

/// Loads what a user names on a command line: "moons" or "blobs" (generated, with a test split), an
/// MNIST-style directory, or a .csv file. `for_training` false: a directory's test data stand in
/// .train if present... see load_data's implementation notes in docs.
DataSplit load_data(const std::string& source, const CsvOptions& csv, std::uint64_t seed);

/// Preprocessing that suits `data`: bytes are scaled to [0, 1]; other types are standardised to
/// mean 0, deviation 1 per feature (features that do not vary are only centred). O(samples *
/// features).
Preprocessing suggest_preprocessing(const Dataset& data);

}  // namespace lamella

#endif  // LAMELLA_DATASET_H_
