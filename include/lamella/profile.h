// Where time goes: a backend that times every kernel call of another one.
//
// Not here: how fast the machine could be (bench/), and what an epoch takes (EpochReport). The
// backend inside pays nothing as long as it is not wrapped.
#ifndef LAMELLA_PROFILE_H_
#define LAMELLA_PROFILE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <lamella/backend.h>
#include <lamella/export.h>

namespace lamella {

/// All calls of one kernel that had the same shapes and options.
struct ProfileEntry {
  std::string kernel;   ///< as kernels.h has it: "fused_gemm", "softmax_nll", ...
  std::string type;     ///< "f32" or "f64"
  std::string shape;    ///< "MxNxK" of a product, "MxN" of all else, as kernels.h names them
  std::string options;  ///< words such as "bias relu"; "accumulate": the result is added to C
  std::int64_t calls = 0;
  double seconds = 0;    ///< wall clock of all calls
  double flops = 0;      ///< of one call, as kernels.h counts them for products; 0 for all else
  double bytes = 0;      ///< of one call: each operand once for every time it is read or written
  double footprint = 0;  ///< of one call: bytes of distinct memory
};

/// A backend that times the calls of the one it is made of. Results are those of that one, bit for
/// bit; so is how plans run: in one parallel region if that is how it runs them. What is measured
/// is the wall clock of the thread that makes the calls, or leads that region; starting and ending
/// the region belongs to no kernel. Costs two readings of the clock and a look-up, together about
/// 0.1 us a call, which are not part of the times.
///
/// Safe to use from several threads, each of which adds its own time.
class LAMELLA_API ProfiledBackend final : public Backend {
 public:
  /// Throws ArgumentError if `inner` is null.
  explicit ProfiledBackend(std::shared_ptr<const Backend> inner);
  ~ProfiledBackend() override;

  const BackendInfo& info() const noexcept override;
  const Kernels<float>& f32() const noexcept override;
  const Kernels<double>& f64() const noexcept override;
  void throw_if_failed() const override;

  /// Stops counting calls, or goes on with it. A new profile counts.
  void set_recording(bool on) noexcept;
  /// Forgets all calls so far.
  void clear() noexcept;
  /// What has been counted, the entry with most time first. Beyond some hundred kinds of calls,
  /// what is left shares an entry with the kernel "others", no shape, and no work.
  std::vector<ProfileEntry> entries() const;

 private:
  struct [[gnu::visibility("hidden")]] Impl;  // else exported with the class
  std::unique_ptr<Impl> impl_;
};

}  // namespace lamella

#endif  // LAMELLA_PROFILE_H_
