// Finds, opens and checks backends in shared libraries.
//
// The order matters: size and version of the descriptor are read before anything else of it. No
// function of a plugin is called in this file.
#include "core/selection/plugin_loader.h"

#include <dlfcn.h>
#include <link.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>

#include <lamella/error.h>

#include "core/base/format.h"
#include "core/platform/environment.h"
#include "core/platform/floating_point.h"
#include "core/selection/elf_file.h"
#include "core/selection/plugin_abi.h"

namespace lamella::detail {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPathVariable = "LAMELLA_PLUGIN_PATH";
constexpr const char* kSymbol = "lamella_plugin";
constexpr std::size_t kLongestName = 64;
constexpr std::size_t kLongestDescription = 200;  // what is longer is cut: it may have no end

bool valid_name(std::string_view name) {
  return !name.empty() && name.size() <= kLongestName &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
         });
}

bool is_reserved(std::string_view name, std::span<const std::string_view> reserved) {
  return std::find(reserved.begin(), reserved.end(), name) != reserved.end();
}

[[noreturn]] void reject(const std::string& path, const std::string& problem) {
  throw PluginError(formatted("plugin {}: {}", path, problem));
}

/// The text of dlerror(), with the file's name in front unless it is there already.
std::string loader_error(const std::string& path) {
  const char* error = dlerror();
  const std::string text = error != nullptr ? error : "unknown error of the dynamic loader";
  return text.starts_with(path) ? text : formatted("{}: {}", path, text);
}

/// A library, or the reason why there is none.
struct OpenedLibrary {
  std::shared_ptr<void> handle;
  std::string problem;
};

OpenedLibrary open_library(const std::string& path) {
  if (const auto reason = unloadable_reason(path); !reason.empty())
    return {nullptr, formatted("{}: {}", path, reason)};
  dlerror();
  const FloatingPointGuard guard;  // its initialisers may change the settings, and so may its end
  // All symbols are resolved now, so that a missing one is found here and not during training.
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) return {nullptr, loader_error(path)};
  const auto close = [](void* library) {
    const FloatingPointGuard guard_at_end;
    dlclose(library);
  };
  return {{handle, close}, {}};
}

/// The size of the exported object, where the system tells it. Throws if it is no object.
std::optional<std::size_t> exported_size([[maybe_unused]] const std::string& path,
                                         [[maybe_unused]] const void* symbol) {
#if defined(__GLIBC__)
  Dl_info info = {};
  void* entry = nullptr;
  if (dladdr1(symbol, &info, &entry, RTLD_DL_SYMENT) == 0 || entry == nullptr ||
      info.dli_saddr != symbol || info.dli_sname == nullptr ||
      std::strcmp(info.dli_sname, kSymbol) != 0)
    return std::nullopt;
  const auto& found = *static_cast<const ElfW(Sym)*>(entry);
  if (ELF64_ST_TYPE(found.st_info) == STT_FUNC)
    reject(path, formatted("exports {} as a function; it must be an object of the type "
                           "lamella_plugin_descriptor",
                           kSymbol));
  if (found.st_size != 0) return found.st_size;
#endif
  return std::nullopt;
}

/// Copies as much of a kernel table as the plugin's version has, and checks the required part.
template <class Table>
Table copy_kernels(const std::string& path, const char* type, const Table* theirs) {
  if (theirs == nullptr) reject(path, formatted("has no kernels for {}", type));
  std::size_t size = 0;
  std::memcpy(&size, theirs, sizeof size);
  if (!plausible_size(size, kRequiredKernelsSize))
    reject(path, formatted("the kernels for {} take {} bytes by their struct_size; the required "
                           "four take {}, and those of interface 1.1 take {}: set it to sizeof "
                           "the struct",
                           type, size, kRequiredKernelsSize, kKernelsSize1_1));
  const auto table = copy_struct<Table>(theirs, size);
  const auto require = [&](bool present, const char* kernel) {
    if (!present) reject(path, formatted("lacks the required kernel {} for {}", kernel, type));
  };
#define LAMELLA_REQUIRE(name, S) require(table.name != nullptr, #name);
  LAMELLA_PLUGIN_REQUIRED_KERNELS(LAMELLA_REQUIRE, )
#undef LAMELLA_REQUIRE
  return table;
}

/// The descriptor at `symbol`. Reads no more than the object has.
lamella_plugin_descriptor copy_descriptor(const std::string& path, const void* symbol) {
  const auto available = exported_size(path, symbol);
  if (available && *available < kVersionSize)
    reject(path, formatted("exports {} of {} bytes, which is no descriptor", kSymbol, *available));
  const auto version = copy_struct<lamella_plugin_descriptor>(symbol, kVersionSize);
  if (version.abi_major != LAMELLA_PLUGIN_ABI_MAJOR || version.abi_minor > LAMELLA_PLUGIN_ABI_MINOR)
    reject(path, formatted("built for plugin interface {}.{}, but this library speaks {}.{}; "
                           "rebuild it with this library's lamella/plugin.h",
                           version.abi_major, version.abi_minor, LAMELLA_PLUGIN_ABI_MAJOR,
                           LAMELLA_PLUGIN_ABI_MINOR));
  // The size of version 1.0, and not of this one: a descriptor of an older plugin is shorter.
  if (!plausible_size(version.struct_size, kDescriptorSize1_0))
    reject(path, formatted("its descriptor says {} bytes, but that of interface 1.0 had {}: set "
                           "struct_size to sizeof(lamella_plugin_descriptor)",
                           version.struct_size, kDescriptorSize1_0));
  if (available && *available < version.struct_size)
    reject(path, formatted("its descriptor says {} bytes, but the object {} has {}",
                           version.struct_size, kSymbol, *available));
  return copy_struct<lamella_plugin_descriptor>(symbol, version.struct_size);
}

/// Reads a descriptor. Uses each part of it only after what it depends on has been checked.
Plugin check_descriptor(const std::string& path, const void* symbol,
                        std::span<const std::string_view> reserved) {
  const auto theirs = copy_descriptor(path, symbol);
  if (theirs.name == nullptr) reject(path, "has no name");
  const std::string name(theirs.name, strnlen(theirs.name, kLongestName + 1));
  if (!valid_name(name))
    reject(path, formatted("its name must be 1 to {} of a-z, 0-9, - and _", kLongestName));
  if (is_reserved(name, reserved))
    reject(path, formatted("its name, {}, is that of a built-in backend", name));

  Plugin plugin;
  plugin.path = path;
  plugin.name = name;
  plugin.description = "a plugin";
  if (theirs.description != nullptr)
    plugin.description.assign(theirs.description, strnlen(theirs.description, kLongestDescription));
  plugin.create = theirs.create;
  plugin.destroy = theirs.destroy;
  plugin.f32 = copy_kernels(path, "f32", theirs.f32);
  plugin.f64 = copy_kernels(path, "f64", theirs.f64);
  return plugin;
}

Plugin read_plugin(const std::string& path, std::shared_ptr<void> library,
                   std::span<const std::string_view> reserved) {
  dlerror();
  const void* symbol = dlsym(library.get(), kSymbol);
  if (symbol == nullptr)
    reject(path, formatted("exports no object {} ({})", kSymbol, loader_error(path)));
  auto plugin = check_descriptor(path, symbol, reserved);
  plugin.library = std::move(library);
  return plugin;
}

struct SearchPath {
  std::vector<std::string> directories;
  std::string notes;  // what is wrong with the variable, if anything
};

/// The directories of LAMELLA_PLUGIN_PATH. An entry that is empty or relative depends on the
/// current directory, where any user may have put a file: it is ignored, and the notes say so.
SearchPath search_path() {
  SearchPath path;
  const auto value = environment(kPathVariable);
  if (!value) {
    path.notes = formatted("{} is not set", kPathVariable);
    return path;
  }
  for (std::size_t begin = 0; begin <= value->size();) {
    const auto end = std::min(value->find(':', begin), value->size());
    const auto entry = value->substr(begin, end - begin);
    begin = end + 1;
    if (entry.starts_with('/')) {
      path.directories.push_back(entry);
      continue;
    }
    if (!path.notes.empty()) path.notes += "; ";
    path.notes += entry.empty() ? formatted(
                                      "{} has an empty entry, which is ignored: the current "
                                      "directory is never searched",
                                      kPathVariable)
                                : formatted(
                                      "{} has the entry {}, which is ignored because it is "
                                      "not absolute",
                                      kPathVariable, entry);
  }
  return path;
}

void append(std::string& list, const std::string& item) {
  if (item.empty()) return;
  if (!list.empty()) list += "; ";
  list += item;
}

/// The NAME of a file called lamella-NAME.so or liblamella-NAME.so; empty for other files.
std::string_view name_in(std::string_view file) {
  constexpr std::string_view kLib = "lib", kPrefix = "lamella-", kSuffix = ".so";
  if (file.starts_with(kLib)) file.remove_prefix(kLib.size());
  if (!file.starts_with(kPrefix) || !file.ends_with(kSuffix)) return {};
  file.remove_prefix(kPrefix.size());
  if (file.size() <= kSuffix.size()) return {};
  file.remove_suffix(kSuffix.size());
  return file;
}

bool may_be_written_by_all(const std::string& directory) {
  std::error_code ignored;
  return (fs::status(directory, ignored).permissions() & fs::perms::others_write) !=
         fs::perms::none;
}

void require_name(const Plugin& plugin, std::string_view name) {
  if (plugin.name != name)
    reject(plugin.path,
           formatted("calls itself {}, but its file is named for {}", plugin.name, name));
}

}  // namespace

Plugin open_plugin(const std::string& path, std::span<const std::string_view> reserved) {
  auto library = open_library(path);
  if (library.handle == nullptr)
    throw PluginError(formatted("plugin cannot be loaded: {}", library.problem));
  return read_plugin(path, std::move(library.handle), reserved);
}

PluginSearch find_plugin(std::string_view name, std::span<const std::string_view> reserved) {
  PluginSearch search;
  if (!valid_name(name)) {
    search.tried = "no plugin can have this name";
    return search;
  }
  const auto path = search_path();
  search.looked = !path.directories.empty();
  for (const auto& directory : path.directories) {
    for (const char* prefix : {"", "lib"}) {
      const auto file = formatted("{}/{}lamella-{}.so", directory, prefix, name);
      auto library = open_library(file);
      if (library.handle == nullptr) {
        append(search.tried, library.problem);
        continue;
      }
      auto plugin = read_plugin(file, std::move(library.handle), reserved);
      require_name(plugin, name);
      search.plugin = std::move(plugin);
      return search;
    }
  }
  append(search.tried, path.notes);
  return search;
}

PluginFiles find_files() {
  PluginFiles found;
  const auto path = environment(kPathVariable) ? search_path() : SearchPath{};
  if (!path.notes.empty()) found.problems.push_back(path.notes);
  for (const auto& directory : path.directories) {
    std::error_code problem;
    // With "lib" in front a file comes second: see find_plugin().
    std::vector<PluginFile> plain, with_lib;
    for (fs::directory_iterator entry(directory, problem), end; !problem && entry != end;
         entry.increment(problem)) {
      const auto file = entry->path().filename().string();
      const auto name = name_in(file);
      if (name.empty()) continue;
      if (valid_name(name))
        (file.starts_with("lib") ? with_lib : plain)
            .push_back({std::string(name), formatted("{}/{}", directory, file)});
      else
        found.problems.push_back(
            formatted("{}/{} is left out: the name of a plugin is 1 to {} of "
                      "a-z, 0-9, - and _",
                      directory, file, kLongestName));
    }
    if (problem)
      found.problems.push_back(formatted("{}: the directory {} cannot be read: {}", kPathVariable,
                                         directory, problem.message()));
    else if (may_be_written_by_all(directory))
      found.problems.push_back(
          formatted("{}: every user may write to the directory {}, and can "
                    "put a plugin there that runs with your rights",
                    kPathVariable, directory));
    found.files.insert(found.files.end(), plain.begin(), plain.end());
    found.files.insert(found.files.end(), with_lib.begin(), with_lib.end());
  }
  // Those of a name stay in the order of the search.
  std::stable_sort(found.files.begin(), found.files.end(),
                   [](const PluginFile& a, const PluginFile& b) { return a.name < b.name; });
  for (std::size_t i = 1; i < found.files.size(); ++i)
    if (found.files[i].name == found.files[i - 1].name)
      found.problems.push_back(
          formatted("the plugin {} is used only if {} cannot be loaded, "
                    "because both are called {}",
                    found.files[i].path, found.files[i - 1].path, found.files[i].name));
  return found;
}

BackendStatus status_of_plugin(const std::string& name,
                               std::span<const std::string_view> reserved) {
  BackendStatus status{name, false, false, {}};
  const auto use = [&](const Plugin& plugin) {
    status.usable = true;
    status.reason = formatted("{} ({})", plugin.description, plugin.path);
  };
  try {
    if (name.find('/') != std::string::npos) {
      const auto plugin = open_plugin(name, reserved);
      status.name = plugin.name;
      use(plugin);
    } else if (is_reserved(name, reserved)) {
      status.reason = formatted("{} is the name of a built-in backend, which is used", name);
      for (const auto& file : find_files().files)
        if (file.name == name) append(status.reason, formatted("not {}", file.path));
    } else {
      const auto search = find_plugin(name, reserved);
      status.reason = search.tried;
      if (search.plugin) use(*search.plugin);
    }
  } catch (const BackendError& error) {
    status.reason = error.what();
  }
  return status;
}

}  // namespace lamella::detail
