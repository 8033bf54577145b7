// The page as text. The plot has logarithmic axes: operations per byte, and operations per second.
#include "tools/lamella/measure/bench_page.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "tools/lamella/io/format.h"

namespace lamella::cli {
namespace {

// Of the plot, in the units of its viewBox.
constexpr double kWidth = 900, kHeight = 520;
constexpr double kLeft = 80, kRight = 870, kTop = 20, kBottom = 460;

constexpr std::array kColours = {"#0b6e99", "#c2410c"};

constexpr const char* kStyle =
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color:#1a1a1a;background:#fff}"
    "table{border-collapse:collapse;margin:1rem 0}"
    "th,td{padding:.25rem .75rem;text-align:right;border-bottom:1px solid #ddd}"
    "th:nth-child(-n+3),td:nth-child(-n+3){text-align:left}"
    "svg{width:100%;height:auto}"
    "svg text{font:13px system-ui,sans-serif;fill:#1a1a1a}"
    ".grid{stroke:#e5e5e5}.axis{stroke:#1a1a1a}.peak{stroke:#555;stroke-width:2;fill:none}";

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  return out;
}

/// A logarithmic axis over whole decades, from numbers to units of the plot.
class Axis {
 public:
  Axis(double low, double high, double from, double to)
      : low_(std::floor(std::log10(low))),
        high_(std::max(std::ceil(std::log10(high)), low_ + 1)),
        from_(from),
        to_(to) {}
  double operator()(double value) const {
    return from_ + (to_ - from_) * (std::log10(value) - low_) / (high_ - low_);
  }
  double low() const { return std::pow(10, low_); }
  double high() const { return std::pow(10, high_); }
  std::vector<double> decades() const {
    std::vector<double> all;
    const int first = static_cast<int>(low_), last = static_cast<int>(high_);
    for (int e = first; e <= last; ++e) all.push_back(std::pow(10, e));
    return all;
  }

 private:
  double low_, high_, from_, to_;
};

double intensity(const Measurement& m) { return m.flops / m.bytes; }
double gflops(const Measurement& m) { return m.flops / m.seconds / 1e9; }

/// Least and greatest of values, which must be positive.
struct Range {
  double low = std::numeric_limits<double>::infinity(), high = 0;
  void take(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

std::string grid(const Axis& x, const Axis& y) {
  std::string svg;
  for (const double value : x.decades())
    svg += formatted(
        "<line class=\"grid\" x1=\"{0:.1f}\" y1=\"{1}\" x2=\"{0:.1f}\" y2=\"{2}\"/>"
        "<text x=\"{0:.1f}\" y=\"{3}\" text-anchor=\"middle\">{4}</text>\n",
        x(value), kTop, kBottom, kBottom + 18, value);
  for (const double value : y.decades())
    svg += formatted(
        "<line class=\"grid\" x1=\"{0}\" y1=\"{2:.1f}\" x2=\"{1}\" y2=\"{2:.1f}\"/>"
        "<text x=\"{3}\" y=\"{4:.1f}\" text-anchor=\"end\">{5}</text>\n",
        kLeft, kRight, y(value), kLeft - 8, y(value) + 4, value);
  svg += formatted(
      "<path class=\"axis\" fill=\"none\" d=\"M{0} {1}V{2}H{3}\"/>\n"
      "<text x=\"{4}\" y=\"{5}\" text-anchor=\"middle\">operations per byte</text>\n"
      "<text x=\"18\" y=\"{6}\" text-anchor=\"middle\" transform=\"rotate(-90 18 {6})\">"
      "GFLOP/s</text>\n",
      kLeft, kTop, kBottom, kRight, (kLeft + kRight) / 2, kBottom + 42, (kTop + kBottom) / 2);
  return svg;
}

/// The horizontal peak of arithmetic, and a slope for each level of memory that ends at it.
std::string peak_lines(const std::vector<MachinePeak>& peaks, const Axis& x, const Axis& y) {
  double arithmetic = y.high() * 1e9;
  for (const MachinePeak& peak : peaks)
    if (!peak.by_bytes) arithmetic = peak.per_second;
  std::string svg;
  double leftmost = x.high();
  for (const MachinePeak& peak : peaks) {
    if (!peak.by_bytes) continue;
    // Between the axes: from the left edge, or from where the slope comes up through the bottom.
    const double begin = std::max(x.low(), y.low() * 1e9 / peak.per_second);
    const double end = std::min(x.high(), arithmetic / peak.per_second);
    if (begin >= end) continue;
    leftmost = std::min(leftmost, end);
    svg += formatted(
        "<path class=\"peak\" d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}\"/>"
        "<text x=\"{:.1f}\" y=\"{:.1f}\">{} {:.1f} GB/s</text>\n",
        x(begin), y(begin * peak.per_second / 1e9), x(end), y(end * peak.per_second / 1e9),
        x(begin) + 6, y(begin * peak.per_second / 1e9) - 6, escaped(peak.name),
        peak.per_second / 1e9);
  }
  for (const MachinePeak& peak : peaks)
    if (!peak.by_bytes)
      svg += formatted(
          "<path class=\"peak\" d=\"M{:.1f} {:.1f}H{}\"/>"
          "<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{} {:.1f} GFLOP/s</text>\n",
          x(leftmost), y(arithmetic / 1e9), kRight, kRight - 4, y(arithmetic / 1e9) - 6,
          escaped(peak.name), arithmetic / 1e9);
  return svg;
}

std::string points(const std::vector<Row>& rows, const Axis& x, const Axis& y) {
  std::string svg;
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (std::size_t b = 0; b < rows[i].measured.size(); ++b) {
      const Measurement& m = rows[i].measured[b];
      const double cx = x(intensity(m)), cy = y(gflops(m));
      svg += formatted(
          "<circle cx=\"{0:.1f}\" cy=\"{1:.1f}\" r=\"5\" fill=\"{2}\"><title>{3} {4}, {5}: {6:.2f} "
          "GFLOP/s</title></circle><text x=\"{7:.1f}\" y=\"{8:.1f}\">{9}</text>\n",
          cx, cy, kColours[b % kColours.size()], escaped(rows[i].operation), escaped(rows[i].shape),
          escaped(m.backend), gflops(m), cx + 7, cy + 4, i + 1);
    }
  return svg;
}

std::string plot(const BenchContext& context, const std::vector<Row>& rows) {
  Range across, up;
  for (const Row& row : rows)
    for (const Measurement& m : row.measured) {
      across.take(intensity(m));
      up.take(gflops(m));
    }
  for (const MachinePeak& peak : context.peaks)
    if (!peak.by_bytes) up.take(peak.per_second / 1e9);
  const Axis x(across.low, across.high, kLeft, kRight), y(up.low, up.high, kBottom, kTop);
  return formatted(
      "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"Roofline plot\">\n{}{}{}</svg>\n",
      kWidth, kHeight, grid(x, y), peak_lines(context.peaks, x, y), points(rows, x, y));
}

std::string table(const BenchContext& context, const std::vector<Row>& rows) {
  std::string html = "<table>\n<tr><th></th><th>operation</th><th>shape</th>";
  for (std::size_t b = 0; b < context.backends.size(); ++b)
    html += formatted(
        "<th><span style=\"color:{}\">&#9679;</span> {}, &micro;s</th><th>rate</th>"
        "<th>% of peak</th><th>peak</th>",
        kColours[b % kColours.size()], escaped(context.backends[b].name));
  html += "</tr>\n";
  for (std::size_t i = 0; i < rows.size(); ++i) {
    html += formatted("<tr><td>{}</td><td>{}</td><td>{}</td>", i + 1, escaped(rows[i].operation),
                      escaped(rows[i].shape));
    for (const Measurement& m : rows[i].measured)
      html += formatted("<td>{:.1f}</td><td>{:.1f} {}</td><td>{:.1f}{}</td><td>{}</td>",
                        m.seconds * 1e6, m.rate() / 1e9, m.by_bytes ? "GB/s" : "GFLOP/s",
                        100 * m.ratio, m.quiet ? "" : "*", escaped(m.peak_of));
    html += "</tr>\n";
  }
  return html + "</table>\n";
}

}  // namespace

std::string bench_page(const BenchContext& context, const std::vector<Row>& rows) {
  std::string names;
  for (const BackendInfo& info : context.backends)
    names += formatted("{}{} ({}, {} thread{})", names.empty() ? "" : " and ", info.name, info.isa,
                       info.threads, info.threads == 1 ? "" : "s");
  return formatted(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width\">\n"
      "<title>lamella bench: {0}</title>\n<style>{1}</style>\n</head>\n<body>\n"
      "<h1>lamella bench</h1>\n<p>{0}, {2}, on {3}; lamella {4}.</p>\n{5}{6}"
      "<p>Numbers in the plot are rows of the table; shapes are batch x units x inputs of a "
      "product "
      "written batch-first. A peak is what loops of the same instruction set and number of threads "
      "did on this machine, in this process, right before and after; % of peak is the median over "
      "stretches of about 10 ms. Slopes are a &larr; b + s c in each level of memory. An operation "
      "may lie above a slope if its operands are in a faster level. The exponential of softmax "
      "counts as one operation. * Other work disturbed the measurement.</p>\n</body>\n</html>\n",
      escaped(names), kStyle, context.precision, escaped(context.cpu), context.version,
      plot(context, rows), table(context, rows));
}

}  // namespace lamella::cli
