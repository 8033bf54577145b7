// What other rooms of the library see of a network beyond its public interface.
#ifndef LAMELLA_CORE_NETWORK_NETWORK_ACCESS_H_
#define LAMELLA_CORE_NETWORK_NETWORK_ACCESS_H_

#include <algorithm>
#include <memory>

#include <lamella/network.h>

#include "core/network/parameters.h"

namespace lamella::detail {

template <class T>
class TrainingStep;

struct NetworkAccess {
  template <class T>
  static std::shared_ptr<const Backend> backend(const Network<T>& network);
  /// All that a trained network consists of.
  template <class T>
  static Parameters<T>& parameters(Network<T>& network);
  template <class T>
  static const Parameters<T>& parameters(const Network<T>& network);
  /// Which holds what optimisers remember.
  template <class T>
  static TrainingStep<T>& step(Network<T>& network);
  template <class T>
  static const TrainingStep<T>& step(const Network<T>& network);
};

/// Copies all that a trained network consists of; both have one specification.
template <class T>
void copy_parameters(const Network<T>& from, Network<T>& to) {
  std::ranges::copy(NetworkAccess::parameters(from).storage(),
                    NetworkAccess::parameters(to).storage().begin());
}

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_NETWORK_NETWORK_ACCESS_H_
