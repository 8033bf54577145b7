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

#include <lamella/export.h>
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
class LAMELLA_API Dataset {
 public:
  /// Row-major sample values in the type they are kept in.
  using Features = std::variant<std::vector<std::uint8_t>, std::vector<float>, std::vector<double>>;

  Dataset() = default;

  /// Takes ownership of `features` (row-major, product(sample_shape) values a sample, dimensions at
  /// least 1) and `labels` (empty for unlabelled data, else one per sample in
  /// [0, class_names.size())). With class_names empty, the names are "0", "1", ... up to the
  /// largest label, which must be below 2^20. At most 2^31 - 1 samples.
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
  /// All values, unscaled: sample i's begin at i * features().
  const Features& values() const { return values_; }
  std::span<const std::int32_t> labels() const { return labels_; }
  const std::vector<std::string>& class_names() const { return class_names_; }
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

  /// A copy of the samples named by `indices`, in that order, with the same class names.
  /// Throws ArgumentError if an index is out of range.
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
  /// Whether the first line names the columns. Nothing: it does if the label column is asked for by
  /// a name, or if it has text in its feature columns and a number in none.
  std::optional<bool> header;
  /// The column that holds the labels: its name, or its 0-based index (negative from the end). A
  /// column whose name is that number comes before the index. Empty: the last column.
  std::string label_column;
  bool labelled = true;                  ///< false: every column is a feature
  std::vector<std::string> class_names;  ///< if given, labels must be among them, in this order
  char delimiter = ',';
};

/// Numbers of any shape, as array files hold them.
struct NdArray {
  /// Row-major. Unsigned bytes (and bool) are kept; other integers of 1 or 2 bytes, half and single
  /// precision become float; wider integers and double precision double (above 2^53 rounded).
  Dataset::Features values;
  std::vector<index_t> shape;
};

/// One array from an IDX file (MNIST's format), gzip'd or not: any element type, 1 to 8 dimensions.
/// Throws IoError if it cannot be read, DataError (naming the file, and what was expected and found
/// where) if it is malformed, cut short, or longer than its header says. Memory is bounded by the
/// file's real content, never by its header.
LAMELLA_API NdArray read_idx(const std::filesystem::path& path);

/// One array from a NumPy .npy file (versions 1 to 3, little or big endian, C or Fortran order,
/// bool, integer and float types of up to 8 bytes), gzip'd or not. Pickled objects and structured
/// types are refused. Errors as read_idx.
LAMELLA_API NdArray read_npy(const std::filesystem::path& path);

/// A table with a label column; features are kept as float. Text labels map to classes in sorted
/// order (numeric order if all labels are integers).
///
/// Fields may be quoted as in RFC 4180; blanks around fields, a byte order mark and empty lines are
/// skipped. Numbers are read the same in every locale; a missing, non-numeric or non-finite feature
/// is an error. Throws IoError, DataError naming file, line and column (both from 1, and the
/// column's name), or ArgumentError for options that contradict each other.
LAMELLA_API Dataset read_csv(const std::filesystem::path& path, const CsvOptions& options = {});

/// A directory that holds MNIST's four files: train-images-idx3-ubyte, train-labels-idx1-ubyte,
/// t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, each with or without .gz (a dot instead of
/// the dash before "idx" is taken too). The files do not name their classes, so these are called
/// "0", "1", ... up to the largest label. Throws IoError naming every file that is missing,
/// DataError if counts or shapes disagree.
LAMELLA_API DataSplit read_mnist_directory(const std::filesystem::path& directory);

/// Two interleaved half circles: 2 features, 2 classes in turn. Gaussian noise of the given
/// deviation. The same seed gives the same points on every platform up to libm's rounding; sample i
/// is the same for every number of samples. Throws ArgumentError for less than 1 sample or negative
/// noise.
LAMELLA_API Dataset make_moons(index_t samples, double noise, std::uint64_t seed);

/// Isotropic Gaussian clusters, one a class, centres uniform in [-10, 10] per feature. Sample i is
/// of class i % classes. Seed and errors as make_moons.
LAMELLA_API Dataset make_blobs(index_t samples, index_t features, index_t classes, double deviation,
                               std::uint64_t seed);

/// Loads what a user names on a command line. `source` is the first of these that fits:
///
/// - "moons" (noise 0.1) or "blobs" (5 classes, 8 features, deviation 2): 1000 generated samples
///   to train on and 1000 to test. A file of that name is reached as "./moons".
/// - A directory: read_mnist_directory.
/// - A name ending in .csv: read_csv, no test data.
/// - A name ending in .npy: features [samples, ...]. If labelled, it begins with X, the labels are
/// in
///   the file beside it that begins with y (X.npy and y.npy), and if it contains "train" and there
///   is a file with "test" instead, that is the test data (X_train.npy, y_train.npy, X_test.npy,
///   y_test.npy).
/// - A name that contains "idx": one pair of MNIST's files, named by the images; no test data.
///
/// `seed` matters to generated data only. `csv.labelled` false leaves .csv, .npy and IDX files
/// unlabelled. `csv.class_names`, if given, are the classes of whatever is read from files; a whole
/// number as label stands for the class of that name. Throws ArgumentError, listing what is
/// accepted, for a name of no known kind; IoError if nothing is there; DataError as the readers do.
LAMELLA_API DataSplit load_data(const std::string& source, const CsvOptions& csv,
                                std::uint64_t seed);

/// Preprocessing that suits `data`: bytes are scaled to [0, 1]; other types are standardised to
/// mean 0, deviation 1 per feature (features that do not vary are only centred).
/// O(samples * features).
LAMELLA_API Preprocessing suggest_preprocessing(const Dataset& data);

}  // namespace lamella

#endif  // LAMELLA_DATASET_H_
