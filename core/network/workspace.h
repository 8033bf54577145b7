// The memory a mini-batch passes through: activations, their gradients, per-sample values.
//
// Samples are in columns (feature-major): the values of one unit for all samples are contiguous.
// The vector lanes of the kernels therefore run across samples, and an output of ten classes wastes
// none. All views that users of a workspace get are batch-first, that is transposed.
#ifndef LAMELLA_CORE_NETWORK_WORKSPACE_H_
#define LAMELLA_CORE_NETWORK_WORKSPACE_H_

#include <cstdint>
#include <vector>

#include <lamella/matrix.h>
#include <lamella/network.h>

namespace lamella::detail {

/// Views of one mini-batch of n samples in a workspace. Matrices are [n, units of the layer].
template <class T>
struct BatchViews {
  index_t samples = 0;
  std::vector<View<T>> activations;  ///< a_0 ... a_L; a_L holds logits, then their gradient D_L
  std::vector<View<T>> gradients;    ///< D_l for l in [1, L); entry 0 is empty
  std::vector<View<T>> masks;  ///< of dropout, for l in [1, L); entry 0 holds the inputs that are
                               ///< kept. Empty views if there are no masks
  std::vector<View<T>> products;     ///< z_l where a backward pass reads it; else empty views
  std::vector<VectorView<T>> means;  ///< of the columns of `products`
  std::vector<VectorView<T>> inverse_deviations;  ///< likewise
  VectorView<std::int32_t> labels;
  VectorView<T> weights;
  VectorView<T> losses;
  VectorView<std::int32_t> predictions;
};

/// The purpose of a workspace. For inference it keeps two layers at a time and no gradients, and
/// the input stays in the caller's memory (a_0 is an empty view). For training it keeps everything.
enum class WorkspaceUse { inference, training };

/// Memory for mini-batches of up to capacity() samples of a network. Grows, never shrinks.
template <class T>
class Workspace {
 public:
  /// Allocates no memory for samples yet.
  Workspace(const NetworkSpec& spec, WorkspaceUse use);

  index_t capacity() const { return capacity_; }

  /// Makes room for `samples` samples. Returns whether the memory has moved, which invalidates all
  /// views and loses their content. Throws ArgumentError, and changes nothing, if they exceed the
  /// address space.
  bool reserve(index_t samples);

  /// Makes room for dropout's masks, from now on. Returns whether there was none before. Views that
  /// were bound earlier stay valid but have no masks.
  bool keep_masks();

  /// Writes the views of the first n <= capacity() samples to `views`; allocates only the first
  /// time that it sees `views`. The views of different n share memory.
  void bind(index_t samples, BatchViews<T>& views);

 private:
  // The position of a matrix in a pile of rows, each of which holds one value per sample. A row
  // takes whole cache lines. A row of a single sample is one entry, and the matrix a vector; then
  // each matrix begins at a cache line.
  struct Place {
    index_t row;    // of the pile
    index_t entry;  // of the pile, where a row is one entry
  };
  static constexpr Place kNotKept{-1, -1};

  // Elements of a pile that ends at `end`, for up to `samples` samples.
  static index_t room(const Place& end, index_t samples);
  static View<T> batch_first(AlignedArray<T>& pile, const Place& place, index_t units,
                             index_t samples);

  std::vector<index_t> sizes_;  // d_0 ... d_L
  // Activations and gradients share a pile; masks have one of their own.
  std::vector<Place> activation_places_;
  std::vector<Place> gradient_places_;
  std::vector<Place> product_places_;
  Place matrices_end_{0, 0};
  std::vector<Place> mask_places_;
  Place masks_end_{0, 0};
  bool keeps_masks_ = false;

  index_t capacity_ = 0;
  AlignedArray<T> matrices_;
  AlignedArray<T> masks_;
  AlignedArray<T> statistics_;  // mean and inverse deviation of each normalised layer
  AlignedArray<T> weights_;
  AlignedArray<T> losses_;
  AlignedArray<std::int32_t> labels_;
  AlignedArray<std::int32_t> predictions_;
};

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_NETWORK_WORKSPACE_H_
