// Soak: backends of all kinds are made, used and destroyed, plugins among them.
#include <lamella/backend_selection.h>
#include <lamella/error.h>
#include <lamella/matrix.h>

#include "tests/soak/operations.h"
#include "tools/conformance/compare.h"
#include "tools/conformance/oracle.h"

namespace lamella::soak {

std::vector<std::string> vector_backends() {
  std::vector<std::string> names;
  for (const BackendStatus& status : list_backends())
    if (status.compiled && status.usable && status.name != "scalar") names.push_back(status.name);
  return names;
}

std::string any_isa(Random& random) {
  std::vector<std::string> usable;
  for (const IsaStatus& isa : list_isas())
    if (isa.compiled && isa.usable) usable.push_back(isa.name);
  return pick(random, usable);
}

std::shared_ptr<const Backend> make(Random& random, const std::string& name,
                                    const std::string& isa) {
  return make_backend({.name = name, .isa = isa, .threads = int(uniform_int(random, 1, 4))});
}

std::shared_ptr<const Backend> any_backend(Random& random) {
  std::vector<std::string> names = vector_backends();
  names.emplace_back("scalar");
  names.emplace_back("auto");
  const std::string& name = pick(random, names);
  return make(random, name, name == "scalar" ? "" : any_isa(random));
}

namespace {

template <class T>
struct Product {
  Product(Random& random, index_t m, index_t n, index_t k) : a(m, k), b(k, n) {
    for (Matrix<T>* operand : {&a, &b})
      for (T& value : operand->values()) value = static_cast<T>(uniform(random, -1, 1));
  }
  Matrix<T> on(const Backend& backend) const {
    Matrix<T> c(a.view().rows, b.view().cols);
    backend.gemm(T{1}, a.view(), b.view(), T{0}, c.view());
    return c;
  }
  std::string problem(ConstView<T> c) const {
    Matrix<T> unused(c.rows, c.cols);
    auto want = oracle::gemm(Gemm<T>{1, a.view(), b.view(), 0, unused.view()});
    for (auto& magnitude : want.magnitudes)
      magnitude *= static_cast<oracle::Wide<T>>(conformance::gamma<T>(a.view().cols + 4));
    return conformance::exceeds(c, want.values, want.magnitudes);
  }

  Matrix<T> a, b;
};

/// The same product on all vector backends of one instruction set, each made for it.
template <class T>
void products(Context& context) {
  Random& random = context.random;
  const Product<T> product(random, uniform_int(random, 1, 200), uniform_int(random, 1, 200),
                           uniform_int(random, 1, 200));
  const std::string isa = any_isa(random);
  std::vector<Matrix<T>> results;
  for (const std::string& name : vector_backends())
    results.push_back(product.on(*make(random, name, isa)));
  require(!results.empty(), "no backend");
  const std::string problem = product.problem(results.front().view());
  require(problem.empty(), "product on " + isa + ": " + problem);
  for (const Matrix<T>& result : results) {
    const std::string difference =
        conformance::different_bits(result.view(), results.front().view());
    require(difference.empty(), "product on " + isa + ", two backends: " + difference);
  }
}

void refused_requests(Context& context) {
  const BackendRequest requests[] = {{.name = "no-such-backend"},
                                     {.name = "simd", .isa = "no-such-isa"},
                                     {.name = "./no-such-plugin.so"},
                                     {.name = "simd", .isa = {}, .threads = -1}};
  try {
    make_backend(pick(context.random, requests));
  } catch (const BackendError& error) {
    require(*error.what() != '\0', "an error without a message");
    return;
  }
  throw Mismatch("a backend that cannot be was made");
}

template <class T>
void plugins(Context& context) {
  if (context.plugins.empty()) return;
  Random& random = context.random;
  const auto backend = make_backend({.name = pick(random, context.plugins)});
  const Product<T> product(random, uniform_int(random, 1, 60), uniform_int(random, 1, 60),
                           uniform_int(random, 1, 60));
  const std::string problem = product.problem(product.on(*backend).view());
  require(problem.empty(), "plugin: " + problem);
}

}  // namespace

std::vector<Operation> backend_operations() {
  return {{"products_f32", products<float>},
          {"products_f64", products<double>},
          {"refused_requests", refused_requests},
          {"plugins_f32", plugins<float>},
          {"plugins_f64", plugins<double>}};
}

}  // namespace lamella::soak
