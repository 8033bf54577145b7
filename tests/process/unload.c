/* Loads the shared library, computes on a thread that lives on, and unloads it, again and again.
   Arguments: its path, and how often. It must have cblas_sgemm or lamella_train_f32. */
#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lamella/lamella.h>

enum { N = 160, SAMPLES = 200, FEATURES = 60, CLASSES = 5 };

typedef void (*sgemm_function)(int, int, int, int, int, int, float, const float*, int, const float*,
                               int, float, float*, int);
typedef int (*train_function)(const float*, const int32_t*, ptrdiff_t, ptrdiff_t,
                              const lamella_train_options*, const lamella_backend*,
                              lamella_model**);
typedef void (*destroy_function)(lamella_model*);

static const char* path;
static int rounds;
static int failures;

/* Functions that dlsym() gives are copied, as POSIX says: a cast would not be C. */
static int find(void* library, const char* name, void* function) {
  void* const symbol = dlsym(library, name);
  memcpy(function, &symbol, sizeof symbol);
  return symbol != NULL;
}

static int multiply(sgemm_function sgemm) {
  static float a[N * N], c[N * N];
  for (int i = 0; i < N * N; ++i) a[i] = 1;
  sgemm(101, 111, 111, N, N, N, 1, a, N, a, N, 0, c, N);
  for (int i = 0; i < N * N; ++i)
    if (c[i] != N) return 0;
  return 1;
}

static int train(train_function function, destroy_function destroy) {
  static float x[SAMPLES * FEATURES];
  static int32_t y[SAMPLES];
  lamella_model* model = NULL;
  for (int i = 0; i < SAMPLES; ++i) {
    y[i] = i % CLASSES;
    for (int j = 0; j < FEATURES; ++j) x[i * FEATURES + j] = (float)((i * 31 + j * 17) % 101) / 101;
  }
  if (function(x, y, SAMPLES, FEATURES, NULL, NULL, &model) != 0) return 0;
  destroy(model);
  return 1;
}

static void* load_use_unload(void* unused) {
  (void)unused;
  for (int i = 0; i < rounds; ++i) {
    sgemm_function sgemm;
    train_function training;
    destroy_function destroy;
    void* const library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
      fprintf(stderr, "%s\n", dlerror());
      ++failures;
      return NULL;
    }
    if (find(library, "cblas_sgemm", &sgemm))
      failures += !multiply(sgemm);
    else if (find(library, "lamella_train_f32", &training) &&
             find(library, "lamella_model_destroy", &destroy))
      failures += !train(training, destroy);
    else
      ++failures;
    if (dlclose(library) != 0) ++failures;
    /* It has stayed where it was: threads of its backends may be on their way out of it. */
    if (dlopen(path, RTLD_NOW | RTLD_NOLOAD) != library || dlclose(library) != 0) ++failures;
  }
  return NULL;
}

int main(int argc, char** argv) {
  pthread_t thread;
  if (argc != 3) {
    fprintf(stderr, "usage: unload LIBRARY TIMES\n");
    return 2;
  }
  path = argv[1];
  rounds = (int)strtol(argv[2], NULL, 10);
  alarm(60);
  /* The thread ends after the last dlclose(), and then main does the same once more. */
  if (pthread_create(&thread, NULL, load_use_unload, NULL) != 0) return 4;
  pthread_join(thread, NULL);
  rounds = 1;
  load_use_unload(NULL);
  printf("%d failures\n", failures);
  return failures != 0;
}
