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
#include <lamella/optimizer.h>
#include <lamella/view.h>

namespace lamella {

/// The architecture: sizes of all layers and the activation between them.
struct NetworkSpec {
  index_t inputs = 0;
  std::vector<index_t> hidden;  ///< units of each hidden layer; empty is softmax regression
  index_t classes = 0;
  Activation activation{ActivationKind::relu};

  friend bool operator==(const NetworkSpec&, const NetworkSpec&) = default;
};

/// What one pass over a mini-batch found.
struct BatchResult {
  double loss_sum = 0;    ///< Σ_s w_s · negative log-likelihood of sample s (no penalty term)
  double weight_sum = 0;  ///< Σ_s w_s
  index_t correct = 0;    ///< samples whose most probable class is their label
};

/// Parameters of one layer: z = W a + b with W [units, inputs] row-major and b [units].
template <class T>
struct LayerView {
  View<T> weights;
  VectorView<T> bias;
};

/// A fully connected classifier for element type T (float or double).
template <class T>
class Network {
 public:
  /// Weights are drawn uniformly, He for relu and leaky relu, Glorot otherwise, from a
  /// counter-based generator: the same seed gives the same network everywhere. Biases are zero.
  /// Throws ArgumentError for a size below 1 or a null backend.
  Network(NetworkSpec spec, std::shared_ptr<const Backend> backend, std::uint64_t seed = 1);
  Network(Network&&) noexcept;
  Network& operator=(Network&&) noexcept;
  ~Network();

  const NetworkSpec& spec() const;
  const Backend& backend() const;
  index_t layers() const;
  /// Layer l of layers(), 0 nearest the input. Views stay valid as long as the network lives.
  LayerView<T> layer(index_t l);
  LayerView<const T> layer(index_t l) const;
  index_t parameter_count() const;
  /// λ/2 Σ‖W‖² for weight decay λ.
  double penalty(double weight_decay) const;

  /// Class probabilities [n, classes] of samples x [n, inputs]. Safe to call from several threads.
  /// Throws ArgumentError if shapes disagree. Works in chunks: memory is O(chunk · widest layer).
  void predict(ConstView<T> x, View<T> probabilities) const;

  /// Loss and hits of labelled samples, without learning from them. Thread-safe as predict.
  BatchResult evaluate(ConstView<T> x, std::span<const std::int32_t> labels) const;

  /// Where the next mini-batch of n samples is to be written: an [n, inputs] view into the
  /// network's own workspace, in the layout its kernels like best. Grows the workspace if needed.
  View<T> batch_input(index_t n);

  /// Forward, backward and update for the n samples written to batch_input(n).
  /// The gradient is that of the (weighted) mini-batch mean plus weight decay. `weights` may be
  /// empty. Throws ArgumentError for a label out of range or sizes other than the last
  /// batch_input(n). Allocates nothing once a batch size has been seen.
  BatchResult train_batch(std::span<const std::int32_t> labels, std::span<const T> weights,
                          const SgdOptions& options);

  /// The gradient of (mean loss + penalty) at the current parameters for the samples written to
  /// batch_input(n), layer by layer into `gradients` (same shapes as layer(l)); parameters
  /// unchanged.
  BatchResult gradient(std::span<const std::int32_t> labels, std::span<const T> weights,
                       double weight_decay, std::span<const LayerView<T>> gradients);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

extern template class Network<float>;
extern template class Network<double>;

}  // namespace lamella

#endif  // LAMELLA_NETWORK_H_
