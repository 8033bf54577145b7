// Prints the machine's FMA peak of this moment: GFLOP/s of float in registers on N threads.
#include "bench/roofline/peak.h"

#include <cstdio>
#include <cstdlib>
#include <exception>

int main(int argc, char** argv) {
  using namespace lamella::bench;
  try {
    const int threads = argc > 1 ? std::atoi(argv[1]) : 1;
    const auto* loops = usable_peak_loops().back();
    PeakMeter meter({PeakKind::fma_f32, loops, threads, 0});
    std::printf("%.3f %s\n", meter.measure().per_second / 1e9, loops->isa);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "peers_peak: %s\n", error.what());
    return 1;
  }
}
