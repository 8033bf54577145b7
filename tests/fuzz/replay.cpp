// main() of fuzz targets in builds without libFuzzer: runs the target on files and directories of
// files, so that every build knows that it works, and that no finding has come back.
//
// An input whose name begins with good- must be accepted: a seed that the library refuses leads a
// fuzzer nowhere.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/fuzz/acceptance.h"
#include "tests/fuzz/fuzz.h"

namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_below(const fs::path& path) {
  std::vector<fs::path> files;
  if (!fs::is_directory(path)) return {path};
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(path))
    if (entry.is_regular_file()) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

int main(int argc, char** argv) {
  int inputs = 0, refused = 0;
  for (int i = 1; i < argc; ++i)
    for (const fs::path& file : files_below(argv[i])) {
      std::ifstream stream(file, std::ios::binary);
      const std::vector<char> content{std::istreambuf_iterator<char>(stream), {}};
      if (!stream) {
        std::fprintf(stderr, "%s cannot be read\n", file.c_str());
        return 2;
      }
      // If the process ends here, the last line of its output says which input it was.
      std::fprintf(stderr, "%s\n", file.c_str());
      const int accepted = lamella::fuzz::accepted_so_far();
      // A copy of exactly this size, for the address sanitizer.
      LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(content.data()), content.size());
      ++inputs;
      if (file.filename().string().starts_with("good-") &&
          lamella::fuzz::accepted_so_far() == accepted) {
        std::fprintf(stderr, "%s: a good input is refused\n", file.c_str());
        ++refused;
      }
    }
  std::printf("%d inputs, %d accepted\n", inputs, lamella::fuzz::accepted_so_far());
  return inputs == 0 || refused > 0 ? 1 : 0;
}
