// Data sets from files: CSV tables, NumPy and IDX arrays, MNIST's directory layout, and a reader
// that chooses among them by name.
//
// Not here: what a data set is (dataset.h). All readers take untrusted files: whatever is wrong in
// one is an exception that names the file and the place.
#ifndef LAMELLA_READERS_H_
#define LAMELLA_READERS_H_

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <lamella/dataset.h>
#include <lamella/export.h>
#include <lamella/view.h>

namespace lamella {

/// Training data and, where the source has them, test data with the same features and classes.
struct DataSplit {
  Dataset train;
  std::optional<Dataset> test;
};

/// The type in which the features of a table are kept.
enum class CsvPrecision : std::uint8_t {
  automatic,  ///< float, unless that would lose what tells the values of a column apart
  single,     ///< float
  full,       ///< double
};

/// How to read a table of numbers.
struct CsvOptions {
  /// Whether the first line is a header. If unset, it is one when `label_column` is a name, when no
  /// feature field of that line is a number and at least one of them has text, or when it holds all
  /// of columns.features. A line of numbers that looks like a header all the same is an error.
  std::optional<bool> header = {};
  /// The column that holds the labels: its name, or its 0-based index (negative from the end). A
  /// column whose name is that number takes precedence over the index. Empty: the only column that
  /// is called label, class, target or species (in any case), else the last one.
  std::string label_column = {};
  bool labelled = true;  ///< false: every column is a feature
  /// If given, labels must be among them, in this order.
  std::vector<std::string> class_names = {};
  char delimiter = ',';
  /// Names to look for. If the table has a header, the features are the columns called
  /// columns.features, in this order, and others are left out; the labels, unless `label_column` is
  /// given, those of the column called columns.label. What is missing is an error. What is empty
  /// decides nothing.
  ColumnNames columns = {};
  CsvPrecision precision = CsvPrecision::automatic;
  /// Called, unless empty, with a sentence about each decision that may be wrong.
  std::function<void(const std::string&)> warn = {};
};

/// A table with a label column. Text labels map to classes in sorted order (numeric order if all
/// labels are integers). The names of a header become Dataset::columns(), unless two are equal.
///
/// Features are kept as float, or all of them as double, as `precision` says: automatic is double
/// if in some column float would round a whole number, or round by more than 2^-12 of the column's
/// range. A pipe is then kept in double until its end is known.
///
/// Fields may be quoted as in RFC 4180; blanks around fields, a byte order mark and empty lines are
/// skipped. Numbers are read the same in every locale; those too small for double are 0; a missing,
/// non-numeric or non-finite feature is an error. Throws IoError, DataError naming file, line and
/// column (both from 1, and the column's name), or ArgumentError for options that contradict each
/// other.
LAMELLA_API Dataset read_csv(const std::filesystem::path& path, const CsvOptions& options = {});

/// Numbers of any shape, as array files hold them.
struct NdArray {
  /// Row-major. Unsigned bytes (and bool) are kept; other integers of 1 or 2 bytes, half and single
  /// precision become float; wider integers and double precision become double, where integers
  /// above 2^53 are rounded.
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

/// A directory that holds MNIST's four files: train-images-idx3-ubyte, train-labels-idx1-ubyte,
/// t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, each with or without .gz (a dot instead of
/// the dash before "idx" is accepted too). The files do not name their classes, so the names are
/// "0", "1", ... up to the largest label. Throws IoError naming every file that is missing,
/// DataError if counts or shapes disagree.
LAMELLA_API DataSplit read_mnist_directory(const std::filesystem::path& directory);

/// Reads a data source given by one name, as on the command line of `lamella`. The first of these
/// rules that fits `source` decides:
///
/// - "moons" (noise 0.1) or "blobs" (5 classes, 8 features, deviation 2): 1000 generated samples
///   to train on and 1000 to test. A file of that name is reached as "./moons".
/// - A directory: read_mnist_directory.
/// - A name ending in .csv: read_csv, no test data.
/// - A name ending in .npy: features [samples, ...]. Labelled data are two files side by side, of
///   which one begins with X and holds the features, and the other begins with y and holds the
///   labels (X.npy and y.npy). If the name contains "train" and there is a file with "test"
///   instead, that file holds the test data (X_train.npy, y_train.npy, X_test.npy, y_test.npy).
/// - A name that contains "idx": one pair of MNIST's files, named by the images; no test data.
///
/// Labels in arrays are whole numbers, one per sample ([n] or [n, 1]), or one-hot rows [n,
/// classes]. If they begin at 0 and at least half of the numbers up to the largest occur, they are
/// class indices; otherwise the numbers that occur, in order, name the classes: 90001 and 90210, -1
/// and 1, or 1 to 26 make 2, 2 and 26 classes.
///
/// `seed` matters to generated data only. `csv.labelled` false leaves .csv, .npy and IDX files
/// unlabelled. `csv.class_names`, if given, are the classes of the data read from files; a whole
/// number as label stands for the class of that name. Throws ArgumentError, listing what is
/// accepted, for a name of no known kind; IoError if nothing is there; DataError as the readers do.
LAMELLA_API DataSplit read_data_source(const std::string& source, const CsvOptions& csv,
                                       std::uint64_t seed);

/// The files that read_data_source(source, csv, seed) reads, as far as their names tell: none for
/// generated data, those that are there for a directory, and with the files of labels and of test
/// data. So a program can see that it is about to write over its own data.
LAMELLA_API std::vector<std::filesystem::path> data_source_files(const std::string& source,
                                                                 const CsvOptions& csv);

}  // namespace lamella

#endif  // LAMELLA_READERS_H_
