// Command-line options with strict values: what was given is checked before any work begins.
//
// A thin layer over CLI11 that reads numbers in one way whatever its version (decimal, whole
// string, in range), and the option groups that several subcommands share.
#ifndef LAMELLA_TOOLS_LAMELLA_OPTIONS_OPTIONS_H_
#define LAMELLA_TOOLS_LAMELLA_OPTIONS_OPTIONS_H_

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <lamella/augmentation.h>
#include <lamella/backend_selection.h>
#include <lamella/readers.h>
#include <lamella/trainer.h>

namespace CLI {
class App;
}

namespace lamella::cli {

/// Options that contradict each other or the data's kind. what() names them.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The finite numbers between low and high.
struct RealRange {
  double low = 0;
  double high = std::numeric_limits<double>::infinity();
  bool low_included = true;
  bool high_included = false;
};

enum class Presence { optional, required };

/// Each of these adds one option that writes to `target`, which must outlive parsing. The value
/// target has now is shown as the default, except an empty string or a number below its range.
void add_flag(CLI::App& app, const std::string& name, bool& target, const std::string& help);
void add_real(CLI::App& app, const std::string& name, double& target, RealRange range,
              const std::string& help);
/// `target` stays empty if the option is not given; the default is for the help alone.
void add_real(CLI::App& app, const std::string& name, std::optional<double>& target,
              RealRange range, const std::string& help, const std::string& shown_default);
void add_integer(CLI::App& app, const std::string& name, index_t& target, index_t low, index_t high,
                 const std::string& help);
void add_seed(CLI::App& app, const std::string& name, std::uint64_t& target,
              const std::string& help);
/// Comma-separated sizes from 1 to `high`; an empty string or "none" is an empty list.
void add_sizes(CLI::App& app, const std::string& name, std::vector<index_t>& target, index_t high,
               const std::string& help);
void add_choice(CLI::App& app, const std::string& name, std::string& target,
                const std::vector<std::string>& choices, const std::string& help);
/// A string that must not be empty; `value_name` stands for it in the help.
void add_text(CLI::App& app, const std::string& name, std::string& target,
              const std::string& value_name, const std::string& help,
              Presence presence = Presence::optional);
void add_path(CLI::App& app, const std::string& name, std::filesystem::path& target,
              const std::string& help, Presence presence = Presence::optional);

/// --augment and --image-shape.
void add_augmentation(CLI::App& app, Augmentation& target);
/// --dropout and --input-dropout.
void add_dropout(CLI::App& app, TrainOptions& target);

/// --backend, --isa and --threads.
class BackendOptions {
 public:
  void add_to(CLI::App& app);
  BackendRequest request() const;

 private:
  std::string backend_;
  std::string isa_;
  index_t threads_ = 0;
};

/// How to read CSV files: --header, --no-header, --delimiter and, if wanted, --label-column.
class TableOptions {
 public:
  void add_to(CLI::App& app, const std::string& label_column_help);
  CsvOptions csv() const;
  bool names_label_column() const { return !label_column_.empty(); }

 private:
  std::string label_column_;
  bool header_ = false;
  bool no_header_ = false;
  char delimiter_ = ',';
};

}  // namespace lamella::cli

#endif  // LAMELLA_TOOLS_LAMELLA_OPTIONS_OPTIONS_H_
