// move_images: all backends give the same images, whatever the mini-batch; without changes, copies.
#include <cstdint>
#include <string>
#include <vector>

#include <lamella/backend.h>

#include "tools/conformance/checks.h"
#include "tools/conformance/compare.h"
#include "tools/conformance/operand.h"
#include "tools/conformance/shapes.h"

namespace lamella::conformance {
namespace {

constexpr index_t kStored = 12;

template <class T, class Stored>
void expect_images(CheckContext& context, StoredType type, const ImageChanges& changes,
                   const std::string& what) {
  Random random(190);
  const index_t features = changes.height * changes.width * changes.channels;
  Operand<Stored> values(1, kStored * features, {}, [&](index_t, index_t) {
    return static_cast<Stored>(uniform_int(random, 0, 255));
  });
  values.make_read_only();
  const std::vector<std::int32_t> chosen{3, 0, 11, 7, 7, 5, 1, 2, 10};
  MoveImages<T> call;
  call.changes = changes;
  call.seed = 5;
  call.stream = 77;
  call.type = type;
  call.values = values.view().data;
  call.samples = kStored;
  const bool unchanged = changes.shift == 0 && !changes.flip && changes.rotation == 0 &&
                         changes.scale == 0 && changes.shear == 0 && changes.cut_out == 0;
  // What the first backend makes of each image by itself, or the images themselves.
  std::vector<Stored> want;
  for (const std::int32_t& index : chosen) {
    const Stored* const image = values.view().data + index * features;
    std::vector<Stored> alone(image, image + features);
    if (!unchanged) {
      call.indices = {&index, 1, 1};
      call.moved = alone.data();
      context.backends().front().backend->run(call);
    }
    want.insert(want.end(), alone.begin(), alone.end());
  }
  for (const BackendUnderTest& tested : context.backends()) {
    context.begin(tested, what);
    const Operand<Stored> moved(1, static_cast<index_t>(chosen.size()) * features, {});
    call.indices = {chosen.data(), static_cast<index_t>(chosen.size()), 1};
    call.moved = moved.view().data;
    tested.backend->run(call);
    std::string problem = moved.stray_writes();
    for (std::size_t i = 0; i < want.size(); ++i)
      if (moved.view().data[i] != want[i] && problem.empty())
        problem = "value " + std::to_string(i) + " differs";
    context(tested, what, problem);
  }
}

template <class T>
void same_images(CheckContext& context) {
  for (const index_t channels : {1, 3})
    for (const bool tall : {false, true}) {
      ImageChanges c;
      c.height = tall ? 40 : 28;
      c.width = tall ? 13 : 28;
      c.channels = channels;
      std::vector<ImageChanges> all(7, c);
      all[1].shift = 3;
      all[2].flip = true;
      all[3].rotation = 30;
      all[4].scale = 0.3;
      all[5].shear = 20;
      all[6] = {c.height, c.width, channels, 2, true, 15, 0.1, 10, 7};
      for (std::size_t i = 0; i < all.size(); ++i) {
        const std::string what =
            "changes " + std::to_string(i) + ", channels " + std::to_string(channels);
        expect_images<T, std::uint8_t>(context, StoredType::u8, all[i], what + ", bytes");
        expect_images<T, float>(context, StoredType::f32, all[i], what + ", float");
        expect_images<T, double>(context, StoredType::f64, all[i], what + ", double");
      }
    }
  context.expect_cases(2 * 2 * 7 * 3);
}

}  // namespace

std::vector<Check> move_images_checks() {
  return {{"move_images", "the same images, alone and in a mini-batch", same_images<float>,
           same_images<double>}};
}

}  // namespace lamella::conformance
