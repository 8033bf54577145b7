// Peaks for the rows of a profile, and the profile as a table and as JSON.
#include "tools/lamella/measure/training_profile.h"

#include <map>
#include <utility>

#include "bench/roofline/machine.h"
#include "bench/roofline/peak.h"
#include "tools/lamella/io/format.h"
#include "tools/lamella/io/text_table.h"

namespace lamella::cli {
namespace {

using bench::PeakKind;

/// Fraction of the time below which rows are shown as one row of the table.
constexpr double kLeastPercent = 0.1;

/// The loop with a kernel's own pattern of traffic (docs/performance/methodology.md).
PeakKind memory_peak_of(const std::string& kernel) {
  if (kernel == "gemm" || kernel == "fused_gemm" || kernel == "column_sums") return PeakKind::read;
  if (kernel == "bias_add" || kernel == "outer_product" || kernel == "constrain_weights")
    return PeakKind::scale;
  if (kernel == "activate_backward" || kernel == "sgd_update" || kernel == "adam_update")
    return PeakKind::axpy;
  return PeakKind::copy;
}

/// Each peak measured once.
class Peaks {
 public:
  explicit Peaks(const BackendInfo& backend)
      : loops_(*bench::peak_loops_for(backend.isa)), threads_(backend.threads) {}

  double per_second(PeakKind kind, double footprint) {
    const auto key = std::pair(kind, static_cast<std::size_t>(footprint));
    const auto [peak, is_new] = measured_.try_emplace(key, 0);
    if (is_new)
      peak->second = bench::PeakMeter({kind, &loops_, threads_, key.second}).measure().per_second;
    return peak->second;
  }
  std::string name(PeakKind kind) const {
    return formatted("{} {}", bench::name_of(kind), loops_.isa);
  }

 private:
  const bench::PeakLoops& loops_;
  int threads_;
  std::map<std::pair<PeakKind, std::size_t>, double> measured_;
};

/// A call takes at least as long as its arithmetic and as its traffic: the longer one is its peak.
ProfileRow against_peaks(const ProfileEntry& entry, Peaks& peaks) {
  ProfileRow row{entry, {}, false, 0, 0};
  // Less time than reading the clock takes: the products have packed the bytes themselves.
  constexpr double kClock = 1e-7;
  if (entry.kernel == "gather_bytes" && row.seconds_per_call() < kClock) return row;
  double least = 0;
  const auto consider = [&](PeakKind kind, double work, double footprint) {
    if (work <= 0) return;
    const double peak = peaks.per_second(kind, footprint);
    if (work / peak <= least) return;
    least = work / peak;
    row.peak_of = peaks.name(kind);
    row.by_bytes = !bench::counts_flops(kind);
    row.peak = peak;
  };
  consider(entry.type == "f64" ? PeakKind::fma_f64 : PeakKind::fma_f32, entry.flops, 0);
  consider(memory_peak_of(entry.kernel), entry.bytes, entry.footprint);
  if (row.seconds_per_call() > 0) row.ratio = least / row.seconds_per_call();
  return row;
}

}  // namespace

TrainingProfile training_profile(const ProfiledBackend& backend, double seconds) {
  TrainingProfile profile{backend.info(), seconds, seconds, {}};
  const bench::ScopedPin pinned({profile.backend.threads == 1, {}});
  Peaks peaks(profile.backend);
  for (const ProfileEntry& entry : backend.entries()) {
    profile.rows.push_back(against_peaks(entry, peaks));
    profile.outside -= entry.seconds;
  }
  return profile;
}

std::string profile_text(const TrainingProfile& profile) {
  using Align = TextTable::Align;
  const auto milliseconds = [](double seconds) { return formatted("{:.1f}", 1e3 * seconds); };
  const auto percent = [&](double seconds) { return 100 * seconds / profile.seconds; };
  const auto share = [&](double seconds) { return formatted("{:.1f}", percent(seconds)); };
  const auto giga = [](double work, double seconds) {
    return work > 0 && seconds > 0 ? formatted("{:.1f}", work / seconds / 1e9) : "";
  };
  TextTable table({Align::left, Align::left, Align::left, Align::right, Align::right, Align::right,
                   Align::right, Align::right, Align::right, Align::right, Align::left});
  table.add({"kernel", "shape", "with", "calls", "ms", "% of time", "us a call", "GFLOP/s", "GB/s",
             "% of peak", "peak"});
  std::int64_t small_kinds = 0, small_calls = 0;
  double small_seconds = 0;
  for (const ProfileRow& row : profile.rows) {
    const ProfileEntry& calls = row.calls;
    if (percent(calls.seconds) < kLeastPercent) {
      ++small_kinds;
      small_calls += calls.calls;
      small_seconds += calls.seconds;
      continue;
    }
    const double each = row.seconds_per_call();
    table.add({calls.kernel, calls.shape, calls.options, formatted("{}", calls.calls),
               milliseconds(calls.seconds), share(calls.seconds), formatted("{:.1f}", 1e6 * each),
               giga(calls.flops, each), giga(calls.bytes, each),
               row.peak > 0 ? formatted("{:.1f}", 100 * row.ratio) : "", row.peak_of});
  }
  if (small_kinds > 0)
    table.add({formatted("{} more", small_kinds), "", "", formatted("{}", small_calls),
               milliseconds(small_seconds), share(small_seconds)});
  table.add({"outside kernels", "", "", "", milliseconds(profile.outside), share(profile.outside)});
  table.add({"all", "", "", "", milliseconds(profile.seconds), share(profile.seconds)});
  return formatted("where the time went: {} ({}, {} thread{})\n", profile.backend.name,
                   profile.backend.isa, profile.backend.threads,
                   profile.backend.threads == 1 ? "" : "s") +
         table.text();
}

Json profile_json(const TrainingProfile& profile) {
  Json json{{"seconds", profile.seconds}, {"outside_seconds", profile.outside}};
  json["kernels"] = Json::array();
  for (const ProfileRow& row : profile.rows) {
    const ProfileEntry& calls = row.calls;
    Json one{{"kernel", calls.kernel}, {"type", calls.type},         {"shape", calls.shape},
             {"with", calls.options},  {"calls", calls.calls},       {"seconds", calls.seconds},
             {"flops", calls.flops},   {"bytes", calls.bytes},       {"peak", nullptr},
             {"unit", nullptr},        {"peak_per_second", nullptr}, {"peak_percent", nullptr}};
    if (row.peak > 0) {
      one["peak"] = row.peak_of;
      one["unit"] = row.by_bytes ? "B/s" : "FLOP/s";
      one["peak_per_second"] = row.peak;
      one["peak_percent"] = 100 * row.ratio;
    }
    json["kernels"].push_back(std::move(one));
  }
  return json;
}

}  // namespace lamella::cli
