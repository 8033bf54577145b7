// The weights and biases of a network: their layout in memory and their initial values.
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

/// Memory shaped like the parameters of a network, zero at first.
///
/// Layer l (0 nearest the input) has W [d_{l+1}, d_l] row-major, its rows row_stride apart, and
/// b [d_{l+1}].
template <class T>
class Parameters {
 public:
  Parameters() = default;
  Parameters(Parameters&&) noexcept = default;
  Parameters& operator=(Parameters&&) noexcept = default;
  /// Throws ArgumentError if the sizes, each at least 1, exceed the address space.
  explicit Parameters(const std::vector<index_t>& sizes);

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

/// Fills the weights with uniform numbers in ±sqrt(6 / fan_in) before relu and leaky relu (He), in
/// ±sqrt(6 / (fan_in + fan_out)) before other activations and the softmax (Glorot); biases 0.
/// A weight depends on (seed, layer, its index in the matrix) alone.
template <class T>
void initialize(Parameters<T>& parameters, const Activation& hidden_activation, std::uint64_t seed);

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_NETWORK_PARAMETERS_H_
