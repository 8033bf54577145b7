// Data as the subcommands want them: labelled for evaluation, any format for prediction, with a
// part held out, and preprocessed as --preprocess says. Reading itself is the library's.
#ifndef LAMELLA_TOOLS_LAMELLA_IO_INPUTS_H_
#define LAMELLA_TOOLS_LAMELLA_IO_INPUTS_H_

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <lamella/model_file.h>
#include <lamella/network.h>
#include <lamella/readers.h>

#include "tools/lamella/io/warnings.h"

namespace lamella::cli {

/// Values of --preprocess, the default first.
const std::vector<std::string>& preprocessing_names();
/// auto: as suggest_preprocessing; none; scale: to [0, 1], bytes by 1/255 and other types by the
/// range of each feature; standardize: mean 0, deviation 1 per feature. O(samples * features).
Preprocessing make_preprocessing(const std::string& name, const Dataset& data);

/// The data of a training, with what was held out of them.
struct TrainingData {
  Dataset train;
  std::optional<Dataset> validation = {};  ///< decides when the run ends, or which weights it keeps
  std::optional<Dataset> test = {};        ///< is measured only
};

/// How samples to be held out are drawn.
enum class HoldOut {
  random,     ///< from all; class by class if one part would lack a class that has two or more
  stratified  ///< class by class
};

/// Takes round(fraction * samples) samples, drawn without replacement by `seed`, out of `data`, and
/// returns them. Class by class, it is so many of each class, at least one and not all, unless the
/// class has a single sample, which stays. Where `random` needs that, `warnings` say so. Throws
/// DataError if there would be no samples in one part.
Dataset hold_out(Dataset& data, double fraction, std::uint64_t seed, HoldOut how,
                 const Warnings& warnings);

/// `data` with the weights of its samples that a .npy file holds. Throws DataError, naming the
/// file, unless it has one finite number >= 0 for each sample, at least one of them above 0.
Dataset with_weights_from(const std::filesystem::path& path, Dataset data);

/// How a table is read for `model`: its columns by name, its numbers in the precision that the
/// model's preprocessing needs, and what may be wrong said by `warnings`.
CsvOptions csv_for_model(CsvOptions csv, const ModelInfo& model, const Warnings& warnings);

/// The samples of `source` (see read_data_source) to evaluate on, with the model's classes.
struct LabelledData {
  Dataset data;
  bool is_test_split = false;  ///< the source has test data, and this is them
};
/// Throws DataError if the classes are not the model's.
LabelledData load_labelled(const std::string& source, CsvOptions csv, std::uint64_t seed,
                           const ModelInfo& model, const Warnings& warnings);

/// Samples without labels from an IDX file (gzip'd or not), a NumPy file or a CSV file, told apart
/// by how they begin. Labels of a CSV file, if csv.labelled, are dropped.
Dataset load_samples(const std::filesystem::path& path, const CsvOptions& csv,
                     const ModelInfo& model, const Warnings& warnings);

/// Throws DataError, saying what both have, unless `data` has as many features as a network of
/// `spec` takes.
void check_features(const Dataset& data, const NetworkSpec& spec, const std::string& source);

}  // namespace lamella::cli

#endif  // LAMELLA_TOOLS_LAMELLA_IO_INPUTS_H_
