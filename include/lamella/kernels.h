// What a backend implements: the operands of each kernel, the list of kernels, and the abstract
// class that has one virtual function per kernel.
//
// Not here: argument checks (backend.h makes them once, in front of these calls) and the choice of
// a backend (backend_selection.h). Every kernel is noexcept and may trust its operands.
//
// A kernel is named in one place, LAMELLA_FOR_EACH_KERNEL below. How to add one: CONTRIBUTING.md.
//
// Shapes follow one convention: a matrix of samples has one sample per row. Code that keeps samples
// in columns passes transposed views; a backend looks at the strides and picks the fitting loop.
//
// Strides matter only along dimensions of more than one element. An operand that is read may have
// any strides that are not negative; a stride of 0 repeats an element. An operand that is written
// has strides of 1 or more, and its rows or its columns do not interleave: row_stride > (cols - 1)
// * col_stride, or col_stride > (rows - 1) * row_stride. Operands that must not overlap may be
// blocks, rows or columns of one matrix, as long as they share no element.
#ifndef LAMELLA_KERNELS_H_
#define LAMELLA_KERNELS_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <type_traits>
#include <variant>
#include <vector>

#include <lamella/activation.h>
#include <lamella/export.h>
#include <lamella/view.h>

namespace lamella {

template <class T>
class PackedMatrix;  // packed_matrix.h

/// C ← alpha A B + beta C. A is m x k, B is k x n, C is m x n.
///
/// With beta = 0, C is write-only: whatever it held, NaN included, does not matter. With k = 0 or
/// alpha = 0 the product is zero and C ← beta C. C overlaps neither A nor B. 2mnk flops.
///
/// `packed_b`, if not null, is B packed in advance for the backend that computes.
template <class T>
struct Gemm {
  T alpha = 1;
  ConstView<T> a;
  ConstView<T> b;
  T beta = 0;
  View<T> c;
  const PackedMatrix<T>* packed_b = nullptr;
};

/// What happens to C after the product: c ← f(c + bias) ⊙ g'(activation_output), g being
/// `backward_of`.
///
/// `bias` has one entry per column of C, or none. `activation_output`, if not empty, has C's shape
/// and holds activations a = g(z) of `backward_of`, or z itself if derivative_needs_input(g); the
/// result is multiplied by g' at them.
/// `activation_output` may not overlap C.
template <class T>
struct Epilogue {
  ConstVectorView<T> bias = {};
  Activation activation = {};
  ConstView<T> activation_output = {};
  Activation backward_of = {};
};

/// A matrix product and its epilogue in one call; equal bit for bit to the separate calls.
template <class T>
struct FusedGemm {
  Gemm<T> gemm;
  Epilogue<T> epilogue = {};
};

/// C ← C + 1 biasᵀ: adds bias (n entries) to every row of C (m x n).
template <class T>
struct BiasAdd {
  ConstVectorView<T> bias;
  View<T> c;
};

/// Row i of `probabilities` (m x n) becomes the softmax of row i of `logits` (m x n).
///
/// Computed with the row's maximum subtracted, so any finite logits are safe. -inf entries get
/// probability 0; a row with NaN, +inf or only -inf becomes NaN. In place is allowed
/// (same view), any other overlap is not. For softmax over columns pass transposed views.
template <class T>
struct Softmax {
  ConstView<T> logits;
  View<T> probabilities;
};

/// A ← A + alpha x yᵀ. x has m entries, y has n, A is m x n. 2mn flops.
template <class T>
struct OuterProduct {
  T alpha = 1;
  ConstVectorView<T> x;
  ConstVectorView<T> y;
  View<T> a;
};

/// a ← f(z), element by element; z and a are m x n, and may be the same view.
template <class T>
struct Activate {
  Activation activation;
  ConstView<T> z;
  View<T> a;
};

/// d ← d ⊙ f'(z), where a = f(z) is given, or a = z if derivative_needs_input(f); a and d are m x n
/// and do not overlap.
template <class T>
struct ActivateBackward {
  Activation activation;
  ConstView<T> a;
  View<T> d;
};

/// Softmax, negative log-likelihood and gradient of a mini-batch in one pass (docs/math.md#loss,
/// docs/math.md#gradient-of-the-loss).
///
/// For sample s (row s of logits, m x n, n classes) with target t = (1 - ε) onehot(label) + ε / n:
///   losses[s]      = w_s (-Σ_j t_j z_j + log Σ_j exp z_j), by the shifted log-sum-exp
///   gradient(s, j) = scale w_s (p_j - t_j)
///   predictions[s] = the first j with the largest logit
/// `weights` may be empty (all ones); `predictions` may be empty (not wanted). Labels are in
/// [0, n). `gradient` may be the same view as `logits`; no other overlap is allowed.
template <class T>
struct SoftmaxNll {
  ConstView<T> logits;
  ConstVectorView<std::int32_t> labels;
  ConstVectorView<T> weights = {};
  T label_smoothing = 0;
  T scale = 1;
  View<T> gradient;
  VectorView<T> losses;
  VectorView<std::int32_t> predictions = {};
};

/// sums ← beta sums + alpha Aᵀ 1: the sum of each column of A (m x n) into n entries.
/// With beta = 0, sums is write-only.
template <class T>
struct ColumnSums {
  T alpha = 1;
  ConstView<T> a;
  T beta = 0;
  VectorView<T> sums;
};

/// y(i, j) ← x(i, j) scale[j] + shift[j]: each feature, a column of x (m x n), is scaled and
/// shifted by numbers of its own. scale and shift have n entries; a stride of 0 repeats one. y may
/// be the same view as x; no other overlap of y is allowed.
template <class T>
struct ScaleShift {
  ConstView<T> x;
  ConstVectorView<T> scale;
  ConstVectorView<T> shift;
  View<T> y;
};

/// The gradients of ScaleShift. For x and d = ∂L/∂y (both m x n), by feature j:
///   scale_gradient[j] ← beta scale_gradient[j] + alpha Σ_i d(i, j) x(i, j)
///   shift_gradient[j] ← beta shift_gradient[j] + alpha Σ_i d(i, j)
///   d(i, j) ← d(i, j) scale[j]      (only if scale is not empty; this is ∂L/∂x)
/// The sums are those of d as it is given. With beta = 0 the gradients are write-only. scale, if
/// not empty, and the gradients have n entries.
///
/// scale_gradient may be the same view as scale: with beta = 1 and alpha = -η that is a step of
/// gradient descent, and d is multiplied by the scale before the step. Without scale, d is only
/// read, and may overlap x: d = x gives sums of squares and sums. No other overlap is allowed.
/// Each sum has one order, whatever the number of threads.
template <class T>
struct ScaleShiftBackward {
  T alpha = 1;
  ConstView<T> x;
  ConstVectorView<T> scale = {};
  View<T> d;
  T beta = 0;
  VectorView<T> scale_gradient;
  VectorView<T> shift_gradient;
};

/// Batch normalisation of the features (columns) of x (m x n, m >= 2), and an activation (Ioffe and
/// Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate
/// shift", ICML 2015, algorithm 1). For feature j, with a sum over the samples i:
///   mean[j]              = 1/m Σ_i x(i, j)
///   v                    = 1/m Σ_i (x(i, j) - mean[j])²
///   inverse_deviation[j] = 1 / √(v + epsilon)
///   y(i, j)              = f((x(i, j) - mean[j]) inverse_deviation[j] scale[j] + shift[j])
/// and, only if they are not empty, the statistics for prediction, with the unbiased variance:
///   running_mean[j]     ← (1 - momentum) running_mean[j] + momentum mean[j]
///   running_variance[j] ← (1 - momentum) running_variance[j] + momentum v m / (m - 1)
/// All vectors have n entries. Nothing overlaps. Each sum has one order, whatever the number of
/// threads.
template <class T>
struct BatchNorm {
  T epsilon = static_cast<T>(1e-5);  ///< finite and > 0
  T momentum = static_cast<T>(0.1);  ///< the share of this mini-batch, in [0, 1]
  Activation activation = {};
  ConstView<T> x;
  ConstVectorView<T> scale;
  ConstVectorView<T> shift;
  VectorView<T> mean;
  VectorView<T> inverse_deviation;
  VectorView<T> running_mean = {};
  VectorView<T> running_variance = {};
  View<T> y;
};

/// The gradients of BatchNorm, whose `x`, `scale`, `shift` and results `mean` and
/// `inverse_deviation` are given. With d = ∂L/∂y at first, x̂ = (x - mean) inverse_deviation and
/// g = d ⊙ f'(x̂ scale + shift), by feature j:
///   scale_gradient[j] ← beta scale_gradient[j] + alpha Σ_i g(i, j) x̂(i, j)
///   shift_gradient[j] ← beta shift_gradient[j] + alpha Σ_i g(i, j)
///   d(i, j) ← inverse_deviation[j] scale[j] (g(i, j) - 1/m Σ g - x̂(i, j) 1/m Σ g x̂)    (∂L/∂x)
/// With beta = 0 the gradients are write-only. scale_gradient may be the same view as scale, and
/// shift_gradient the same as shift: a step of gradient descent, which d does not see. No other
/// overlap is allowed.
template <class T>
struct BatchNormBackward {
  T alpha = 1;
  Activation activation = {};
  ConstView<T> x;
  ConstVectorView<T> scale;
  ConstVectorView<T> shift;
  ConstVectorView<T> mean;
  ConstVectorView<T> inverse_deviation;
  View<T> d;
  T beta = 0;
  VectorView<T> scale_gradient;
  VectorView<T> shift_gradient;
};

/// One step of (momentum) gradient descent on a block of weights (m x n):
///   g ← gradient + weight_decay w
///   v ← momentum v + g              (only if velocity is not empty; otherwise v is g itself)
///   w ← w - learning_rate v         (nesterov: w ← w - learning_rate (g + momentum v))
template <class T>
struct SgdUpdate {
  T learning_rate = 0;
  T momentum = 0;
  T weight_decay = 0;
  bool nesterov = false;
  ConstView<T> gradient;
  View<T> velocity = {};
  View<T> weights;
};

/// One step of Adam on a block of weights (m x n), its factors as algorithm and step number give
/// them (optimizer.h, AdamOptions):
///   g ← gradient + weight_decay w
///   first  ← beta1 first  + one_minus_beta1 g
///   second ← beta2 second + one_minus_beta2 g²
///   w ← weight_scale w - step_size first / (√second + epsilon)
template <class T>
struct AdamUpdate {
  T beta1 = 0;
  T one_minus_beta1 = 1;  ///< 1 - β₁
  T beta2 = 0;
  T one_minus_beta2 = 1;  ///< 1 - β₂
  T weight_decay = 0;     ///< of the penalty, which the moments see
  T weight_scale = 1;     ///< 1 - ηλ of the decay that they do not see
  T step_size = 0;        ///< η √(1 - β₂ᵗ) / (1 - β₁ᵗ)
  T epsilon = 1;          ///< ε √(1 - β₂ᵗ), above 0
  ConstView<T> gradient;
  View<T> first;
  View<T> second;
  View<T> weights;
};

/// What follows the update of a block of weights (m x n), each row of which belongs to one unit:
///   w ← sign(w) max(|w| - threshold, 0)
///   row i ← max_norm / ‖row i‖ row i      (only if its Euclidean norm is above max_norm)
/// threshold is finite and not negative. max_norm is above 0; infinity, the default, stands for
/// none. A row whose sum of squares is not finite keeps its length. Each sum has one order,
/// whatever the number of threads.
template <class T>
struct ConstrainWeights {
  T threshold = 0;
  T max_norm = std::numeric_limits<T>::infinity();
  View<T> weights;
};

/// A mini-batch out of stored bytes: row s of `out` becomes the preprocessed sample indices[s],
///   out(s, j) = (T(values[indices[s] * features + j]) - offset[j]) * scale[j]
///
/// `values` holds samples x features bytes, row-major. `offset` and `scale` have an entry per
/// feature; with a stride of 0 one value serves all. Indices are in [0, samples).
template <class T>
struct GatherBytes {
  const std::uint8_t* values = nullptr;
  index_t samples = 0;
  index_t features = 0;
  ConstVectorView<std::int32_t> indices;
  ConstVectorView<T> offset;
  ConstVectorView<T> scale;
  View<T> out;
};

/// Drops elements at random: y(s, j) ← 0 with the given probability, and otherwise x(s, j), or 1 if
/// x is empty. Of sample s, elements 4b ... 4b + 3 are dropped where the words of one block of
/// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011) are below
/// ⌊probability 2³²⌋. The words of the block's counter, lowest first, are first_block + b,
/// samples[s] and the two of `stream`.
///
/// samples has an entry per row of y. x may be the same view as y; no other overlap is allowed.
template <class T>
struct DropUnits {
  double probability = 0;         ///< in [0, 1)
  std::uint64_t seed = 0;         ///< the key of the random numbers
  std::uint64_t stream = 0;       ///< the upper half of their counters
  std::uint32_t first_block = 0;  ///< number of the block of the first four elements
  ConstVectorView<std::int32_t> samples;
  ConstView<T> x = {};
  View<T> y;
};

/// The type of stored samples.
enum class StoredType : std::uint8_t { u8, f32, f64 };

/// The images of a data set, and the random changes to them; Augmentation (augmentation.h) says
/// what each change is.
struct ImageChanges {
  index_t height = 1, width = 1, channels = 1;
  index_t shift = 0;
  bool flip = false;
  double rotation = 0;  ///< degrees
  double scale = 0;
  double shear = 0;  ///< degrees
  index_t cut_out = 0;
};

/// Images with random changes: image i of `moved` becomes the stored image indices[i], changed.
/// What is drawn for an image is a function of seed, stream and indices[i] alone (as DropUnits, by
/// blocks of Philox), and arithmetic is that of double, so all backends give the same values.
///
/// `values` holds `samples` images, `moved` indices.size of them, which do not overlap; both are of
/// `type`. Indices are in [0, samples). The element type T has no part in it.
template <class T>
struct MoveImages {
  ImageChanges changes;
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;
  StoredType type = StoredType::u8;
  const void* values = nullptr;
  index_t samples = 0;
  ConstVectorView<std::int32_t> indices;
  void* moved = nullptr;

  index_t features() const { return changes.height * changes.width * changes.channels; }
  /// The shape of the call, without memory.
  ConstView<T> shape() const { return {nullptr, indices.size, features(), features(), 1}; }
};

/// The kernels that a plan may contain, X(operands, function, requirement, matrix) for each: the
/// struct of operands, the function of Kernels, whether a backend must implement it (required or
/// optional), and the operand by whose shape calls are told apart.
///
/// A plain product in a plan is a FusedGemm without an epilogue.
#define LAMELLA_FOR_EACH_PLAN_KERNEL(X)                    \
  X(FusedGemm, fused_gemm, optional, gemm.c)               \
  X(BiasAdd, bias_add, required, c)                        \
  X(Softmax, softmax, required, logits)                    \
  X(OuterProduct, outer_product, required, a)              \
  X(Activate, activate, optional, a)                       \
  X(ActivateBackward, activate_backward, optional, d)      \
  X(SoftmaxNll, softmax_nll, optional, logits)             \
  X(ColumnSums, column_sums, optional, a)                  \
  X(ScaleShift, scale_shift, optional, y)                  \
  X(ScaleShiftBackward, scale_shift_backward, optional, d) \
  X(BatchNorm, batch_norm, optional, y)                    \
  X(BatchNormBackward, batch_norm_backward, optional, d)   \
  X(SgdUpdate, sgd_update, optional, weights)              \
  X(AdamUpdate, adam_update, optional, weights)            \
  X(GatherBytes, gather_bytes, optional, out)              \
  X(DropUnits, drop_units, optional, y)                    \
  X(MoveImages, move_images, optional, shape())            \
  X(ConstrainWeights, constrain_weights, optional, weights)

/// The list of kernels. Everything that exists once per kernel follows from it: the virtual
/// functions of Kernels, the checked calls of Backend, KernelCall, traces, profiles, and the lists
/// of tests.
#define LAMELLA_FOR_EACH_KERNEL(X) \
  X(Gemm, gemm, required, c)       \
  LAMELLA_FOR_EACH_PLAN_KERNEL(X)

/// Declares the override of one kernel. For a class that implements all of them:
/// LAMELLA_FOR_EACH_KERNEL(LAMELLA_OVERRIDE_KERNEL)
#define LAMELLA_OVERRIDE_KERNEL(Operands, function, requirement, matrix) \
  void function(const Operands<T>& call) const noexcept override;

namespace detail {

/// A variant of all types but the first, so that a list may begin each of its items with a comma.
template <class, class... Types>
using VariantOf = std::variant<Types...>;

}  // namespace detail

#define LAMELLA_TYPE_OF_CALL(Operands, function, requirement, matrix) , Operands<T>
/// One kernel call with its operands, as data: any of LAMELLA_FOR_EACH_PLAN_KERNEL.
template <class T>
using KernelCall = detail::VariantOf<void LAMELLA_FOR_EACH_PLAN_KERNEL(LAMELLA_TYPE_OF_CALL)>;
#undef LAMELLA_TYPE_OF_CALL

/// What kernels have worked out about a plan before it runs; see Kernels::prepare.
class LAMELLA_API PlanAnalysis {
 public:
  /// `maker`: a number by which those kernels know their own work.
  explicit PlanAnalysis(std::uint64_t maker) : maker_(maker) {}
  virtual ~PlanAnalysis() = default;

  std::uint64_t maker() const { return maker_; }

 private:
  std::uint64_t maker_;
};

/// A short program of kernel calls, each of which may read what earlier ones wrote. The network
/// describes a training step this way once per batch size; a backend runs it again and again.
template <class T>
struct Plan {
  std::vector<KernelCall<T>> calls;

  /// Transient outputs, as indices into `calls`, each of a GatherBytes: its `out` is read only by
  /// FusedGemm calls of this plan, each of which uses the whole matrix as one operand. The backend
  /// may then not write `out` at all and let those products pack the bytes themselves, so the
  /// content of `out` is unspecified after the plan has run.
  std::vector<std::size_t> transient_outputs;

  /// What Kernels::prepare returned for this plan, or null. Operands may then still be exchanged
  /// for others of the same shapes and strides, and factors such as the learning rate may change.
  /// After any other change, prepare the plan again or set this to null.
  std::shared_ptr<const PlanAnalysis> analysis = nullptr;

  /// Removes all calls, and keeps the memory for the next ones.
  void clear() noexcept {
    calls.clear();
    transient_outputs.clear();
    analysis = nullptr;
  }
};

/// Receives the progress of a plan. All its functions are called by the same thread.
template <class T>
class LAMELLA_API PlanObserver {
 public:
  virtual ~PlanObserver() = default;
  /// The first call is about to be made.
  virtual void begin() noexcept = 0;
  /// `call` has ended, in all threads.
  virtual void done(const KernelCall<T>& call) noexcept = 0;
};

/// The kernels of one backend for one element type (float or double).
///
/// It has one virtual function per line of LAMELLA_FOR_EACH_KERNEL, for example
/// `void gemm(const Gemm<T>& call) const noexcept`. What each computes is said at its operands.
/// Those marked `required` are pure: gemm, bias_add, softmax and outer_product. The others have
/// defaults composed of those four and plain loops (core/kernels/default_kernels.cpp), so a backend
/// that implements four trains networks, and a fast one overrides what it can fuse. Calls on one
/// object may come from several threads at once as long as their outputs do not overlap.
template <class T>
class LAMELLA_API Kernels {
 public:
  virtual ~Kernels() = default;

#define LAMELLA_KERNEL_required = 0
#define LAMELLA_KERNEL_optional
#define LAMELLA_DECLARE_KERNEL(Operands, function, requirement, matrix) \
  virtual void function(const Operands<T>& call) const noexcept LAMELLA_KERNEL_##requirement;
  LAMELLA_FOR_EACH_KERNEL(LAMELLA_DECLARE_KERNEL)
#undef LAMELLA_DECLARE_KERNEL
#undef LAMELLA_KERNEL_optional
#undef LAMELLA_KERNEL_required

  /// Number of elements that pack_b writes for a B of k x n, both at least 1. The default is 0,
  /// which means that nothing is packed in advance.
  virtual index_t packed_size(index_t k, index_t n) const noexcept;
  /// Writes B in the layout that this backend's products read, for PackedMatrix. Called only if
  /// packed_size is not 0.
  virtual void pack_b(ConstView<T> b, T* packed) const noexcept;

  /// Works out once what depends on a plan alone, for a plan that runs many times; to be kept in
  /// Plan::analysis. Kernels ignore the analysis of other kernels, and analyse a plan without one
  /// each time that it runs. The default has nothing to work out and returns null.
  virtual std::shared_ptr<const PlanAnalysis> prepare(const Plan<T>& plan) const;

  /// Executes the calls of a plan in order. The default makes them one by one.
  virtual void run(const Plan<T>& plan) const noexcept;

  /// As run(), with an observer for profiles. A backend that overrides run() should override this
  /// function too: the default makes the calls one by one. A call that a backend has merged into
  /// other calls takes no time.
  virtual void run_observed(const Plan<T>& plan, PlanObserver<T>& observer) const noexcept;
};

extern template class Kernels<float>;
extern template class Kernels<double>;

/// What belongs to a struct of operands, for code that treats all kernels alike:
///   Element     the type of its elements
///   name        the name of its kernel, "gemm" for Gemm<T>
///   run         makes the call with the given kernels
///   matrix      the operand by whose shape calls are told apart
/// Defined for the types of LAMELLA_FOR_EACH_KERNEL only.
template <class Operands>
struct KernelTraits;

#define LAMELLA_KERNEL_TRAITS(Operands, function, requirement, operand)                  \
  template <class T>                                                                     \
  struct KernelTraits<Operands<T>> {                                                     \
    using Element = T;                                                                   \
    static constexpr const char* name = #function;                                       \
    static void run(const Kernels<T>& kernels, const Operands<T>& operands) noexcept {   \
      kernels.function(operands);                                                        \
    }                                                                                    \
    static ConstView<T> matrix(const Operands<T>& operands) { return operands.operand; } \
  };
LAMELLA_FOR_EACH_KERNEL(LAMELLA_KERNEL_TRAITS)
#undef LAMELLA_KERNEL_TRAITS

/// visitor(operands) for the operands that `call` holds. Returns what the visitor does, which must
/// be the same type for all operands.
///
/// As std::visit, but a chain of comparisons that compilers turn into one jump: std::visit leaves a
/// function with a name of a kilobyte for each kernel in each object that uses it.
template <class T, class Visitor>
decltype(auto) visit_call(const KernelCall<T>& call, const Visitor& visitor) {
#define LAMELLA_VISIT_CALL(Operands, function, requirement, matrix) \
  if (const auto* const operands = std::get_if<Operands<T>>(&call)) return visitor(*operands);
  LAMELLA_FOR_EACH_PLAN_KERNEL(LAMELLA_VISIT_CALL)
#undef LAMELLA_VISIT_CALL
  __builtin_unreachable();  // a call always holds one of them
}

/// Makes one call of a plan.
template <class T>
void dispatch(const Kernels<T>& kernels, const KernelCall<T>& call) noexcept {
  visit_call<T>(call, [&](const auto& operands) {
    KernelTraits<std::remove_cvref_t<decltype(operands)>>::run(kernels, operands);
  });
}

}  // namespace lamella

#endif  // LAMELLA_KERNELS_H_
