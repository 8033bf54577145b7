// GEMM on small integers: every partial sum is exact in any order, so the result is known to the
// last bit, for every shape and layout.
#include <optional>

#include <lamella/backend.h>

#include "tools/conformance/checks/gemm.h"
#include "tools/conformance/compare.h"
#include "tools/conformance/gemm_case.h"
#include "tools/conformance/oracle.h"

namespace lamella::conformance {
namespace {

/// With a B packed in advance, if the case says so; it gives what B itself does.
template <class T>
void expect_exact(CheckContext& context, Random& random, const GemmCase& g, bool packs_b = false) {
  const GemmOperands<T> operands(g, [&] { return uniform_int(random, -3, 3); });
  const auto want = oracle::gemm(operands.call(operands.c.view())).values;
  for (const BackendUnderTest& tested : context.backends()) {
    context.begin(tested, describe(g));
    const Operand<T> c = operands.output();
    Gemm<T> call = operands.call(c.view());
    std::optional<PackedMatrix<T>> packed;
    if (packs_b) call.packed_b = &packed.emplace(tested.backend, call.b);
    tested.backend->run(call);
    context(tested, describe(g), first_of({different_values(c.read(), want), c.stray_writes()}));
  }
}

template <class T>
void all_shapes(CheckContext& context) {
  Random random(1);
  for (const GemmShape& shape : gemm_shapes(600'000))
    expect_exact<T>(context, random, random_case(random, shape));
  context.expect_cases(1001);
}

template <class T>
void all_strides(CheckContext& context) {
  Random random(2);
  // One tile and a bit, several tiles, more than one block of K, a row, a column, a dot product.
  const GemmShape shapes[] = {{7, 17, 19},  {33, 65, 129}, {15, 31, 1025},
                              {1, 65, 130}, {65, 1, 130},  {1, 1, 300}};
  for (const GemmShape& shape : shapes)
    for (Order a : kOrders)
      for (Order b : kOrders)
        for (Order c : kOrders)
          for (index_t padding : {0, 5}) {
            GemmCase g = random_case(random, shape);
            g.a = {a, padding, pick(random, {Placement::against_end, Placement::against_start}), 0};
            g.b = {b, padding, pick(random, {Placement::against_end, Placement::against_start}), 0};
            g.c = {c, padding, pick(random, {Placement::against_end, Placement::against_start}), 0};
            expect_exact<T>(context, random, g);
          }
  context.expect_cases(6 * 27 * 2);
}

template <class T>
void all_factors(CheckContext& context) {
  Random random(3);
  const GemmShape shapes[] = {{6, 16, 8},  {9, 35, 40}, {5, 33, 520},
                              {1, 40, 40}, {40, 1, 40}, {3, 5, 0}};
  for (const GemmShape& shape : shapes)
    for (double alpha : kFactors)
      for (double beta : kFactors)
        for (Order c : {Order::rows, Order::columns}) {
          GemmCase g = random_case(random, shape);
          g.alpha = alpha;
          g.beta = beta;
          g.c.order = c;
          expect_exact<T>(context, random, g);
        }
  context.expect_cases(6 * 36 * 2);
}

template <class T>
void many_blocks(CheckContext& context) {
  Random random(5);
  // Operands that exceed the block of a cache each: B with 1.4 MiB of floats, A with 0.5.
  for (const GemmShape& shape : {GemmShape{43, 690, 520}, {190, 70, 700}})
    for (Order a : kOrders)
      for (Order b : kOrders) {
        GemmCase g = random_case(random, shape);
        g.a.order = a;
        g.b.order = b;
        expect_exact<T>(context, random, g);
      }
  context.expect_cases(18);
}

/// Rows whose lines compete for one set of a cache: kernels may move them apart, many at a time.
template <class T>
void rows_of_pages(CheckContext& context) {
  Random random(6);
  constexpr index_t kPage = 1024;  // elements: a page of floats, two of doubles
  for (const GemmShape& shape :
       {GemmShape{9, 70, 1000}, {47, 70, 2048}, {810, 70, 1300}, {30, 700, 1024}}) {
    const Layout rows{Order::rows, (kPage - shape.k % kPage) % kPage};
    GemmCase g = random_case(random, shape);
    g.a = rows;
    g.c.order = Order::rows;
    expect_exact<T>(context, random, g);
    // The same for Cᵀ = Bᵀ Aᵀ.
    g = random_case(random, {shape.n, shape.m, shape.k});
    g.b = {Order::columns, rows.padding};
    g.c.order = Order::columns;
    expect_exact<T>(context, random, g);
  }
  context.expect_cases(8);
}

/// So many rows, and so much use of them, that kernels may copy them whatever their stride: 4.1 MiB
/// of floats.
template <class T>
void large_rows(CheckContext& context) {
  Random random(8);
  GemmCase g = random_case(random, {1500, 520, 720});
  g.a = {Order::rows, 3};
  g.b.order = g.c.order = Order::rows;
  expect_exact<T>(context, random, g);
  context.expect_cases(1);
}

/// So little depth that kernels may hold all of a panel of B in registers; up to where they do not.
template <class T>
void little_depth(CheckContext& context) {
  Random random(9);
  for (index_t k = 1; k <= 17; ++k)
    for (double beta : {0.0, 1.0})
      for (Order a : kOrders)
        for (Order b : kOrders)
          for (Order c : {Order::rows, Order::columns}) {
            GemmCase g = random_case(random, {35, 70, k});
            g.a.order = a;
            g.b.order = b;
            g.c.order = c;
            g.beta = beta;
            expect_exact<T>(context, random, g);
          }
  context.expect_cases(17 * 2 * 18);
}

template <class T>
void packed_in_advance(CheckContext& context) {
  Random random(7);
  // A vector, less than a panel of B, dot products without packing, edges in every direction,
  // several blocks of K, operands of many blocks, rows of A that are to be copied.
  const GemmShape shapes[] = {{1, 65, 130},    {33, 5, 70},    {5, 40, 300},
                              {7, 17, 19},     {15, 31, 1025}, {43, 690, 520},
                              {190, 70, 1700}, {47, 70, 2048}, {35, 70, 10}};
  for (const GemmShape& shape : shapes)
    for (Order b : kOrders)
      for (Order c : kOrders) {
        GemmCase g = random_case(random, shape);
        g.b.order = b;
        g.c.order = c;
        expect_exact<T>(context, random, g, true);
      }
  context.expect_cases(9 * 9);
}

template <class T>
void any_alignment(CheckContext& context) {
  Random random(4);
  for (index_t offset = 0; offset < 16; ++offset)
    for (Order order : {Order::rows, Order::columns}) {
      GemmCase g = random_case(random, {13, 37, 21});
      for (Layout* layout : {&g.a, &g.b, &g.c})
        *layout = {order, offset % 3, Placement::against_start, offset};
      expect_exact<T>(context, random, g);
    }
  context.expect_cases(32);
}

}  // namespace

std::vector<Check> gemm_exact_checks() {
  return {
      {"gemm", "exact on integers, all shapes", all_shapes<float>, all_shapes<double>},
      {"gemm", "exact on integers, all transposes and strides", all_strides<float>,
       all_strides<double>},
      {"gemm", "exact on integers, all alpha and beta", all_factors<float>, all_factors<double>},
      {"gemm", "exact on integers, operands of many blocks", many_blocks<float>,
       many_blocks<double>},
      {"gemm", "exact on integers, rows a multiple of a page apart", rows_of_pages<float>,
       rows_of_pages<double>},
      {"gemm", "exact on integers, many long rows", large_rows<float>, large_rows<double>},
      {"gemm", "exact on integers, little depth", little_depth<float>, little_depth<double>},
      {"gemm", "exact on integers, B packed in advance", packed_in_advance<float>,
       packed_in_advance<double>},
      {"gemm", "exact at any alignment of elements", any_alignment<float>, any_alignment<double>}};
}

}  // namespace lamella::conformance
