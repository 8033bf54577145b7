// Weights of classes, by name or balanced.
#include "tools/lamella/options/loss_options.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>

#include "tools/lamella/io/format.h"
#include "tools/lamella/io/text_table.h"
#include "tools/lamella/options/options.h"

namespace lamella::cli {
namespace {

constexpr std::string_view kBalanced = "balanced";

[[noreturn]] void refuse(std::string_view part) {
  throw UsageError(
      formatted("--class-weights: '{}' is neither {} nor CLASS=WEIGHT with a weight above 0", part,
                kBalanced));
}

std::string list_of(const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 20;
  std::string list;
  for (std::size_t i = 0; i < std::min(names.size(), kMost); ++i)
    list += (i == 0 ? "" : ", ") + printable(names[i]);
  if (names.size() > kMost) list += formatted(", ... ({} in all)", names.size());
  return list;
}

double weight_in(std::string_view part, std::string_view text) {
  double weight = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), weight);
  if (error != std::errc() || stop != text.data() + text.size() || !(weight > 0) ||
      !std::isfinite(weight))
    refuse(part);
  return weight;
}

}  // namespace

void LossOptions::add_to(CLI::App& app) {
  add_real(app, "--label-smoothing", loss_.label_smoothing, {0, 1},
           "Part of each target that all classes share");
  add_text(app, "--class-weights", class_weights_, "balanced|CLASS=W,...",
           "How much samples of each class count; classes not named: 1");
  add_path(app, "--sample-weights", sample_weights_,
           ".npy file with a weight for each training sample, in their order");
}

std::vector<double> LossOptions::class_weights(const Dataset& training_data) const {
  if (class_weights_.empty()) return {};
  const std::vector<std::string>& names = training_data.class_names();
  if (class_weights_ == kBalanced)
    return balanced_class_weights(training_data.labels(), std::ssize(names));
  std::vector<double> weights(names.size(), 1);
  std::vector<bool> given(names.size());
  for (std::string_view rest = class_weights_; !rest.empty();) {
    const std::string_view part = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
    const std::size_t sign = part.rfind('=');
    if (sign == std::string_view::npos) refuse(part);
    const std::string_view name = part.substr(0, sign);
    const auto found = std::ranges::find(names, name);
    if (found == names.end())
      throw UsageError(formatted("--class-weights: no class is called '{}'; the classes are {}",
                                 printable(name), list_of(names)));
    const auto c = static_cast<std::size_t>(found - names.begin());
    if (given[c])
      throw UsageError(formatted("--class-weights names class '{}' twice", printable(name)));
    given[c] = true;
    weights[c] = weight_in(part, part.substr(sign + 1));
  }
  return weights;
}

}  // namespace lamella::cli
