// The memory a mini-batch passes through: activations, their gradients, per-sample values.
//
// Samples stand in columns (feature-major): the values of one unit for all samples are contiguous,
// so kernels run their vector lanes across samples and a ten-class output wastes none. All views
// handed out are batch-first, that is transposed.
#ifndef LAMELLA_CORE_NETWORK_WORKSPACE_H_
#define LAMELLA_CORE_NETWORK_WORKSPACE_H_

#include <cstdint>
#include <vector>

#include <lamella/matrix.h>

namespace lamella {

/// Views of one mini-batch of n samples in a workspace. Matrices are [n, units of the layer].
template <class T>
struct BatchViews {
  index_t samples = 0;
  std::vector<View<T>> activations;  ///< a_0 ... a_L; a_L holds logits, then their gradient D_L
  std::vector<View<T>> gradients;    ///< D_l for l in [1, L); entry 0 is empty
  std::vector<View<T>> masks;        ///< of dropout, as gradients; empty views where none are kept
  VectorView<std::int32_t> labels;
  VectorView<T> weights;
  VectorView<T> losses;
  VectorView<std::int32_t> predictions;
};

/// What a workspace is for. Inference keeps two layers at a time and no gradients, and reads the
/// input where it is (a_0 is an empty view); training keeps everything.
enum class WorkspaceUse { inference, training };

/// Memory for mini-batches of up to capacity() samples of a network. Grows, never shrinks.
template <class T>
class Workspace {
 public:
  /// `sizes` are d_0 ... d_L. Allocates no memory for samples yet.
  Workspace(std::vector<index_t> sizes, WorkspaceUse use);

  index_t capacity() const { return capacity_; }

  /// Makes room for n samples. True if the memory moved, which invalidates all views and loses
  /// the contents. Throws ArgumentError if so many cannot be addressed; nothing changes then.
  bool reserve(index_t samples);

  /// Makes room for dropout's masks, from now on. True if there was none before; views bound
  /// earlier stay valid but have no masks.
  bool keep_masks();

  /// Writes the views of the first n <= capacity() samples to `views`; allocates only the first
  /// time that it sees `views`. The views of different n share memory.
  void bind(index_t samples, BatchViews<T>& views);

 private:
  // Where a matrix begins in a pile of rows of samples. Rows are whole cache lines, but those of a
  // single sample, which is a vector: these matrices begin with lines of their own.
  struct Place {
    index_t row;    // of the pile
    index_t entry;  // of the pile, where a row is one entry
  };
  static constexpr Place kNotKept{-1, -1};

  // Elements of a pile that ends there, for up to so many samples.
  static index_t room(const Place& end, index_t samples);
  static View<T> batch_first(AlignedArray<T>& pile, const Place& place, index_t units,
                             index_t samples);

  std::vector<index_t> sizes_;
  // Activations and gradients share a pile; masks have one of their own.
  std::vector<Place> activation_places_;
  std::vector<Place> gradient_places_;
  Place matrices_end_{0, 0};
  std::vector<Place> mask_places_;
  Place masks_end_{0, 0};
  bool keeps_masks_ = false;

  index_t capacity_ = 0;
  AlignedArray<T> matrices_;
  AlignedArray<T> masks_;
  AlignedArray<T> weights_;
  AlignedArray<T> losses_;
  AlignedArray<std::int32_t> labels_;
  AlignedArray<std::int32_t> predictions_;
};

}  // namespace lamella

#endif  // LAMELLA_CORE_NETWORK_WORKSPACE_H_
