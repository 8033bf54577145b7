// A multilayer perceptron with a softmax output: parameters, forward pass, gradients, training
// step.
//
// Not here: epochs, shuffling, data (trainer.h). The network sees kernels only through Backend.
// User-facing matrices are batch-first: X is [samples, features], as NumPy and scikit-learn have
// it.
#ifndef LAMELLA_NETWORK_H_
#define LAMELLA_NETWORK_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <lamella/backend.h>
#include <lamella/export.h>
#include <lamella/initialization.h>
#include <lamella/loss.h>
#include <lamella/normalization.h>
#include <lamella/optimizer.h>
#include <lamella/view.h>

namespace lamella {

namespace detail {
struct NetworkAccess;
}

/// The architecture: sizes of all layers and the activation between them.
struct NetworkSpec {
  index_t inputs = 0;
  std::vector<index_t> hidden = {};  ///< units of each hidden layer; empty is softmax regression
  index_t classes = 0;
  Activation activation{ActivationKind::relu};
  Normalization normalization = Normalization::none;  ///< of hidden layers

  friend bool operator==(const NetworkSpec&, const NetworkSpec&) = default;
};

/// The result of one pass over a mini-batch.
struct BatchResult {
  double loss_sum = 0;    ///< Σ_s w_s · loss of sample s (no penalty term)
  double weight_sum = 0;  ///< Σ_s w_s
  index_t correct = 0;    ///< samples whose most probable class is their label
};

/// Parameters of one layer: z = W a + b with W [units, inputs] row-major and b [units]. A network
/// pads the rows of W if they would be a multiple of 1 KiB long.
///
/// A normalised layer computes scale ⊙ (W a - mean) / deviation + b: the bias comes behind the
/// normalisation, which would remove any that came before. The running statistics are not learnt by
/// gradients; training moves them, prediction uses them. The members below have [units] entries in
/// a normalised layer, and none in others.
template <class T>
struct LayerView {
  View<T> weights;
  VectorView<T> bias;
  VectorView<T> scale = {};
  VectorView<T> running_mean = {};
  VectorView<T> running_variance = {};
};

/// A fully connected classifier for element type T (float or double).
///
/// Owns its parameters, the memory of its optimiser, and the workspace of the mini-batches that it
/// has been trained with. Const calls are safe from several threads at once as long as no other
/// call runs. A network that has been moved from may only be assigned to or destroyed.
template <class T>
class LAMELLA_API Network {
  static_assert(kIsElement<T>, "lamella computes with elements of type float or double");

 public:
  /// Draws weights and biases by a scheme from a counter-based generator: the same seed gives the
  /// same network everywhere, normal numbers up to the rounding of the C library's functions.
  /// Scales and running variances of normalised layers are 1, running means 0.
  /// Throws ArgumentError for a size below 1, sizes that exceed the address space, an invalid
  /// activation, normalisation or initialization, or a null backend.
  Network(NetworkSpec spec, std::shared_ptr<const Backend> backend, std::uint64_t seed = 1,
          Initialization initialization = Initialization::by_activation);
  /// A network with all parameters zero, for code that sets them afterwards: drawing weights takes
  /// longer than reading them from a file. Throws as the constructor.
  static Network zeros(NetworkSpec spec, std::shared_ptr<const Backend> backend);
  Network(Network&&) noexcept;
  Network& operator=(Network&&) noexcept;
  ~Network();

  const NetworkSpec& spec() const;
  const Backend& backend() const;
  /// Layers of weights: hidden layers and the softmax layer.
  index_t layers() const;
  /// Layer l of layers(), 0 nearest the input. Views stay valid as long as the network, or the one
  /// it is moved to, lives. Throws ArgumentError if there is no such layer.
  LayerView<T> layer(index_t l);
  LayerView<const T> layer(index_t l) const;
  /// What gradients change: weights, biases, and the scales of normalised layers.
  index_t parameter_count() const;
  /// λ/2 Σ‖W‖² for weight decay λ.
  double penalty(double weight_decay) const;

  /// Class probabilities [n, classes] of samples x [n, inputs], any strides. Normalised layers use
  /// their running statistics, here and in evaluate().
  ///
  /// Works in chunks of kChunkSamples samples (chunks.h). Each call allocates a workspace of
  /// O(chunk · widest layer) and builds a plan per chunk, so that const calls need no lock: give it
  /// many samples at a time where that is possible. Throws ArgumentError if a shape is wrong,
  /// elements of `probabilities` share memory, or the two overlap.
  void predict(ConstView<T> x, View<T> probabilities) const;

  /// Loss and correct predictions of labelled samples x [n, inputs], without learning from them.
  /// `predictions`, if not empty, has n entries, each of which becomes the most probable class of
  /// its sample. Allocates as predict. Throws ArgumentError as predict, and for a label out of
  /// range.
  BatchResult evaluate(ConstView<T> x, std::span<const std::int32_t> labels,
                       std::span<std::int32_t> predictions = {}) const;

  /// The place for the next mini-batch of n samples: an [n, inputs] view into the network's own
  /// workspace, in the layout that is fastest for its kernels (samples in columns). Its content is
  /// unspecified. Valid until the next call. Grows the workspace if needed; throws ArgumentError if
  /// n is below 1 or too large to address.
  View<T> batch_input(index_t n);

  /// Instead of writing to batch_input(n): the next train_batch or gradient gathers its n =
  /// batch.indices.size samples itself, in the parallel region of the step. That call consumes the
  /// mini-batch; the one after it needs a new one. `batch.out` is ignored. What `batch` points to
  /// must not change until then. Throws ArgumentError as batch_input, and for features, offsets,
  /// scales or indices that do not fit.
  void gather_batch(const GatherBytes<T>& batch);
  /// The same, behind a call that writes the bytes which `batch` gathers: the images are changed in
  /// the parallel region of the step, too. Throws as above, and for operands that do not fit.
  void gather_batch(const MoveImages<T>& moves, const GatherBytes<T>& batch);

  /// Forward, backward and update for the n samples written to batch_input(n).
  ///
  /// The gradient is that of the (weighted) mean of `loss` over the mini-batch plus weight decay.
  /// `labels` has n entries; `weights` has n or none, which means that all are 1. The memory of an
  /// optimiser (velocities; moments and the number of steps) is zero at the first step that needs
  /// it; steps of other optimisers do not change it. Throws ArgumentError, and changes nothing, for
  /// a label out of range, a weight that is negative or not finite, weights that sum to zero, sizes
  /// other than the last batch_input(n), options out of range, or one sample in a network with
  /// batch normalisation, whose statistics are those of the n samples, whatever their weights.
  /// Throws BackendError if the
  /// backend fails: parameters and the optimiser's memory are then unspecified, but the step is not
  /// counted. Allocates nothing if batch size, optimiser, dropout and regularization are those of
  /// an earlier step. Samples written to batch_input(n) stay there for further steps; a mini-batch
  /// of gather_batch is consumed.
  BatchResult train_batch(std::span<const std::int32_t> labels, std::span<const T> weights,
                          const Optimizer& optimizer, const Dropout& dropout = {},
                          const Loss& loss = {}, const Regularization& regularization = {});

  /// Sets velocities, moments and the number of steps to zero: the next step is like the first.
  void reset_optimizer();

  /// The gradient of (mean loss + penalty) at the current parameters for the samples written to
  /// batch_input(n), layer by layer into `gradients` (layers() entries, same shapes as layer(l),
  /// any strides; running statistics have no gradient, and theirs are ignored). Parameters and
  /// running statistics do not change. Throws ArgumentError as train_batch, and for gradients that
  /// have other shapes, or overlap each other or the parameters.
  BatchResult gradient(std::span<const std::int32_t> labels, std::span<const T> weights,
                       double weight_decay, std::span<const LayerView<T>> gradients,
                       const Dropout& dropout = {}, const Loss& loss = {});

 private:
  friend struct detail::NetworkAccess;
  struct [[gnu::visibility("hidden")]] Impl;  // else exported with the class
  LAMELLA_HIDDEN explicit Network(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

extern template class Network<float>;
extern template class Network<double>;

}  // namespace lamella

#endif  // LAMELLA_NETWORK_H_
