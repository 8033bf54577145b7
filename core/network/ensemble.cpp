// The mean of several networks' probabilities.
#include <algorithm>
#include <utility>

#include <lamella/chunks.h>
#include <lamella/ensemble.h>
#include <lamella/error.h>
#include <lamella/matrix.h>

#include "core/base/format.h"

namespace lamella {

using namespace detail;

template <class T>
Ensemble<T>::Ensemble(std::vector<Network<T>> members) : members_(std::move(members)) {
  if (members_.empty())
    throw ArgumentError("Ensemble: there are no members; it needs at least one network");
  for (std::size_t m = 1; m < members_.size(); ++m) {
    const NetworkSpec& spec = members_[m].spec();
    if (spec.inputs != inputs() || spec.classes != classes())
      throw ArgumentError(
          formatted("Ensemble: member {} has {} inputs and {} classes, but member 0 has {} and {}",
                    m, spec.inputs, spec.classes, inputs(), classes()));
  }
}

template <class T>
void Ensemble<T>::predict(ConstView<T> x, View<T> probabilities) const {
  members_.front().predict(x, probabilities);
  if (members_.size() == 1) return;
  Matrix<T> own(std::min(x.rows, kChunkSamples), classes());
  const T share = 1 / static_cast<T>(members_.size());
  for_each_chunk(x.rows, [&](index_t first, index_t n) {
    const View<T> sum = block(probabilities, first, 0, n, classes());
    const View<T> next = block(own.view(), 0, 0, n, classes());
    for (std::size_t m = 1; m < members_.size(); ++m) {
      members_[m].predict(block(x, first, 0, n, x.cols), next);
      for (index_t i = 0; i < n; ++i)
        for (index_t j = 0; j < classes(); ++j) sum(i, j) += next(i, j);
    }
    for (index_t i = 0; i < n; ++i)
      for (index_t j = 0; j < classes(); ++j) sum(i, j) *= share;
  });
}

template class Ensemble<float>;
template class Ensemble<double>;

}  // namespace lamella
