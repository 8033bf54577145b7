/* A complete lamella backend: matrix products by the CBLAS that it is linked to, the rest as loops.
 *
 * kernels.inc holds the kernels, which are the same for float and double but for names.
 */
#include <cblas.h>
#include <limits.h>
#include <math.h>

#include <lamella/plugin.h>

/* What create() makes, and every kernel gets as its context. */
typedef struct backend {
  const lamella_plugin_host* host;
} backend;

#define T float
#define KERNEL(name) name##_f32
#define TYPE(name) lamella_plugin_##name##_f32
#define GEMM cblas_sgemm
#define EXP expf
#include "kernels.inc"
#undef T
#undef KERNEL
#undef TYPE
#undef GEMM
#undef EXP

#define T double
#define KERNEL(name) name##_f64
#define TYPE(name) lamella_plugin_##name##_f64
#define GEMM cblas_dgemm
#define EXP exp
#include "kernels.inc"

/* One thread inside of CBLAS: products are cut into tasks for lamella's threads (kernels.inc).
 * Threads of its own would stand beside those, wait for each other in every product, and make
 * results depend on their number. The setting is one of the whole process, as it is in all three
 * libraries. */
#if defined(HAVE_OPENBLAS_SET_NUM_THREADS)
void openblas_set_num_threads(int threads);
static void use_one_thread(void) { openblas_set_num_threads(1); }
#elif defined(HAVE_BLI_THREAD_SET_NUM_THREADS)
void bli_thread_set_num_threads(ptrdiff_t threads);
static void use_one_thread(void) { bli_thread_set_num_threads(1); }
#elif defined(HAVE_MKL_SET_NUM_THREADS)
void MKL_Set_Num_Threads(int threads);
static void use_one_thread(void) { MKL_Set_Num_Threads(1); }
#else
static void use_one_thread(void) {}
#endif

static int create(const lamella_plugin_host* host, void** context) {
  backend* self = host->allocate(sizeof(backend));
  if (self == NULL) return LAMELLA_PLUGIN_OUT_OF_MEMORY;
  self->host = host; /* valid until destroy() returns */
  use_one_thread();
  *context = self;
  return LAMELLA_PLUGIN_OK;
}

static void destroy(void* context) {
  backend* self = context;
  self->host->release(self);
}

static const lamella_plugin_kernels_f32 kernels_f32 = {
    .struct_size = sizeof(lamella_plugin_kernels_f32),
    .gemm = gemm_f32,
    .bias_add = bias_add_f32,
    .softmax = softmax_f32,
    .outer_product = outer_product_f32,
};

static const lamella_plugin_kernels_f64 kernels_f64 = {
    .struct_size = sizeof(lamella_plugin_kernels_f64),
    .gemm = gemm_f64,
    .bias_add = bias_add_f64,
    .softmax = softmax_f64,
    .outer_product = outer_product_f64,
};

const lamella_plugin_descriptor lamella_plugin = {
    .struct_size = sizeof(lamella_plugin_descriptor),
    .abi_major = LAMELLA_PLUGIN_ABI_MAJOR,
    .abi_minor = LAMELLA_PLUGIN_ABI_MINOR,
    .name = "cblas",
    .description = "matrix products by CBLAS",
    .create = create,
    .destroy = destroy,
    .f32 = &kernels_f32,
    .f64 = &kernels_f64,
};
