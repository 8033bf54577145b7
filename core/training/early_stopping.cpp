// How figures of validation data compare.
#include <cmath>

#include <lamella/early_stopping.h>
#include <lamella/error.h>

namespace lamella {

double monitored(const EpochReport& report, Monitor monitor) {
  const std::optional<double>& figure =
      monitor == Monitor::loss ? report.validation_loss : report.validation_accuracy;
  if (!figure) throw ArgumentError("monitored: the epoch has no figures of validation data");
  return *figure;
}

bool is_better(Monitor monitor, double value, double other, double margin) {
  if (!std::isfinite(value)) return false;
  return monitor == Monitor::loss ? value < other - margin : value > other + margin;
}

}  // namespace lamella
