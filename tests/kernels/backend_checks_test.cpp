// Which operands the checked calls of Backend refuse, with which message, and which they accept.
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include <lamella/backend.h>
#include <lamella/backend_selection.h>
#include <lamella/error.h>
#include <lamella/matrix.h>

#include "tests/catch.h"
#include "tests/test_backends.h"

namespace lamella::test {
namespace {

using Catch::Matchers::ContainsSubstring;

constexpr index_t kHuge = std::numeric_limits<index_t>::max();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

// Memory that the operands of a call lie in. Nothing may be written by a refused call.
template <class T>
struct Arena {
  static constexpr index_t kSize = 400;
  AlignedArray<T> values{kSize};
  AlignedArray<std::int32_t> integers{100};

  Arena() {
    std::fill(values.begin(), values.end(), T{7});
    std::fill(integers.begin(), integers.end(), 0);
  }
  bool untouched() const {
    return std::all_of(values.begin(), values.end(), [](T v) { return v == 7; }) &&
           std::all_of(integers.begin(), integers.end(), [](std::int32_t v) { return v == 0; });
  }
  /// A dense matrix, `at` elements into the arena.
  View<T> matrix(index_t at, index_t rows, index_t cols) {
    return row_major(values.data() + at, rows, cols);
  }
  VectorView<T> vector(index_t at, index_t size) { return {values.data() + at, size, 1}; }
  VectorView<std::int32_t> labels(index_t at, index_t size) {
    return {integers.data() + at, size, 1};
  }
};

template <class T>
struct Case {
  std::string message;  // a part of the expected one
  std::function<void(const Backend&, Arena<T>&)> call;
};

template <class T>
View<T> with_strides(View<T> v, index_t row_stride, index_t col_stride) {
  v.row_stride = row_stride;
  v.col_stride = col_stride;
  return v;
}

template <class T>
void check_refused(const std::vector<Case<T>>& cases) {
  for (const auto& backend : test_backends())
    for (const Case<T>& c : cases) {
      INFO(backend->info().name << ", expecting: " << c.message);
      Arena<T> arena;
      std::string message = "(no exception)";
      try {
        c.call(*backend, arena);
      } catch (const ArgumentError& error) {
        message = error.what();
      }
      INFO("message: " << message);
      CHECK(message.find(c.message) != std::string::npos);
      CHECK(arena.untouched());
    }
}

// A packed B that belongs to another product or another backend.
TEMPLATE_TEST_CASE("a product refuses a B packed for another one", "[checks]", float, double) {
  using T = TestType;
  const auto backend = make_backend({"scalar", "", 1}), other = make_backend({"scalar", "", 1});
  Matrix<T> a(2, 5), b(5, 4), c(2, 4);
  std::fill_n(a.data(), a.size(), T{2});
  std::fill_n(b.data(), b.size(), T{3});
  const PackedMatrix<T> packed(backend, b.view());
  CHECK(packed.view().data == b.data());
  CHECK_THROWS_WITH(other->template gemm<T>(1, a.view(), packed, 0, c.view()),
                    ContainsSubstring("gemm: B was packed for another backend, scalar (scalar)"));
  const Gemm<T> wrong{1, a.view(), transposed(ConstView<T>(row_major(b.data(), 4, 5))),
                      0, c.view(), &packed};
  CHECK_THROWS_WITH(backend->run(wrong),
                    ContainsSubstring("gemm: B is 5 x 4 but what was packed is another view"));
  CHECK_THROWS_WITH(backend->run(FusedGemm<T>{wrong, {}}),
                    ContainsSubstring("fused_gemm: B is 5 x 4"));
  CHECK(c(1, 3) == 0);
  backend->template gemm<T>(1, a.view(), packed, 0, c.view());
  CHECK(c(1, 3) == 30);

  CHECK_THROWS_WITH(PackedMatrix<T>(nullptr, b.view()),
                    ContainsSubstring("PackedMatrix: the backend is null"));
  CHECK_THROWS_WITH(PackedMatrix<T>(backend, ConstView<T>{nullptr, 5, 4, 4, 1}),
                    ContainsSubstring("PackedMatrix: matrix is null but not empty (5 x 4)"));
  // Nothing to pack, and more than can be: the address space has no room for whole panels.
  CHECK(PackedMatrix<T>(backend, ConstView<T>{}).packed() == nullptr);
  CHECK(backend->template kernels<T>().packed_size(kHuge / 2, 2) == 0);
}

// The operand checks, seen through gemm; A is 2 x 5, B 5 x 4, C 2 x 4 where nothing else is said.
template <class T>
Case<T> gemm_case(std::string message, std::function<void(Gemm<T>&, Arena<T>&)> spoil) {
  return {std::move(message), [spoil](const Backend& backend, Arena<T>& arena) {
            Gemm<T> g{1, arena.matrix(0, 2, 5), arena.matrix(10, 5, 4), 0, arena.matrix(30, 2, 4)};
            spoil(g, arena);
            backend.run(g);
          }};
}

TEMPLATE_TEST_CASE("gemm refuses operands that do not fit", "[checks]", float, double) {
  using T = TestType;
  using G = Gemm<T>;
  using A = Arena<T>;
  check_refused<T>({
      gemm_case<T>("gemm: B is 3 x 4 but A is 2 x 5; B needs 5 rows",
                   [](G& g, A& arena) { g.b = arena.matrix(10, 3, 4); }),
      gemm_case<T>("gemm: C is 2 x 3 but A is 2 x 5 and B is 5 x 4; C needs to be 2 x 4",
                   [](G& g, A& arena) { g.c = arena.matrix(30, 2, 3); }),
      gemm_case<T>("gemm: C is 4 x 2 but", [](G& g, A& arena) { g.c = arena.matrix(30, 4, 2); }),
      gemm_case<T>("gemm: A is null but not empty (2 x 5)", [](G& g, A&) { g.a.data = nullptr; }),
      gemm_case<T>("gemm: B is null but not empty (5 x 4)", [](G& g, A&) { g.b.data = nullptr; }),
      gemm_case<T>("gemm: C is null but not empty (2 x 4)", [](G& g, A&) { g.c.data = nullptr; }),
      gemm_case<T>("gemm: A has a negative size (-2 x 5)", [](G& g, A&) { g.a.rows = -2; }),
      gemm_case<T>("gemm: B has a negative size (5 x -4)", [](G& g, A&) { g.b.cols = -4; }),
      gemm_case<T>("gemm: C has a negative size (-9 x 4)", [](G& g, A&) { g.c.rows = -9; }),
      gemm_case<T>("gemm: A has a negative row stride (-5)", [](G& g, A&) { g.a.row_stride = -5; }),
      gemm_case<T>("gemm: C has a negative column stride (-1)",
                   [](G& g, A&) { g.c.col_stride = -1; }),
      gemm_case<T>("gemm: C (2 x 4, row stride 0, column stride 1) is written",
                   [](G& g, A&) { g.c.row_stride = 0; }),
      gemm_case<T>("gemm: C (2 x 4, row stride 4, column stride 0) is written",
                   [](G& g, A&) { g.c.col_stride = 0; }),
      gemm_case<T>("rows or columns must not interleave", [](G& g, A&) { g.c.row_stride = 3; }),
      gemm_case<T>("rows or columns must not interleave",
                   [](G& g, A&) { g.c = with_strides(g.c, 1, 1); }),
      gemm_case<T>("gemm: A (2 x 5, strides 9223372036854775807 and 1) does not fit",
                   [](G& g, A&) { g.a.row_stride = kHuge; }),
      gemm_case<T>("gemm: B (5 x 4, strides 4 and 3074457345618258602) does not fit",
                   [](G& g, A&) { g.b.col_stride = kHuge / 3; }),
      gemm_case<T>("does not fit into the address space",
                   [](G& g, A&) { g.a = with_strides(g.a, kHuge / 3, 1); }),
      gemm_case<T>("gemm: A (9223372036854775807 x 2, strides 0 and 0) does not fit",
                   [](G& g, A&) {
                     g.a = {g.a.data, kHuge, 2, 0, 0};
                   }),
      gemm_case<T>("gemm: A starts at an address that is no multiple of its element size",
                   [](G& g, A&) {
                     g.a.data =
                         reinterpret_cast<const T*>(reinterpret_cast<std::uintptr_t>(g.a.data) + 1);
                   }),
      gemm_case<T>("gemm: C overlaps A", [](G& g, A& arena) { g.c = arena.matrix(9, 2, 4); }),
      gemm_case<T>("gemm: C overlaps B", [](G& g, A& arena) { g.c = arena.matrix(22, 2, 4); }),
      gemm_case<T>("gemm: C overlaps A",  // in place
                   [](G& g, A& arena) {
                     g.a = arena.matrix(30, 2, 4);
                     g.b = arena.matrix(10, 4, 4);
                   }),
      gemm_case<T>("gemm: C overlaps B",  // columns 2..5 against columns 4..7 of one matrix
                   [](G& g, A& arena) {
                     const View<T> whole = arena.matrix(100, 10, 10);
                     g.b = block(whole, 0, 2, 5, 4);
                     g.c = block(whole, 0, 5, 2, 4);
                   }),
  });
}

TEMPLATE_TEST_CASE("the other kernels refuse operands that do not fit", "[checks]", float, double) {
  using T = TestType;
  using A = Arena<T>;
  const auto fused = [](std::string message, std::function<void(FusedGemm<T>&, A&)> spoil) {
    return Case<T>{
        std::move(message), [spoil](const Backend& backend, A& arena) {
          FusedGemm<T> f;
          f.gemm = {1, arena.matrix(0, 2, 5), arena.matrix(10, 5, 4), 0, arena.matrix(30, 2, 4)};
          spoil(f, arena);
          backend.run(f);
        }};
  };
  const Activation bad_kind{static_cast<ActivationKind>(77)};
  const auto leaky = [](double slope) { return Activation{ActivationKind::leaky_relu, slope}; };
  check_refused<T>({
      fused("fused_gemm: B is 5 x 4 but A is 2 x 3; B needs 3 rows",
            [](auto& f, A& a) { f.gemm.a = a.matrix(0, 2, 3); }),
      fused("fused_gemm: bias has 3 entries but C is 2 x 4; bias needs 4 entries",
            [](auto& f, A& a) { f.epilogue.bias = a.vector(50, 3); }),
      fused("fused_gemm: C overlaps bias",
            [](auto& f, A& a) { f.epilogue.bias = a.vector(34, 4); }),
      fused("fused_gemm: bias is null but not empty (4 entries)",
            [](auto& f, A&) {
              f.epilogue.bias = {nullptr, 4, 1};
            }),
      fused("fused_gemm: activation_output is 4 x 2 but C is 2 x 4",
            [](auto& f, A& a) { f.epilogue.activation_output = a.matrix(50, 4, 2); }),
      fused("fused_gemm: C overlaps activation_output",
            [](auto& f, A& a) { f.epilogue.activation_output = a.matrix(30, 2, 4); }),
      fused("fused_gemm: activation kind 77 is unknown",
            [=](auto& f, A&) { f.epilogue.activation = bad_kind; }),
      fused("fused_gemm: the slope of leaky_relu is 0",
            [=](auto& f, A&) { f.epilogue.activation = leaky(0); }),
      fused("fused_gemm: the slope of leaky_relu is nan",
            [=](auto& f, A&) { f.epilogue.activation = leaky(kNan); }),
      fused("fused_gemm: the slope of leaky_relu is inf",
            [=](auto& f, A& a) {
              f.epilogue.activation_output = a.matrix(50, 2, 4);
              f.epilogue.backward_of = leaky(kInf);
            }),

      {"bias_add: bias has 3 entries but C is 2 x 4; bias needs 4 entries",
       [](const Backend& b, A& a) { b.bias_add<T>(a.vector(0, 3), a.matrix(10, 2, 4)); }},
      {"bias_add: C overlaps bias",
       [](const Backend& b, A& a) { b.bias_add<T>(a.vector(10, 4), a.matrix(10, 2, 4)); }},
      {"bias_add: bias has a negative stride (-1)",
       [](const Backend& b, A& a) {
         b.bias_add<T>({a.values.data() + 4, 4, -1}, a.matrix(10, 2, 4));
       }},

      {"softmax: probabilities is 4 x 2 but logits is 2 x 4",
       [](const Backend& b, A& a) { b.softmax<T>(a.matrix(0, 2, 4), a.matrix(10, 4, 2)); }},
      {"softmax: probabilities overlaps logits without being the same view",
       [](const Backend& b, A& a) { b.softmax<T>(a.matrix(0, 2, 4), a.matrix(4, 2, 4)); }},
      {"softmax: probabilities overlaps logits without being the same view",
       [](const Backend& b, A& a) {
         b.softmax<T>(a.matrix(0, 4, 4), transposed(a.matrix(0, 4, 4)));
       }},

      {"outer_product: x has 4 entries but A is 3 x 4; x needs 3 entries",
       [](const Backend& b, A& a) {
         b.outer_product<T>(1, a.vector(0, 4), a.vector(10, 4), a.matrix(20, 3, 4));
       }},
      {"outer_product: y has 3 entries but A is 3 x 4; y needs 4 entries",
       [](const Backend& b, A& a) {
         b.outer_product<T>(1, a.vector(0, 3), a.vector(10, 3), a.matrix(20, 3, 4));
       }},
      {"outer_product: A overlaps y",
       [](const Backend& b, A& a) {
         b.outer_product<T>(1, a.vector(0, 3), a.vector(31, 4), a.matrix(20, 3, 4));
       }},

      {"activate: a is 2 x 4 but z is 2 x 3",
       [](const Backend& b, A& a) {
         b.run(Activate<T>{{}, a.matrix(0, 2, 3), a.matrix(10, 2, 4)});
       }},
      {"activate: activation kind 77 is unknown",
       [=](const Backend& b, A& a) {
         b.run(Activate<T>{bad_kind, a.matrix(0, 2, 4), a.matrix(10, 2, 4)});
       }},
      {"activate: a overlaps z without being the same view",
       [](const Backend& b, A& a) {
         b.run(Activate<T>{{}, a.matrix(0, 2, 4), a.matrix(1, 2, 4)});
       }},

      {"activate_backward: d is 2 x 4 but a is 3 x 4",
       [](const Backend& b, A& a) {
         b.run(ActivateBackward<T>{{}, a.matrix(0, 3, 4), a.matrix(20, 2, 4)});
       }},
      {"activate_backward: d overlaps a",
       [](const Backend& b, A& a) {
         b.run(ActivateBackward<T>{{}, a.matrix(0, 2, 4), a.matrix(0, 2, 4)});
       }},

      {"column_sums: sums has 2 entries but A is 2 x 4; sums needs 4 entries",
       [](const Backend& b, A& a) {
         b.run(ColumnSums<T>{1, a.matrix(0, 2, 4), 0, a.vector(10, 2)});
       }},
      {"column_sums: sums is written, so its stride must be at least 1, not 0",
       [](const Backend& b, A& a) {
         b.run(ColumnSums<T>{1, a.matrix(0, 2, 4), 0, {a.values.data() + 10, 4, 0}});
       }},
      {"column_sums: sums overlaps A",
       [](const Backend& b, A& a) {
         b.run(ColumnSums<T>{1, a.matrix(0, 2, 4), 0, a.vector(7, 4)});
       }},

      {"scale_shift_backward: d is 3 x 4 but x is 2 x 4",
       [](const Backend& b, A& a) {
         b.run(ScaleShiftBackward<T>{
             1, a.matrix(0, 2, 4), {}, a.matrix(20, 3, 4), 0, a.vector(40, 4), a.vector(50, 4)});
       }},
      {"scale_shift_backward: scale has 3 entries but d is 2 x 4",
       [](const Backend& b, A& a) {
         b.run(ScaleShiftBackward<T>{1, a.matrix(0, 2, 4), a.vector(10, 3), a.matrix(20, 2, 4), 0,
                                     a.vector(40, 4), a.vector(50, 4)});
       }},
      {"scale_shift_backward: scale_gradient has 5 entries",
       [](const Backend& b, A& a) {
         b.run(ScaleShiftBackward<T>{1, a.matrix(0, 2, 4), a.vector(10, 4), a.matrix(20, 2, 4), 0,
                                     a.vector(40, 5), a.vector(50, 4)});
       }},
      {"scale_shift_backward: shift_gradient has 1 entries",
       [](const Backend& b, A& a) {
         b.run(ScaleShiftBackward<T>{1, a.matrix(0, 2, 4), a.vector(10, 4), a.matrix(20, 2, 4), 0,
                                     a.vector(40, 4), a.vector(50, 1)});
       }},
      {"scale_shift_backward: d overlaps x",
       [](const Backend& b, A& a) {
         b.run(ScaleShiftBackward<T>{1, a.matrix(0, 2, 4), a.vector(10, 4), a.matrix(0, 2, 4), 0,
                                     a.vector(40, 4), a.vector(50, 4)});
       }},
      {"scale_shift_backward: d overlaps scale",
       [](const Backend& b, A& a) {
         b.run(ScaleShiftBackward<T>{1, a.matrix(0, 2, 4), a.vector(27, 4), a.matrix(20, 2, 4), 0,
                                     a.vector(40, 4), a.vector(50, 4)});
       }},
      {"scale_shift_backward: scale_gradient overlaps scale without being the same view",
       [](const Backend& b, A& a) {
         b.run(ScaleShiftBackward<T>{1, a.matrix(0, 2, 4), a.vector(10, 4), a.matrix(20, 2, 4), 0,
                                     a.vector(11, 4), a.vector(50, 4)});
       }},
      {"scale_shift_backward: shift_gradient overlaps scale_gradient",
       [](const Backend& b, A& a) {
         b.run(ScaleShiftBackward<T>{1, a.matrix(0, 2, 4), a.vector(10, 4), a.matrix(20, 2, 4), 0,
                                     a.vector(40, 4), a.vector(43, 4)});
       }},
      {"scale_shift: y is 2 x 3 but x is 2 x 4",
       [](const Backend& b, A& a) {
         b.run(ScaleShift<T>{a.matrix(0, 2, 4), a.vector(10, 3), a.vector(15, 3),
                             a.matrix(20, 2, 3)});
       }},
      {"scale_shift: scale has 2 entries but y is 2 x 4; scale needs 4 entries",
       [](const Backend& b, A& a) {
         b.run(ScaleShift<T>{a.matrix(0, 2, 4), a.vector(10, 2), a.vector(15, 4),
                             a.matrix(20, 2, 4)});
       }},
      {"scale_shift: shift has 5 entries",
       [](const Backend& b, A& a) {
         b.run(ScaleShift<T>{a.matrix(0, 2, 4), a.vector(10, 4), a.vector(15, 5),
                             a.matrix(20, 2, 4)});
       }},
      {"scale_shift: y overlaps x without being the same view",
       [](const Backend& b, A& a) {
         b.run(
             ScaleShift<T>{a.matrix(0, 2, 4), a.vector(10, 4), a.vector(15, 4), a.matrix(4, 2, 4)});
       }},
      {"scale_shift: y overlaps scale",
       [](const Backend& b, A& a) {
         b.run(ScaleShift<T>{a.matrix(0, 2, 4), a.vector(27, 4), a.vector(15, 4),
                             a.matrix(20, 2, 4)});
       }},
      {"scale_shift: y overlaps shift",
       [](const Backend& b, A& a) {
         b.run(ScaleShift<T>{a.matrix(0, 2, 4), a.vector(10, 4), a.vector(18, 4),
                             a.matrix(20, 2, 4)});
       }},
  });
}

TEMPLATE_TEST_CASE("batch normalisation refuses operands that do not fit", "[checks]", float,
                   double) {
  using T = TestType;
  using A = Arena<T>;
  // A call that is right, and then one thing that is wrong with it.
  const auto forward = [](const auto& spoil) {
    return [spoil](const Backend& b, A& a) {
      BatchNorm<T> call;
      call.x = a.matrix(0, 2, 4);
      call.scale = a.vector(10, 4);
      call.shift = a.vector(14, 4);
      call.mean = a.vector(20, 4);
      call.inverse_deviation = a.vector(24, 4);
      call.running_mean = a.vector(28, 4);
      call.running_variance = a.vector(32, 4);
      call.y = a.matrix(40, 2, 4);
      spoil(a, call);
      b.run(call);
    };
  };
  using Forward = BatchNorm<T>;
  const auto backward = [](const auto& spoil) {
    return [spoil](const Backend& b, A& a) {
      BatchNormBackward<T> call;
      call.x = a.matrix(0, 2, 4);
      call.scale = a.vector(10, 4);
      call.shift = a.vector(14, 4);
      call.mean = a.vector(20, 4);
      call.inverse_deviation = a.vector(24, 4);
      call.d = a.matrix(40, 2, 4);
      call.scale_gradient = a.vector(28, 4);
      call.shift_gradient = a.vector(32, 4);
      spoil(a, call);
      b.run(call);
    };
  };
  using Backward = BatchNormBackward<T>;
  check_refused<T>({
      {"batch_norm: x is 1 x 4; statistics need at least two samples",
       forward([](A& a, Forward& c) { c.x = a.matrix(0, 1, 4), c.y = a.matrix(40, 1, 4); })},
      {"batch_norm: epsilon is 0", forward([](A&, Forward& c) { c.epsilon = 0; })},
      {"batch_norm: momentum is 2", forward([](A&, Forward& c) { c.momentum = 2; })},
      {"batch_norm: y is 2 x 3 but x is 2 x 4",
       forward([](A& a, Forward& c) { c.y = a.matrix(40, 2, 3); })},
      {"batch_norm: y overlaps x", forward([](A&, Forward& c) { c.y.data -= 40; })},
      {"batch_norm: scale has 3 entries", forward([](A&, Forward& c) { c.scale.size = 3; })},
      {"batch_norm: shift has 5 entries", forward([](A&, Forward& c) { c.shift.size = 5; })},
      {"batch_norm: mean has 0 entries", forward([](A&, Forward& c) { c.mean = {}; })},
      {"batch_norm: inverse_deviation overlaps scale",
       forward([](A& a, Forward& c) { c.inverse_deviation = a.vector(11, 4); })},
      {"batch_norm: running_mean has 1 entries",
       forward([](A&, Forward& c) { c.running_mean.size = 1; })},
      {"batch_norm: running_variance overlaps running_mean",
       forward([](A& a, Forward& c) { c.running_variance = a.vector(29, 4); })},
      {"batch_norm_backward: d is 3 x 4 but x is 2 x 4",
       backward([](A& a, Backward& c) { c.d = a.matrix(40, 3, 4); })},
      {"batch_norm_backward: d overlaps x", backward([](A&, Backward& c) { c.d.data -= 36; })},
      {"batch_norm_backward: mean has 3 entries",
       backward([](A&, Backward& c) { c.mean.size = 3; })},
      {"batch_norm_backward: shift_gradient has 0 entries",
       backward([](A&, Backward& c) { c.shift_gradient = {}; })},
      {"batch_norm_backward: scale_gradient overlaps scale without being the same view",
       backward([](A& a, Backward& c) { c.scale_gradient = a.vector(9, 4); })},
      {"batch_norm_backward: scale_gradient overlaps inverse_deviation",
       backward([](A& a, Backward& c) { c.scale_gradient = a.vector(26, 4); })},
      {"batch_norm_backward: shift_gradient overlaps scale_gradient",
       backward([](A& a, Backward& c) { c.shift_gradient = a.vector(30, 4); })},
  });
}

TEMPLATE_TEST_CASE("softmax_nll refuses operands that do not fit", "[checks]", float, double) {
  using T = TestType;
  using A = Arena<T>;
  const auto nll = [](std::string message, std::function<void(SoftmaxNll<T>&, A&)> spoil) {
    return Case<T>{std::move(message), [spoil](const Backend& backend, A& arena) {
                     SoftmaxNll<T> s;
                     s.logits = arena.matrix(0, 4, 3);
                     s.labels = arena.labels(0, 4);
                     s.gradient = arena.matrix(20, 4, 3);
                     s.losses = arena.vector(40, 4);
                     s.predictions = arena.labels(10, 4);
                     spoil(s, arena);
                     backend.run(s);
                   }};
  };
  // Labels of their own: those of the arena must stay zero.
  static const std::int32_t too_large[] = {0, 1, 3, 0};
  static const std::int32_t negative[] = {0, -1, 0, 0};
  check_refused<T>({
      nll("softmax_nll: label 3 of sample 2 is out of range; there are 3 classes, from 0 to 2",
          [](auto& s, A&) {
            s.labels = {too_large, 4, 1};
          }),
      nll("softmax_nll: label -1 of sample 1 is out of range",
          [](auto& s, A&) {
            s.labels = {negative, 4, 1};
          }),
      nll("softmax_nll: labels has 3 entries but logits is 4 x 3; labels needs 4 entries",
          [](auto& s, A& a) { s.labels = a.labels(0, 3); }),
      nll("softmax_nll: labels is null",
          [](auto& s, A&) {
            s.labels = {nullptr, 4, 1};
          }),
      nll("softmax_nll: weights has 5 entries", [](auto& s, A& a) { s.weights = a.vector(60, 5); }),
      nll("softmax_nll: losses has 1 entries", [](auto& s, A& a) { s.losses = a.vector(40, 1); }),
      nll("softmax_nll: predictions has 2 entries",
          [](auto& s, A& a) { s.predictions = a.labels(10, 2); }),
      nll("softmax_nll: gradient is 3 x 4 but logits is 4 x 3",
          [](auto& s, A& a) { s.gradient = a.matrix(20, 3, 4); }),
      nll("softmax_nll: gradient overlaps logits without being the same view",
          [](auto& s, A& a) { s.gradient = a.matrix(3, 4, 3); }),
      nll("softmax_nll: losses overlaps logits", [](auto& s, A& a) { s.losses = a.vector(8, 4); }),
      nll("softmax_nll: losses overlaps gradient",
          [](auto& s, A& a) { s.losses = a.vector(28, 4); }),
      nll("softmax_nll: losses overlaps weights",
          [](auto& s, A& a) { s.weights = a.vector(40, 4); }),
      nll("softmax_nll: predictions overlaps labels",
          [](auto& s, A& a) { s.predictions = a.labels(3, 4); }),
      nll("softmax_nll: label_smoothing is -0.5; it must be in [0, 1]",
          [](auto& s, A&) { s.label_smoothing = static_cast<T>(-0.5); }),
      nll("softmax_nll: label_smoothing is nan",
          [](auto& s, A&) { s.label_smoothing = static_cast<T>(kNan); }),
      nll("softmax_nll: scale is inf; it must be finite",
          [](auto& s, A&) { s.scale = static_cast<T>(kInf); }),
      nll("softmax_nll: logits is 4 x 0; at least one class is needed",
          [](auto& s, A&) {
            s.logits = {nullptr, 4, 0, 0, 1};
            s.gradient = {nullptr, 4, 0, 0, 1};
          }),
  });
}

TEMPLATE_TEST_CASE("sgd_update refuses operands that do not fit", "[checks]", float, double) {
  using T = TestType;
  using A = Arena<T>;
  const auto sgd = [](std::string message, std::function<void(SgdUpdate<T>&, A&)> spoil) {
    return Case<T>{std::move(message), [spoil](const Backend& backend, A& arena) {
                     SgdUpdate<T> s;
                     s.learning_rate = static_cast<T>(0.1);
                     s.gradient = arena.matrix(0, 3, 4);
                     s.velocity = arena.matrix(20, 3, 4);
                     s.weights = arena.matrix(40, 3, 4);
                     spoil(s, arena);
                     backend.run(s);
                   }};
  };
  check_refused<T>({
      sgd("sgd_update: learning_rate is nan",
          [](auto& s, A&) { s.learning_rate = static_cast<T>(kNan); }),
      sgd("sgd_update: momentum is inf", [](auto& s, A&) { s.momentum = static_cast<T>(kInf); }),
      sgd("sgd_update: weight_decay is -inf",
          [](auto& s, A&) { s.weight_decay = static_cast<T>(-kInf); }),
      sgd("sgd_update: gradient is 4 x 3 but weights is 3 x 4",
          [](auto& s, A& a) { s.gradient = a.matrix(0, 4, 3); }),
      sgd("sgd_update: velocity is 2 x 4 but weights is 3 x 4",
          [](auto& s, A& a) { s.velocity = a.matrix(20, 2, 4); }),
      sgd("sgd_update: weights overlaps gradient",
          [](auto& s, A& a) { s.gradient = a.matrix(40, 3, 4); }),
      sgd("sgd_update: weights overlaps velocity",
          [](auto& s, A& a) { s.velocity = a.matrix(50, 3, 4); }),
      sgd("sgd_update: velocity overlaps gradient",
          [](auto& s, A& a) { s.velocity = a.matrix(4, 3, 4); }),
  });
}

TEMPLATE_TEST_CASE("adam_update refuses operands that do not fit", "[checks]", float, double) {
  using T = TestType;
  using A = Arena<T>;
  const auto adam = [](std::string message, std::function<void(AdamUpdate<T>&, A&)> spoil) {
    return Case<T>{std::move(message), [spoil](const Backend& backend, A& arena) {
                     AdamUpdate<T> s;
                     s.gradient = arena.matrix(0, 3, 4);
                     s.first = arena.matrix(16, 3, 4);
                     s.second = arena.matrix(32, 3, 4);
                     s.weights = arena.matrix(48, 3, 4);
                     spoil(s, arena);
                     backend.run(s);
                   }};
  };
  check_refused<T>({
      adam("adam_update: beta1 is nan", [](auto& s, A&) { s.beta1 = static_cast<T>(kNan); }),
      adam("adam_update: one_minus_beta1 is inf",
           [](auto& s, A&) { s.one_minus_beta1 = static_cast<T>(kInf); }),
      adam("adam_update: beta2 is -inf", [](auto& s, A&) { s.beta2 = static_cast<T>(-kInf); }),
      adam("adam_update: one_minus_beta2 is nan",
           [](auto& s, A&) { s.one_minus_beta2 = static_cast<T>(kNan); }),
      adam("adam_update: weight_decay is inf",
           [](auto& s, A&) { s.weight_decay = static_cast<T>(kInf); }),
      adam("adam_update: weight_scale is nan",
           [](auto& s, A&) { s.weight_scale = static_cast<T>(kNan); }),
      adam("adam_update: step_size is inf",
           [](auto& s, A&) { s.step_size = static_cast<T>(kInf); }),
      adam("adam_update: epsilon is 0; it must be positive and finite",
           [](auto& s, A&) { s.epsilon = 0; }),
      adam("adam_update: epsilon is nan", [](auto& s, A&) { s.epsilon = static_cast<T>(kNan); }),
      adam("adam_update: gradient is 4 x 3 but weights is 3 x 4",
           [](auto& s, A& a) { s.gradient = a.matrix(0, 4, 3); }),
      adam("adam_update: first is 2 x 4 but weights is 3 x 4",
           [](auto& s, A& a) { s.first = a.matrix(16, 2, 4); }),
      adam("adam_update: second is 3 x 3 but weights is 3 x 4",
           [](auto& s, A& a) { s.second = a.matrix(32, 3, 3); }),
      adam("adam_update: weights overlaps gradient",
           [](auto& s, A& a) { s.gradient = a.matrix(48, 3, 4); }),
      adam("adam_update: weights overlaps first",
           [](auto& s, A& a) { s.first = a.matrix(50, 3, 4); }),
      adam("adam_update: weights overlaps second",
           [](auto& s, A& a) { s.second = a.matrix(46, 3, 4); }),
      adam("adam_update: first overlaps gradient",
           [](auto& s, A& a) { s.first = a.matrix(4, 3, 4); }),
      adam("adam_update: first overlaps second",
           [](auto& s, A& a) { s.second = a.matrix(20, 3, 4); }),
      adam("adam_update: second overlaps gradient",
           [](auto& s, A& a) { s.second = a.matrix(4, 3, 4); }),
  });
}

TEMPLATE_TEST_CASE("constrain_weights refuses operands that do not fit", "[checks]", float,
                   double) {
  using T = TestType;
  using A = Arena<T>;
  const auto constrain = [](std::string message, T threshold, T max_norm, index_t row_stride) {
    return Case<T>{std::move(message), [=](const Backend& backend, A& arena) {
                     View<T> weights = arena.matrix(0, 3, 4);
                     weights.row_stride = row_stride;
                     backend.run(ConstrainWeights<T>{threshold, max_norm, weights});
                   }};
  };
  const T infinity = static_cast<T>(kInf), nan = static_cast<T>(kNan);
  check_refused<T>({
      constrain("constrain_weights: threshold is -1; it must be finite and not negative", -1, 1, 4),
      constrain("constrain_weights: threshold is inf", infinity, 1, 4),
      constrain("constrain_weights: threshold is nan", nan, 1, 4),
      constrain("constrain_weights: max_norm is 0; it must be above 0", 0, 0, 4),
      constrain("constrain_weights: max_norm is nan", 0, nan, 4),
      constrain("constrain_weights: weights", 0, 1, 1),  // its rows overlap
  });
}

TEMPLATE_TEST_CASE("gather_bytes refuses operands that do not fit", "[checks]", float, double) {
  using T = TestType;
  using A = Arena<T>;
  static constexpr std::uint8_t kStored[5 * 4] = {};
  const auto gather = [](std::string message, std::function<void(GatherBytes<T>&, A&)> spoil) {
    return Case<T>{std::move(message), [spoil](const Backend& backend, A& arena) {
                     GatherBytes<T> s;
                     s.values = kStored;
                     s.samples = 5;
                     s.features = 4;
                     s.indices = arena.labels(0, 3);
                     s.offset = arena.vector(0, 4);
                     s.scale = arena.vector(8, 4);
                     s.out = arena.matrix(16, 3, 4);
                     spoil(s, arena);
                     backend.run(s);
                   }};
  };
  static constexpr std::int32_t kBeyond[] = {0, 5, 0}, kNegative[] = {0, 0, -1};
  check_refused<T>({
      gather("gather_bytes: index 5, number 1, is not among the 5 samples",
             [](auto& s, A&) {
               s.indices = {kBeyond, 3, 1};
             }),
      gather("gather_bytes: index -1, number 2, is not among the 5 samples",
             [](auto& s, A&) {
               s.indices = {kNegative, 3, 1};
             }),
      gather("gather_bytes: there are 5 samples of 3 features for out, which is 3 x 4",
             [](auto& s, A&) { s.features = 3; }),
      gather("gather_bytes: indices has 2 entries but out is 3 x 4",
             [](auto& s, A& a) { s.indices = a.labels(0, 2); }),
      gather("gather_bytes: offset has 3 entries",
             [](auto& s, A& a) { s.offset = a.vector(0, 3); }),
      gather("gather_bytes: scale has 5 entries", [](auto& s, A& a) { s.scale = a.vector(8, 5); }),
      gather("gather_bytes: values is null", [](auto& s, A&) { s.values = nullptr; }),
      gather("gather_bytes: out overlaps scale", [](auto& s, A& a) { s.out = a.matrix(10, 3, 4); }),
  });
}

TEMPLATE_TEST_CASE("drop_units refuses operands that do not fit", "[checks]", float, double) {
  using T = TestType;
  using A = Arena<T>;
  const auto drops = [](std::string message, std::function<void(DropUnits<T>&, A&)> spoil) {
    return Case<T>{std::move(message), [spoil](const Backend& backend, A& arena) {
                     DropUnits<T> s;
                     s.probability = 0.5;
                     s.samples = arena.labels(0, 3);
                     s.x = arena.matrix(0, 3, 4);
                     s.y = arena.matrix(16, 3, 4);
                     spoil(s, arena);
                     backend.run(s);
                   }};
  };
  check_refused<T>({
      drops("drop_units: probability is 1; it must be in [0, 1)",
            [](auto& s, A&) { s.probability = 1; }),
      drops("drop_units: probability is nan",
            [](auto& s, A&) { s.probability = std::numeric_limits<double>::quiet_NaN(); }),
      drops("drop_units: samples has 2 entries but y is 3 x 4",
            [](auto& s, A& a) { s.samples = a.labels(0, 2); }),
      drops("drop_units: y is 3 x 4 but x is 4 x 3",
            [](auto& s, A& a) { s.x = a.matrix(0, 4, 3); }),
      drops("drop_units: y overlaps x without being the same view",
            [](auto& s, A& a) { s.x = a.matrix(12, 3, 4); }),
  });
}

TEMPLATE_TEST_CASE("move_images refuses operands that do not fit", "[checks]", float, double) {
  using T = TestType;
  using A = Arena<T>;
  static constexpr std::uint8_t kStored[5 * 4] = {};
  static std::uint8_t moved[3 * 4];
  const auto moves = [](std::string message, std::function<void(MoveImages<T>&, A&)> spoil) {
    return Case<T>{std::move(message), [spoil](const Backend& backend, A& arena) {
                     MoveImages<T> s;
                     s.changes.height = s.changes.width = 2;
                     s.values = kStored;
                     s.samples = 5;
                     s.indices = arena.labels(0, 3);
                     s.moved = moved;
                     spoil(s, arena);
                     backend.run(s);
                   }};
  };
  static constexpr std::int32_t kBeyond[] = {0, 5, 0};
  check_refused<T>({
      moves("move_images: index 5, number 1, is not among the 5 samples",
            [](auto& s, A&) {
              s.indices = {kBeyond, 3, 1};
            }),
      moves("move_images: values or moved is null", [](auto& s, A&) { s.moved = nullptr; }),
      moves("move_images: images are 0 x 2 x 1", [](auto& s, A&) { s.changes.height = 0; }),
      moves("move_images: a change is out of range", [](auto& s, A&) { s.changes.scale = 1; }),
  });
}

TEMPLATE_TEST_CASE("checked calls accept operands that are unusual but valid", "[checks]", float,
                   double) {
  using T = TestType;
  for (const auto& backend : test_backends()) {
    INFO(backend->info().name);
    SECTION(backend->info().name + ": empty operands need no memory") {
      backend->gemm<T>(1, {nullptr, 0, 5, 0, 0}, {nullptr, 5, 0, 0, 0}, 0,
                       View<T>{nullptr, 0, 0, 0, 0});
      backend->bias_add<T>({nullptr, 0, 1}, View<T>{nullptr, 3, 0, 0, 1});
      backend->softmax<T>({nullptr, 0, 4, 4, 1}, View<T>{nullptr, 0, 4, 4, 1});
      backend->outer_product<T>(1, {nullptr, 0, 1}, {nullptr, 0, 1}, View<T>{nullptr, 0, 0, 0, 1});
      backend->run(SoftmaxNll<T>{});
      backend->run(SgdUpdate<T>{});
      backend->run(AdamUpdate<T>{});
      backend->run(GatherBytes<T>{});
      backend->run(ConstrainWeights<T>{});
      // No rows, but sums that a beta of 0 or 2 still scales.
      T sums[] = {3, 4};
      backend->run(ColumnSums<T>{1, {nullptr, 0, 2, 2, 1}, 2, {sums, 2, 1}});
      CHECK((sums[0] == 6 && sums[1] == 8));
      backend->run(ColumnSums<T>{1, {nullptr, 0, 2, 2, 1}, 0, {sums, 2, 1}});
      CHECK((sums[0] == 0 && sums[1] == 0));
    }
    SECTION(backend->info().name + ": a product of no terms is zero") {
      Matrix<T> c(2, 3);
      for (T& value : c.values()) value = std::numeric_limits<T>::quiet_NaN();
      backend->gemm<T>(1, {nullptr, 2, 0, 0, 1}, {nullptr, 0, 3, 3, 1}, 0, c.view());
      for (const T value : c.values()) CHECK(value == 0);
    }
    SECTION(backend->info().name + ": inputs with stride 0 repeat an element") {
      const T two = 2;
      const T row_values[] = {1, 10, 100};
      Matrix<T> c(4, 3);
      backend->gemm<T>(1, {&two, 4, 5, 0, 0}, {row_values, 5, 3, 0, 1}, 0, c.view());
      for (index_t i = 0; i < 4; ++i)
        for (index_t j = 0; j < 3; ++j) CHECK(c(i, j) == 10 * row_values[j]);
      backend->bias_add<T>({&two, 3, 0}, c.view());
      CHECK(c(3, 2) == 1002);
      backend->outer_product<T>(1, {&two, 4, 0}, {row_values, 3, 1}, c.view());
      CHECK(c(0, 1) == 122);
      backend->softmax<T>({&two, 4, 3, 0, 0}, c.view());
      CHECK(c(2, 1) == Approx(1.0 / 3));
    }
    SECTION(backend->info().name + ": blocks, rows and columns of one matrix are apart") {
      Matrix<T> whole(6, 9);
      for (index_t i = 0; i < 6; ++i)
        for (index_t j = 0; j < 9; ++j) whole(i, j) = static_cast<T>(i + j);
      // C = columns 6..8, A = columns 0..2, B = a block between them; all ranges of bytes meet.
      backend->gemm<T>(1, block(whole.view(), 0, 0, 6, 3), block(whole.view(), 2, 3, 3, 3), 0,
                       block(whole.view(), 0, 6, 6, 3));
      CHECK(whole(1, 7) == 1 * 6 + 2 * 7 + 3 * 8);
      backend->bias_add<T>(row(block(whole.view(), 1, 0, 1, 3), 0),
                           block(whole.view(), 0, 3, 6, 3));
      CHECK(whole(5, 3) == 8 + 1);
      // Row 0 and column 4 into columns 2 and 3, between them; everything transposed.
      Matrix<T> before(6, 9);
      std::copy_n(whole.data(), whole.size(), before.data());
      backend->outer_product<T>(1, row(block(whole.view(), 0, 0, 1, 2), 0), column(whole.view(), 4),
                                transposed(block(whole.view(), 0, 2, 6, 2)));
      for (index_t i = 0; i < 6; ++i)
        for (index_t j = 0; j < 9; ++j) {
          const bool written = j == 2 || j == 3;
          const T added = written ? before(0, j - 2) * before(i, 4) : T{0};
          CHECK(whole(i, j) == before(i, j) + added);
        }
    }
    SECTION(backend->info().name + ": in place where the kernel allows it") {
      Matrix<T> z(3, 4);
      backend->softmax<T>(z.view(), z.view());
      CHECK(z(2, 3) == static_cast<T>(0.25));
      backend->run(Activate<T>{{ActivationKind::sigmoid}, z.view(), z.view()});
      CHECK(z(0, 0) == Approx(1 / (1 + std::exp(-0.25))));
      backend->softmax<T>(transposed(z.view()), transposed(z.view()));
      CHECK(z(2, 3) == Approx(1.0 / 3));
    }
  }
}

}  // namespace
}  // namespace lamella::test
