// Passing a whole data set through a network, chunk by chunk.
//
// Not here: the figures that follow (metrics.h, and the reports of trainer.h).
#ifndef LAMELLA_CORE_TRAINING_EVALUATION_H_
#define LAMELLA_CORE_TRAINING_EVALUATION_H_

#include <cstdint>
#include <span>
#include <string_view>

#include <lamella/dataset.h>
#include <lamella/network.h>

namespace lamella::detail {

/// Throws ArgumentError unless `data` is labelled, not empty, has the network's inputs and no more
/// than its classes, and `preprocessing` fits. `where` opens the message, `name` says which data.
void check_fits(std::string_view where, std::string_view name, const NetworkSpec& spec,
                const Dataset& data, const Preprocessing& preprocessing);

/// Loss and correct predictions over `data`, which must fit. `predictions`, if not empty, has one
/// entry per sample. Memory is O(chunk · widest layer).
template <class T>
BatchResult evaluate_dataset(const Network<T>& network, const Dataset& data,
                             const Preprocessing& preprocessing,
                             std::span<std::int32_t> predictions = {});

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_TRAINING_EVALUATION_H_
