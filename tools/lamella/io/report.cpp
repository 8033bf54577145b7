// Results as JSON and as tables.
#include "tools/lamella/io/report.h"

#include "tools/lamella/io/format.h"
#include "tools/lamella/io/text_table.h"

namespace lamella::cli {
namespace {

using Align = TextTable::Align;

/// More columns than this do not fit a screen.
constexpr std::size_t kWidestMatrix = 20;

std::string table_of_classes(const Evaluation& evaluation,
                             const std::vector<std::string>& class_names) {
  TextTable table({Align::left, Align::right, Align::right, Align::right, Align::right});
  table.add({"class", "precision", "recall", "f1", "support"});
  for (std::size_t c = 0; c < evaluation.per_class.size(); ++c) {
    const ClassMetrics& metrics = evaluation.per_class[c];
    table.add({printable(class_names[c]), formatted("{:.4f}", metrics.precision),
               formatted("{:.4f}", metrics.recall), formatted("{:.4f}", metrics.f1),
               formatted("{}", metrics.support)});
  }
  return table.text();
}

std::string table_of_confusions(const Evaluation& evaluation,
                                const std::vector<std::string>& class_names) {
  std::vector<Align> columns(evaluation.confusion_matrix.size() + 1, Align::right);
  columns.front() = Align::left;
  TextTable table(columns);
  std::vector<std::string> cells{"true \\ predicted"};
  for (const std::string& name : class_names) cells.push_back(printable(name));
  table.add(cells);
  for (std::size_t c = 0; c < evaluation.confusion_matrix.size(); ++c) {
    cells = {printable(class_names[c])};
    for (const index_t count : evaluation.confusion_matrix[c])
      cells.push_back(formatted("{}", count));
    table.add(cells);
  }
  return table.text();
}

Json number_or_null(const std::optional<double>& number) {
  return number ? Json(*number) : Json(nullptr);
}

/// One line a figure. What needs samples of a class and others says so, where there are none.
std::string figures_text(const Evaluation& evaluation) {
  const ProbabilityMetrics& probabilities = evaluation.probabilities;
  TextTable table({Align::left, Align::right});
  const auto add = [&](const std::string& name, double value) {
    table.add({name, formatted("{:.4f}", value)});
  };
  table.add({"samples", formatted("{}", evaluation.samples)});
  add("accuracy", evaluation.accuracy);
  add("balanced accuracy", evaluation.balanced_accuracy);
  if (probabilities.top_k < std::ssize(evaluation.per_class))
    add(formatted("top-{} accuracy", probabilities.top_k), probabilities.top_k_accuracy);
  add("log-loss", evaluation.log_loss);
  add("macro F1", evaluation.macro_f1);
  if (probabilities.roc_auc) add("ROC-AUC", *probabilities.roc_auc);
  if (probabilities.average_precision) add("PR-AUC", *probabilities.average_precision);
  add("Brier score", probabilities.brier_score);
  add("calibration error", probabilities.expected_calibration_error);
  return table.text();
}

}  // namespace

std::string to_line(const Json& value) { return value.text(); }

Json epoch_json(const EpochReport& report) {
  Json line{{"epoch", report.epoch},
            {"learning_rate", report.learning_rate},
            {"train_loss", report.train_loss},
            {"train_accuracy", report.train_accuracy}};
  if (report.validation_loss) line["validation_loss"] = *report.validation_loss;
  if (report.validation_accuracy) line["validation_accuracy"] = *report.validation_accuracy;
  if (report.best_epoch > 0) line["best_epoch"] = report.best_epoch;
  if (report.test_loss) line["test_loss"] = *report.test_loss;
  if (report.test_accuracy) line["test_accuracy"] = *report.test_accuracy;
  line["seconds"] = report.seconds;
  line["samples_per_second"] = report.samples_per_second;
  return line;
}

std::string epoch_text(const EpochReport& report, index_t epochs) {
  const std::string total = formatted("{}", epochs);
  std::string line = formatted("epoch {:>{}}/{}  loss {:.4f}  accuracy {:.4f}", report.epoch,
                               total.size(), total, report.train_loss, report.train_accuracy);
  if (report.validation_loss)
    line += formatted("  validation loss {:.4f}", *report.validation_loss);
  if (report.validation_accuracy)
    line += formatted("  validation accuracy {:.4f}", *report.validation_accuracy);
  if (report.test_loss) line += formatted("  test loss {:.4f}", *report.test_loss);
  if (report.test_accuracy) line += formatted("  test accuracy {:.4f}", *report.test_accuracy);
  line += formatted("  {:.0f} samples/s  {}", report.samples_per_second, duration(report.seconds));
  return report.best_epoch == report.epoch ? line + "  best" : line;
}

Json evaluation_json(const Evaluation& evaluation, const std::vector<std::string>& class_names) {
  Json per_class = Json::array();
  for (std::size_t c = 0; c < evaluation.per_class.size(); ++c) {
    const ClassMetrics& metrics = evaluation.per_class[c];
    per_class.push_back({{"class", class_names[c]},
                         {"precision", metrics.precision},
                         {"recall", metrics.recall},
                         {"f1", metrics.f1},
                         {"support", metrics.support}});
  }
  return {{"samples", evaluation.samples},
          {"accuracy", evaluation.accuracy},
          {"balanced_accuracy", evaluation.balanced_accuracy},
          {"log_loss", evaluation.log_loss},
          {"macro_precision", evaluation.macro_precision},
          {"macro_recall", evaluation.macro_recall},
          {"macro_f1", evaluation.macro_f1},
          {"brier_score", evaluation.probabilities.brier_score},
          {"calibration_error", evaluation.probabilities.expected_calibration_error},
          {"top_k", evaluation.probabilities.top_k},
          {"top_k_accuracy", evaluation.probabilities.top_k_accuracy},
          {"roc_auc", number_or_null(evaluation.probabilities.roc_auc)},
          {"average_precision", number_or_null(evaluation.probabilities.average_precision)},
          {"confusion_matrix", evaluation.confusion_matrix},
          {"per_class", per_class}};
}

std::string evaluation_text(const Evaluation& evaluation,
                            const std::vector<std::string>& class_names) {
  std::string text = figures_text(evaluation) + "\n";
  text += table_of_classes(evaluation, class_names) + "\n";
  const std::size_t classes = evaluation.confusion_matrix.size();
  if (classes > kWidestMatrix)
    return text +
           formatted("confusion matrix: {0} x {0}, too wide for a screen; see --json\n", classes);
  return text + table_of_confusions(evaluation, class_names);
}

}  // namespace lamella::cli
