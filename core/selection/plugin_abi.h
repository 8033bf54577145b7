// How structs of <lamella/plugin.h> of another version are read, and the sizes that never change.
//
// Structs grow at their end. So a plugin's struct may be shorter than this library's, if the plugin
// is older, or longer, if its header is newer. A size that is compared with here is that of a
// version that was released, and never sizeof a struct of this version: that one grows.
#ifndef LAMELLA_CORE_SELECTION_PLUGIN_ABI_H_
#define LAMELLA_CORE_SELECTION_PLUGIN_ABI_H_

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <type_traits>

#include <lamella/plugin.h>

namespace lamella::detail {

/// Where a member ends. For the last member of a version, that is the size that the struct had.
#define LAMELLA_END_OF(Struct, member) (offsetof(Struct, member) + sizeof(Struct::member))

/// Of a descriptor of any version, also of a future major one.
inline constexpr std::size_t kVersionSize = LAMELLA_END_OF(lamella_plugin_descriptor, abi_minor);
inline constexpr std::size_t kDescriptorSize1_0 =
    offsetof(lamella_plugin_descriptor, f64) + sizeof(void*);
/// The shortest table that works. Version 1.0 had more, but all that follows is optional.
inline constexpr std::size_t kRequiredKernelsSize =
    LAMELLA_END_OF(lamella_plugin_kernels_f32, outer_product);
inline constexpr std::size_t kKernelsSize1_0 =
    LAMELLA_END_OF(lamella_plugin_kernels_f32, sgd_update);
inline constexpr std::size_t kKernelsSize1_1 =
    LAMELLA_END_OF(lamella_plugin_kernels_f32, adam_update);
/// Larger than any struct will ever be: a greater number is not a size.
inline constexpr std::size_t kLargestStruct = 4096;

// Plugins have been built with these numbers. One that changes breaks all of them: a new member
// stands at the end, with a new size of its own.
static_assert(kVersionSize == sizeof(std::size_t) + 8);
static_assert(kRequiredKernelsSize == sizeof(std::size_t) + 4 * sizeof(void (*)()));
static_assert(kKernelsSize1_0 == sizeof(std::size_t) + 10 * sizeof(void (*)()));
static_assert(kKernelsSize1_1 == sizeof(std::size_t) + 11 * sizeof(void (*)()));
static_assert(kKernelsSize1_0 == LAMELLA_END_OF(lamella_plugin_kernels_f64, sgd_update));
static_assert(kKernelsSize1_1 == LAMELLA_END_OF(lamella_plugin_kernels_f64, adam_update));
static_assert(kDescriptorSize1_0 == kVersionSize + 6 * sizeof(void*));
#if defined(__LP64__)
static_assert(kVersionSize == 16 && kDescriptorSize1_0 == 64);
static_assert(kRequiredKernelsSize == 40 && kKernelsSize1_0 == 88 && kKernelsSize1_1 == 96);
static_assert(offsetof(lamella_plugin_descriptor, name) == 16);
static_assert(offsetof(lamella_plugin_descriptor, create) == 32);
static_assert(offsetof(lamella_plugin_descriptor, f32) == 48);

// What the library hands out. A plugin that was built with version 1.0 reads these places.
static_assert(offsetof(lamella_plugin_host, threads) == 16);
static_assert(offsetof(lamella_plugin_host, allocate) == 24);
static_assert(LAMELLA_END_OF(lamella_plugin_host, parallel_for) == 56);

// Structs that are members of others can never grow.
static_assert(sizeof(lamella_plugin_activation) == 16);
static_assert(sizeof(lamella_plugin_labels) == 24 && sizeof(lamella_plugin_predictions) == 24);
static_assert(sizeof(lamella_plugin_matrix_f32) == 40 && sizeof(lamella_plugin_matrix_f64) == 40);
static_assert(sizeof(lamella_plugin_const_matrix_f32) == 40);
static_assert(sizeof(lamella_plugin_const_matrix_f64) == 40);
static_assert(sizeof(lamella_plugin_vector_f32) == 24 && sizeof(lamella_plugin_vector_f64) == 24);
static_assert(sizeof(lamella_plugin_const_vector_f32) == 24);
static_assert(sizeof(lamella_plugin_const_vector_f64) == 24);
static_assert(sizeof(lamella_plugin_gemm_f32) == 136 && sizeof(lamella_plugin_gemm_f64) == 136);

// The operands of kernels. Each ends where it ended in the version that brought it.
#define LAMELLA_ENDS(name, last, f32_size, f64_size)                              \
  static_assert(LAMELLA_END_OF(lamella_plugin_##name##_f32, last) == (f32_size)); \
  static_assert(LAMELLA_END_OF(lamella_plugin_##name##_f64, last) == (f64_size));
LAMELLA_ENDS(gemm, c, 136, 136)
LAMELLA_ENDS(bias_add, c, 64, 64)
LAMELLA_ENDS(softmax, probabilities, 80, 80)
LAMELLA_ENDS(outer_product, a, 96, 96)
LAMELLA_ENDS(fused_gemm, backward_of, 232, 232)
LAMELLA_ENDS(activate, a, 96, 96)
LAMELLA_ENDS(activate_backward, d, 96, 96)
LAMELLA_ENDS(softmax_nll, predictions, 184, 192)
LAMELLA_ENDS(column_sums, sums, 80, 80)
LAMELLA_ENDS(sgd_update, weights, 136, 152)
LAMELLA_ENDS(adam_update, weights, 192, 224)
#undef LAMELLA_ENDS
#endif
#undef LAMELLA_END_OF

/// Whether a struct_size is one that some version may have: `least` bytes at least, whole members,
/// and not absurdly many.
constexpr bool plausible_size(std::size_t size, std::size_t least) {
  return size >= least && size <= kLargestStruct && size % alignof(void*) == 0;
}

/// The struct at `theirs`, which is `size` bytes long there. Members that it does not have are
/// zero; what it has in addition is left out. `theirs` need not be aligned.
template <class Struct>
Struct copy_struct(const void* theirs, std::size_t size) {
  static_assert(std::is_trivially_copyable_v<Struct>);
  Struct ours{};
  std::memcpy(&ours, theirs, std::min(size, sizeof ours));
  return ours;
}

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_SELECTION_PLUGIN_ABI_H_
