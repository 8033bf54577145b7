// Dataset::gather: every layout of the output gets the same bits, those of the documented formula.
#include <cstring>
#include <limits>
#include <type_traits>

#include <lamella/error.h>
#include <lamella/matrix.h>

#include "core/base/random.h"
#include "tests/data/fixtures.h"

namespace lamella::test {
namespace {

using Catch::Matchers::ContainsSubstring;
using Indices = std::vector<std::int32_t>;

template <class T, class Stored>
T expected(Stored x, double offset, double scale) {
  if constexpr (std::is_same_v<Stored, std::uint8_t>)
    return (static_cast<T>(x) - static_cast<T>(offset)) * static_cast<T>(scale);
  else
    return static_cast<T>((static_cast<double>(x) - offset) * scale);
}

double entry(const std::vector<double>& values, index_t j, double otherwise) {
  if (values.empty()) return otherwise;
  return values[values.size() == 1 ? 0 : static_cast<std::size_t>(j)];
}

// One layout of the output: strides for n samples of d features.
struct Layout {
  const char* name;
  index_t row_stride, col_stride;
};

template <class T, class Stored>
void check_all_layouts(index_t samples, index_t features, index_t batch) {
  constexpr T kUntouched = -12345;
  const RandomStream random(static_cast<std::uint64_t>(samples), RandomPurpose::split);
  std::vector<Stored> values(static_cast<std::size_t>(samples * features));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<Stored>(256 * random.uniform(i));
  Indices indices(static_cast<std::size_t>(batch));
  for (std::size_t i = 0; i < indices.size(); ++i)
    indices[i] = static_cast<std::int32_t>(
        random.below(static_cast<std::uint32_t>(samples), i + values.size()));
  const Dataset data(values, {features}, {});

  std::vector<double> per_feature(static_cast<std::size_t>(features));
  for (std::size_t j = 0; j < per_feature.size(); ++j)
    per_feature[j] = 0.1 + static_cast<double>(j);
  const std::vector<Preprocessing> maps = {{{}, {}},
                                           {{}, {1.0 / 255.0}},
                                           {{33.3}, {0.1}},
                                           {per_feature, {0.7}},
                                           {{0.3}, per_feature},
                                           {per_feature, per_feature}};
  const std::vector<Layout> layouts = {{"rows", features, 1},
                                       {"padded rows", features + 5, 1},
                                       {"columns", 1, batch},
                                       {"padded columns", 1, batch + 3},
                                       {"neither", 2 * features + 1, 2}};
  for (const Preprocessing& map : maps)
    for (const Layout& layout : layouts) {
      INFO(layout.name << ", " << batch << " x " << features << ", " << map.offset.size()
                       << " offsets, " << map.scale.size() << " scales");
      const index_t size = (batch - 1) * layout.row_stride + (features - 1) * layout.col_stride + 1;
      std::vector<T> memory(static_cast<std::size_t>(size) + 1, kUntouched);
      const View<T> out{memory.data(), batch, features, layout.row_stride, layout.col_stride};
      data.gather<T>(indices, map, out);
      index_t wrong = 0;
      for (index_t i = 0; i < batch; ++i)
        for (index_t j = 0; j < features; ++j) {
          const Stored x =
              values[static_cast<std::size_t>(indices[static_cast<std::size_t>(i)] * features + j)];
          const T want = expected<T>(x, entry(map.offset, j, 0), entry(map.scale, j, 1));
          wrong += std::memcmp(&out(i, j), &want, sizeof(T)) != 0;
          out(i, j) = kUntouched;
        }
      CHECK(wrong == 0);
      // What is between and behind the elements was left alone.
      CHECK(std::ranges::all_of(memory, [](T v) { return v == kUntouched; }));
    }
}

TEMPLATE_TEST_CASE("gather is the documented formula in every layout", "[gather]", float, double) {
  const auto check = [](index_t samples, index_t features, index_t batch) {
    check_all_layouts<TestType, std::uint8_t>(samples, features, batch);
    check_all_layouts<TestType, float>(samples, features, batch);
    check_all_layouts<TestType, double>(samples, features, batch);
  };
  for (const index_t features : {1, 2, 15, 16, 17, 33, 80})
    for (const index_t batch : {1, 2, 15, 16, 17, 32, 47}) check(50, features, batch);
  check(7, 784, 128);
}

TEST_CASE("large offsets do not cancel floats away", "[gather]") {
  const Dataset data(std::vector<double>{1.7e9, 1.7e9 + 1}, {1}, {});
  float out[2];
  data.gather<float>(Indices{0, 1}, {{1.7e9}, {}}, row_major(out, 2, 1));
  CHECK(out[0] == 0.0F);
  CHECK(out[1] == 1.0F);
}

TEST_CASE("gather refuses what does not fit and writes nothing", "[gather]") {
  const Dataset data(std::vector<float>(12), {4}, {});
  std::vector<float> memory(100, 7.0F);
  const auto refusal = [&](const Indices& indices, const Preprocessing& map, index_t rows,
                           index_t cols) {
    std::string message = message_of<ArgumentError>(
        [&] { data.gather<float>(indices, map, row_major(memory.data(), rows, cols)); });
    CHECK(memory == std::vector<float>(100, 7.0F));
    return message;
  };
  CHECK_THAT(refusal({0, 1}, {}, 3, 4), ContainsSubstring("out is 3 x 4"));
  CHECK_THAT(refusal({0, 1}, {}, 2, 5), ContainsSubstring("out is 2 x 5"));
  CHECK_THAT(refusal({0, 3}, {}, 2, 4), ContainsSubstring("index 3"));
  CHECK_THAT(refusal({0, -1}, {}, 2, 4), ContainsSubstring("index -1"));
  CHECK_THAT(refusal({0}, {{1, 2}, {}}, 1, 4), ContainsSubstring("2 values of offset"));
  CHECK_THAT(refusal({0}, {{}, {1, 2, 3, 4, 5}}, 1, 4), ContainsSubstring("5 values of scale"));
  CHECK_THAT(message_of<ArgumentError>([&] {
               data.gather<float>(Indices{0}, {}, View<float>{nullptr, 1, 4, 4, 1});
             }),
             ContainsSubstring("no memory"));
  CHECK_NOTHROW(data.gather<float>({}, {}, View<float>{nullptr, 0, 4, 4, 1}));
}

TEST_CASE("gather allocates nothing", "[gather]") {
  const Dataset data(std::vector<std::uint8_t>(64 * 32), {32}, {});
  const Indices indices(48, 5);
  const Preprocessing map{{}, {0.5}};
  std::vector<float> memory(48 * 32);
  const View<float> rows = row_major(memory.data(), 48, 32);
  const View<float> columns{memory.data(), 48, 32, 1, 48};
  reset_largest_allocation();
  data.gather(indices, map, rows);
  data.gather(indices, map, columns);
  CHECK(largest_allocation() == 0);
}

}  // namespace
}  // namespace lamella::test
