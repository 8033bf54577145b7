/* The C interface of backends in shared libraries, for C99 and C++.
 *
 * A plugin exports one object of data, `lamella_plugin`: version, name, and pointers to kernels. It
 * is read, and its version checked, before any function of the plugin is called. lamella loads a
 * plugin by its path or, by name, from the directories of LAMELLA_PLUGIN_PATH
 * (backend_selection.h). A complete plugin: examples/plugin-minimal.
 *
 * Rules on both sides: nothing throws or longjmps across this interface; strings are UTF-8 and end
 * in a zero byte; sizes, strides and indices count elements; no pointer given to a kernel may be
 * kept after it returns.
 *
 * A plugin is loaded into the process that asks for it. Its initialisers, `create`, kernels and
 * `destroy` leave working directory, signal handlers, locale, environment and standard output
 * alone, do not fork, and do not end the process. lamella puts rounding and the treatment of
 * denormal numbers of the calling thread back after each of them; nothing else. The library does
 * not isolate a plugin; the command line tries it in a process of its own first
 * (backend_selection.h says how a program can).
 *
 * How the interface grows. With a new minor version, new members stand at the end of the
 * descriptor, of kernel tables, of the host and of the operands of a call. Structs that are members
 * of others (matrices, vectors, labels, activations, and gemm, which fused_gemm holds) stay as they
 * are. struct_size says where the other side's struct ends; what lies behind counts as zero, and
 * members that the reader does not know are ignored. A library accepts every size from that of
 * version 1.0 on. Operands of a call have no struct_size: a plugin may read those that came with
 * minor version n if the abi_minor of its host is n or more.
 */
#ifndef LAMELLA_PLUGIN_H_
#define LAMELLA_PLUGIN_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A plugin is loaded if its major version is the library's and its minor version is not newer.
 * abi_minor says what a plugin needs, struct_size what it has: one that is built with a newer
 * header and works with an older library, too, may give an older abi_minor. */
#define LAMELLA_PLUGIN_ABI_MAJOR 1
#define LAMELLA_PLUGIN_ABI_MINOR 1

/* What kernels and `create` return. Any other value is an error as well, and is reported. */
enum {
  LAMELLA_PLUGIN_OK = 0,
  /* The computation failed. Training stops with an error, and the plugin is not called again. */
  LAMELLA_PLUGIN_FAILED = 1,
  LAMELLA_PLUGIN_OUT_OF_MEMORY = 2,
  /* Optional kernels only: nothing was written, lamella is to compose this call itself. */
  LAMELLA_PLUGIN_DECLINED = 3
};

/* Values of lamella_plugin_activation.kind. a is f(z), and NaN for z = NaN. "d times f'" in the
 * kernels below is the third column, where a decides: it is a choice for the first three kinds, and
 * no product. So relu gives +0 where a is 0, -0, negative or NaN, also for d = -1, infinity or NaN
 * (a product would give -0 and NaN). For tanh and sigmoid it is the product.
 *
 *              f(z)                               d times f', from a
 *   IDENTITY   z                                  d
 *   RELU       z if z > 0, else +0                d if a > 0, else +0
 *   LEAKY_RELU z if z >= 0 (so -0 stays), else    d if a > 0, else slope * d
 *              slope * z
 *   TANH       tanh(z)                            d * (1 - a * a)
 *   SIGMOID    1 / (1 + exp(-z))                  d * (a * (1 - a))
 */
enum {
  LAMELLA_PLUGIN_IDENTITY = 0,
  LAMELLA_PLUGIN_RELU = 1,
  LAMELLA_PLUGIN_LEAKY_RELU = 2,
  LAMELLA_PLUGIN_TANH = 3,
  LAMELLA_PLUGIN_SIGMOID = 4
};

typedef struct lamella_plugin_activation {
  int32_t kind;
  double slope; /* positive; LAMELLA_PLUGIN_LEAKY_RELU only */
} lamella_plugin_activation;

typedef struct lamella_plugin_labels {
  const int32_t* data;
  ptrdiff_t size, stride;
} lamella_plugin_labels;

typedef struct lamella_plugin_predictions {
  int32_t* data;
  ptrdiff_t size, stride;
} lamella_plugin_predictions;

/* The kernels, X(name, S) for each, in the order of their functions in lamella_plugin_kernels_f32
 * and lamella_plugin_kernels_f64. New ones are added at the end, with a new minor version. S is f32
 * or f64. The function of each is int (*NAME)(void* context, const lamella_plugin_NAME_S* call);
 */
#define LAMELLA_PLUGIN_REQUIRED_KERNELS(X, S) \
  X(gemm, S)                                  \
  X(bias_add, S)                              \
  X(softmax, S)                               \
  X(outer_product, S)
#define LAMELLA_PLUGIN_OPTIONAL_KERNELS(X, S) \
  X(fused_gemm, S)                            \
  X(activate, S)                              \
  X(activate_backward, S)                     \
  X(softmax_nll, S)                           \
  X(column_sums, S)                           \
  X(sgd_update, S)                            \
  /* since 1.1 */                             \
  X(adam_update, S)
#define LAMELLA_PLUGIN_FUNCTION(name, S) \
  int (*name)(void* context, const lamella_plugin_##name##_##S* call);

/* Everything that depends on the element type, declared for f32 (float) and f64 (double).
 *
 * Element (i, j) of a matrix is data[i * row_stride + j * col_stride], element i of a vector is
 * data[i * stride]. Any shape may be 0; then data may be null. Strides:
 *
 *   - A stride along a dimension of 0 or 1 elements means nothing and may have any value.
 *   - An operand that is only read may have any other strides that are not negative, in any order:
 *     a transpose is a view, and a stride of 0 repeats an element, a row or a column.
 *   - An operand that is written has strides of 1 or more, and its rows, or its columns, do not
 *     interleave: row_stride > (cols - 1) * col_stride, or col_stride > (rows - 1) * row_stride.
 *
 * Operands have been checked: shapes agree, and outputs overlap no input unless said so below.
 *
 * kernels: functions get the context that `create` made and may be called by several threads at
 * once, then with outputs that do not overlap. The first four are required. An optional one that is
 * null is composed of the others and of plain loops.
 *
 * Results need not have the bits of lamella's kernels, nor of the composition that they replace;
 * `lamella conformance` has bounds for their rounding. These must be equal bit for bit:
 *
 *   - the same call, repeated, in any thread, beside any other calls, for any number of threads;
 *   - fused_gemm, and what gemm, bias_add, activate and activate_backward give one after the other
 *     (the plugin's own, or lamella's where they are null);
 *   - activate of the same z, whatever the strides, in place or not;
 *   - softmax in place and not in place, with the same strides.
 *
 *   gemm               C <- alpha A B + beta C; A is m x k, B is k x n, C is m x n. With beta = 0,
 *                      C is only written: NaN in it must not survive. With k = 0 or alpha = 0 the
 *                      product is 0, whatever A and B hold.
 *   bias_add           c(i, j) <- c(i, j) + bias[j]
 *   softmax            each row of probabilities <- softmax of that row of logits, with the row's
 *                      maximum subtracted; both may be the same view. A row that holds NaN or +inf,
 *                      or only -inf, becomes NaN.
 *   outer_product      a(i, j) <- a(i, j) + alpha x[i] y[j]
 *
 *   fused_gemm         gemm, then c <- f(c + bias[j]), then c <- c times g', from
 *                      activation_output, where g is backward_of. bias.size and
 *                      activation_output.rows are 0 where there is none: nothing is added, or c
 *                      left as it is. activation_output has C's shape and holds values of g.
 *   activate           a(i, j) <- f(z(i, j)); both may be the same view
 *   activate_backward  d(i, j) <- d(i, j) times f', from a(i, j) = f(z)
 *   softmax_nll        for sample s with target t = (1 - e) onehot(labels[s]) + e / classes, where
 *                      e = label_smoothing, and w = weights[s], or 1 if weights.size is 0:
 *                      losses[s] = w (log sum_j exp z(s, j) - sum_j t_j z(s, j)),
 *                      gradient(s, j) = scale w (softmax_j - t_j), and, unless predictions.size is
 *                      0, predictions[s] = the first j of the largest logit. logits and gradient
 *                      may be the same view. Labels are in range.
 *   column_sums        sums[j] <- beta sums[j] + alpha sum_i a(i, j); beta as in gemm
 *   sgd_update         g = gradient + weight_decay w; v <- momentum v + g; w <- w - learning_rate v
 *                      (with nesterov: w <- w - learning_rate (g + momentum v)). velocity.rows is 0
 *                      where there is none; then v is g.
 *   adam_update        (since 1.1) g = gradient + weight_decay w;
 *                      first <- beta1 first + one_minus_beta1 g;
 *                      second <- beta2 second + one_minus_beta2 g g;
 *                      w <- weight_scale w - step_size first / (sqrt(second) + epsilon)
 */
#define LAMELLA_PLUGIN_DECLARE(S, T)                                                         \
  typedef struct lamella_plugin_matrix_##S {                                                 \
    T* data;                                                                                 \
    ptrdiff_t rows, cols, row_stride, col_stride;                                            \
  } lamella_plugin_matrix_##S;                                                               \
  typedef struct lamella_plugin_const_matrix_##S {                                           \
    const T* data;                                                                           \
    ptrdiff_t rows, cols, row_stride, col_stride;                                            \
  } lamella_plugin_const_matrix_##S;                                                         \
  typedef struct lamella_plugin_vector_##S {                                                 \
    T* data;                                                                                 \
    ptrdiff_t size, stride;                                                                  \
  } lamella_plugin_vector_##S;                                                               \
  typedef struct lamella_plugin_const_vector_##S {                                           \
    const T* data;                                                                           \
    ptrdiff_t size, stride;                                                                  \
  } lamella_plugin_const_vector_##S;                                                         \
                                                                                             \
  typedef struct lamella_plugin_gemm_##S {                                                   \
    T alpha;                                                                                 \
    lamella_plugin_const_matrix_##S a, b;                                                    \
    T beta;                                                                                  \
    lamella_plugin_matrix_##S c;                                                             \
  } lamella_plugin_gemm_##S;                                                                 \
  typedef struct lamella_plugin_bias_add_##S {                                               \
    lamella_plugin_const_vector_##S bias;                                                    \
    lamella_plugin_matrix_##S c;                                                             \
  } lamella_plugin_bias_add_##S;                                                             \
  typedef struct lamella_plugin_softmax_##S {                                                \
    lamella_plugin_const_matrix_##S logits;                                                  \
    lamella_plugin_matrix_##S probabilities;                                                 \
  } lamella_plugin_softmax_##S;                                                              \
  typedef struct lamella_plugin_outer_product_##S {                                          \
    T alpha;                                                                                 \
    lamella_plugin_const_vector_##S x, y;                                                    \
    lamella_plugin_matrix_##S a;                                                             \
  } lamella_plugin_outer_product_##S;                                                        \
  typedef struct lamella_plugin_fused_gemm_##S {                                             \
    lamella_plugin_gemm_##S gemm;                                                            \
    lamella_plugin_const_vector_##S bias;                                                    \
    lamella_plugin_activation activation;                                                    \
    lamella_plugin_const_matrix_##S activation_output;                                       \
    lamella_plugin_activation backward_of;                                                   \
  } lamella_plugin_fused_gemm_##S;                                                           \
  typedef struct lamella_plugin_activate_##S {                                               \
    lamella_plugin_activation activation;                                                    \
    lamella_plugin_const_matrix_##S z;                                                       \
    lamella_plugin_matrix_##S a;                                                             \
  } lamella_plugin_activate_##S;                                                             \
  typedef struct lamella_plugin_activate_backward_##S {                                      \
    lamella_plugin_activation activation;                                                    \
    lamella_plugin_const_matrix_##S a;                                                       \
    lamella_plugin_matrix_##S d;                                                             \
  } lamella_plugin_activate_backward_##S;                                                    \
  typedef struct lamella_plugin_softmax_nll_##S {                                            \
    lamella_plugin_const_matrix_##S logits;                                                  \
    lamella_plugin_labels labels;                                                            \
    lamella_plugin_const_vector_##S weights;                                                 \
    T label_smoothing, scale;                                                                \
    lamella_plugin_matrix_##S gradient;                                                      \
    lamella_plugin_vector_##S losses;                                                        \
    lamella_plugin_predictions predictions;                                                  \
  } lamella_plugin_softmax_nll_##S;                                                          \
  typedef struct lamella_plugin_column_sums_##S {                                            \
    T alpha;                                                                                 \
    lamella_plugin_const_matrix_##S a;                                                       \
    T beta;                                                                                  \
    lamella_plugin_vector_##S sums;                                                          \
  } lamella_plugin_column_sums_##S;                                                          \
  typedef struct lamella_plugin_sgd_update_##S {                                             \
    T learning_rate, momentum, weight_decay;                                                 \
    int32_t nesterov;                                                                        \
    lamella_plugin_const_matrix_##S gradient;                                                \
    lamella_plugin_matrix_##S velocity, weights;                                             \
  } lamella_plugin_sgd_update_##S;                                                           \
  typedef struct lamella_plugin_adam_update_##S {                                            \
    T beta1, one_minus_beta1, beta2, one_minus_beta2, weight_decay, weight_scale, step_size, \
        epsilon;                                                                             \
    lamella_plugin_const_matrix_##S gradient;                                                \
    lamella_plugin_matrix_##S first, second, weights;                                        \
  } lamella_plugin_adam_update_##S;                                                          \
                                                                                             \
  typedef struct lamella_plugin_kernels_##S {                                                \
    size_t struct_size; /* sizeof(lamella_plugin_kernels_...) */                             \
    LAMELLA_PLUGIN_REQUIRED_KERNELS(LAMELLA_PLUGIN_FUNCTION, S)                              \
    LAMELLA_PLUGIN_OPTIONAL_KERNELS(LAMELLA_PLUGIN_FUNCTION, S)                              \
  } lamella_plugin_kernels_##S

LAMELLA_PLUGIN_DECLARE(f32, float);
LAMELLA_PLUGIN_DECLARE(f64, double);
#undef LAMELLA_PLUGIN_DECLARE
#undef LAMELLA_PLUGIN_FUNCTION

/* What lamella offers a plugin. Valid from `create` until `destroy` returns, in any thread. */
typedef struct lamella_plugin_host {
  size_t struct_size;
  uint32_t abi_major, abi_minor; /* of the library */
  /* Most threads the plugin may use: request, LAMELLA_NUM_THREADS, affinity and quota allow it. */
  int32_t threads;
  /* Memory that starts on a 64-byte boundary, or null. Freed by `release` (null is allowed). */
  void* (*allocate)(size_t bytes);
  void (*release)(void* memory);
  /* A line of text for the user; shown on stderr when LAMELLA_VERBOSE is 1. */
  void (*log)(const struct lamella_plugin_host* host, const char* line);
  /* Calls body(argument, 0) ... body(argument, tasks - 1), each once, on at most `threads` threads
   * of lamella's; returns when all have returned. No body may wait for another. Inside a body it
   * runs on the calling thread. */
  void (*parallel_for)(const struct lamella_plugin_host* host, int32_t tasks,
                       void (*body)(void* argument, int32_t task), void* argument);
} lamella_plugin_host;

typedef struct lamella_plugin_descriptor {
  /* The first three members are the same in every version there will ever be. */
  size_t struct_size; /* sizeof(lamella_plugin_descriptor) */
  uint32_t abi_major; /* LAMELLA_PLUGIN_ABI_MAJOR */
  uint32_t abi_minor; /* LAMELLA_PLUGIN_ABI_MINOR */
  /* 1 to 64 of a-z, 0-9, - and _; not the name of a built-in backend. The file that is found by
   * this name is called lamella-NAME.so or liblamella-NAME.so. */
  const char* name;
  const char* description; /* a few words for `lamella info`, cut after 200 bytes; may be null */
  /* Makes the context that every kernel gets. Both may be null: then the context is. If create
   * returns anything but LAMELLA_PLUGIN_OK, the plugin is not used and destroy not called. */
  int (*create)(const lamella_plugin_host* host, void** context);
  void (*destroy)(void* context);
  const lamella_plugin_kernels_f32* f32;
  const lamella_plugin_kernels_f64* f64;
} lamella_plugin_descriptor;

/* What a plugin defines, and the only symbol it must export. */
#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
extern const lamella_plugin_descriptor lamella_plugin;

#ifdef __cplusplus
}
#endif

#endif /* LAMELLA_PLUGIN_H_ */
