// Choosing a backend at run time: by argument, by environment, or the best one usable here.
//
// Three questions, three answers: *compiled* (is the code in this archive), *usable* (does this
// machine run it), *selected* (is it the one that make_backend returns).
#ifndef LAMELLA_BACKEND_SELECTION_H_
#define LAMELLA_BACKEND_SELECTION_H_

#include <memory>
#include <string>
#include <vector>

#include <lamella/backend.h>
#include <lamella/export.h>

namespace lamella {

/// What a caller asks for. A field that is empty (or 0) leaves the choice to the environment, and
/// an unset variable leaves it to lamella.
struct BackendRequest {
  /// auto, scalar, simd, openmp, tbb, the name of a plugin, or its path (with a slash in it).
  /// Variable: LAMELLA_BACKEND.
  std::string name = {};
  /// Cap on the instruction set: baseline, avx2, avx512, neon. Variable: LAMELLA_ISA.
  std::string isa = {};
  /// Most threads; never above what the machine grants. Goes before OMP_NUM_THREADS and
  /// omp_set_num_threads(), as OpenMP's num_threads does. Variable: LAMELLA_NUM_THREADS.
  int threads = 0;
};

/// One row of the table of backends.
struct BackendStatus {
  std::string name;
  bool compiled = false;
  bool usable = false;
  std::string reason;  ///< why it is not compiled or not usable; else what it is, in a few words
};

/// One instruction set lamella has kernels for.
struct IsaStatus {
  std::string name;
  bool compiled = false;
  bool usable = false;
  bool selected = false;  ///< the one that kernels chosen with the given request use
  std::string reason;
};

/// How many threads a backend may use, and what set this limit.
struct ThreadLimit {
  int threads = 1;
  std::string limited_by;
};

/// Makes the backend asked for. `auto` is the best usable one: tbb, else openmp where more than one
/// thread is allowed, else simd, else scalar. Throws BackendError for an unknown, empty or
/// unusable name or instruction set, or a malformed environment variable; the message lists the
/// valid names, each unusable one with its reason, and the files of plugins, which are not opened.
///
/// A plugin is asked for by its file's path, which has a slash in it, or by its name: then
/// lamella-NAME.so and liblamella-NAME.so are looked for in the directories of LAMELLA_PLUGIN_PATH
/// (absolute, separated by colons), and nowhere else.
///
/// With LAMELLA_VERBOSE=1 the choice, the reasons against the others, decisions about threads and a
/// line per kernel call go to stderr. With LAMELLA_ADAPTIVE_THREADS=0 the size of a call alone
/// decides how many threads it gets; else also what has been measured, which affects no result.
LAMELLA_API std::shared_ptr<const Backend> make_backend(const BackendRequest& request = {});

/// Every built-in backend, in the order in which `auto` prefers them last to first, then
/// plugin_status() of each name among find_plugin_files(). Plugins are not `compiled`: that means
/// "in this library". Throws BackendError if LAMELLA_PLUGIN_PATH is set but empty.
///
/// Opening a plugin runs its initialisers in this process, which ends with it if one of them
/// faults or exits. The library never forks by itself. A program that has to survive calls
/// list_builtin_backends() and find_plugin_files(), which open nothing, and plugin_status() or
/// make_backend() in a child process first, as the command line does.
LAMELLA_API std::vector<BackendStatus> list_backends();

/// The built-in backends alone. Opens no file.
LAMELLA_API std::vector<BackendStatus> list_builtin_backends();

/// A file that is called lamella-NAME.so or liblamella-NAME.so.
struct PluginFile {
  std::string name;
  std::string path;
};

/// The plugins in the directories of LAMELLA_PLUGIN_PATH.
struct PluginFiles {
  std::vector<PluginFile> files;      ///< by name; those of one name in the order of the search
  std::vector<std::string> problems;  ///< directories and files that are left out, or look wrong
};

/// The files that list_backends() would open; opens none of them. Throws BackendError if
/// LAMELLA_PLUGIN_PATH is set but empty.
LAMELLA_API PluginFiles find_plugin_files();

/// Whether a plugin can be used, by its name or path. Opens it for that, and closes it again, but
/// calls no function of it. A plugin with the name of a built-in backend is not opened.
LAMELLA_API BackendStatus plugin_status(const std::string& name);

/// Every instruction set known to lamella, slowest first. Throws BackendError if the cap is
/// invalid.
LAMELLA_API std::vector<IsaStatus> list_isas(const BackendRequest& request = {});

/// The thread limit of every backend: the least of the request (else LAMELLA_NUM_THREADS, else
/// SLURM_CPUS_PER_TASK), the affinity mask and the cgroup CPU quota, as they are now. make_backend
/// applies it, and what the settings of the backend's own thread library allow (OMP_NUM_THREADS and
/// OMP_THREAD_LIMIT for openmp). Throws BackendError for a malformed number.
LAMELLA_API ThreadLimit thread_limit(int requested = 0);

}  // namespace lamella

#endif  // LAMELLA_BACKEND_SELECTION_H_
