// The table of raw kernels that one instruction set exports, and nothing else.
//
// This header is all that an instruction-set unit sees of lamella, so it holds no C++ library type
// and no inline code: the linker keeps one copy of an inline function, and it must not be the
// AVX-512 one on an AVX2 machine. Blocking, partition and threads are the drivers' business.
#ifndef LAMELLA_BACKENDS_KERNEL_TABLE_H_
#define LAMELLA_BACKENDS_KERNEL_TABLE_H_

#include <stddef.h>
#include <stdint.h>

namespace lamella::backends {

using index = ptrdiff_t;

/// Same order as lamella::ActivationKind (checked where both are visible).
enum ActivationCode : int {
  kIdentity,
  kRelu,
  kLeakyRelu,
  kTanh,
  kSigmoid,
  kGelu,
  kSilu,
  kSelu,
  kElu,
  kMish,
  kSoftplus
};

/// As lamella::derivative_needs_input.
constexpr bool derivative_needs_input(int code) {
  return code == kGelu || code == kSilu || code == kMish;
}

/// Activations that a micro-kernel applies to sums in registers. It applies others to the tile that
/// it has stored.
constexpr bool is_cheap(int code) { return code <= kLeakyRelu; }

/// Activations whose derivatives a micro-kernel multiplies by.
constexpr bool has_cheap_derivative(int code) { return code <= kSigmoid; }

/// What a micro-kernel does to a finished tile, in this order. A set of these is
/// TileEpilogue::steps.
enum EpilogueStep : unsigned {
  kAddRowBias = 1,     ///< c += bias of the row
  kAddColumnBias = 2,  ///< c += bias of the column
  kApplyActivation = 4,
  kMultiplyDerivative = 8,  ///< c *= g'(z), where g(z) is the activation output
};

/// c ← f(c + bias) * g'(activation_output). A member has a meaning only if its step is in `steps`.
template <class T>
struct TileEpilogue {
  unsigned steps;         // of EpilogueStep; 0: nothing happens
  const T* row_bias;      // one per row of the block
  index row_bias_stride;  // elements between the biases of two rows
  const T* column_bias;   // one per column, contiguous
  int activation;         // ActivationCode
  T slope;
  const T* activation_output;  // same shape as C, unit column stride
  index activation_output_row_stride;
  int backward_of;  // ActivationCode: g
  T backward_slope;
};

/// Limits of AccessB::pack_samples. B has at most kByteDepth rows, because a panel of bytes stands
/// on the stack. Samples have at least kFewestByteFeatures features, which are loaded together.
inline constexpr index kByteDepth = 1024;
inline constexpr index kFewestByteFeatures = 32;

/// Samples to be preprocessed, out of stored bytes; see lamella::GatherBytes.
template <class T>
struct ByteGatherBlock {
  index samples, features;
  const uint8_t* values;  // (0, first feature of the block)
  index values_stride;    // between stored samples
  const int32_t* indices;
  index indices_stride;
  const T* offset;
  index offset_stride;
  const T* scale;
  index scale_stride;
};

/// The order of the macro-kernel's two loops. As in BLIS, jr runs over the panels of B and ir over
/// the tiles of A.
enum class LoopOrder : int {
  jr_ir,  ///< A panel of B stays in L1 while all tiles of A pass.
  ir_jr,  ///< A tile of A meets all panels of B, which come out of L2 each time. A and C pass
          ///< through the caches once, in the order in which they lie in memory.
};

/// How A (m x k) reaches the micro-kernel, which broadcasts its elements.
enum class AccessA : int {
  in_place,      ///< any strides
  packed,        ///< as tiles that pack_a has made
  pack_columns,  ///< row_stride is 1; while a tile meets its first panel it is packed into
                 ///< `scratch`
  copy_rows,     ///< col_stride is 1; a tile's rows are copied to `scratch` during the tile before
};

/// A of a block. What tables with LoopOrder::jr_ir are given is in_place or packed.
template <class T>
struct OperandA {
  AccessA access;
  const T* data;
  index row_stride, col_stride;  // all but packed
  index tile_stride;             // packed: elements from one tile to the next
  T* scratch;  // pack_columns: room for one tile; copy_rows: for all rows of the block
  index scratch_row_stride;  // copy_rows
};

/// How B (k x n) reaches the micro-kernel, which loads vectors of it. Columns [q*nr, (q+1)*nr) are
/// panel q.
enum class AccessB : int {
  in_place,      ///< rows are contiguous
  packed,        ///< as panels that pack_b has made
  pack_rows,     ///< as in_place; the first tile packs the whole panels as it reads them
  pack_samples,  ///< as bytes of samples; the first tile packs the whole panels out of them
};

/// Along which dimension of B the samples of a mini-batch lie.
enum class SampleAxis : int { columns, rows };

/// B of a block. Row p of panel q begins at panels + q * panel_stride + p * row_stride. Every panel
/// can be read nr columns wide, also the last: packing pads it with zeros.
template <class T>
struct OperandB {
  AccessB access;
  const T* panels;
  index row_stride, panel_stride;
  T* packed;                          // pack_rows, pack_samples: `panels`, to be written
  const T* rows;                      // pack_rows: B(0, 0) in place
  index rows_stride;                  // pack_rows
  const ByteGatherBlock<T>* samples;  // pack_samples: one offset and one scale for all features
  SampleAxis sample_axis;             // pack_samples
};

/// C (m x n) ← alpha A (m x k) B (k x n) + beta C, then the epilogue.
template <class T>
struct GemmBlock {
  index m, n, k;
  OperandA<T> a;
  OperandB<T> b;
  T* c;
  index c_row_stride;
  T alpha, beta;
  TileEpilogue<T> epilogue;
};

/// By what the drivers cut a product into blocks for the gemm of a table.
struct GemmTuning {
  index mr, nr;  // micro-tile: at most mr rows, nr columns (= width of a packed panel)
  index kc;      // K is cut into ceil(K / kc) nearly equal blocks; decides the bits of a result
  index nc;      // columns packed at a time, at most: kc x nc elements stay in the outermost cache
  index mc;  // LoopOrder::jr_ir: rows of A for each packed block of B; mc x kc elements should stay
             // in the L2 beside it
  LoopOrder loop_order;
  bool packs_a;            // the table has pack_a
  bool packs_b_rows;       // gemm understands AccessB::pack_rows
  index rows_for_samples;  // gemm understands AccessB::pack_samples if its first tile has at least
                           // as many rows; 0: it does not
  index small_k;           // up to this k gemm is fastest with both operands in place
  index small_m;        // up to this many rows of A (or columns of B) gemm_small_m is faster, if k
  index small_m_depth;  // has at least small_m_depth elements for each of them
};

/// C (m x n) ← alpha A Bᵀ + beta C: A (m x k) and B (n x k) have unit column stride, C any strides.
template <class T>
struct SmallMBlock {
  index m, n, k;
  const T* a;
  index a_row_stride;
  const T* b;
  index b_row_stride;
  T* c;
  index c_row_stride, c_col_stride;
  T alpha, beta;
};

/// Elements a packed tile of mr rows takes: whole vectors are stored, also where it ends.
constexpr index tile_stride(index mr, index k) { return mr * k + 16; }

/// Softmax + negative log-likelihood + gradient over a block of samples; see lamella::SoftmaxNll.
template <class T>
struct SoftmaxNllBlock {
  index samples, classes;
  const T* logits;
  index logits_stride;  // between samples (rows kernel) or between classes (columns kernel)
  const int32_t* labels;
  index labels_stride;
  const T* weights;  // or null
  index weights_stride;
  T label_smoothing, scale;
  T* gradient;
  index gradient_stride;
  T* losses;
  index losses_stride;
  int32_t* predictions;  // or null
  index predictions_stride;
};

/// A block of samples x features of lamella::ScaleShift.
template <class T>
struct ScaleShiftBlock {
  index samples, features;
  const T* scale;
  index scale_stride;
  const T* shift;
  index shift_stride;
  const T* x;
  index x_stride;  // between samples (rows kernel) or between features (columns kernel)
  T* y;
  index y_stride;
};

/// A block of samples x features of lamella::ScaleShiftBackward. Vectors may have any stride.
template <class T>
struct ScaleShiftBackwardBlock {
  index samples, features;
  T alpha, beta;
  const T* x;
  index x_stride;  // between samples (rows kernel) or between features (columns kernel)
  T* d;
  index d_stride;
  const T* scale;  // or null
  index scale_stride;
  T* scale_gradient;
  index scale_gradient_stride;
  T* shift_gradient;
  index shift_gradient_stride;
};

/// A block of samples x units of lamella::DropUnits, from unit 4i for any i on.
template <class T>
struct DropBlock {
  index samples, units;
  uint32_t dropped_below;
  uint32_t first_block;  // counter of the block's first unit
  uint64_t seed, stream;
  const int32_t* numbers;  // of the samples
  index numbers_stride;
  const T* x;  // or null
  index x_sample_stride, x_unit_stride;
  T* y;
  index y_sample_stride, y_unit_stride;
};

/// Philox4x32-10: the factors of a round, and what the key's words grow by from round to round.
inline constexpr int kPhiloxRounds = 10;
inline constexpr uint32_t kPhiloxFactors[2] = {0xD2511F53, 0xCD9E8D57};
inline constexpr uint32_t kPhiloxKeySteps[2] = {0x9E3779B9, 0xBB67AE85};
/// Features of lamella::BatchNorm. The samples of a feature are contiguous, and so are vectors.
template <class T>
struct BatchNormBlock {
  index samples, features;
  T epsilon, momentum;
  int activation;  // ActivationCode
  T slope;
  const T* x;
  index x_stride;  // between features
  const T* scale;
  const T* shift;
  T* mean;
  T* inverse_deviation;
  T* running_mean;      // or null
  T* running_variance;  // or null
  T* y;
  index y_stride;
};

/// Features of lamella::BatchNormBackward, laid out as those of BatchNormBlock.
template <class T>
struct BatchNormBackwardBlock {
  index samples, features;
  T alpha, beta;
  int activation;
  T slope;
  const T* x;
  index x_stride;
  const T* scale;
  const T* shift;
  const T* mean;
  const T* inverse_deviation;
  T* d;
  index d_stride;
  T* scale_gradient;
  T* shift_gradient;
};

/// Adam's step on n contiguous elements; see lamella::AdamUpdate.
template <class T>
struct AdamBlock {
  index n;
  T beta1, one_minus_beta1, beta2, one_minus_beta2, weight_decay, weight_scale, step_size, epsilon;
  const T* gradient;
  T* first;
  T* second;
  T* weights;
};

/// The kernels of one instruction set for one element type. Matrices are row-major with unit column
/// stride and a leading dimension (ld), both in elements; vectors are contiguous unless a stride is
/// given.
template <class T>
struct KernelTable : GemmTuning {
  const char* isa;

  /// The macro-kernel: a block of C from blocks of A and B.
  void (*gemm)(const GemmBlock<T>&);
  /// Packs A (m x k, any strides): cuts the rows into ceil(m / mr) tiles of nearly equal height,
  /// the higher ones first, as gemm does, and stores each k-major, tile_stride(mr, k) elements
  /// apart. Null unless packs_a.
  void (*pack_a)(index m, index k, const T* a, index row_stride, index col_stride, T* packed);
  /// Packs B (k x n, any strides) into panels of nr columns, k*nr elements each, zero-padded.
  void (*pack_b)(index k, index n, const T* b, index row_stride, index col_stride, T* packed);
  /// Packs samples as columns: as pack_b, of the features x samples matrix that the bytes stand
  /// for, but what pads the last panel is any values. Null: the table has no fast form.
  void (*pack_samples)(const ByteGatherBlock<T>&, T* packed);
  /// Dot products along k, for few rows; k > 0. Null: the table has no fast form.
  void (*gemm_small_m)(const SmallMBlock<T>&);
  /// y[i] ← alpha A[i,:] x + beta y[i]; A is m x k with unit column stride, x contiguous.
  void (*gemv)(index m, index k, T alpha, const T* a, index lda, const T* x, T beta, T* y,
               index y_stride);
  /// A ← A + alpha x yᵀ.
  void (*outer_product)(index m, index n, T alpha, const T* x, index x_stride, const T* y, T* a,
                        index lda);

  void (*bias_add_rows)(index m, index n, const T* bias, T* c, index ldc);  // c(i,j) += bias[j]
  void (*bias_add_columns)(index m, index n, const T* bias, index bias_stride, T* c,
                           index ldc);  // c(i,j) += bias[i]
  void (*softmax_rows)(index m, index n, const T* z, index ldz, T* p, index ldp);
  void (*softmax_columns)(index m, index n, const T* z, index ldz, T* p, index ldp);
  void (*softmax_nll_rows)(const SoftmaxNllBlock<T>&);
  void (*softmax_nll_columns)(const SoftmaxNllBlock<T>&);
  void (*activate)(int code, T slope, index n, const T* z, T* a);
  void (*activate_backward)(int code, T slope, index n, const T* a, T* d);
  /// sums[i] ← beta sums[i] + alpha Σ_j a(i,j)
  void (*row_sums)(index m, index n, T alpha, const T* a, index lda, T beta, T* sums,
                   index sums_stride);
  /// sums[j] ← beta sums[j] + alpha Σ_i a(i,j)
  void (*column_sums)(index m, index n, T alpha, const T* a, index lda, T beta, T* sums);
  /// The features of a sample are contiguous, and so are scale and shift.
  void (*scale_shift_rows)(const ScaleShiftBlock<T>&);
  /// The samples of a feature are contiguous.
  void (*scale_shift_columns)(const ScaleShiftBlock<T>&);
  void (*scale_shift_backward_rows)(const ScaleShiftBackwardBlock<T>&);
  void (*scale_shift_backward_columns)(const ScaleShiftBackwardBlock<T>&);
  void (*batch_norm)(const BatchNormBlock<T>&);
  void (*batch_norm_backward)(const BatchNormBackwardBlock<T>&);
  /// out[s + j * out_stride] ← feature j of sample s. Null: the table has no fast form.
  void (*gather_columns)(const ByteGatherBlock<T>&, T* out, index out_stride);
  /// See lamella::SgdUpdate; velocity may be null.
  void (*sgd_update)(index n, T learning_rate, T momentum, T weight_decay, bool nesterov,
                     const T* gradient, T* velocity, T* weights);
  void (*adam_update)(const AdamBlock<T>&);
  /// See lamella::ConstrainWeights.
  void (*constrain_rows)(index m, index n, T threshold, T max_norm, T* weights, index ldw);
  /// Any strides; fast where the samples of a unit are contiguous.
  void (*drop_units)(const DropBlock<T>&);
};

/// The tables of one instruction set.
struct KernelTables {
  const KernelTable<float>* f32;
  const KernelTable<double>* f64;
};

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_KERNEL_TABLE_H_
