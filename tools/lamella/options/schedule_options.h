// `lamella train`'s options of the learning rate's schedule: --schedule and what belongs to each.
#ifndef LAMELLA_TOOLS_LAMELLA_OPTIONS_SCHEDULE_OPTIONS_H_
#define LAMELLA_TOOLS_LAMELLA_OPTIONS_SCHEDULE_OPTIONS_H_

#include <optional>
#include <string>

#include <lamella/schedule.h>
#include <lamella/view.h>

namespace CLI {
class App;
}

namespace lamella::cli {

class ScheduleOptions {
 public:
  void add_to(CLI::App& app);
  /// Throws UsageError for an option that the schedule chosen does not have, and for a warm-up as
  /// long as the `epochs` of the run.
  Schedule schedule(index_t epochs) const;

  /// Whether the schedule goes by held-out samples.
  bool decides() const { return name_ == "plateau"; }

 private:
  Schedule::Course course() const;

  std::string name_ = "constant";
  double warmup_ = 0;
  std::optional<double> factor_;
  std::optional<double> every_;
  std::optional<double> last_;
  index_t cycles_ = 0;     // 0: not given
  index_t patience_ = -1;  // -1: not given
};

}  // namespace lamella::cli

#endif  // LAMELLA_TOOLS_LAMELLA_OPTIONS_SCHEDULE_OPTIONS_H_
