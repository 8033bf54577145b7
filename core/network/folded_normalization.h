// Batch normalisation by running statistics, as prediction needs it: a scale and a shift of each
// unit.
#ifndef LAMELLA_CORE_NETWORK_FOLDED_NORMALIZATION_H_
#define LAMELLA_CORE_NETWORK_FOLDED_NORMALIZATION_H_

#include "core/network/parameters.h"

namespace lamella::detail {

/// (z - running mean) / √(running variance + ε) · scale + bias = z · scale(l) + shift(l) for the
/// units of each normalised layer. Computed element by element from the parameters alone, so that
/// equal parameters give equal bits.
template <class T>
class FoldedNormalization {
 public:
  /// O(units). Later changes of the parameters do not show.
  explicit FoldedNormalization(const Parameters<T>& parameters);

  ConstVectorView<T> scale(index_t l) const { return folded_[static_cast<std::size_t>(l)].scale; }
  ConstVectorView<T> shift(index_t l) const { return folded_[static_cast<std::size_t>(l)].shift; }

 private:
  struct Folded {
    ConstVectorView<T> scale, shift;  // into storage_; empty where nothing is normalised
  };
  AlignedArray<T> storage_;
  std::vector<Folded> folded_;
};

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_NETWORK_FOLDED_NORMALIZATION_H_
