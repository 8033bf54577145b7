// How far training is, on standard error: one line redrawn on a terminal, one line per epoch
// elsewhere. Not here: results (report.h) and the log (epoch_log.h).
#ifndef LAMELLA_TOOLS_LAMELLA_IO_PROGRESS_H_
#define LAMELLA_TOOLS_LAMELLA_IO_PROGRESS_H_

#include <chrono>
#include <functional>
#include <string>

#include <lamella/trainer.h>

namespace lamella::cli {

/// Shows nothing, plain lines, or a line that moves; decided once from where standard error goes.
class ProgressDisplay {
 public:
  explicit ProgressDisplay(bool quiet);
  ~ProgressDisplay();
  ProgressDisplay(const ProgressDisplay&) = delete;
  ProgressDisplay& operator=(const ProgressDisplay&) = delete;

  /// A line that stays. It is written whatever the style: something went wrong, training goes on.
  void warning(const std::string& text);
  /// A line that stays.
  void line(const std::string& text);
  /// Called after every batch; draws at most ten times a second, and only on a terminal.
  void update(const Progress& progress);
  /// The same for other work: moving(seconds since construction) is called only if it is drawn.
  void update(const std::function<std::string(double)>& moving);
  /// Removes the moving line. Call it before something else writes to the terminal.
  void erase();

 private:
  using Clock = std::chrono::steady_clock;
  enum class Style { silent, lines, terminal };

  std::string moving_text(const Progress& progress, double elapsed) const;

  Style style_;
  bool drawn_ = false;  // the moving line is on the screen
  Clock::time_point start_;
  Clock::time_point next_draw_;
};

}  // namespace lamella::cli

#endif  // LAMELLA_TOOLS_LAMELLA_IO_PROGRESS_H_
