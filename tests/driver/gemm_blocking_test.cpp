// The blocking policy decides what it should: a wrong decision costs speed and no bit, so that no
// other test would see it.
#include "backends/driver/gemm_blocking.h"

#include <vector>

#include "tests/catch.h"
#include "tests/driver/problems.h"

namespace lamella::test {
namespace {

using namespace backends;

constexpr Layout kRowMajor{Layout::row_major, 0}, kColMajor{Layout::col_major, 0};

/// As the AVX-512 float table: tiles of 14 x 32 in ir_jr order.
constexpr GemmTuning tiles_first() {
  GemmTuning t{};
  t.mr = 14;
  t.nr = 32;
  t.kc = 800;
  t.nc = 1024;
  t.loop_order = LoopOrder::ir_jr;
  t.packs_b_rows = true;
  t.rows_for_samples = 10;
  t.small_k = 12;
  t.small_m = 48;
  t.small_m_depth = 6;
  return t;
}

/// As the AVX2 float table: tiles of 6 x 16 in jr_ir order.
constexpr GemmTuning panels_first() {
  GemmTuning t{};
  t.mr = 6;
  t.nr = 16;
  t.kc = 800;
  t.mc = 60;
  t.nc = 1024;
  t.loop_order = LoopOrder::jr_ir;
  t.packs_a = true;
  t.packs_b_rows = true;
  return t;
}

constexpr CacheSizes kMebibyte{1 << 20};

TEST_CASE("K is cut into nearly equal blocks of at most kc", "[blocking]") {
  const GemmTuning tuning = tiles_first();
  for (const index k : {0, 1, 799, 800, 801, 1600, 1601, 5000}) {
    CAPTURE(k);
    const index blocks = k_blocks_of(tuning, k);
    CHECK(blocks == std::max<index>(1, (k + 799) / 800));
    index end = 0, longest = 0, shortest = k;
    for (index block = 0; block < blocks; ++block) {
      const Range r = k_block(k, block, blocks);
      CHECK(r.begin == end);
      end = r.end;
      longest = std::max(longest, r.size());
      shortest = std::min(shortest, r.size());
    }
    CHECK(end == k);
    CHECK(longest <= tuning.kc);
    CHECK(longest - shortest <= 1);
    CHECK(longest_k_block(tuning, k) == std::max<index>(longest, 1));
  }
}

struct AccessCase {
  const char* what;
  GemmTuning tuning;
  index m, n, k;
  Layout a;
  AccessA expected;
};

TEST_CASE("how A is read follows from its strides and from how often it is used", "[blocking]") {
  const GemmTuning ir = tiles_first(), jr = panels_first();
  const AccessCase cases[] = {
      {"a forward product with samples as columns", ir, 512, 128, 784, kRowMajor,
       AccessA::in_place},
      {"columns of A across several panels", ir, 512, 784, 128, kColMajor, AccessA::pack_columns},
      {"columns of A, but one panel only", ir, 512, 32, 128, kColMajor, AccessA::in_place},
      {"columns of A, but two tiles only", ir, 28, 784, 128, kColMajor, AccessA::in_place},
      {"rows a page apart compete for a set", ir, 512, 128, 1024, kRowMajor, AccessA::copy_rows},
      {"rows half a page apart do not", ir, 512, 128, 512, kRowMajor, AccessA::in_place},
      {"rows a page apart, but one panel", ir, 512, 32, 1024, kRowMajor, AccessA::in_place},
      {"eight rows a page apart fit the ways of a set", ir, 8, 128, 1024, kRowMajor,
       AccessA::in_place},
      {"a large A that 16 panels read", ir, 2000, 512, 2000, kRowMajor, AccessA::copy_rows},
      {"a large A that 15 panels read", ir, 2000, 480, 2000, kRowMajor, AccessA::in_place},
      {"a small k needs no packing", ir, 512, 784, 12, kColMajor, AccessA::in_place},
      {"just more than that does", ir, 512, 784, 13, kColMajor, AccessA::pack_columns},

      {"columns of A across four panels", jr, 512, 64, 128, kColMajor, AccessA::packed},
      {"columns of A across three panels", jr, 512, 48, 128, kColMajor, AccessA::in_place},
      {"long rows across 32 panels", jr, 512, 512, 512, kRowMajor, AccessA::packed},
      {"long rows across 31 panels", jr, 512, 496, 512, kRowMajor, AccessA::in_place},
      {"short rows lie close together", jr, 512, 512, 511, kRowMajor, AccessA::in_place},
      {"two tiles of rows do not repay packing", jr, 12, 512, 512, kRowMajor, AccessA::in_place},
  };
  for (const AccessCase& c : cases) {
    CAPTURE(c.what);
    const auto p = problem_of<float>(c.m, c.n, c.k, c.a);
    CHECK(access_of_a(c.tuning, p, c.m, c.n) == c.expected);
  }
}

TEST_CASE("a mini-batch as B never has its A copied", "[blocking]") {
  auto p = problem_of<float>(512, 128, 1024);
  REQUIRE(access_of_a(tiles_first(), p, p.m, p.n) == AccessA::copy_rows);
  p.b.source = SourceB::batch;
  CHECK(access_of_a(tiles_first(), p, p.m, p.n) == AccessA::in_place);
}

TEST_CASE("a table without pack_a reads A in place", "[blocking]") {
  GemmTuning tuning = panels_first();
  tuning.packs_a = false;
  CHECK(access_of_a(tuning, problem_of<float>(512, 512, 512), 512, 512) == AccessA::in_place);
}

struct InPlaceCase {
  const char* what;
  index m, n, k;
  Layout a, b;
  bool expected;
};

TEST_CASE("B is read in place where packing would not be repaid", "[blocking]") {
  const InPlaceCase cases[] = {
      {"two tiles of rows use it", 28, 784, 512, kRowMajor, kRowMajor, true},
      {"three tiles of rows use it", 29, 784, 512, kRowMajor, kRowMajor, false},
      {"its rows are not contiguous", 28, 784, 512, kRowMajor, kColMajor, false},
      {"it lies in a few pages", 512, 32, 100, kRowMajor, kRowMajor, true},
      {"it lies in more pages", 512, 32, 130, kRowMajor, kRowMajor, false},
      {"k is small", 512, 784, 10, kColMajor, kRowMajor, true},
      {"the rows of A compete for a set, so that the product copies them", 512, 16, 64,
       Layout{Layout::row_major, 1024 - 64}, kRowMajor, false},
  };
  for (const InPlaceCase& c : cases) {
    CAPTURE(c.what);
    auto p = problem_of<float>(c.m, c.n, c.k, c.a, c.b);
    CHECK(reads_b_in_place(tiles_first(), p, c.m) == c.expected);
    for (const SourceB other : {SourceB::prepacked, SourceB::batch}) {
      p.b.source = other;
      CHECK_FALSE(reads_b_in_place(tiles_first(), p, c.m));
    }
  }
}

TEST_CASE("a packed block of B fits the L2, beside A if A can stay there", "[blocking]") {
  const GemmTuning ir = tiles_first(), jr = panels_first();
  const auto panels = [](const GemmTuning& t, CacheSizes caches, index m, index k, index n) {
    return packed_b_elements<float>(t, caches, m, k, n) / (k * t.nr);
  };
  // 784 x 32 floats are 98 KiB a panel: two fit a quarter of 1 MiB, but there are at least four.
  CHECK(panels(ir, kMebibyte, 64, 784, 1024) == 4);
  // A of 512 x 784 floats cannot stay: half of the L2 holds five.
  CHECK(panels(ir, kMebibyte, 512, 784, 1024) == 5);
  CHECK(panels(ir, {2 << 20}, 64, 784, 1024) == 5);
  CHECK(panels(ir, {2 << 20}, 1024, 784, 1024) == 10);
  // A short k: nc bounds it, or what there is.
  CHECK(panels(ir, kMebibyte, 64, 32, 100000) == 64);
  CHECK(panels(ir, kMebibyte, 64, 32, 320) == 10);
  // In jr_ir order kc x nc elements stay in the outermost cache: 64 panels of 16 at k = kc.
  CHECK(panels(jr, kMebibyte, 64, 800, 100000) == 64);
  CHECK(panels(jr, {1 << 16}, 64, 800, 100000) == 64);
  // Never less than a panel, however few columns.
  CHECK(panels(ir, kMebibyte, 64, 784, 1) == 1);
  CHECK(panels(ir, {0}, 64, 784, 1024) == 4);

  CHECK(b_is_one_block<float>(ir, kMebibyte, 512, 784, 128));
  CHECK_FALSE(b_is_one_block<float>(ir, kMebibyte, 512, 784, 1024));
  CHECK_FALSE(b_is_one_block<float>(ir, kMebibyte, 512, 801, 128));
}

TEST_CASE("copied rows do not collide, and a piece of them stays in the L3", "[blocking]") {
  for (const index k : {1, 16, 17, 1000, 1023, 1024, 1025, 2048}) {
    CAPTURE(k);
    const index stride = copied_row_stride<float>(k);
    CHECK(stride >= k);
    CHECK(stride < k + 32);
    CHECK(stride * 4 % 64 == 0);
    CHECK(stride * 4 % 4096 != 0);
  }
  const GemmTuning tuning = tiles_first();
  for (const index rows : {1, 14, 100, 2000, 5000}) {
    CAPTURE(rows);
    const index piece = rows_of_copy<float>(tuning, rows, 784);
    CHECK(piece % tuning.mr == 0);
    CHECK(piece >= std::min<index>(rows, tuning.mr));
    CHECK((piece - tuning.mr) * copied_row_stride<float>(784) * 4 <= 2 << 20);
  }
}

TEST_CASE("every element of C is in exactly one task", "[blocking]") {
  const GemmTuning tuning = tiles_first();
  for (const TaskGrid grid : {TaskGrid{1, 1, 1}, TaskGrid{2, 1, 1}, TaskGrid{2, 1, 4},
                              TaskGrid{1, 3, 1}, TaskGrid{3, 2, 1}, TaskGrid{5, 1, 3}})
    for (const index m : {1, 13, 14, 15, 100, 512})
      for (const index n : {1, 31, 33, 300}) {
        CAPTURE(grid.rows, grid.columns, grid.parts, m, n);
        std::vector<int> seen(static_cast<std::size_t>(m * n));
        for (int task = 0; task < grid.tasks(); ++task) {
          const Range rows = grid.rows_of(tuning, m, task);
          const Range columns = grid.columns_of(tuning, n, task);
          if (rows.size() <= 0) continue;
          for (index i = rows.begin; i < rows.end; ++i)
            for (index j = columns.begin; j < columns.end; ++j)
              ++seen[static_cast<std::size_t>(i * n + j)];
        }
        CHECK(seen == std::vector<int>(static_cast<std::size_t>(m * n), 1));
      }
}

TEST_CASE("C is cut along its rows unless that costs clearly more", "[blocking]") {
  const GemmTuning tuning = tiles_first();
  const auto grid = [&](index m, index n, index k, int workers, Layout b = kRowMajor) {
    return choose_grid(tuning, problem_of<float>(m, n, k, kRowMajor, b), workers);
  };
  CHECK(grid(512, 128, 784, 1) == TaskGrid{1, 1, 1});
  CHECK(grid(512, 128, 784, 2) == TaskGrid{2, 1, 1});
  CHECK(grid(512, 128, 784, 4) == TaskGrid{4, 1, 1});
  // One tile of rows: only columns are left to cut.
  CHECK(grid(10, 256, 128, 2) == TaskGrid{1, 2, 1});
  CHECK(grid(14, 256, 128, 4) == TaskGrid{1, 4, 1});
  // Packing a transposed panel costs as much as several rows: few rows share it out by columns.
  CHECK(grid(40, 1024, 128, 2) == TaskGrid{2, 1, 1});
  CHECK(grid(40, 1024, 128, 2, kColMajor) == TaskGrid{1, 2, 1});
  // Never more tasks than workers, or than there are tiles and panels.
  for (const int workers : {1, 2, 3, 5, 8, 64})
    for (const index m : {1, 14, 15, 512})
      for (const index n : {1, 32, 33, 512}) {
        CAPTURE(workers, m, n);
        const TaskGrid g = grid(m, n, 64, workers);
        CHECK(g.tasks() >= 1);
        CHECK(g.tasks() <= workers);
        CHECK(g.rows <= (m + 13) / 14);
        CHECK(g.columns <= (n + 31) / 32);
      }
}

TEST_CASE("a worker's rows are cut for others only where all parts share one packed B",
          "[blocking]") {
  const GemmTuning tuning = tiles_first();
  const auto parts = [&](index m, index n, index k, TaskGrid grid, int concurrency,
                         SourceB source = SourceB::matrix) {
    auto p = problem_of<float>(m, n, k);
    p.b.source = source;
    return with_parts(tuning, kMebibyte, p, grid, concurrency, 8).parts;
  };
  CHECK(parts(512, 128, 784, {2, 1, 1}, 2) == 4);   // 37 tiles: four parts of four or more
  CHECK(parts(100, 128, 784, {2, 1, 1}, 2) == 1);   // too few tiles
  CHECK(parts(4096, 128, 784, {2, 1, 1}, 2) == 8);  // at most what the executor allows
  CHECK(parts(512, 128, 784, {2, 1, 1}, 4) == 1);   // a worker is left without rows anyway
  CHECK(parts(512, 128, 784, {2, 2, 1}, 2) == 1);   // columns are cut
  CHECK(parts(512, 1024, 784, {2, 1, 1}, 2) == 1);  // each part would pack B again
  CHECK(parts(512, 1024, 784, {2, 1, 1}, 2, SourceB::prepacked) == 4);
}

TEST_CASE("samples are packed in passing by a high tile, with one scale for all features",
          "[blocking]") {
  const GemmTuning tuning = tiles_first();
  ByteGatherBlock<float> samples{};
  samples.samples = 128;
  samples.features = 784;
  CHECK(packs_samples_in_passing(tuning, samples, 784, 512));
  CHECK_FALSE(packs_samples_in_passing(tuning, samples, 784, 9));     // a low tile
  CHECK_FALSE(packs_samples_in_passing(tuning, samples, 784, 18));    // two tiles of nine
  CHECK_FALSE(packs_samples_in_passing(tuning, samples, 1025, 512));  // more than the stack holds
  CHECK_FALSE(packs_samples_in_passing(tuning, samples, 0, 512));
  CHECK_FALSE(packs_samples_in_passing(panels_first(), samples, 784, 512));
  samples.scale_stride = 1;
  CHECK_FALSE(packs_samples_in_passing(tuning, samples, 784, 512));
  samples.scale_stride = 0;
  samples.features = 31;
  CHECK_FALSE(packs_samples_in_passing(tuning, samples, 784, 512));
}

TEST_CASE("this machine has an L2 cache of a plausible size", "[blocking]") {
  CHECK(cache_sizes_of_this_machine().l2 >= 64 << 10);
  CHECK(cache_sizes_of_this_machine().l2 <= 1 << 30);
}

}  // namespace
}  // namespace lamella::test
