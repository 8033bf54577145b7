// `lamella evaluate`: how good a model is on labelled data.
#include <filesystem>
#include <memory>
#include <string>
#include <variant>

#include <lamella/metrics.h>
#include <lamella/model_file.h>

#include "tools/lamella/commands.h"
#include "tools/lamella/io/files.h"
#include "tools/lamella/io/format.h"
#include "tools/lamella/io/inputs.h"
#include "tools/lamella/io/json.h"
#include "tools/lamella/io/memory.h"
#include "tools/lamella/io/report.h"
#include "tools/lamella/io/streams.h"
#include "tools/lamella/measure/plugin_probe.h"
#include "tools/lamella/options/options.h"

namespace lamella::cli {
namespace {

struct EvaluateCommand {
  std::filesystem::path model;
  std::string data;
  TableOptions table;
  std::uint64_t seed = 1;
  BackendOptions backend;
  bool json = false;

  void add_to(CLI::App& app);
  void run() const;
};

void EvaluateCommand::add_to(CLI::App& app) {
  add_path(app, "--model", model, "The model, as train wrote it", Presence::required);
  add_text(app, "--data", data, "SOURCE",
           "MNIST-style directory, .csv, X*.npy or IDX file, moons or blobs", Presence::required);
  table.add_to(app, "CSV: the labels' column, by name or index (default: the last)");
  add_seed(app, "--seed", seed, "Of generated samples");
  backend.add_to(app);
  add_flag(app, "--json", json, "Print one JSON object");
}

void EvaluateCommand::run() const {
  check_memory(need_of_data(source_files("--data", data, table.csv())));
  const Model loaded = load_model(model, open_backend(backend.request()));
  const std::vector<std::string>& class_names = loaded.info.class_names;
  const Warnings warnings(Warnings::Which::all);
  const LabelledData labelled = load_labelled(data, table.csv(), seed, loaded.info, warnings);
  const Evaluation evaluation = std::visit(
      [&](const auto& network) {
        check_features(labelled.data, network.spec(), data);
        return evaluate(network, labelled.data, loaded.info.preprocessing);
      },
      loaded.network);
  if (json) {
    Json result = evaluation_json(evaluation, class_names);
    result["split"] = labelled.is_test_split ? "test" : "all";
    write_stdout(to_line(result) + "\n");
    return;
  }
  write_stdout(formatted("data  {}{}\n\n", data, labelled.is_test_split ? " (its test data)" : "") +
               evaluation_text(evaluation, class_names));
}

}  // namespace

Command add_evaluate(CLI::App& app) { return make_command<EvaluateCommand>(app); }

}  // namespace lamella::cli
