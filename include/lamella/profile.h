// Where time goes: a backend that times every kernel call of another backend.
//
// Not here: how fast the machine could be (bench/), and how long an epoch takes (EpochReport). A
// backend that is not wrapped costs nothing extra.
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
  std::string kernel;   ///< its name in kernels.h: "fused_gemm", "softmax_nll", ...
  std::string type;     ///< "f32" or "f64"
  std::string shape;    ///< "MxNxK" for products, "MxN" for other kernels, as in kernels.h
  std::string options;  ///< words such as "bias relu"; "accumulate": the result is added to C
  std::int64_t calls = 0;
  double seconds = 0;    ///< wall clock of all calls
  double flops = 0;      ///< of one call, as kernels.h counts them; 0 if the kernel is no product
  double bytes = 0;      ///< of one call: each matrix once for every time it is read or written
  double footprint = 0;  ///< of one call: bytes of distinct memory in its matrices
};

/// A backend that makes every call through another backend, `inner`, and adds up the times.
///
/// Results are those of `inner`, bit for bit. Plans run as `inner` runs them, for example in one
/// parallel region. The time of a call is the wall clock of the thread that makes it, or that leads
/// the parallel region; starting and ending the region belongs to no kernel. A call costs two
/// readings of the clock and a look-up in addition, which are not part of its time.
///
/// Safe to use from several threads, each of which adds its own times.
class LAMELLA_API ProfiledBackend final : public Backend {
 public:
  /// Throws ArgumentError if `inner` is null.
  explicit ProfiledBackend(std::shared_ptr<const Backend> inner);
  ~ProfiledBackend() override;

  const BackendInfo& info() const noexcept override;
  const Kernels<float>& f32() const noexcept override;
  const Kernels<double>& f64() const noexcept override;
  void throw_if_failed() const override;

  /// Stops or resumes the counting of calls. A new profile counts.
  void set_recording(bool on) noexcept;
  /// Forgets all calls so far.
  void clear() noexcept;
  /// The entries counted so far, the one with most time first. A profile holds some hundred kinds
  /// of calls; all further kinds share one entry with the kernel "others", no shape and no work.
  std::vector<ProfileEntry> entries() const;

 private:
  struct [[gnu::visibility("hidden")]] Impl;  // else exported with the class
  std::unique_ptr<Impl> impl_;
};

}  // namespace lamella

#endif  // LAMELLA_PROFILE_H_
