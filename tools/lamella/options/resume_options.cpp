// Options as texts by name, and back; see resume_options.h.
#include "tools/lamella/options/resume_options.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include <lamella/error.h>

#include "tools/lamella/io/format.h"
#include "tools/lamella/options/options.h"

namespace lamella::cli {
namespace {

// Of one run of the program.
constexpr std::array<std::string_view, 6> kOfOneRun = {"--model", "--quiet",   "--json",
                                                       "--help",  "--profile", "--resume"};
// They decide where and how fast, and not what. Data are compared by what is in them.
constexpr std::array<std::string_view, 8> kFree = {"--data",
                                                   "--sample-weights",
                                                   "--log",
                                                   "--backend",
                                                   "--threads",
                                                   "--isa",
                                                   "--checkpoint-every",
                                                   "--checkpoint-minutes"};

template <class Names>
bool is_one_of(const Names& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

bool is_option(const std::string& name) { return name.starts_with("--"); }

/// What a flag that was given has in the place of a value.
constexpr const char* kFlag = "true";

/// All that were given, by name.
CheckpointSettings given_options(const CLI::App& app) {
  CheckpointSettings given;
  for (const CLI::Option* option : app.get_options()) {
    if (option->count() == 0) continue;
    const bool is_flag = option->get_items_expected_max() == 0;
    given[option->get_name()] = is_flag ? kFlag : option->results().front();
  }
  return given;
}

}  // namespace

CheckpointSettings options_to_store(const CLI::App& app) {
  CheckpointSettings options = given_options(app);
  std::erase_if(options, [](const auto& option) { return is_one_of(kOfOneRun, option.first); });
  return options;
}

void parse_resumed(CLI::App& app, const std::filesystem::path& checkpoint,
                   const CheckpointSettings& settings, const CLI::App& given) {
  CheckpointSettings options = settings;
  for (const auto& [name, value] : given_options(given)) {
    const auto stored = settings.find(name);
    const bool differs = stored == settings.end() || stored->second != value;
    if (differs && !is_one_of(kFree, name) && !is_one_of(kOfOneRun, name))
      throw UsageError(formatted(
          "{} is {}, but the run of {} has {}; a run goes on with the options that it began with, "
          "so leave this one out",
          name, value, checkpoint.string(),
          stored == settings.end() ? "the default" : stored->second));
    options[name] = value;
  }
  options.erase("--resume");
  std::vector<std::string> arguments;
  for (const auto& [name, value] : options) {
    if (!is_option(name)) continue;
    const CLI::Option* const option = app.get_option_no_throw(name);
    if (option == nullptr)
      throw DataError(formatted("{}: option {} of the run is unknown to this version",
                                checkpoint.string(), name));
    arguments.push_back(name);
    if (option->get_items_expected_max() > 0) arguments.push_back(value);
  }
  std::ranges::reverse(arguments);  // as CLI11 wants them
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    throw DataError(formatted("{}: options of the run: {}", checkpoint.string(), error.what()));
  }
}

}  // namespace lamella::cli
