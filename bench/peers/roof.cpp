// Prints the machine's FMA roof of this moment: GFLOP/s of float in registers on N threads.
#include "bench/roofline/roof.h"

#include <cstdio>
#include <cstdlib>
#include <exception>

int main(int argc, char** argv) {
  using namespace lamella::bench;
  try {
    const int threads = argc > 1 ? std::atoi(argv[1]) : 1;
    const auto* loops = usable_roof_loops().back();
    RoofMeter meter({RoofKind::fma_f32, loops, threads, 0});
    std::printf("%.3f %s\n", meter.measure().per_second / 1e9, loops->isa);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "peers_roof: %s\n", error.what());
    return 1;
  }
}
