// Two moons: trains a small network on them and draws what it has learned, as an SVG picture of the
// probability of class 1 over the plane, with the training samples on top.
//
//   boundary PICTURE.svg
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <exception>
#include <fstream>
#include <iostream>
#include <numeric>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <lamella/backend_selection.h>
#include <lamella/generators.h>
#include <lamella/matrix.h>
#include <lamella/network.h>
#include <lamella/trainer.h>

namespace {

// The region of the plane that is drawn, in cells of kCell x kCell.
constexpr double kLeft = -1.75, kTop = 1.5, kWidth = 4.5, kHeight = 2.5, kCell = 0.025;
constexpr int kColumns = static_cast<int>(kWidth / kCell),
              kRows = static_cast<int>(kHeight / kCell);
constexpr int kUnits = 4;  // of the picture, per cell
constexpr int kShades = 20;

/// Probability of class 1 at the centre of each cell, row by row from the top.
lamella::Matrix<float> probabilities(const lamella::Network<float>& network) {
  lamella::Matrix<float> x(kRows * kColumns, 2), p(kRows * kColumns, 2);
  for (int row = 0; row < kRows; ++row)
    for (int column = 0; column < kColumns; ++column) {
      x(row * kColumns + column, 0) = static_cast<float>(kLeft + (column + 0.5) * kCell);
      x(row * kColumns + column, 1) = static_cast<float>(kTop - (row + 0.5) * kCell);
    }
  network.predict(x.view(), p.view());
  return p;
}

/// From blue (shade 0) over white to orange (kShades).
std::string colour(int shade) {
  const double t = 2.0 * shade / kShades - 1;  // -1 to 1
  const auto mix = [&](int cold, int warm) {
    const int end = t < 0 ? cold : warm;
    return static_cast<int>(255 + (end - 255) * (t < 0 ? -t : t));
  };
  std::ostringstream text;
  text << "rgb(" << mix(90, 255) << ',' << mix(140, 150) << ',' << mix(230, 60) << ')';
  return text.str();
}

void draw(std::ostream& svg, const lamella::Matrix<float>& p, const lamella::Dataset& data) {
  svg << "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " << kColumns * kUnits << ' '
      << kRows * kUnits << "\" shape-rendering=\"crispEdges\">\n";
  const auto shade = [&](int row, int column) {
    return static_cast<int>(std::lround(p(row * kColumns + column, 1) * kShades));
  };
  for (int row = 0; row < kRows; ++row)
    for (int first = 0, next; first < kColumns; first = next) {  // runs of one colour
      for (next = first + 1; next < kColumns && shade(row, next) == shade(row, first);) ++next;
      svg << "<rect x=\"" << first * kUnits << "\" y=\"" << row * kUnits << "\" width=\""
          << (next - first) * kUnits << "\" height=\"" << kUnits << "\" fill=\""
          << colour(shade(row, first)) << "\"/>\n";
    }
  for (lamella::index_t i = 0; i < data.samples(); ++i)
    svg << "<circle cx=\"" << (data.value(i, 0) - kLeft) / kCell * kUnits << "\" cy=\""
        << (kTop - data.value(i, 1)) / kCell * kUnits << "\" r=\"3\" stroke=\"black\" fill=\""
        << colour(data.labels()[static_cast<std::size_t>(i)] * kShades) << "\"/>\n";
  svg << "</svg>\n";
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) {
    std::cerr << "usage: boundary PICTURE.svg\n";
    return 2;
  }
  const lamella::Dataset data = lamella::make_moons(500, /*noise=*/0.15, /*seed=*/1);
  lamella::Network<float> network({.inputs = 2, .hidden = {24, 24}, .classes = 2},
                                  lamella::make_backend());
  const auto epochs = lamella::train(
      network, data, nullptr, {},
      {.epochs = 150, .batch_size = 25, .optimizer = lamella::SgdOptions{.momentum = 0.9}});
  std::cout << "accuracy " << epochs.back().train_accuracy << '\n';
  std::ofstream file(argv[1]);
  draw(file, probabilities(network), data);
  if (!file.flush()) throw std::runtime_error(std::string("cannot write ") + argv[1]);
} catch (const std::exception& error) {
  std::cerr << "boundary: " << error.what() << '\n';
  return 1;
}
