// Finds, opens and checks backends in shared libraries.
//
// The order matters: size and version of the descriptor are read before anything else of it. No
// function of a plugin is called in this file.
#include "core/selection/plugin_loader.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <set>

#include <lamella/error.h>

#include "core/base/format.h"
#include "core/platform/environment.h"

namespace lamella::detail {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPathVariable = "LAMELLA_PLUGIN_PATH";
constexpr const char* kSymbol = "lamella_plugin";
constexpr std::size_t kLongestName = 64;

// What version 1.0 had: no plugin of major version 1 can be smaller.
constexpr std::size_t kVersionSize = offsetof(lamella_plugin_descriptor, name);
constexpr std::size_t kDescriptorSize = sizeof(lamella_plugin_descriptor);
constexpr std::size_t kRequiredKernels = offsetof(lamella_plugin_kernels_f32, fused_gemm);
static_assert(kRequiredKernels == offsetof(lamella_plugin_kernels_f64, fused_gemm));

bool valid_name(std::string_view name) {
  return !name.empty() && name.size() <= kLongestName &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
         });
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

std::shared_ptr<void> open_library(const std::string& path) {
  // All symbols are resolved now, so that a missing one is found here and not during training.
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) return nullptr;
  return {handle, [](void* library) { dlclose(library); }};
}

/// Copies as much of a kernel table as the plugin's version has, and checks the required part.
template <class Table>
Table copy_kernels(const std::string& path, const char* type, const Table* theirs) {
  if (theirs == nullptr) reject(path, formatted("has no kernels for {}", type));
  if (theirs->struct_size < kRequiredKernels)
    reject(path, formatted("the kernels for {} take {} bytes, but the required four end at {}",
                           type, theirs->struct_size, kRequiredKernels));
  Table table{};
  std::memcpy(&table, theirs, std::min(theirs->struct_size, sizeof table));
  const auto require = [&](bool present, const char* kernel) {
    if (!present) reject(path, formatted("lacks the required kernel {} for {}", kernel, type));
  };
#define LAMELLA_REQUIRE(name, S) require(table.name != nullptr, #name);
  LAMELLA_PLUGIN_REQUIRED_KERNELS(LAMELLA_REQUIRE, )
#undef LAMELLA_REQUIRE
  return table;
}

/// Reads a descriptor. Uses each part of it only after what it depends on has been checked.
Plugin check_descriptor(const std::string& path, const void* symbol,
                        std::span<const std::string_view> reserved) {
  lamella_plugin_descriptor theirs{};
  std::memcpy(&theirs, symbol, kVersionSize);
  if (theirs.abi_major != LAMELLA_PLUGIN_ABI_MAJOR || theirs.abi_minor > LAMELLA_PLUGIN_ABI_MINOR)
    reject(path, formatted("built for plugin interface {}.{}, but this library speaks {}.{}; "
                           "rebuild it with this library's lamella/plugin.h",
                           theirs.abi_major, theirs.abi_minor, LAMELLA_PLUGIN_ABI_MAJOR,
                           LAMELLA_PLUGIN_ABI_MINOR));
  if (theirs.struct_size < kDescriptorSize)
    reject(path,
           formatted("its descriptor says {} bytes, but interface {}.{} has {}", theirs.struct_size,
                     theirs.abi_major, theirs.abi_minor, kDescriptorSize));
  std::memcpy(&theirs, symbol, kDescriptorSize);

  if (theirs.name == nullptr) reject(path, "has no name");
  const std::string name(theirs.name, strnlen(theirs.name, kLongestName + 1));
  if (!valid_name(name))
    reject(path, formatted("its name must be 1 to {} of a-z, 0-9, - and _", kLongestName));
  if (std::find(reserved.begin(), reserved.end(), name) != reserved.end())
    reject(path, formatted("its name, {}, is that of a built-in backend", name));

  Plugin plugin;
  plugin.path = path;
  plugin.name = name;
  plugin.description = theirs.description != nullptr ? theirs.description : "a plugin";
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

void require_name(const Plugin& plugin, std::string_view name) {
  if (plugin.name != name)
    reject(plugin.path,
           formatted("calls itself {}, but its file is named for {}", plugin.name, name));
}

}  // namespace

Plugin open_plugin(const std::string& path, std::span<const std::string_view> reserved) {
  auto library = open_library(path);
  if (library == nullptr)
    throw PluginError(formatted("plugin cannot be loaded: {}", loader_error(path)));
  return read_plugin(path, std::move(library), reserved);
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
      if (library == nullptr) {
        append(search.tried, loader_error(file));
        continue;
      }
      auto plugin = read_plugin(file, std::move(library), reserved);
      require_name(plugin, name);
      search.plugin = std::move(plugin);
      return search;
    }
  }
  append(search.tried, path.notes);
  return search;
}

std::vector<BackendStatus> list_plugins(std::span<const std::string_view> reserved) {
  std::set<std::string> names;
  for (const auto& directory : search_path().directories) {
    std::error_code ignored;  // a directory that is not there has no plugins
    for (fs::directory_iterator entry(directory, ignored), end; !ignored && entry != end;
         entry.increment(ignored)) {
      const auto file = entry->path().filename().string();
      if (const auto name = name_in(file); !name.empty()) names.emplace(name);
    }
  }

  std::vector<BackendStatus> list;
  for (const auto& name : names) {
    BackendStatus status{name, false, false, {}};
    try {
      const auto search = find_plugin(name, reserved);
      status.usable = search.plugin.has_value();
      status.reason = status.usable
                          ? formatted("{} ({})", search.plugin->description, search.plugin->path)
                          : search.tried;
    } catch (const BackendError& error) {
      status.reason = error.what();
    }
    list.push_back(std::move(status));
  }
  return list;
}

}  // namespace lamella::detail
