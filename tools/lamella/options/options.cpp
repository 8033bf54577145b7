// Strict parsing of option values, and the option groups that subcommands share.
#include "tools/lamella/options/options.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <string_view>

#include <CLI/CLI.hpp>

#include "tools/lamella/io/format.h"

namespace lamella::cli {
namespace {

/// What the help says behind an option's name. Set by hand because CLI11's versions differ.
std::string value_text(const std::string& value_name, const std::string& shown_default,
                       Presence presence) {
  if (presence == Presence::required) return value_name + " (required)";
  return shown_default.empty() ? value_name : formatted("{} [{}]", value_name, shown_default);
}

/// Adds an option whose text goes to `accept`, which throws std::invalid_argument saying what would
/// be right. CLI11's own conversions are not used: they take octal numbers, and nan.
void add_parsed(CLI::App& app, const std::string& name, const std::string& value_name,
                const std::string& help, const std::string& shown_default,
                std::function<void(const std::string&)> accept,
                Presence presence = Presence::optional) {
  const auto callback = [name, accept = std::move(accept)](const CLI::results_t& values) {
    try {
      accept(values.empty() ? std::string() : values.front());
    } catch (const std::invalid_argument& error) {
      throw CLI::ValidationError(name, error.what());
    }
    return true;
  };
  app.add_option(name, CLI::callback_t(callback), help)
      ->option_text(value_text(value_name, shown_default, presence))
      ->required(presence == Presence::required);
}

template <class Number>
bool parse_whole(std::string_view text, Number& number) {
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && stop == end;
}

std::string describe(const RealRange& range) {
  std::string text =
      formatted("a finite number {} {}", range.low_included ? "from" : "above", range.low);
  if (std::isfinite(range.high))
    text += formatted(" to {}{}", range.high_included ? "" : "below ", range.high);
  return text;
}

double parse_real(const std::string& text, const RealRange& range) {
  double value = 0;
  if (!parse_whole(text, value) || !std::isfinite(value) || value > range.high ||
      value < range.low || (value == range.high && !range.high_included) ||
      (value == range.low && !range.low_included))
    throw std::invalid_argument(formatted("'{}' is not {}", text, describe(range)));
  return value;
}

template <class Int>
Int parse_integer(const std::string& text, Int low, Int high) {
  Int value{};
  if (!parse_whole(text, value) || value < low || value > high)
    throw std::invalid_argument(
        high == std::numeric_limits<Int>::max()
            ? formatted("'{}' is not a whole number from {} up", text, low)
            : formatted("'{}' is not a whole number from {} to {}", text, low, high));
  return value;
}

/// The parts between separators; at least one, and empty ones too.
std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

template <class Int>
void add_whole_number(CLI::App& app, const std::string& name, Int& target, Int low, Int high,
                      const std::string& help) {
  add_parsed(
      app, name, "N", help, target >= low ? formatted("{}", target) : "",
      [&target, low, high](const std::string& text) { target = parse_integer(text, low, high); });
}

}  // namespace

void add_flag(CLI::App& app, const std::string& name, bool& target, const std::string& help) {
  app.add_flag(name, target, help);
}

void add_real(CLI::App& app, const std::string& name, double& target, RealRange range,
              const std::string& help) {
  add_parsed(app, name, "X", help, target >= range.low ? formatted("{}", target) : "",
             [&target, range](const std::string& text) { target = parse_real(text, range); });
}

void add_real(CLI::App& app, const std::string& name, std::optional<double>& target,
              RealRange range, const std::string& help, const std::string& shown_default) {
  add_parsed(app, name, "X", help, shown_default,
             [&target, range](const std::string& text) { target = parse_real(text, range); });
}

void add_integer(CLI::App& app, const std::string& name, index_t& target, index_t low, index_t high,
                 const std::string& help) {
  add_whole_number(app, name, target, low, high, help);
}

void add_seed(CLI::App& app, const std::string& name, std::uint64_t& target,
              const std::string& help) {
  add_whole_number<std::uint64_t>(app, name, target, 0, std::numeric_limits<std::uint64_t>::max(),
                                  help);
}

void add_sizes(CLI::App& app, const std::string& name, std::vector<index_t>& target, index_t high,
               const std::string& help) {
  add_parsed(app, name, "N,N,...", help, joined(target, ","),
             [&target, high](const std::string& text) {
               target.clear();
               if (text.empty() || text == "none") return;
               for (const std::string& part : split(text, ','))
                 target.push_back(parse_integer<index_t>(part, 1, high));
             });
}

void add_choice(CLI::App& app, const std::string& name, std::string& target,
                const std::vector<std::string>& choices, const std::string& help) {
  add_parsed(app, name, joined(choices, "|"), help, target,
             [&target, choices](const std::string& text) {
               if (std::find(choices.begin(), choices.end(), text) == choices.end())
                 throw std::invalid_argument(
                     formatted("'{}' is not one of {}", text, joined(choices, ", ")));
               target = text;
             });
}

void add_text(CLI::App& app, const std::string& name, std::string& target,
              const std::string& value_name, const std::string& help, Presence presence) {
  add_parsed(
      app, name, value_name, help, target,
      [&target](const std::string& text) {
        if (text.empty()) throw std::invalid_argument("the value is empty");
        target = text;
      },
      presence);
}

void add_path(CLI::App& app, const std::string& name, std::filesystem::path& target,
              const std::string& help, Presence presence) {
  add_parsed(
      app, name, "FILE", help, "",
      [&target](const std::string& text) {
        if (text.empty()) throw std::invalid_argument("the value is empty");
        target = text;
      },
      presence);
}

namespace {

constexpr index_t kMostPixels = 1'000'000;  // along one side of an image

/// One entry of --augment: a name, and its value where it has one.
void parse_change(const std::string& text, Augmentation& target) {
  const std::size_t equals = std::min(text.find('='), text.size());
  const std::string name = text.substr(0, equals);
  const bool has_value = equals < text.size();
  const std::string value = has_value ? text.substr(equals + 1) : "";
  if (name == "flip" && !has_value) {
    target.flip = true;
  } else if (name == "shift" && has_value) {
    target.shift = parse_integer<index_t>(value, 0, kMostPixels);
  } else if (name == "rotate" && has_value) {
    target.rotation = parse_real(value, {0, std::nextafter(180.0, 181.0)});
  } else if (name == "scale" && has_value) {
    target.scale = parse_real(value, {0, 0.9, true, true});
  } else if (name == "shear" && has_value) {
    target.shear = parse_real(value, {0, 80, true, true});
  } else if (name == "cutout" && has_value) {
    target.cut_out = parse_integer<index_t>(value, 0, kMostPixels);
  } else if (name == "noise" && has_value) {
    target.noise = parse_real(value, {});
  } else {
    throw std::invalid_argument(
        formatted("'{}' is not one of shift=PIXELS, flip, rotate=DEGREES, scale=X, shear=DEGREES, "
                  "cutout=PIXELS, noise=X",
                  text));
  }
}

}  // namespace

void add_augmentation(CLI::App& app, Augmentation& target) {
  add_parsed(app, "--augment", "LIST",
             "Random changes to images: shift=PIXELS,flip,rotate=DEGREES,scale=X,shear=DEGREES,"
             "cutout=PIXELS; to any data: noise=X",
             "none", [&target](const std::string& text) {
               const std::vector<index_t> shape = target.image_shape;
               target = {};
               target.image_shape = shape;
               if (text == "none") return;
               for (const std::string& part : split(text, ',')) parse_change(part, target);
             });
  add_parsed(
      app, "--image-shape", "HxW[xC]",
      "Of a sample's values, row by row, where the data do not say", "",
      [&target](const std::string& text) {
        target.image_shape.clear();
        for (const std::string& part : split(text, 'x'))
          target.image_shape.push_back(parse_integer<index_t>(part, 1, kMostPixels));
        if (target.image_shape.size() < 2 || target.image_shape.size() > 3)
          throw std::invalid_argument(formatted("'{}' is not of the form 28x28 or 32x32x3", text));
      });
}

void add_dropout(CLI::App& app, TrainOptions& target) {
  add_parsed(app, "--dropout", "X[,X...]",
             "Fraction of the hidden units that a step drops, at random; or one for each layer",
             "0", [&target](const std::string& text) {
               std::vector<double> rates;
               for (const std::string& part : split(text, ','))
                 rates.push_back(parse_real(part, {0, 1}));
               target.dropout = rates.size() == 1 ? rates.front() : 0;
               if (rates.size() == 1) rates.clear();
               target.hidden_dropout = rates;
             });
  add_real(app, "--input-dropout", target.input_dropout, {0, 1},
           "Fraction of the inputs that a step drops, at random");
}

void BackendOptions::add_to(CLI::App& app) {
  add_parsed(app, "--backend", "NAME",
             "auto, scalar, simd, openmp, tbb or a plugin; else LAMELLA_BACKEND", "",
             [this](const std::string& text) {
               if (text.empty()) {
                 std::string names = "auto";
                 for (const BackendStatus& status : list_builtin_backends())
                   names += ", " + status.name;
                 for (const PluginFile& file : find_plugin_files().files) names += ", " + file.name;
                 throw std::invalid_argument("the name is empty; valid names are " + names);
               }
               backend_ = text;
             });
  add_text(app, "--isa", isa_, "NAME", "Cap: baseline, avx2, avx512 or neon; else LAMELLA_ISA");
  add_integer(app, "--threads", threads_, 1, std::numeric_limits<int>::max(),
              "Most threads; else LAMELLA_NUM_THREADS, else all granted");
}

BackendRequest BackendOptions::request() const {
  return {backend_, isa_, static_cast<int>(threads_)};
}

void TableOptions::add_to(CLI::App& app, const std::string& label_column_help) {
  add_text(app, "--label-column", label_column_, "NAME|INDEX", label_column_help);
  // A blank text keeps the help from saying twice that they exclude each other.
  CLI::Option* header =
      app.add_flag("--header", header_, "CSV: the first line holds names (default: detected)")
          ->option_text(" ");
  app.add_flag("--no-header", no_header_, "CSV: no line holds names")
      ->option_text(" ")
      ->excludes(header);
  add_parsed(
      app, "--delimiter", "C", "CSV: between fields; 'tab' for tabulators", ",",
      [this](const std::string& text) {
        const std::string character = text == "tab" || text == "\\t" ? "\t" : text;
        constexpr std::string_view forbidden = "+-.\"'\r\n";
        if (character.size() != 1 || forbidden.find(character[0]) != forbidden.npos ||
            std::isalnum(static_cast<unsigned char>(character[0])) != 0)
          throw std::invalid_argument(formatted(
              "'{}' is not one character that can stand between fields, such as , or ;", text));
        delimiter_ = character[0];
      });
}

CsvOptions TableOptions::csv() const {
  CsvOptions options;
  if (header_ || no_header_) options.header = header_;
  options.label_column = label_column_;
  options.delimiter = delimiter_;
  return options;
}

}  // namespace lamella::cli
