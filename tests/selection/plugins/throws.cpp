// Plugins in C++ whose functions let exceptions out, which none may do.
#include <stdexcept>

#include <lamella/plugin.h>

// What a plugin leaves out is null.
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

namespace {

template <class Call>
int throwing(void*, const Call*) {
  throw std::runtime_error("from a kernel");
}

#ifdef VARIANT_throws_in_create
int create(const lamella_plugin_host*, void**) { throw std::runtime_error("from create"); }
#endif

const lamella_plugin_kernels_f32 kernels_f32 = {.struct_size = sizeof(lamella_plugin_kernels_f32),
                                                .gemm = throwing,
                                                .bias_add = throwing,
                                                .softmax = throwing,
                                                .outer_product = throwing,
                                                .activate = throwing};
const lamella_plugin_kernels_f64 kernels_f64 = {.struct_size = sizeof(lamella_plugin_kernels_f64),
                                                .gemm = throwing,
                                                .bias_add = throwing,
                                                .softmax = throwing,
                                                .outer_product = throwing,
                                                .activate = throwing};

}  // namespace

const lamella_plugin_descriptor lamella_plugin = {.struct_size = sizeof(lamella_plugin_descriptor),
                                                  .abi_major = LAMELLA_PLUGIN_ABI_MAJOR,
                                                  .abi_minor = LAMELLA_PLUGIN_ABI_MINOR,
                                                  .name = VARIANT_NAME,
                                                  .description = "a plugin of the tests",
#ifdef VARIANT_throws_in_create
                                                  .create = create,
#endif
                                                  .f32 = &kernels_f32,
                                                  .f64 = &kernels_f64};
