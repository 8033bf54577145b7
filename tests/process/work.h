// What the programs of this room have the library compute: through its C++, C and CBLAS interfaces,
// with all the memory that a thread keeps and, where there are any, on several threads.
#ifndef LAMELLA_TESTS_PROCESS_WORK_H_
#define LAMELLA_TESTS_PROCESS_WORK_H_

#include <cstdint>
#include <string>

namespace lamella::test {

/// A fingerprint of the bits of a result.
using Bits = std::uint64_t;

/// Work of one interface on one backend. It lives until the process is gone, as what other
/// libraries hold may, and several threads may use it at once.
class Work {
 public:
  virtual ~Work() = default;
  /// Always the same bits. Ends the process with exit code 3 and a message if the library reports
  /// an error.
  virtual Bits compute() = 0;
  /// How many threads it may use, and why not more; "" where the interface does not say.
  virtual std::string threads() { return ""; }
};

/// `interface` is cpp, c or cblas (whose backend is the environment's: this sets LAMELLA_BACKEND).
/// Nothing is computed yet. Never returns null.
Work* make_work(const std::string& interface, const std::string& backend);

/// Ends the process with exit code 2 and a message.
[[noreturn]] void usage(const char* text);

}  // namespace lamella::test

#endif  // LAMELLA_TESTS_PROCESS_WORK_H_
