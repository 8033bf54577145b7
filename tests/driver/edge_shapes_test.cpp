// Calls at the edge of what is legal: operands without elements, which have no memory, and strides
// along dimensions of one element, which mean nothing and may be any number. Sanitizers watch the
// arithmetic of addresses; the bits are those of ordinary strides.
#include <cstdint>
#include <cstring>
#include <deque>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <lamella/backend.h>
#include <lamella/matrix.h>

#include "tests/catch.h"
#include "tests/test_backends.h"

namespace lamella::test {
namespace {

enum class Strides { ordinary, extreme };
enum class Order { rows, columns, neither };

/// Makes the operands of a call, and keeps them.
template <class T>
class Operands {
 public:
  Operands(Strides strides, Order order) : strides_(strides), order_(order) {}

  View<T> matrix(index_t rows, index_t cols) { return matrix(rows, cols, order_); }
  View<T> matrix(index_t rows, index_t cols, Order order) {
    View<T> view;
    if (order == Order::rows) view = {nullptr, rows, cols, cols, 1};
    if (order == Order::columns) view = {nullptr, rows, cols, 1, rows};
    if (order == Order::neither) view = {nullptr, rows, cols, 2 * cols + 1, 2};
    if (rows > 0 && cols > 0)
      view.data = memory((rows - 1) * view.row_stride + (cols - 1) * view.col_stride + 1);
    else
      view.row_stride = view.col_stride = 5;  // of a matrix in which it would stand
    if (strides_ == Strides::extreme) {
      if (rows <= 1 || cols == 0) view.row_stride = kLargest;
      if (cols <= 1 || rows == 0) view.col_stride = kLargest;
    }
    return view;
  }
  VectorView<T> vector(index_t size) {
    const bool matters = strides_ == Strides::ordinary || size > 1;
    return {size > 0 ? memory(size) : nullptr, size, matters ? 1 : kLargest};
  }
  VectorView<std::int32_t> indices(index_t size, std::int32_t below) {
    std::vector<std::int32_t>& values = integers_.emplace_back();
    for (index_t i = 0; i < size; ++i)
      values.push_back(below > 0 ? static_cast<std::int32_t>(i) % below : 0);
    const bool matters = strides_ == Strides::ordinary || size > 1;
    return {size > 0 ? values.data() : nullptr, size, matters ? 1 : kLargest};
  }

  /// Everything that a call may have written.
  bool same_bits(const Operands& other) const {
    for (std::size_t i = 0; i < values_.size(); ++i)
      if (std::memcmp(values_[i].data(), other.values_[i].data(), values_[i].size() * sizeof(T)) !=
          0)
        return false;
    return integers_ == other.integers_;
  }

 private:
  static constexpr index_t kLargest = std::numeric_limits<index_t>::max();

  T* memory(index_t size) {
    std::vector<T>& values = values_.emplace_back(static_cast<std::size_t>(size));
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<T>((i * 7 + values_.size()) % 13) / 8 - static_cast<T>(0.5);
    return values.data();
  }

  Strides strides_;
  Order order_;
  std::deque<std::vector<T>> values_;
  std::deque<std::vector<std::int32_t>> integers_;
};

struct Shape {
  index_t m, n, k;
};

/// Makes one call of each kernel; C and the like are m x n.
template <class T>
void call_all(const Backend& backend, Operands<T>& make, const Shape& shape) {
  const auto [m, n, k] = shape;
  for (const T alpha : {T{1}, T{0}})
    for (const T beta : {T{0}, T{1}})
      backend.run(Gemm<T>{alpha, make.matrix(m, k), make.matrix(k, n), beta, make.matrix(m, n)});
  Epilogue<T> epilogue;
  epilogue.bias = make.vector(n);
  epilogue.activation.kind = ActivationKind::tanh;
  backend.run(
      FusedGemm<T>{{1, make.matrix(m, k), make.matrix(k, n), 0, make.matrix(m, n)}, epilogue});
  epilogue.activation_output = make.matrix(m, n);
  epilogue.backward_of.kind = ActivationKind::relu;
  backend.run(
      FusedGemm<T>{{1, make.matrix(m, k), make.matrix(k, n), 1, make.matrix(m, n)}, epilogue});
  backend.run(BiasAdd<T>{make.vector(n), make.matrix(m, n)});
  backend.run(Softmax<T>{make.matrix(m, n), make.matrix(m, n)});
  backend.run(OuterProduct<T>{1, make.vector(m), make.vector(n), make.matrix(m, n)});
  const Activation sigmoid{ActivationKind::sigmoid};
  backend.run(Activate<T>{sigmoid, make.matrix(m, n), make.matrix(m, n)});
  backend.run(ActivateBackward<T>{sigmoid, make.matrix(m, n), make.matrix(m, n)});
  if (n > 0) {  // labels are of some class
    backend.run(SoftmaxNll<T>{make.matrix(m, n),
                              make.indices(m, static_cast<std::int32_t>(n)),
                              {},
                              0,
                              1,
                              make.matrix(m, n),
                              make.vector(m),
                              make.indices(m, 1)});
    backend.run(SoftmaxNll<T>{make.matrix(m, n),
                              make.indices(m, static_cast<std::int32_t>(n)),
                              make.vector(m),
                              T(0.125),
                              1,
                              make.matrix(m, n),
                              make.vector(m),
                              {}});
  }
  for (const T beta : {T{0}, T{1}})
    backend.run(ColumnSums<T>{1, make.matrix(m, n), beta, make.vector(n)});
  backend.run(DropUnits<T>{0.5, 1, 2, 3, make.indices(m, 1), make.matrix(m, n), make.matrix(m, n)});
  backend.run(ScaleShift<T>{make.matrix(m, n), make.vector(n), make.vector(n), make.matrix(m, n)});
  backend.run(ScaleShiftBackward<T>{1, make.matrix(m, n), make.vector(n), make.matrix(m, n), 0,
                                    make.vector(n), make.vector(n)});
  backend.run(ScaleShiftBackward<T>{
      1, make.matrix(m, n), {}, make.matrix(m, n), 1, make.vector(n), make.vector(n)});
  backend.run(SgdUpdate<T>{T(0.5), 0, 0, false, make.matrix(m, n), {}, make.matrix(m, n)});
  backend.run(SgdUpdate<T>{T(0.5), T(0.5), 0, true, make.matrix(m, n), make.matrix(m, n),
                           make.matrix(m, n)});
  AdamUpdate<T> adam;
  adam.gradient = make.matrix(m, n);
  adam.first = make.matrix(m, n);
  const View<T> second = make.matrix(m, n);
  for (index_t i = 0; i < second.rows; ++i)
    for (index_t j = 0; j < second.cols; ++j) second(i, j) = 1;
  adam.second = second;
  adam.weights = make.matrix(m, n);
  backend.run(adam);
  backend.run(ConstrainWeights<T>{T(0.5), T(0.5), make.matrix(m, n)});
  if (n > 0) {  // a sample has features
    static const std::vector<std::uint8_t> bytes(64, 3);
    backend.run(GatherBytes<T>{bytes.data(), 2, n, make.indices(m, 2), make.vector(n),
                               make.vector(n), make.matrix(m, n)});
  }
}

template <class T>
void check_edge_shapes() {
  for (const auto& backend : test_backends())
    for (const Order order : {Order::rows, Order::columns, Order::neither})
      for (const index_t m : {0, 1, 2, 17})
        for (const index_t n : {0, 1, 2, 17})
          for (const index_t k : {0, 1, 3}) {
            CAPTURE(backend->info().name, static_cast<int>(order), m, n, k, sizeof(T));
            Operands<T> ordinary(Strides::ordinary, order), extreme(Strides::extreme, order);
            call_all(*backend, ordinary, {m, n, k});
            call_all(*backend, extreme, {m, n, k});
            CHECK(extreme.same_bits(ordinary));
          }
}

/// Vectors by matrices of several panels and blocks: there the blocking policy looks at strides.
template <class T>
void check_long_vectors() {
  for (const auto& backend : test_backends())
    for (const Order order_a : {Order::rows, Order::columns, Order::neither})
      for (const Order order_b : {Order::rows, Order::columns, Order::neither})
        for (const auto& [m, n, k] :
             {Shape{1, 100, 70}, {100, 1, 70}, {100, 90, 1}, {40, 1100, 1}}) {
          CAPTURE(backend->info().name, static_cast<int>(order_a), static_cast<int>(order_b), m, n,
                  k);
          Operands<T> ordinary(Strides::ordinary, Order::rows);
          Operands<T> extreme(Strides::extreme, Order::rows);
          for (Operands<T>* make : {&ordinary, &extreme})
            backend->run(Gemm<T>{1, make->matrix(m, k, order_a), make->matrix(k, n, order_b), 0,
                                 make->matrix(m, n)});
          CHECK(extreme.same_bits(ordinary));
        }
}

TEST_CASE("empty operands and strides without a meaning", "[edge]") {
  check_edge_shapes<float>();
  check_edge_shapes<double>();
  check_long_vectors<float>();
  check_long_vectors<double>();
}

TEST_CASE("views of nothing are made without arithmetic on a null pointer", "[edge]") {
  const View<float> none{nullptr, 0, 5, 5, 1};
  CHECK(block(none, 0, 2, 0, 3).data == nullptr);
  CHECK(column(none, 3).data == nullptr);
  CHECK(row(transposed(none), 3).data == nullptr);
}

}  // namespace
}  // namespace lamella::test
