/* Trains a classifier on arrays, saves it, loads it again and predicts: the C interface on one
 * page.
 *
 *   c_api MODEL.safetensors
 */
#include <stdio.h>
#include <stdlib.h>

#include <lamella/lamella.h>

#define SAMPLES 400

/* Tells how training goes; not 0 would end it. */
static int on_epoch(void* context, const lamella_epoch* epoch) {
  (void)context;
  if (epoch->epoch % 10 == 0)
    printf("epoch %ld: loss %.3f, accuracy %.3f\n", (long)epoch->epoch, epoch->loss,
           epoch->accuracy);
  return 0;
}

static int fail(const char* what) {
  fprintf(stderr, "c_api: %s: %s\n", what, lamella_last_error());
  return EXIT_FAILURE;
}

int main(int argc, char** argv) {
  static float x[SAMPLES][2];
  static int32_t labels[SAMPLES];
  const ptrdiff_t hidden[] = {16};
  const float question[2][2] = {{0.9f, 0.9f}, {0.9f, -0.9f}};
  float answer[2][2];
  lamella_train_options options;
  lamella_backend* backend;
  lamella_model *model, *loaded;
  int i, status;

  if (argc != 2) {
    fprintf(stderr, "usage: c_api MODEL.safetensors\n");
    return 2;
  }
  /* Points of a square; class 1 where both coordinates have the same sign. */
  for (i = 0; i < SAMPLES; ++i) {
    const int column = i % 20, row = i / 20;
    x[i][0] = (float)column / 9.5f - 1.0f;
    x[i][1] = (float)row / 9.5f - 1.0f;
    labels[i] = x[i][0] * x[i][1] > 0;
  }

  /* Nulls and zeros: the best backend of this machine, unless the environment says otherwise. */
  if (lamella_backend_create(NULL, NULL, 0, &backend) != LAMELLA_OK) return fail("backend");
  printf("lamella %s, backend %s\n", lamella_version(), lamella_backend_name(backend));

  lamella_train_options_init(&options, sizeof options);
  options.hidden = hidden;
  options.hidden_layers = 1;
  options.epochs = 50;
  options.batch_size = 16;
  options.momentum = 0.9;
  options.on_epoch = on_epoch;
  if (lamella_train_f32(&x[0][0], labels, SAMPLES, 2, &options, backend, &model) != LAMELLA_OK)
    return fail("training");
  status = lamella_model_save(model, argv[1]);
  lamella_model_destroy(model);
  if (status != LAMELLA_OK) return fail("saving");

  if (lamella_model_load(argv[1], backend, &loaded) != LAMELLA_OK) return fail("loading");
  lamella_backend_destroy(backend); /* the model goes on using it */
  if (lamella_model_predict_f32(loaded, &question[0][0], 2, &answer[0][0]) != LAMELLA_OK)
    return fail("prediction");
  for (i = 0; i < 2; ++i)
    printf("(%g, %g) is of class %s\n", question[i][0], question[i][1],
           lamella_model_class_name(loaded, answer[i][1] > answer[i][0]));
  lamella_model_destroy(loaded);
  return answer[0][1] > 0.5f && answer[1][0] > 0.5f ? EXIT_SUCCESS : EXIT_FAILURE;
}
