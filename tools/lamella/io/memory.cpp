// Estimates from sizes of files and layers, and the limits they are held against.
#include "tools/lamella/io/memory.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string_view>
#include <system_error>
#include <variant>

#include <lamella/error.h>

#include "core/platform/memory.h"
#include "tools/lamella/io/format.h"
#include "tools/lamella/io/streams.h"

namespace lamella::cli {
namespace {

namespace fs = std::filesystem;

// Text takes more bytes than the float that it stands for, unless it is one digit and a comma. The
// longest numbers that people write have some 32 characters.
constexpr std::uint64_t kLongestNumber = 32;
constexpr std::uint64_t kUsualNumber = 8;

/// What a gzip file says of its content's size, which it keeps modulo 2^32 of the last member: so
/// at least that.
std::uint64_t gzip_content(const fs::path& path, std::uint64_t size) {
  std::ifstream file(path, std::ios::binary);
  std::array<char, 2> magic{};
  std::array<char, 4> end{};
  if (!file.read(magic.data(), 2) || magic[0] != '\x1f' || magic[1] != '\x8b') return size;
  if (!file.seekg(-4, std::ios::end) || !file.read(end.data(), 4)) return 0;
  std::uint64_t content = 0;
  for (std::size_t i = 4; i-- > 0;) content = content << 8 | static_cast<unsigned char>(end[i]);
  // What looks like a size may be what follows the last member.
  constexpr std::uint64_t kBestCompression = 1032;
  return content <= size * kBestCompression ? content : 0;
}

std::uint64_t bytes_of(double bytes) {
  return bytes < 9e18 ? static_cast<std::uint64_t>(bytes)
                      : std::numeric_limits<std::uint64_t>::max();
}

/// Numbers of the optimiser's state for each parameter.
int states(const Optimizer& optimizer) {
  if (std::holds_alternative<AdamOptions>(optimizer)) return 2;
  return std::get<SgdOptions>(optimizer).momentum > 0 ? 1 : 0;
}

}  // namespace

MemoryNeed need_of_data(const std::vector<NamedFile>& files) {
  MemoryNeed need;
  std::string names;
  for (const NamedFile& file : files) {
    std::error_code error;
    if (!fs::is_regular_file(file.path, error)) continue;
    const std::uint64_t size = gzip_content(file.path, fs::file_size(file.path, error));
    if (error) continue;
    if (names.empty()) names = file.path.string();
    const std::string name = file.path.filename().string();
    const bool binary =
        name.find(".npy") != std::string::npos || name.find("ubyte") != std::string::npos;
    constexpr std::uint64_t kFloat = sizeof(float);
    need.at_least += binary ? size : size / kLongestNumber * kFloat;
    need.about += binary ? size : size / kUsualNumber * kFloat;
  }
  need.what = formatted("the data of {} take", names);
  return need;
}

NetworkSize size_of(const NetworkSpec& spec) {
  NetworkSize size;
  index_t inputs = spec.inputs;
  const auto add = [&](index_t outputs) {
    size.parameters += (static_cast<double>(inputs) + 1) * static_cast<double>(outputs);
    size.units += static_cast<double>(outputs);
    inputs = outputs;
  };
  for (const index_t layer : spec.hidden) {
    add(layer);
    if (spec.normalization != Normalization::none) size.parameters += static_cast<double>(layer);
  }
  add(spec.classes);
  return size;
}

MemoryNeed need_of_training(const NetworkSpec& spec, const TrainOptions& options, int copies,
                            std::uint64_t element_bytes) {
  const auto [parameters, units] = size_of(spec);
  // Normalised layers, and some activations, keep what goes into the activation too.
  const bool keeps_input =
      spec.normalization != Normalization::none || derivative_needs_input(spec.activation.kind);
  const double kept = keeps_input ? 2 : 1;
  const double activations =
      static_cast<double>(options.batch_size) * (static_cast<double>(spec.inputs) + kept * units);
  const auto element = static_cast<double>(element_bytes);
  const double weights = parameters * (1 + copies + states(options.optimizer));
  // Beside that gradients, packed operands and a copy to be written may be there.
  return {formatted("training {:.0f} parameters takes", parameters),
          bytes_of((weights + activations) * element),
          bytes_of((weights + parameters + 2 * activations) * element)};
}

void check_memory(const MemoryNeed& need) {
  const detail::MemoryRoom room = detail::memory_room();
  if (need.at_least > room.bytes)
    throw IoError(formatted("{} at least {} of memory, and {} are free ({})", need.what,
                            detail::memory_text(need.at_least), detail::memory_text(room.bytes),
                            room.limit));
  static bool warned = false;
  const detail::MemoryRoom comfortable = detail::comfortable_memory_room();
  if (warned || need.about <= comfortable.bytes) return;
  warned = true;
  write_stderr(
      formatted("lamella: warning: {} about {} of memory, and {} are free ({}); the system "
                "may end this program\n",
                need.what, detail::memory_text(need.about), detail::memory_text(comfortable.bytes),
                comfortable.limit));
}

}  // namespace lamella::cli
