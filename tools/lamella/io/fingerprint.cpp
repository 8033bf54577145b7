// FNV-1a (Fowler, Noll and Vo) over words of eight bytes.
#include "tools/lamella/io/fingerprint.h"

#include <cstring>
#include <span>
#include <variant>

#include "tools/lamella/io/format.h"

namespace lamella::cli {
namespace {

class Hash {
 public:
  template <class Range>
  void add(const Range& values) {
    const auto bytes = std::as_bytes(std::span(values));
    add_word(bytes.size());
    std::size_t i = 0;
    std::uint64_t word = 0;
    for (; i + sizeof word <= bytes.size(); i += sizeof word) {
      std::memcpy(&word, bytes.data() + i, sizeof word);
      add_word(word);
    }
    word = 0;
    // Of nothing, the address is null, which memcpy may not be given.
    if (i < bytes.size()) std::memcpy(&word, bytes.data() + i, bytes.size() - i);
    add_word(word);
  }
  std::uint64_t value() const { return hash_; }

 private:
  void add_word(std::uint64_t word) {
    hash_ = (hash_ ^ word) * 0x100000001b3;
    hash_ ^= hash_ >> 32;  // else the low bits of a sum depend on low bits alone
  }

  std::uint64_t hash_ = 0xcbf29ce484222325;
};

void add(Hash& hash, const Dataset& data) {
  std::visit([&](const auto& values) { hash.add(values); }, data.values());
  hash.add(data.labels());
  hash.add(data.weights());
}

}  // namespace

std::string fingerprint(const TrainingData& data) {
  Hash hash;
  add(hash, data.train);
  std::string text = formatted("{} samples of {} features in {} classes", data.train.samples(),
                               data.train.features(), data.train.classes());
  if (data.validation) {
    add(hash, *data.validation);
    text += formatted(", {} validation samples", data.validation->samples());
  }
  if (data.test) {
    add(hash, *data.test);
    text += formatted(", {} test samples", data.test->samples());
  }
  return text + formatted(" (hash {:016x})", hash.value());
}

}  // namespace lamella::cli
