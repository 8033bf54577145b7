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
enum ActivationCode : int { kIdentity, kRelu, kLeakyRelu, kTanh, kSigmoid };

/// What happens to a tile while it is in registers: c ← f(c + bias) * g'(activation_output).
template <class T>
struct TileEpilogue {
  const T* row_bias;      // one per row of the block, or null
  index row_bias_stride;  // elements between the biases of two rows
  const T* column_bias;   // one per column, contiguous, or null
  int activation;         // ActivationCode
  T slope;
  const T* activation_output;  // activations, unit column stride, or null
  index activation_output_row_stride;
  int backward_of;  // ActivationCode
  T backward_slope;
};

/// Rows of B that gemm can pack from bytes, at most: a panel of bytes stands on the stack. And what
/// features samples have for that, at least: so many are loaded at a time.
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

/// C (m x n) ← alpha A (m x k) B (k x n) + beta C, then the epilogue if there is one.
///
/// A is read one element at a time and broadcast, with any strides, or from tiles that pack_a has
/// made, where a row stride of 1 and the tile's height as column stride are understood. A table
/// that works along rows packs A in passing where a_pack has room for a tile; A's row stride is 1
/// then. Where there is room for a copy, it copies A's rows in passing and reads them there; their
/// column stride is 1 then, and B has a whole panel. B is read by vectors: columns [q*nr, (q+1)*nr)
/// stand in panel q, whose row p begins at b + q*b_panel_stride + p*b_row_stride. Every panel can
/// be read nr columns wide, also the last (packing pads it with zeros).
///
/// The first tile can pack B in passing: from b_source, or from samples if the table says so for as
/// many rows. These have one offset and one scale for all features.
template <class T>
struct GemmBlock {
  index m, n, k;
  const T* a;
  index a_row_stride, a_col_stride;
  index a_tile_stride;  // elements from one packed tile of A to the next; 0: A is not packed
  T* a_pack;            // tile_stride elements to pack A's tiles into, one after the other, or null
  T* a_copy;            // room to copy A's m rows to, or null
  index a_copy_stride;  // from one copied row to the next
  const T* b;
  index b_row_stride, b_panel_stride;
  const T* b_source;  // B(0, 0), or null
  index b_source_stride;
  const ByteGatherBlock<T>* b_samples;  // whole panels of B before they are packed, or null
  bool samples_are_columns;             // of B; else they are its rows
  T* c;
  index c_row_stride;
  T alpha, beta;
  const TileEpilogue<T>* epilogue;  // null: none
};

/// C (m x n) ← alpha A Bᵀ + beta C: A (m x k) and B (n x k) have unit column stride, C any strides.
template <class T>
struct DotsBlock {
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
struct KernelTable {
  const char* isa;
  index mr, nr;  // micro-tile: at most mr rows, nr columns (= width of a packed panel)
  index kc;      // K is cut into ceil(K / kc) nearly equal blocks; decides the bits of a result
  index nc;      // columns packed at a time, at most: kc x nc elements stay in the outermost cache
  index mc;  // rows of A swept per packed block: mc x kc elements should stay in the L2 beside it;
             // not used along the rows

  void (*gemm)(const GemmBlock<T>&);
  bool packs_b_in_passing;  // gemm understands b_source
  // gemm understands b_samples if its first tile has at least so many rows; 0: it does not.
  index rows_for_bytes;
  // gemm computes C tile by tile along its rows, so that all of a block of B comes out of the L2
  // for each tile of A; and it understands a_pack.
  bool along_rows;
  index short_depth;  // up to so much k, gemm needs neither operand packed
  /// Packs A (m x k, any strides): cuts the rows into ceil(m / mr) tiles of nearly equal height,
  /// the higher ones first, as gemm does, and stores each k-major, tile_stride(mr, k) elements
  /// apart. Null: the table's gemm reads A in place, or works along the rows.
  void (*pack_a)(index m, index k, const T* a, index row_stride, index col_stride, T* packed);
  /// Packs B (k x n, any strides) into panels of nr columns, k*nr elements each, zero-padded.
  void (*pack_b)(index k, index n, const T* b, index row_stride, index col_stride, T* packed);
  /// Packs samples as columns: as pack_b, of the features x samples matrix that the bytes stand
  /// for, but what pads the last panel is any values. Null: the table has no fast form.
  void (*pack_samples)(const ByteGatherBlock<T>&, T* packed);
  /// Without packing, k > 0. Null: the table has no fast form.
  void (*gemm_dots)(const DotsBlock<T>&);
  index dots_rows;   // at most so many rows of A (or columns of B) are faster without packing,
  index dots_depth;  // if k has so many elements for each of them
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
  /// out[s + j * out_stride] ← feature j of sample s. Null: the table has no fast form.
  void (*gather_columns)(const ByteGatherBlock<T>&, T* out, index out_stride);
  /// See lamella::SgdUpdate; velocity may be null.
  void (*sgd_update)(index n, T learning_rate, T momentum, T weight_decay, bool nesterov,
                     const T* gradient, T* velocity, T* weights);
  void (*adam_update)(const AdamBlock<T>&);
};

/// The tables of one instruction set.
struct KernelTables {
  const KernelTable<float>* f32;
  const KernelTable<double>* f64;
};

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_KERNEL_TABLE_H_
