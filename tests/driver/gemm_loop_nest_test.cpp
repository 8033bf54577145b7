// The fast loop nest gives the bits of the plain one, on every table: whatever is packed, copied or
// read in place, and however small the blocks are.
#include "backends/driver/gemm_loop_nest.h"

#include <pthread.h>

#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include <lamella/matrix.h>

#include "backends/driver/gemm_task.h"
#include "backends/driver_backend.h"
#include "tests/catch.h"
#include "tests/driver/problems.h"
#include "tests/test_backends.h"

namespace lamella::test {
namespace {

using namespace backends;

template <class T>
KernelTable<T> of_type(const KernelTables& tables) {
  if constexpr (sizeof(T) == 4)
    return *tables.f32;
  else
    return *tables.f64;
}

/// The table of every instruction set that is usable here, and the scalar one.
template <class T>
std::vector<KernelTable<T>> usable_tables() {
  std::vector<KernelTable<T>> tables{of_type<T>(scalar_tables())};
  for (const std::string& isa : usable_isas())
    tables.push_back(of_type<T>(isa == "baseline" ? baseline_tables()
                                : isa == "avx2"   ? avx2_tables()
                                : isa == "avx512" ? avx512_tables()
                                                  : neon_tables()));
  return tables;
}

/// The same kernels, cut into small blocks, so that products of a few thousand elements meet every
/// border there is.
template <class T>
KernelTable<T> with_small_blocks(KernelTable<T> table) {
  table.kc = 40;
  table.mc = 2 * table.mr;
  table.nc = 2 * table.nr;
  return table;
}

template <class T>
std::vector<T> random_values(index count, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> values(-1, 1);
  std::vector<T> result(static_cast<std::size_t>(count));
  for (T& value : result) value = static_cast<T>(values(random));
  return result;
}

/// A problem with its memory.
template <class T>
struct Product {
  std::vector<T> a, b, c, activation_output, bias;
  GemmProblem<T> problem;

  Product(index m, index n, index k, Layout a_layout, Layout b_layout)
      : a(random_values<T>((m + k + a_layout.padding) * (m + k + a_layout.padding), 1)),
        b(random_values<T>((n + k + b_layout.padding) * (n + k + b_layout.padding), 2)),
        c(random_values<T>(m * (n + 3), 3)),
        activation_output(random_values<T>(m * (n + 1), 4)),
        bias(random_values<T>(m + n, 5)),
        problem(problem_of<T>(m, n, k, a_layout, b_layout)) {
    problem.a.data = a.data();
    problem.b.matrix.data = b.data();
    problem.c = {c.data(), m, n, n + 3, 1};
  }

  void set_epilogue(unsigned steps, int activation, int backward_of) {
    TileEpilogue<T>& e = problem.epilogue;
    e.steps = steps;
    e.row_bias = e.column_bias = bias.data();
    e.row_bias_stride = 1;
    e.activation = activation;
    e.slope = static_cast<T>(0.25);
    e.activation_output = activation_output.data();
    e.activation_output_row_stride = problem.n + 1;
    e.backward_of = backward_of;
    e.backward_slope = static_cast<T>(0.5);
  }
};

/// The elements of C whose bits differ between the plain loop nest and a task.
template <class T>
index different_elements(const KernelTable<T>& table, Product<T>& product) {
  GemmProblem<T> p = product.problem;
  std::vector<T> plain = product.c, fast = product.c;
  std::vector<T> panel(static_cast<std::size_t>(longest_k_block(table, p.k) * table.nr));
  p.c.data = plain.data();
  plain_loop_nest(table, p, {0, p.m}, {0, p.n}, panel.data());
  p.c.data = fast.data();
  PackedBState state{p.m};
  run_task(table, p, {0, p.m}, {0, p.n}, state);
  index different = 0;
  for (std::size_t i = 0; i < plain.size(); ++i)
    different += std::memcmp(&plain[i], &fast[i], sizeof(T)) != 0 ? 1 : 0;
  return different;
}

constexpr Layout kRowMajor{Layout::row_major, 0}, kColMajor{Layout::col_major, 0};

TEMPLATE_TEST_CASE("the blocked loop nest gives the bits of the plain one", "[loop_nest]", float,
                   double) {
  // With k = 128 and this padding, rows of A are a page apart and compete for a cache set.
  const Layout page_apart{Layout::row_major, 4096 / sizeof(TestType) - 128};
  for (const KernelTable<TestType>& whole : usable_tables<TestType>())
    for (const KernelTable<TestType>& table : {whole, with_small_blocks(whole)})
      for (const index m : {index{1}, table.mr, 2 * table.mr + 1, 5 * table.mr + 3})
        for (const index n : {index{1}, table.nr - 1, 2 * table.nr, 7 * table.nr + 5})
          for (const index k : {1, 7, 39, 128})
            for (const Layout a : {kRowMajor, kColMajor, page_apart})
              for (const Layout b : {kRowMajor, kColMajor}) {
                CAPTURE(table.isa, table.kc, m, n, k, a.order, a.padding, b.order);
                Product<TestType> product(m, n, k, a, b);
                if (different_elements(table, product) != 0) FAIL();
              }
  SUCCEED("all products were equal");
}

TEMPLATE_TEST_CASE("alpha, beta and epilogues are applied once, at the end of K", "[loop_nest]",
                   float, double) {
  struct Factors {
    double alpha, beta;
  };
  struct Steps {
    unsigned steps;
    int activation, backward_of;
  };
  const Steps all_steps[] = {{0, 0, 0},
                             {kAddRowBias, 0, 0},
                             {kAddColumnBias | kApplyActivation, kRelu, 0},
                             {kAddColumnBias | kApplyActivation, kTanh, 0},
                             {kApplyActivation, kLeakyRelu, 0},
                             {kMultiplyDerivative, 0, kRelu},
                             {kMultiplyDerivative | kAddRowBias, 0, kSigmoid}};
  for (const KernelTable<TestType>& whole : usable_tables<TestType>())
    for (const KernelTable<TestType>& table : {whole, with_small_blocks(whole)})
      for (const Factors f :
           {Factors{1, 0}, Factors{-0.5, 0}, Factors{1, 1}, Factors{-0.5, 1}, Factors{2, -0.25}})
        for (const Steps& s : all_steps)
          for (const index k : {index{0}, index{10}, index{100}}) {
            CAPTURE(table.isa, table.kc, f.alpha, f.beta, s.steps, s.activation, s.backward_of, k);
            Product<TestType> product(3 * table.mr + 2, 3 * table.nr + 3, k, kRowMajor, kRowMajor);
            product.problem.alpha = static_cast<TestType>(f.alpha);
            product.problem.beta = static_cast<TestType>(f.beta);
            product.set_epilogue(s.steps, s.activation, s.backward_of);
            if (different_elements(table, product) != 0) FAIL();
          }
  SUCCEED("all products were equal");
}

TEMPLATE_TEST_CASE("a B packed in advance gives the bits of one that the product packs",
                   "[loop_nest]", float, double) {
  for (const KernelTable<TestType>& whole : usable_tables<TestType>())
    for (const KernelTable<TestType>& table : {whole, with_small_blocks(whole)})
      for (const index n : {table.nr, 5 * table.nr + 1}) {
        const index m = 4 * table.mr, k = 100;
        CAPTURE(table.isa, table.kc, n);
        Product<TestType> product(m, n, k, kRowMajor, kRowMajor);
        GemmProblem<TestType> p = product.problem;
        std::vector<TestType> own = product.c, prepacked = product.c;
        PackedBState state{m};
        p.c.data = own.data();
        run_task(table, p, {0, m}, {0, n}, state);

        const index columns = padded_columns(table, n), blocks = k_blocks_of(table, k);
        std::vector<TestType> panels(static_cast<std::size_t>(columns * k));
        for (index kb = 0; kb < blocks; ++kb) {
          const Range ks = k_block(k, kb, blocks);
          pack_block_of_b(table, p.b, ks, {0, n}, panels.data() + ks.begin * columns);
        }
        p.b.source = SourceB::prepacked;
        p.b.panels = panels.data();
        p.c.data = prepacked.data();
        state = {m};
        run_task(table, p, {0, m}, {0, n}, state);
        CHECK(own == prepacked);
      }
}

TEMPLATE_TEST_CASE("a mini-batch of bytes gives the bits of its matrix", "[loop_nest]", float,
                   double) {
  constexpr index kFeatures = 70, kStored = 50;
  std::vector<std::uint8_t> bytes(kStored * kFeatures);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 37);
  for (const KernelTable<TestType>& whole : usable_tables<TestType>()) {
    if (whole.pack_samples == nullptr) continue;  // the scalar table packs no batches
    for (const KernelTable<TestType>& table : {whole, with_small_blocks(whole)})
      for (const index samples : {index{4}, table.nr, 3 * table.nr + 5})
        for (const SampleAxis axis : {SampleAxis::columns, SampleAxis::rows})
          for (const index m : {index{3}, 4 * table.mr}) {
            CAPTURE(table.isa, table.kc, samples, axis, m);
            std::vector<std::int32_t> indices(static_cast<std::size_t>(samples));
            for (std::size_t s = 0; s < indices.size(); ++s)
              indices[s] = static_cast<std::int32_t>(s * 7 % kStored);
            const TestType offset = 3, scale = static_cast<TestType>(0.125);
            GatherBytes<TestType> gather;
            gather.values = bytes.data();
            gather.samples = kStored;
            gather.features = kFeatures;
            gather.indices = {indices.data(), samples, 1};
            gather.offset = {&offset, kFeatures, 0};
            gather.scale = {&scale, kFeatures, 0};
            std::vector<TestType> matrix(static_cast<std::size_t>(samples * kFeatures));
            gather.out = {matrix.data(), samples, kFeatures, 1, samples};
            for (index s = 0; s < samples; ++s)
              for (index f = 0; f < kFeatures; ++f)
                gather.out(s, f) = (static_cast<TestType>(bytes[static_cast<std::size_t>(
                                        indices[static_cast<std::size_t>(s)] * kFeatures + f)]) -
                                    offset) *
                                   scale;

            const bool columns = axis == SampleAxis::columns;
            const index k = columns ? kFeatures : samples, n = columns ? samples : kFeatures;
            Product<TestType> product(m, n, k, kRowMajor, kRowMajor);
            GemmProblem<TestType> p = product.problem;
            p.b.matrix = columns ? transposed(ConstView<TestType>(gather.out)) : gather.out;
            std::vector<TestType> from_matrix = product.c, from_batch = product.c;
            PackedBState state{m};
            p.c.data = from_matrix.data();
            run_task(table, p, {0, m}, {0, n}, state);

            AlignedArray<TestType> memory(PackedBatch<TestType>::bytes(table, gather));
            PackedBatch<TestType> batch(table, gather, memory.data());
            p.b.source = SourceB::batch;
            p.b.batch = &batch;
            p.b.sample_axis = axis;
            for (int product_of_batch = 0; product_of_batch < 2; ++product_of_batch) {
              from_batch = product.c;
              p.c.data = from_batch.data();
              state = {m};
              run_task(table, p, {0, m}, {0, n}, state);
              CHECK(from_matrix == from_batch);  // the second finds panels packed already
            }
          }
  }
}

// Four threads take turns with the one panel that there is, on stacks that would not hold it.
TEST_CASE("products without memory have the bits of the others", "[loop_nest]") {
  for (const KernelTable<double>& table : usable_tables<double>()) {
    CAPTURE(table.isa);
    Product<double> product(3 * table.mr + 1, 2 * table.nr + 3, 1030, {}, {});
    const std::vector<double> start = product.c;
    PackedBState state{product.problem.m};
    run_task(table, product.problem, {0, product.problem.m}, {0, product.problem.n}, state);
    struct Call {
      const KernelTable<double>& table;
      GemmProblem<double> problem;
      std::vector<double> c;
    };
    std::vector<Call> calls(4, {table, product.problem, start});
    std::vector<pthread_t> threads(calls.size());
    pthread_attr_t attributes;
    REQUIRE(pthread_attr_init(&attributes) == 0);
    REQUIRE(pthread_attr_setstacksize(&attributes, 128 << 10) == 0);
    for (std::size_t i = 0; i < calls.size(); ++i) {
      calls[i].problem.c.data = calls[i].c.data();
      REQUIRE(pthread_create(
                  &threads[i], &attributes,
                  [](void* argument) -> void* {
                    auto& [of, p, c] = *static_cast<Call*>(argument);
                    run_task_without_memory(of, p, {0, p.m}, {0, p.n});
                    return nullptr;
                  },
                  &calls[i]) == 0);
    }
    for (const pthread_t thread : threads) pthread_join(thread, nullptr);
    pthread_attr_destroy(&attributes);
    for (const Call& call : calls) CHECK(call.c == product.c);
  }
}

}  // namespace
}  // namespace lamella::test
