// A peer with the C interface of BLAS, loaded from a shared library: oneMKL, OpenBLAS, BLIS.
//
// Such libraries differ in the prefix of their names (wheels of OpenBLAS have one), in how the
// number of threads is set and in how they tell their version; all of it is found by trying.
#include <dlfcn.h>

#include <initializer_list>
#include <stdexcept>

#include "bench/peers/kernels/peer.h"

namespace lamella::peers {
namespace {

// cblas.h's enumerations, the same in every implementation.
constexpr int kRowMajor = 101;
constexpr int kNoTrans = 111;
constexpr int kTrans = 112;

template <class T>
using GemmFunction = void(int, int, int, int, int, int, T, const T*, int, const T*, int, T, T*,
                          int);
template <class T>
using GemvFunction = void(int, int, int, int, T, const T*, int, const T*, int, T, T*, int);
using GerFunction = void(int, int, int, float, const float*, int, const float*, int, float*, int);

class Library {
 public:
  explicit Library(const std::string& path) : handle_(dlopen(path.c_str(), RTLD_NOW)) {
    if (handle_ == nullptr) throw std::runtime_error(dlerror());
  }

  /// The function of that name, with or without a wheel's prefix; null if there is none.
  template <class Function>
  Function* find(const std::string& name) const {
    for (const char* prefix : {"", "scipy_"})
      if (void* symbol = dlsym(handle_, (prefix + name).c_str()))
        return reinterpret_cast<Function*>(symbol);
    return nullptr;
  }

  template <class Function>
  Function* need(const std::string& name) const {
    if (auto* function = find<Function>(name)) return function;
    throw std::runtime_error("the library has no " + name);
  }

 private:
  void* handle_;  // never closed: thread pools do not survive it
};

class Blas : public Peer {
 public:
  explicit Blas(const PeerOptions& options)
      : library_(options.library),
        sgemm_(library_.need<GemmFunction<float>>("cblas_sgemm")),
        dgemm_(library_.need<GemmFunction<double>>("cblas_dgemm")),
        sgemv_(library_.need<GemvFunction<float>>("cblas_sgemv")),
        sger_(library_.need<GerFunction>("cblas_sger")) {
    if (auto* set = library_.find<void(int)>("openblas_set_num_threads"))
      set(options.threads);
    else if (auto* set_mkl = library_.find<void(int)>("MKL_Set_Num_Threads"))
      set_mkl(options.threads);
    else if (auto* set_blis = library_.find<void(long)>("bli_thread_set_num_threads"))
      set_blis(options.threads);
    else
      throw std::runtime_error("no known way to set this library's threads");
  }

  std::string version() const override {
    if (auto* config = library_.find<const char*()>("openblas_get_config")) {
      std::string text = config();
      if (auto* core = library_.find<const char*()>("openblas_get_corename"))
        text += std::string(", kernels: ") + core();
      return text;
    }
    if (auto* describe = library_.find<void(char*, int)>("MKL_Get_Version_String")) {
      char text[256] = {};
      describe(text, sizeof(text) - 1);
      std::string trimmed = text;
      trimmed.erase(trimmed.find_last_not_of(' ') + 1);
      return trimmed;
    }
    if (auto* blis = library_.find<const char*()>("bli_info_get_version_str")) {
      std::string text = std::string("BLIS ") + blis();
      auto* query = library_.find<int()>("bli_arch_query_id");
      auto* name = library_.find<const char*(int)>("bli_arch_string");
      if (query != nullptr && name != nullptr) text += std::string(", kernels: ") + name(query());
      return text;
    }
    return "unknown";
  }

  Call product(const Product<float>& p) override {
    if (p.m != 1 || p.transpose_a) return gemm(sgemm_, p);
    // One sample: y = op(B)ᵀ x, a matrix-vector product with B as it is stored.
    const int rows = p.transpose_b ? p.n : p.k;
    const int cols = p.transpose_b ? p.k : p.n;
    const int trans = p.transpose_b ? kNoTrans : kTrans;
    return [=, gemv = sgemv_] {
      gemv(kRowMajor, trans, rows, cols, p.alpha, p.b, cols, p.a, 1, p.beta, p.c, 1);
    };
  }
  Call product(const Product<double>& p) override { return gemm(dgemm_, p); }

  Call rank_one(float alpha, const float* x, const float* y, float* a, int m, int n) override {
    return [=, ger = sger_] { ger(kRowMajor, m, n, alpha, x, 1, y, 1, a, n); };
  }

 private:
  template <class T>
  static Call gemm(GemmFunction<T>* function, const Product<T>& p) {
    const int trans_a = p.transpose_a ? kTrans : kNoTrans;
    const int trans_b = p.transpose_b ? kTrans : kNoTrans;
    return [=] {
      function(kRowMajor, trans_a, trans_b, p.m, p.n, p.k, p.alpha, p.a, p.lda(), p.b, p.ldb(),
               p.beta, p.c, p.ldc());
    };
  }

  Library library_;
  GemmFunction<float>* sgemm_;
  GemmFunction<double>* dgemm_;
  GemvFunction<float>* sgemv_;
  GerFunction* sger_;
};

}  // namespace

std::unique_ptr<Peer> open_peer(const PeerOptions& options) {
  return std::make_unique<Blas>(options);
}

}  // namespace lamella::peers
