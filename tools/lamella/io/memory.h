// Whether there is memory for a piece of work, before it is begun: a container that exceeds its
// limit is killed without a word.
#ifndef LAMELLA_TOOLS_LAMELLA_IO_MEMORY_H_
#define LAMELLA_TOOLS_LAMELLA_IO_MEMORY_H_

#include <cstdint>
#include <string>
#include <vector>

#include <lamella/network.h>
#include <lamella/trainer.h>

#include "tools/lamella/io/files.h"

namespace lamella::cli {

/// Bytes that a piece of work takes.
struct MemoryNeed {
  std::string what;            ///< "the data of X.npy take"
  std::uint64_t at_least = 0;  ///< certain
  std::uint64_t about = 0;     ///< to be expected
};

/// To hold data, from the sizes of their files.
MemoryNeed need_of_data(const std::vector<NamedFile>& files);

/// Numbers of a network. As double, since sizes that a user has mistyped exceed any integer.
struct NetworkSize {
  double parameters = 0;  ///< weights and biases
  double units = 0;       ///< of all layers, without the inputs
};
NetworkSize size_of(const NetworkSpec& spec);

/// To train a network of `element_bytes` bytes a number: weights, `copies` of them (an average, the
/// best ones), state of the optimiser, and activations of a mini-batch.
MemoryNeed need_of_training(const NetworkSpec& spec, const TrainOptions& options, int copies,
                            std::uint64_t element_bytes);

/// Throws IoError with both numbers if there is certainly too little memory. Warns on standard
/// error if it is tight; once in a run.
void check_memory(const MemoryNeed& need);

}  // namespace lamella::cli

#endif  // LAMELLA_TOOLS_LAMELLA_IO_MEMORY_H_
