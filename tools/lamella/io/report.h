// Results of training and evaluation as JSON and as text. The keys are documented in
// docs/command-line.md and are part of the interface.
#ifndef LAMELLA_TOOLS_LAMELLA_IO_REPORT_H_
#define LAMELLA_TOOLS_LAMELLA_IO_REPORT_H_

#include <string>
#include <vector>

#include <lamella/metrics.h>
#include <lamella/trainer.h>

#include "tools/lamella/io/json.h"

namespace lamella::cli {

/// One line (without its end) whatever bytes the strings in `value` hold.
std::string to_line(const Json& value);

/// An epoch's entry in the log; figures that are not finite become null.
Json epoch_json(const EpochReport& report);
/// The same for people, in one line.
std::string epoch_text(const EpochReport& report, index_t epochs);

Json evaluation_json(const Evaluation& evaluation, const std::vector<std::string>& class_names);
/// Accuracy, log-loss, the table of classes, and the confusion matrix where it fits a screen.
std::string evaluation_text(const Evaluation& evaluation,
                            const std::vector<std::string>& class_names);

}  // namespace lamella::cli

#endif  // LAMELLA_TOOLS_LAMELLA_IO_REPORT_H_
