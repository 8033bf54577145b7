// Where the plugins of the tests lie.
#ifndef LAMELLA_TESTS_SELECTION_PLUGIN_FILES_H_
#define LAMELLA_TESTS_SELECTION_PLUGIN_FILES_H_

#include <string>

namespace lamella::test {

inline const std::string kPluginDirectory = LAMELLA_TEST_PLUGIN_DIR;

inline std::string plugin_file(const std::string& variant) {
  return kPluginDirectory + "/lamella-" + variant + ".so";
}

}  // namespace lamella::test

#endif  // LAMELLA_TESTS_SELECTION_PLUGIN_FILES_H_
