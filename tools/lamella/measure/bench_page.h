// The HTML page of `lamella bench`: a roofline plot and a table, in one file that needs no network.
#ifndef LAMELLA_TOOLS_LAMELLA_MEASURE_BENCH_PAGE_H_
#define LAMELLA_TOOLS_LAMELLA_MEASURE_BENCH_PAGE_H_

#include <string>
#include <vector>

#include "tools/lamella/measure/bench_measure.h"

namespace lamella::cli {

/// What the page is about, beside its numbers.
struct BenchContext {
  std::string version, cpu, precision;
  std::vector<BackendInfo> backends;  ///< in the order of every row
  std::vector<MachinePeak> peaks;     ///< of the first backend
};

std::string bench_page(const BenchContext& context, const std::vector<Row>& rows);

}  // namespace lamella::cli

#endif  // LAMELLA_TOOLS_LAMELLA_MEASURE_BENCH_PAGE_H_
