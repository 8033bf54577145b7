// The tensors of a network's layers: their layout in memory.
//
// One allocation holds all of them; every matrix and every vector starts at a multiple of 64 bytes.
// Velocities and moments have the same layout.
#ifndef LAMELLA_CORE_NETWORK_PARAMETERS_H_
#define LAMELLA_CORE_NETWORK_PARAMETERS_H_

#include <cstdint>
#include <vector>

#include <lamella/matrix.h>
#include <lamella/network.h>

namespace lamella::detail {

/// The vector as a matrix of one row, for kernels that update matrices.
template <class T>
View<T> as_row(VectorView<T> v) {
  return {v.data, 1, v.size, v.size * v.stride, v.stride};
}

/// Units of every layer from the input to the classes: d_0 ... d_L.
std::vector<index_t> layer_sizes(const NetworkSpec& spec);

/// Whether weight decay applies to a tensor: to weights, and not to biases and scales.
enum class Decay { none, applies };

/// body(decay, tensors...) for each kind of tensor that gradients change, of layers with the same
/// shapes: their weights, their biases and, if they have them, their scales. All are matrices.
template <class Body, class... T>
void for_each_learnt(const Body& body, const LayerView<T>&... layers) {
  body(Decay::applies, layers.weights...);
  body(Decay::none, as_row(layers.bias)...);
  if (!(layers.scale.empty() || ...)) body(Decay::none, as_row(layers.scale)...);
}

/// body(tensors...) for each kind of tensor, those of for_each_learnt and the running statistics.
template <class Body, class... T>
void for_each_tensor(const Body& body, const LayerView<T>&... layers) {
  for_each_learnt([&](Decay, const auto&... tensors) { body(tensors...); }, layers...);
  if ((layers.running_mean.empty() || ...)) return;
  body(as_row(layers.running_mean)...);
  body(as_row(layers.running_variance)...);
}

/// Copies every tensor; both layers have the same shapes.
template <class T>
void copy_tensors(const LayerView<const T>& from, const LayerView<T>& to) {
  for_each_tensor(
      [](View<const T> source, View<T> target) {
        for (index_t i = 0; i < target.rows; ++i)
          for (index_t j = 0; j < target.cols; ++j) target(i, j) = source(i, j);
      },
      from, to);
}

/// Memory shaped like the parameters of a network, zero at first.
///
/// Layer l (0 nearest the input) has W [d_{l+1}, d_l] row-major, its rows row_stride apart, and
/// vectors [d_{l+1}]: b and, if it is normalised, scale and running statistics.
template <class T>
class Parameters {
 public:
  Parameters() = default;
  Parameters(Parameters&&) noexcept = default;
  Parameters& operator=(Parameters&&) noexcept = default;
  /// Throws ArgumentError if the sizes, each at least 1, exceed the address space.
  explicit Parameters(const NetworkSpec& spec);

  bool empty() const { return layers_.empty(); }
  index_t layers() const { return static_cast<index_t>(layers_.size()); }
  LayerView<T> layer(index_t l) const { return layers_[static_cast<std::size_t>(l)]; }
  /// All parameters as one vector, padding included.
  AlignedArray<T>& storage() { return storage_; }
  const AlignedArray<T>& storage() const { return storage_; }

 private:
  AlignedArray<T> storage_;
  std::vector<LayerView<T>> layers_;  // into storage_, whose address survives a move
};

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_NETWORK_PARAMETERS_H_
