// `lamella bench`: how fast a backend is at the shapes of a network, in % of what the machine can
// do.
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <lamella/backend_selection.h>
#include <lamella/version.h>

#include "bench/roofline/machine.h"
#include "tools/lamella/commands.h"
#include "tools/lamella/io/files.h"
#include "tools/lamella/io/format.h"
#include "tools/lamella/io/json.h"
#include "tools/lamella/io/report.h"
#include "tools/lamella/io/streams.h"
#include "tools/lamella/io/text_table.h"
#include "tools/lamella/measure/bench_measure.h"
#include "tools/lamella/measure/bench_page.h"
#include "tools/lamella/measure/plugin_probe.h"
#include "tools/lamella/options/options.h"

namespace lamella::cli {
namespace {

constexpr index_t kMostUnits = 1 << 16;

std::string to_text(const BenchContext& context, const std::vector<Row>& rows) {
  using Align = TextTable::Align;
  std::vector<Align> columns = {Align::left, Align::left};
  std::vector<std::string> head = {"operation", "shape"};
  for (const BackendInfo& info : context.backends) {
    columns.insert(columns.end(),
                   {Align::right, Align::right, Align::left, Align::right, Align::left});
    head.insert(head.end(), {info.name + " us", "rate", "", "% of peak", "peak"});
  }
  const bool two = context.backends.size() == 2;
  if (two) {
    columns.push_back(Align::right);
    head.emplace_back("speed-up");
  }
  TextTable table(columns);
  table.add(head);
  bool disturbed = false;
  for (const Row& row : rows) {
    std::vector<std::string> cells = {row.operation, row.shape};
    for (const Measurement& m : row.measured) {
      cells.push_back(formatted("{:.1f}", m.seconds * 1e6));
      cells.push_back(formatted("{:.1f}", m.rate() / 1e9));
      cells.emplace_back(m.by_bytes ? "GB/s" : "GFLOP/s");
      cells.push_back(formatted("{:.1f}{}", 100 * m.ratio, m.quiet ? "" : "*"));
      cells.push_back(m.peak_of);
      disturbed |= !m.quiet;
    }
    if (two)
      cells.push_back(formatted("{:.2f}", row.measured[1].seconds / row.measured[0].seconds));
    table.add(cells);
  }
  std::string text;
  for (const BackendInfo& info : context.backends)
    text += formatted("{} ({}, {} thread{}, {})\n", info.name, info.isa, info.threads,
                      info.threads == 1 ? "" : "s", context.precision);
  for (const MachinePeak& peak : context.peaks)
    text += formatted("peak {:<12} {:8.1f} {}\n", peak.name, peak.per_second / 1e9,
                      peak.by_bytes ? "GB/s" : "GFLOP/s");
  text += '\n' + table.text();
  if (disturbed) text += "* other work disturbed the measurement\n";
  return text;
}

Json to_json(const BenchContext& context, const std::vector<Row>& rows) {
  Json json{{"version", context.version}, {"cpu", context.cpu}, {"precision", context.precision}};
  json["backends"] = Json::array();
  for (const BackendInfo& info : context.backends)
    json["backends"].push_back({{"name", info.name}, {"isa", info.isa}, {"threads", info.threads}});
  json["peaks"] = Json::array();
  for (const MachinePeak& peak : context.peaks)
    json["peaks"].push_back({{"name", peak.name},
                             {"unit", peak.by_bytes ? "B/s" : "FLOP/s"},
                             {"per_second", peak.per_second}});
  json["operations"] = Json::array();
  for (const Row& row : rows) {
    Json results = Json::array();
    for (const Measurement& m : row.measured)
      results.push_back({{"backend", m.backend},
                         {"seconds", m.seconds},
                         {"flops", m.flops},
                         {"bytes", m.bytes},
                         {"peak", m.peak_of},
                         {"unit", m.by_bytes ? "B/s" : "FLOP/s"},
                         {"peak_per_second", m.peak},
                         {"peak_percent", 100 * m.ratio},
                         {"undisturbed", m.quiet}});
    json["operations"].push_back(
        {{"operation", row.operation}, {"shape", row.shape}, {"results", std::move(results)}});
  }
  return json;
}

struct BenchCommand {
  BackendOptions backend;
  std::string compare;
  std::vector<index_t> network = {784, 512, 256, 10};
  index_t batch = 128;
  std::string precision = "f32";
  double seconds = 0.2;
  bool json = false;
  std::filesystem::path html;

  void add_to(CLI::App& app) {
    backend.add_to(app);
    add_text(app, "--compare", compare, "NAME", "A second backend, measured beside the first");
    add_sizes(app, "--network", network, kMostUnits, "Widths of the layers, inputs first");
    add_integer(app, "--batch-size", batch, 1, kMostUnits, "Samples of a step");
    add_choice(app, "--precision", precision, {"f32", "f64"}, "Type of the numbers");
    add_real(app, "--seconds", seconds, {0, 3600, false},
             "Time for each operation and backend, at least");
    add_flag(app, "--json", json, "Print one JSON object");
    add_path(app, "--html", html, "Write a page with table and roofline plot");
  }

  void run() const {
    if (network.size() < 2) throw UsageError("--network: give at least two widths, such as 784,10");
    check_files({}, {{"--html", html}});
    const bool page_on_stdout = leads_to(html, STDOUT_FILENO);
    if (json && page_on_stdout)
      throw UsageError("--json and --html would both write to standard output");
    BackendRequest request = backend.request();
    std::vector<std::shared_ptr<const Backend>> backends = {open_backend(request)};
    if (!compare.empty()) {
      request.name = compare;
      backends.push_back(open_backend(request));
    }
    BenchContext context{version(), lamella::bench::cpu_model(), precision, {}, {}};
    for (const auto& one : backends) context.backends.push_back(one->info());
    const Precision type = precision == "f64" ? Precision::f64 : Precision::f32;
    context.peaks = measure_peaks(backends.front(), type);
    const std::vector<Row> rows = measure_rows(backends, {network, batch, type, seconds});
    // First what cannot fail for want of a directory or of space: the measuring took a while.
    const std::string text = json ? to_line(to_json(context, rows)) + "\n" : to_text(context, rows);
    if (page_on_stdout)
      write_stderr(text);
    else
      write_stdout(text);
    if (html.empty()) return;
    TextOutput page(html);
    page.write(bench_page(context, rows));
    page.commit();
  }
};

}  // namespace

Command add_bench(CLI::App& app) { return make_command<BenchCommand>(app); }

}  // namespace lamella::cli
