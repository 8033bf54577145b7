// `lamella predict`: the most probable class of each sample and all probabilities, as CSV.
//
// Prints a number for each class of each sample, so it includes all of fmt, which can compile the
// format of one number.
#define FMT_HEADER_ONLY 1
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include <fmt/compile.h>
#include <fmt/format.h>

#include <lamella/chunks.h>
#include <lamella/error.h>
#include <lamella/matrix.h>
#include <lamella/model_file.h>

#include "tools/lamella/commands.h"
#include "tools/lamella/io/files.h"
#include "tools/lamella/io/format.h"
#include "tools/lamella/io/inputs.h"
#include "tools/lamella/io/interrupt.h"
#include "tools/lamella/io/memory.h"
#include "tools/lamella/io/streams.h"
#include "tools/lamella/io/text_table.h"
#include "tools/lamella/measure/plugin_probe.h"
#include "tools/lamella/options/options.h"

namespace lamella::cli {
namespace {

struct PredictCommand {
  std::filesystem::path model;
  std::filesystem::path input;
  std::filesystem::path output;
  TableOptions table;
  BackendOptions backend;

  void add_to(CLI::App& app);
  void run() const;

 private:
  template <class T>
  void predict_all(const Network<T>& network, const ModelInfo& info, const Dataset& data,
                   const InterruptGuard& interrupts, TextOutput& out) const;
};

void PredictCommand::add_to(CLI::App& app) {
  add_path(app, "--model", model, "The model, as train wrote it", Presence::required);
  add_path(app, "--input", input, "Samples: CSV without labels, IDX (.gz or not) or NumPy's .npy",
           Presence::required);
  add_path(app, "--output", output, "Where to write the CSV, else to standard output");
  table.add_to(app, "CSV: a column of labels, by name or index, to ignore");
  backend.add_to(app);
}

void PredictCommand::run() const {
  check_files({{"--model", model}, {"--input", input}}, {{"--output", output}});
  check_memory(need_of_data({{"--input", input}}));
  const Model loaded = load_model(model, open_backend(backend.request()));
  CsvOptions csv = table.csv();
  csv.labelled = table.names_label_column();
  const Warnings warnings(Warnings::Which::all);
  const Dataset data = load_samples(input, csv, loaded.info, warnings);
  const InterruptGuard interrupts;
  TextOutput out(output);
  std::visit(
      [&](const auto& network) {
        check_features(data, network.spec(), input.string());
        predict_all(network, loaded.info, data, interrupts, out);
      },
      loaded.network);
  out.commit();
}

std::string header_line(const std::vector<std::string>& class_names) {
  std::string line = "class";
  for (const std::string& name : class_names) line += formatted(",{}", csv_field("p_" + name));
  return line + "\n";
}

template <class T>
bool all_finite(std::span<const T> values) {
  return std::ranges::all_of(values, [](T v) { return std::isfinite(v); });
}

template <class T>
void append_line(fmt::memory_buffer& text, const std::vector<std::string>& names,
                 std::span<const T> probabilities) {
  const auto best = std::ranges::max_element(probabilities) - probabilities.begin();
  text.append(names[static_cast<std::size_t>(best)]);
  for (const T p : probabilities) fmt::format_to(std::back_inserter(text), FMT_COMPILE(",{}"), p);
  text.push_back('\n');
}

template <class T>
void PredictCommand::predict_all(const Network<T>& network, const ModelInfo& info,
                                 const Dataset& data, const InterruptGuard& interrupts,
                                 TextOutput& out) const {
  const index_t classes = network.spec().classes;
  std::vector<std::string> names;
  for (const std::string& name : info.class_names) names.push_back(csv_field(name));
  const index_t rows = std::min(kChunkSamples, data.samples());
  Matrix<T> samples(rows, data.features());
  Matrix<T> probabilities(rows, classes);
  fmt::memory_buffer text;
  fmt::format_to(std::back_inserter(text), "{}", header_line(info.class_names));
  for_each_chunk_of_indices(data.samples(), [&](std::span<const std::int32_t> indices) {
    const index_t begin = indices.front();
    if (const int signal = interrupts.pending())
      throw Interrupted(signal, formatted("stopped after {} of {} samples", begin, data.samples()));
    const auto count = static_cast<index_t>(indices.size());
    const View<T> x = block(samples.view(), 0, 0, count, data.features());
    const View<T> p = block(probabilities.view(), 0, 0, count, classes);
    data.gather(indices, info.preprocessing, x);
    network.predict(x, p);
    for (index_t i = 0; i < count; ++i) {
      // An infinite feature can give finite probabilities, through tanh for example.
      const std::span<const T> features(&x(i, 0), static_cast<std::size_t>(data.features()));
      const std::span<const T> result(&p(i, 0), names.size());
      if (!all_finite(features) || !all_finite(result))
        throw DataError(formatted(
            "{}: sample {} gives no probabilities; it holds nan, inf or numbers too large",
            input.string(), begin + i + 1));
      append_line(text, names, result);
    }
    out.write({text.data(), text.size()});
    text.clear();
  });
  out.write({text.data(), text.size()});
}

}  // namespace

Command add_predict(CLI::App& app) { return make_command<PredictCommand>(app); }

}  // namespace lamella::cli
