/* lamella for C, and for languages that can call C: load or train a model, predict with it.
 *
 * The same library as the C++ interface (network.h and its neighbours), which does more. C99 and
 * C++.
 *
 * Functions that can fail return a status, LAMELLA_OK (0) or the kind of error;
 * lamella_last_error() then says in words what was wrong. Matrices are row-major without padding,
 * one sample a row. Strings are UTF-8 and end in a zero byte. No function prints, aborts or throws.
 *
 * Threads: any number of them may use one backend or one model at the same time, as long as none
 * destroys it.
 */
#ifndef LAMELLA_LAMELLA_H_
#define LAMELLA_LAMELLA_H_

#include <stddef.h>
#include <stdint.h>

#include <lamella/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What functions return. */
enum lamella_status {
  LAMELLA_OK = 0,
  LAMELLA_ERROR_ARGUMENT = 1, /**< the caller's mistake: null pointer, wrong size, bad option */
  LAMELLA_ERROR_DATA = 2,     /**< a file or data set whose content is not what it should be */
  LAMELLA_ERROR_IO = 3,       /**< the operating system refused: no such file, disk full */
  LAMELLA_ERROR_BACKEND = 4,  /**< a backend that is unknown, unusable here, or has failed */
  LAMELLA_ERROR_TRAINING = 5, /**< the loss is no longer finite */
  LAMELLA_ERROR_MEMORY = 6,   /**< memory ran out */
  LAMELLA_ERROR_INTERNAL = 7  /**< anything else: a fault of lamella's */
};

/** Kernels that were chosen at run time. */
typedef struct lamella_backend lamella_backend;
/** A network, its class names, and the preprocessing of its features. */
typedef struct lamella_model lamella_model;

/** "major.minor.patch" of the library. */
LAMELLA_API const char* lamella_version(void);

/** The reason why the last failed call of this thread failed; empty if none has. At most 1023
 * bytes: a longer text loses its middle. Valid until the thread's next call that fails. Works when
 * memory has run out, and while a thread or the process ends. */
LAMELLA_API const char* lamella_last_error(void);

/** Chooses a backend. `name` is auto, scalar, simd, openmp, tbb, or a plugin's name or path; `isa`
 * the highest instruction set to use (baseline, avx2, avx512, neon); `threads` the most threads.
 * What is null or 0 is left to the environment (LAMELLA_BACKEND, LAMELLA_ISA, LAMELLA_NUM_THREADS),
 * then to lamella. On success *backend is to be freed by lamella_backend_destroy(); on failure it
 * is null. */
LAMELLA_API int lamella_backend_create(const char* name, const char* isa, int threads,
                                       lamella_backend** backend);
/** Models that were made with the backend keep it alive as long as they need it. Null is allowed.
 */
LAMELLA_API void lamella_backend_destroy(lamella_backend* backend);
/** "simd", for example; null if `backend` is. Valid as long as the backend. */
LAMELLA_API const char* lamella_backend_name(const lamella_backend* backend);
/** "avx2", for example; null if `backend` is. Valid as long as the backend. */
LAMELLA_API const char* lamella_backend_isa(const lamella_backend* backend);
/** Most threads that one call uses; 0 if `backend` is null. */
LAMELLA_API int lamella_backend_threads(const lamella_backend* backend);

/** Loads a model that lamella saved, for `backend` (null: the one that lamella_backend_create()
 * gives for nulls). On success *model is to be freed by lamella_model_destroy(); on failure it is
 * null. */
LAMELLA_API int lamella_model_load(const char* path, const lamella_backend* backend,
                                   lamella_model** model);
/** Writes a file that lamella_model_load() and the lamella program read. Either the old file or the
 * whole new one is there afterwards. */
LAMELLA_API int lamella_model_save(const lamella_model* model, const char* path);
/** Null is allowed. */
LAMELLA_API void lamella_model_destroy(lamella_model* model);

/** Features of a sample; 0 if `model` is null. */
LAMELLA_API ptrdiff_t lamella_model_inputs(const lamella_model* model);
/** Number of classes; 0 if `model` is null. */
LAMELLA_API ptrdiff_t lamella_model_classes(const lamella_model* model);
/** Name of class k, from 0; null if there is no such class. Valid as long as the model. */
LAMELLA_API const char* lamella_model_class_name(const lamella_model* model, ptrdiff_t k);

/** Class probabilities of samples, computed in the precision of the model. `x` is samples x inputs,
 * with features as they were in the training data; `probabilities` is samples x classes, memory of
 * the caller's that does not overlap `x`. With 0 samples nothing is done. */
LAMELLA_API int lamella_model_predict_f32(const lamella_model* model, const float* x,
                                          ptrdiff_t samples, float* probabilities);
/** The same for doubles. */
LAMELLA_API int lamella_model_predict_f64(const lamella_model* model, const double* x,
                                          ptrdiff_t samples, double* probabilities);

/** Values of lamella_train_options.activation. */
enum lamella_activation {
  LAMELLA_IDENTITY = 0,
  LAMELLA_RELU = 1,
  LAMELLA_LEAKY_RELU = 2, /**< 0.01 z for z < 0 */
  LAMELLA_TANH = 3,
  LAMELLA_SIGMOID = 4,
  LAMELLA_GELU = 5, /**< by the error function */
  LAMELLA_SILU = 6,
  LAMELLA_SELU = 7,
  LAMELLA_ELU = 8,
  LAMELLA_MISH = 9,
  LAMELLA_SOFTPLUS = 10
};

/** Values of lamella_train_options.normalization. */
enum lamella_normalization {
  LAMELLA_NO_NORMALIZATION = 0,
  LAMELLA_BATCH_NORM = 1 /**< each unit to mean 0 and deviation 1 over the mini-batch, and then a
                              scale and a shift that are learnt; by running statistics in
                              prediction. Mini-batches of at least 2 samples */
};

/** Values of lamella_train_options.initialization: what weights and biases begin with
 * (lamella/initialization.h has the formulas). */
enum lamella_initialization {
  LAMELLA_INITIALIZE_BY_ACTIVATION = 0, /**< He's uniform before relu, Glorot's elsewhere */
  LAMELLA_INITIALIZE_HE_UNIFORM = 1,
  LAMELLA_INITIALIZE_HE_NORMAL = 2,
  LAMELLA_INITIALIZE_GLOROT_UNIFORM = 3,
  LAMELLA_INITIALIZE_GLOROT_NORMAL = 4,
  LAMELLA_INITIALIZE_LECUN_NORMAL = 5,
  LAMELLA_INITIALIZE_TORCH = 6,       /**< weights and biases as PyTorch's Linear */
  LAMELLA_INITIALIZE_SCIKIT_LEARN = 7 /**< weights and biases as its MLPClassifier */
};

/** Values of lamella_train_options.precision. */
enum lamella_precision { LAMELLA_F32 = 0, LAMELLA_F64 = 1 };

/** Values of lamella_train_options.optimizer. */
enum lamella_optimizer {
  LAMELLA_SGD = 0, /**< gradient descent, with or without momentum */
  LAMELLA_ADAM = 1,
  LAMELLA_ADAMW = 2 /**< Adam with decoupled weight decay */
};

/** Values of lamella_train_options.schedule: the course of the learning rate over a run, step by
 * step (lamella/schedule.h has the formulas). */
enum lamella_schedule {
  LAMELLA_CONSTANT = 0,
  LAMELLA_STEP = 1,        /**< times rate_factor (0.1) every rate_every (10) epochs */
  LAMELLA_EXPONENTIAL = 2, /**< times rate_factor (0.95) in the course of each epoch */
  LAMELLA_COSINE = 3,      /**< down to final_rate (0) of the rate, on half a cosine */
  LAMELLA_ONE_CYCLE = 4,   /**< up, and down to final_rate (4e-6) of the rate */
  LAMELLA_COSINE_LOG = 5,  /**< up and down rate_cycles (4) times, ever more slowly */
  LAMELLA_PLATEAU = 6 /**< times rate_factor (0.1), and not below final_rate (0), after more than
                           rate_patience epochs in which monitor has not improved */
};

/** Values of lamella_train_options.average: which weights the model gets. */
enum lamella_average {
  LAMELLA_LAST_WEIGHTS = 0,
  LAMELLA_EMA = 1, /**< the exponential moving average over the steps, of which each keeps
                        average_decay (0.999) */
  LAMELLA_SWA = 2  /**< the mean of the weights after each epoch from average_from (1) on */
};

/** Values of lamella_train_options.monitor: a figure of the validation data. */
enum lamella_monitor {
  LAMELLA_VALIDATION_LOSS = 0,    /**< the lower, the better */
  LAMELLA_VALIDATION_ACCURACY = 1 /**< the higher, the better */
};

/** Results of one epoch of training, each sample counted before the update that it was part of. */
typedef struct lamella_epoch {
  ptrdiff_t epoch; /**< from 1 */
  double loss;     /**< mean negative log-likelihood */
  double accuracy; /**< fraction of correct predictions */
} lamella_epoch;

/** Everything that decides a training run besides the data. To be filled with defaults by
 * lamella_train_options_init() before members are set. */
typedef struct lamella_train_options {
  size_t struct_size;      /**< set by lamella_train_options_init() */
  const ptrdiff_t* hidden; /**< units of each hidden layer, hidden_layers of them */
  ptrdiff_t hidden_layers; /**< 0, the default: softmax regression */
  int activation;          /**< between layers; LAMELLA_RELU */
  int precision;           /**< of the model; LAMELLA_F32 */
  int standardize;         /**< not 0, the default: each feature to mean 0 and deviation 1 */
  int shuffle;             /**< not 0, the default: a new order of the samples in each epoch */
  ptrdiff_t classes;       /**< 0, the default: the largest label plus 1. Labels that are all the
                                same, or make more than 1000 classes of fewer samples, are then an
                                error of data */
  ptrdiff_t epochs;        /**< 10 */
  ptrdiff_t batch_size;    /**< 128 */
  int optimizer;           /**< LAMELLA_SGD */
  double learning_rate;    /**< 0.1; Adam wants less: 0.001, for example */
  double momentum;         /**< 0; in [0, 1); LAMELLA_SGD only */
  int nesterov;            /**< 0; needs a momentum */
  double weight_decay;     /**< 0; factor of the L2 penalty */
  double dropout;          /**< 0; probability that a step drops a hidden unit, in [0, 1) */
  uint64_t seed;           /**< 1; of weights, shuffles and dropout */
  /** Called after each epoch unless null. If it returns something other than 0, training ends, and
   * the model is that of this epoch. */
  int (*on_epoch)(void* context, const lamella_epoch* epoch);
  void* context; /**< for on_epoch */
  int schedule;  /**< LAMELLA_CONSTANT */
  double warmup; /**< 0; epochs, fewer than all, in which the learning rate rises linearly */
  /** Of the schedule; 0, the default, stands for the value that lamella_schedule names. One that
   * the schedule does not have must be 0. */
  double rate_factor;
  double rate_every;
  double final_rate;
  int rate_cycles;
  double label_smoothing;       /**< 0; part of each target that all classes share, in [0, 1) */
  int balanced_classes;         /**< 0; not 0: each class counts as much as any other */
  const double* class_weights;  /**< null, or how much a sample of each class counts, above 0 */
  ptrdiff_t class_weight_count; /**< of class_weights: the number of classes */
  const double* sample_weights; /**< null, or how much each sample counts: one for each, not
                                     negative, and not all 0. Copied */
  int average;                  /**< LAMELLA_LAST_WEIGHTS */
  double average_decay;         /**< in [0, 1); 0 stands for 0.999. LAMELLA_EMA only */
  ptrdiff_t average_from;       /**< epoch, from 1; 0 stands for 1. LAMELLA_SWA only */
  double l1;                    /**< 0; factor of the L1 penalty, which makes weights zero */
  double max_norm;              /**< 0, none; largest norm of the weights into a hidden unit */
  const void* validation_x; /**< null, or validation_samples samples of the type and inputs of x, by
                                 which patience and keep_best go. Copied */
  const int32_t* validation_labels; /**< one for each of them. Copied */
  ptrdiff_t validation_samples;     /**< 0 */
  int monitor;                      /**< LAMELLA_VALIDATION_LOSS */
  ptrdiff_t patience;     /**< 0; else training ends after so many epochs in a row that did not
                               improve on the best one before by more than min_improvement */
  double min_improvement; /**< 0; not negative */
  int keep_best;          /**< 0; not 0: the model has the weights of the best epoch */
  const double* hidden_dropout; /**< null, or the dropout of each hidden layer, hidden_layers of
                                     them; `dropout` must then be 0 */
  double input_dropout;         /**< 0; probability that a step drops an input, in [0, 1) */
  int normalization;            /**< of hidden layers; LAMELLA_NO_NORMALIZATION */
  int initialization;           /**< LAMELLA_INITIALIZE_BY_ACTIVATION */
  ptrdiff_t rate_patience;      /**< epochs; 0 stands for 10. LAMELLA_PLATEAU only */
} lamella_train_options;

/** Fills *options with defaults; `size` is sizeof(lamella_train_options). Null is allowed. */
LAMELLA_API void lamella_train_options_init(lamella_train_options* options, size_t size);

/** Trains a model on samples in memory. `x` is samples x inputs; `labels` has one class index, from
 * 0, per sample. Both are copied. `options` may be null (defaults), and so may `backend`. The same
 * arguments give the same model, bit for bit, on every number of threads. On success *model is to
 * be freed by lamella_model_destroy(); on failure it is null. */
LAMELLA_API int lamella_train_f32(const float* x, const int32_t* labels, ptrdiff_t samples,
                                  ptrdiff_t inputs, const lamella_train_options* options,
                                  const lamella_backend* backend, lamella_model** model);
/** The same for doubles. */
LAMELLA_API int lamella_train_f64(const double* x, const int32_t* labels, ptrdiff_t samples,
                                  ptrdiff_t inputs, const lamella_train_options* options,
                                  const lamella_backend* backend, lamella_model** model);

#ifdef __cplusplus
}
#endif

#endif /* LAMELLA_LAMELLA_H_ */
