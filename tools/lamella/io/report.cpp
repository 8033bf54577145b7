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

}  // namespace

std::string to_line(const Json& value) { return value.text(); }

Json epoch_json(const EpochReport& report) {
  Json line{{"epoch", report.epoch},
            {"learning_rate", report.learning_rate},
            {"train_loss", report.train_loss},
            {"train_accuracy", report.train_accuracy}};
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
  if (report.test_loss) line += formatted("  test loss {:.4f}", *report.test_loss);
  if (report.test_accuracy) line += formatted("  test accuracy {:.4f}", *report.test_accuracy);
  return line +
         formatted("  {:.0f} samples/s  {}", report.samples_per_second, duration(report.seconds));
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
          {"log_loss", evaluation.log_loss},
          {"confusion_matrix", evaluation.confusion_matrix},
          {"per_class", per_class}};
}

std::string evaluation_text(const Evaluation& evaluation,
                            const std::vector<std::string>& class_names) {
  std::string text = formatted("samples   {}\naccuracy  {:.4f}\nlog-loss  {:.4f}\n\n",
                               evaluation.samples, evaluation.accuracy, evaluation.log_loss);
  text += table_of_classes(evaluation, class_names) + "\n";
  const std::size_t classes = evaluation.confusion_matrix.size();
  if (classes > kWidestMatrix)
    return text +
           formatted("confusion matrix: {0} x {0}, too wide for a screen; see --json\n", classes);
  return text + table_of_confusions(evaluation, class_names);
}

}  // namespace lamella::cli
