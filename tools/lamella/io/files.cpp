// Comparing files by what the system knows of them, not by their names.
#include "tools/lamella/io/files.h"

#include <sys/stat.h>

#include <optional>

#include <lamella/error.h>

#include "core/base/output_target.h"
#include "tools/lamella/io/format.h"
#include "tools/lamella/options/options.h"

namespace lamella::cli {
namespace {

struct IdentifiedFile {
  const NamedFile* named;
  detail::FileIdentity identity;
};

std::vector<IdentifiedFile> identified(const std::vector<NamedFile>& files) {
  std::vector<IdentifiedFile> result;
  for (const NamedFile& file : files) {
    if (file.path.empty()) continue;
    const auto identity = detail::identity_of(file.path);
    if (identity && !S_ISCHR(identity->type)) result.push_back({&file, *identity});
  }
  return result;
}

void differ(const IdentifiedFile& a, const IdentifiedFile& b, const char* why) {
  if (a.identity != b.identity) return;
  const std::string& first = a.named->path.string();
  const std::string& second = b.named->path.string();
  throw UsageError(formatted("{} and {} name the same file, {}{}: {}", a.named->option,
                             b.named->option, first,
                             first == second ? "" : formatted(" and {}", second), why));
}

}  // namespace

std::vector<NamedFile> source_files(const std::string& option, const std::string& source,
                                    const CsvOptions& csv) {
  std::vector<NamedFile> files;
  for (std::filesystem::path& path : data_source_files(source, csv))
    files.push_back({option, std::move(path)});
  return files;
}

void check_files(const std::vector<NamedFile>& inputs, const std::vector<NamedFile>& outputs) {
  const std::vector<IdentifiedFile> read = identified(inputs);
  const std::vector<IdentifiedFile> written = identified(outputs);
  for (auto output = written.begin(); output != written.end(); ++output) {
    // The two directions of a socket do not meet.
    for (const IdentifiedFile& input : read)
      if (!S_ISSOCK(input.identity.type))
        differ(*output, input, "what is read would be written over");
    for (auto other = output + 1; other != written.end(); ++other)
      differ(*output, *other, "each needs a file of its own");
  }
  for (const NamedFile& output : outputs)
    if (!output.path.empty()) detail::find_output_target(output.path);
}

bool leads_to(const std::filesystem::path& path, int fd) {
  if (path.empty()) return false;
  const auto file = detail::identity_of(path);
  const auto stream = detail::identity_of(fd);
  return file && stream && !S_ISCHR(file->type) && *file == *stream;
}

bool is_replaced(const std::filesystem::path& path) {
  const auto identity = detail::identity_of(path);
  if (identity && S_ISCHR(identity->type)) return true;
  const detail::OutputMethod method = detail::find_output_target(path).method;
  return method == detail::OutputMethod::replace || method == detail::OutputMethod::overwrite;
}

}  // namespace lamella::cli
