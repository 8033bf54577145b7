/* The plugins of plugin_test.cpp: the example's kernels behind a descriptor that, by VARIANT_...,
 * is right or wrong in one way. What must not be called by then aborts.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lamella/plugin.h>

/* A kernel that a variant leaves out is unused. (Not an option: clang heeds the last one.) */
#pragma GCC diagnostic ignored "-Wunused-function"

#define T float
#define KERNEL(name) name##_f32
#define CALL(name) lamella_plugin_##name##_f32
#define EXP expf
#include "examples/plugin-minimal/kernels.inc"
#undef T
#undef KERNEL
#undef CALL
#undef EXP

#define T double
#define KERNEL(name) name##_f64
#define CALL(name) lamella_plugin_##name##_f64
#define EXP exp
#include "examples/plugin-minimal/kernels.inc"

#define GEMM_F32 gemm_f32
#define GEMM_F64 gemm_f64
#define BIAS_ADD_F32 bias_add_f32
#define SOFTMAX_F64 softmax_f64
#define CREATE NULL
#define DESTROY NULL
#define NAME VARIANT_NAME
#define MAJOR LAMELLA_PLUGIN_ABI_MAJOR
#define MINOR LAMELLA_PLUGIN_ABI_MINOR
#define DESCRIPTOR_SIZE sizeof(lamella_plugin_descriptor)
#define KERNELS_SIZE sizeof(lamella_plugin_kernels_f32)
#define F32 &kernels_f32
#define F64 &kernels_f64
#define DESCRIPTION "a plugin of the tests"

#include "tests/selection/plugins/faults.inc"
#include "tests/selection/plugins/process.inc"

#if defined(VARIANT_hosted)
/* Uses every service of the host, and the context. */
static void square(void* argument, int32_t task) { ((int*)argument)[task] = task * task; }

static int hosted_create(const lamella_plugin_host* host, void** context) {
  char line[200];
  int squares[100] = {0};
  int sum = 0;
  void* memory = host->allocate(1000);
  if (host->struct_size != sizeof *host || host->abi_major != LAMELLA_PLUGIN_ABI_MAJOR ||
      memory == NULL || (uintptr_t)memory % 64 != 0)
    return LAMELLA_PLUGIN_FAILED;
  host->release(memory);
  host->release(NULL);
  host->parallel_for(host, 100, square, squares);
  host->parallel_for(host, 0, square, NULL);
  for (int i = 0; i < 100; ++i) sum += squares[i];
  snprintf(line, sizeof line, "created with %d threads, sum %d", (int)host->threads, sum);
  host->log(host, line);
  *context = (void*)host;
  return LAMELLA_PLUGIN_OK;
}
static void hosted_destroy(void* context) {
  const lamella_plugin_host* host = context;
  host->log(host, "destroyed");
}
static int hosted_gemm_f32(void* context, const lamella_plugin_gemm_f32* call) {
  const lamella_plugin_host* host = context;
  host->log(host, "gemm");
  return gemm_f32(context, call);
}
#undef CREATE
#define CREATE hosted_create
#undef DESTROY
#define DESTROY hosted_destroy
#undef GEMM_F32
#define GEMM_F32 hosted_gemm_f32

#elif defined(VARIANT_failing)
/* gemm fails after ten calls that work, or as many as LAMELLA_TEST_CALLS says. */
static int calls_left = -1, failed = 0;
static int failing_gemm_f32(void* context, const lamella_plugin_gemm_f32* call) {
  const char* calls = getenv("LAMELLA_TEST_CALLS");
  if (failed) abort(); /* called again after its failure */
  if (calls_left < 0) calls_left = calls != NULL ? atoi(calls) : 10;
  failed = calls_left-- == 0;
  return failed ? LAMELLA_PLUGIN_OUT_OF_MEMORY : gemm_f32(context, call);
}
#undef GEMM_F32
#define GEMM_F32 failing_gemm_f32

#elif defined(VARIANT_failing_create)
static int failing_create(const lamella_plugin_host* host, void** context) {
  (void)host;
  *context = NULL;
  return 42;
}
static void not_destroyed(void* context) {
  (void)context;
  abort();
}
#undef CREATE
#define CREATE failing_create
#undef DESTROY
#define DESTROY not_destroyed

#elif defined(VARIANT_unresolved)
extern int lamella_test_function_that_does_not_exist(const lamella_plugin_host*, void**);
#undef CREATE
#define CREATE lamella_test_function_that_does_not_exist

#elif defined(VARIANT_wrong_major)
#undef MAJOR
#define MAJOR (LAMELLA_PLUGIN_ABI_MAJOR + 1)
#elif defined(VARIANT_newer_minor)
#undef MINOR
#define MINOR (LAMELLA_PLUGIN_ABI_MINOR + 1)
#elif defined(VARIANT_short_descriptor)
#undef DESCRIPTOR_SIZE
#define DESCRIPTOR_SIZE offsetof(lamella_plugin_descriptor, f64)
#elif defined(VARIANT_short_kernels)
#undef KERNELS_SIZE
#define KERNELS_SIZE offsetof(lamella_plugin_kernels_f32, outer_product)
#elif defined(VARIANT_older)
#undef KERNELS_SIZE
#define KERNELS_SIZE offsetof(lamella_plugin_kernels_f32, activate)
#elif defined(VARIANT_version_1_0)
/* As a compiler made it of the header of 1.0: adam_update did not exist. */
#undef KERNELS_SIZE
#define KERNELS_SIZE offsetof(lamella_plugin_kernels_f32, adam_update)
#undef MINOR
#define MINOR 0
#elif defined(VARIANT_longer)
/* As of a newer header, whose members this library does not know. */
#undef DESCRIPTOR_SIZE
#define DESCRIPTOR_SIZE (sizeof(lamella_plugin_descriptor) + 64)
#undef KERNELS_SIZE
#define KERNELS_SIZE (sizeof(lamella_plugin_kernels_f32) + 64)
#undef F32
#define F32 &longer_f32.known
#undef F64
#define F64 &longer_f64.known
#elif defined(VARIANT_size_zero)
#undef DESCRIPTOR_SIZE
#define DESCRIPTOR_SIZE 0
#elif defined(VARIANT_size_huge)
#undef DESCRIPTOR_SIZE
#define DESCRIPTOR_SIZE (SIZE_MAX / 8 * 8)
#elif defined(VARIANT_size_odd)
#undef DESCRIPTOR_SIZE
#define DESCRIPTOR_SIZE (sizeof(lamella_plugin_descriptor) + 3)
#elif defined(VARIANT_size_of_more)
#undef DESCRIPTOR_SIZE
#define DESCRIPTOR_SIZE 4096
#elif defined(VARIANT_kernels_zero)
#undef KERNELS_SIZE
#define KERNELS_SIZE 0
#elif defined(VARIANT_kernels_huge)
#undef KERNELS_SIZE
#define KERNELS_SIZE (SIZE_MAX / 8 * 8)
#elif defined(VARIANT_kernels_odd)
/* Half of a pointer is no kernel. */
#undef KERNELS_SIZE
#define KERNELS_SIZE (offsetof(lamella_plugin_kernels_f32, activate) - 4)
#elif defined(VARIANT_null_kernel)
#undef SOFTMAX_F64
#define SOFTMAX_F64 NULL
#elif defined(VARIANT_no_f32)
#undef F32
#define F32 NULL
#elif defined(VARIANT_no_f64)
#undef F64
#define F64 NULL
#elif defined(VARIANT_no_name)
#undef NAME
#define NAME NULL
#elif defined(VARIANT_bad_name)
#undef NAME
#define NAME "Bad name"
#elif defined(VARIANT_empty_name)
#undef NAME
#define NAME ""
#elif defined(VARIANT_endless_name)
static const char endless[65] = /* no zero byte ends it */
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
#undef NAME
#define NAME endless
#elif defined(VARIANT_long_description)
static char long_text[10000];
__attribute__((constructor)) static void fill_text(void) { memset(long_text, 'd', 9999); }
#undef DESCRIPTION
#define DESCRIPTION long_text
#elif defined(VARIANT_misnamed)
#undef NAME
#define NAME "somebody_else"
#endif

/* Plugins that are refused must be refused before this. */
#if defined(VARIANT_REFUSED)
static int must_not_be_called(const lamella_plugin_host* host, void** context) {
  (void)host;
  (void)context;
  abort();
}
#undef CREATE
#define CREATE must_not_be_called
#endif

#ifndef OPTIONAL_F32
#define OPTIONAL_F32
#endif

#if defined(VARIANT_optional)
/* Kernels that give results of their own, to show that they were called. */
static int odd_activate_f32(void* context, const lamella_plugin_activate_f32* call) {
  (void)context;
  for (ptrdiff_t i = 0; i < call->a.rows; ++i)
    for (ptrdiff_t j = 0; j < call->a.cols; ++j)
      call->a.data[i * call->a.row_stride + j * call->a.col_stride] =
          (float)(100 * call->activation.kind) + (float)call->activation.slope;
  return LAMELLA_PLUGIN_OK;
}
static int odd_adam_update_f32(void* context, const lamella_plugin_adam_update_f32* call) {
  /* An octal digit for each factor, in the order of AdamUpdate: no two can be exchanged unseen. */
  const float factors[] = {call->beta1,           call->one_minus_beta1, call->beta2,
                           call->one_minus_beta2, call->weight_decay,    call->weight_scale,
                           call->step_size,       call->epsilon};
  float value = 0;
  (void)context;
  for (int i = 0; i < 8; ++i) value = 8 * value + factors[i];
  for (ptrdiff_t i = 0; i < call->weights.rows; ++i)
    for (ptrdiff_t j = 0; j < call->weights.cols; ++j)
      call->weights.data[i * call->weights.row_stride + j * call->weights.col_stride] = value;
  return LAMELLA_PLUGIN_OK;
}
#endif

#if defined(VARIANT_declining)
/* Every optional kernel, and each declines. */
#define DECLINE(name, S)                                                                    \
  static int decline_##name##_##S(void* context, const lamella_plugin_##name##_##S* call) { \
    (void)context;                                                                          \
    (void)call;                                                                             \
    return LAMELLA_PLUGIN_DECLINED;                                                         \
  }
LAMELLA_PLUGIN_OPTIONAL_KERNELS(DECLINE, f32)
LAMELLA_PLUGIN_OPTIONAL_KERNELS(DECLINE, f64)
#define DECLINING(name, S) .name = decline_##name##_##S,
#endif

static const lamella_plugin_kernels_f32 kernels_f32 = {
    .struct_size = KERNELS_SIZE,
    .gemm = GEMM_F32,
    .bias_add = BIAS_ADD_F32,
    .softmax = softmax_f32,
    .outer_product = outer_product_f32,
    OPTIONAL_F32
#if defined(VARIANT_optional)
        .activate = odd_activate_f32,
    .adam_update = odd_adam_update_f32,
#elif defined(VARIANT_version_1_0)
        .adam_update = (int (*)(void*, const lamella_plugin_adam_update_f32*))16,
#elif defined(VARIANT_older)
        /* Not part of the struct by its size: whatever stands here must not be called. */
        .activate = (int (*)(void*, const lamella_plugin_activate_f32*))16,
    .sgd_update = (int (*)(void*, const lamella_plugin_sgd_update_f32*))16,
    .adam_update = (int (*)(void*, const lamella_plugin_adam_update_f32*))16,
#elif defined(VARIANT_declining)
        LAMELLA_PLUGIN_OPTIONAL_KERNELS(DECLINING, f32)
#endif
};

#if defined(VARIANT_no_f32)
__attribute__((unused)) static const lamella_plugin_kernels_f32* const not_used = &kernels_f32;
#endif
#ifndef VARIANT_no_f64
static const lamella_plugin_kernels_f64 kernels_f64 = {
    .struct_size = KERNELS_SIZE,
    .gemm = GEMM_F64,
    .bias_add = bias_add_f64,
    .softmax = SOFTMAX_F64,
    .outer_product = outer_product_f64,
#if defined(VARIANT_declining)
    LAMELLA_PLUGIN_OPTIONAL_KERNELS(DECLINING, f64)
#endif
};
#endif

#if defined(VARIANT_longer)
#define GARBAGE "garbage garbage garbage garbage garbage garbage garbage garbage"
struct longer_descriptor {
  lamella_plugin_descriptor known;
  char unknown[64];
};
struct longer_kernels_f32 {
  lamella_plugin_kernels_f32 known;
  char unknown[64];
};
static struct longer_kernels_f32 longer_f32 = {.unknown = GARBAGE};
static struct {
  lamella_plugin_kernels_f64 known;
  char unknown[64];
} longer_f64 = {.unknown = GARBAGE};
__attribute__((constructor)) static void fill_tables(void) {
  longer_f32.known = kernels_f32;
  longer_f64.known = kernels_f64;
}
__attribute__((visibility("default"))) extern const struct longer_descriptor longer __asm__(
    "lamella_plugin");
#define DEFINED const struct longer_descriptor longer
#define BEGIN \
  {           \
    .known = {
#define END            \
  }                    \
  , .unknown = GARBAGE \
  }
#elif defined(VARIANT_no_symbol)
#define lamella_plugin lamella_plugin_by_another_name
__attribute__((visibility("default"))) extern const lamella_plugin_descriptor lamella_plugin;
#elif defined(VARIANT_function) || defined(VARIANT_too_small)
/* The symbol is there, and something else. */
#if defined(VARIANT_function)
__attribute__((visibility("default"))) void other(void) __asm__("lamella_plugin");
void other(void) { abort(); }
#else
__asm__(/* sanitizers make objects of the compiler's longer */
        ".section .rodata\n"
        ".globl lamella_plugin\n"
        ".type lamella_plugin, %object\n"
        ".size lamella_plugin, 4\n"
        "lamella_plugin: .long 1\n"
        ".text\n");
#endif
#define DEFINED __attribute__((unused)) static const lamella_plugin_descriptor descriptor
#endif

#ifndef DEFINED
#define DEFINED const lamella_plugin_descriptor lamella_plugin
#endif
#ifndef BEGIN
#define BEGIN {
#define END }
#endif
/* clang-format off: the braces are those of BEGIN and END. */
DEFINED = BEGIN.struct_size = DESCRIPTOR_SIZE, .abi_major = MAJOR, .abi_minor = MINOR, .name = NAME,
          .description = DESCRIPTION, .create = CREATE, .destroy = DESTROY, .f32 = F32, .f64 = F64,
          END;
/* clang-format on */
