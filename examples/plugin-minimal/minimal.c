/* A complete lamella backend in plain C: the four required kernels, for float and double.
 *
 * Everything else (fused products, activations, loss, updates) lamella composes of these, so this
 * plugin trains networks. A fast one fills in the optional kernels that it can do better.
 */
#include <math.h>

#include <lamella/plugin.h>

#define T float
#define KERNEL(name) name##_f32
#define CALL(name) lamella_plugin_##name##_f32
#define EXP expf
#include "kernels.inc"
#undef T
#undef KERNEL
#undef CALL
#undef EXP

#define T double
#define KERNEL(name) name##_f64
#define CALL(name) lamella_plugin_##name##_f64
#define EXP exp
#include "kernels.inc"

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
    .name = "minimal",
    .description = "the example: four plain loops",
    .f32 = &kernels_f32,
    .f64 = &kernels_f64,
};
