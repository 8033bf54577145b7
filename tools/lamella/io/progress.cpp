// Progress on standard error, for a terminal or for a file.
#include "tools/lamella/io/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "tools/lamella/io/format.h"
#include "tools/lamella/io/streams.h"
#include "tools/lamella/io/text_table.h"

namespace lamella::cli {
namespace {

constexpr auto kRedrawEvery = std::chrono::milliseconds(100);
constexpr std::string_view kEraseLine = "\r\033[K";

bool can_redraw() {
  const char* term = std::getenv("TERM");
  return isatty(STDERR_FILENO) == 1 && term != nullptr && std::string_view(term) != "dumb" &&
         *term != '\0';
}

/// A line that wraps cannot be redrawn, so it must stay below the terminal's width.
std::size_t terminal_columns() {
  winsize size = {};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1) return size.ws_col;
  return 80;
}

}  // namespace

ProgressDisplay::ProgressDisplay(bool quiet)
    : style_(quiet          ? Style::silent
             : can_redraw() ? Style::terminal
                            : Style::lines),
      start_(Clock::now()),
      next_draw_(start_) {}

ProgressDisplay::~ProgressDisplay() { erase(); }

void ProgressDisplay::erase() {
  if (drawn_) write_stderr(kEraseLine);
  drawn_ = false;
}

void ProgressDisplay::line(const std::string& text) {
  if (style_ == Style::silent) return;
  erase();
  write_stderr(text + "\n");
}

void ProgressDisplay::warning(const std::string& text) {
  erase();
  write_stderr("lamella: warning: " + text + "\n");
}

void ProgressDisplay::update(const Progress& progress) {
  update([&](double elapsed) { return moving_text(progress, elapsed); });
}

void ProgressDisplay::update(const std::function<std::string(double)>& moving) {
  if (style_ != Style::terminal) return;
  const Clock::time_point now = Clock::now();
  if (now < next_draw_) return;
  next_draw_ = now + kRedrawEvery;
  std::string text = moving(std::chrono::duration<double>(now - start_).count());
  text.resize(std::min(text.size(), terminal_columns() - 1));  // plain ASCII
  write_stderr(std::string(kEraseLine) + text);
  drawn_ = true;
}

std::string ProgressDisplay::moving_text(const Progress& progress, double elapsed) const {
  const auto in_epoch = static_cast<double>(progress.samples_done);
  const auto per_epoch = static_cast<double>(progress.samples);
  const double done = static_cast<double>(progress.epoch - 1) * per_epoch + in_epoch;
  const double all = static_cast<double>(progress.epochs) * per_epoch;
  // Scaled from the whole time so far, which evaluations between epochs are part of.
  const double left = done > 0 ? elapsed * (all - done) / done : 0;
  const double rate = progress.seconds > 0 ? in_epoch / progress.seconds : 0;
  const std::string total = formatted("{}", progress.epochs);
  return formatted(
      "epoch {:>{}}/{}  {:3.0f} %  {:.0f} samples/s  loss {:.4f}  accuracy {:.4f}  {} left",
      progress.epoch, total.size(), total, per_epoch > 0 ? 100 * in_epoch / per_epoch : 0, rate,
      progress.mean_loss, progress.accuracy, duration(left));
}

}  // namespace lamella::cli
