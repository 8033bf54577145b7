// Rates of dropout, and where the random numbers of a layer begin.
#include "core/network/dropout.h"

#include <lamella/error.h>

#include "core/base/format.h"
#include "core/base/random.h"

namespace lamella::detail {
namespace {

// Units that share a block of random bits, 32 bits each.
constexpr index_t kUnitsPerBlock = 4;

// Written so that NaN is not one.
bool is_rate(double probability) { return probability >= 0 && probability < 1; }

[[noreturn]] void refuse(std::string_view where, std::string_view what, double probability) {
  throw ArgumentError(formatted("{}: the dropout probability{} is {}; it must be in [0, 1)", where,
                                what, probability));
}

}  // namespace

void check_dropout(std::string_view where, const Dropout& dropout, index_t hidden_layers) {
  if (!is_rate(dropout.probability)) refuse(where, "", dropout.probability);
  if (!is_rate(dropout.input)) refuse(where, " of inputs", dropout.input);
  if (!dropout.hidden.empty() && std::ssize(dropout.hidden) != hidden_layers)
    throw ArgumentError(formatted("{}: there are {} dropout probabilities for {} hidden layers",
                                  where, dropout.hidden.size(), hidden_layers));
  for (std::size_t l = 0; l < dropout.hidden.size(); ++l)
    if (!is_rate(dropout.hidden[l]))
      refuse(where, formatted(" of hidden layer {}", l + 1), dropout.hidden[l]);
}

double dropout_rate(const Dropout& dropout, index_t l) {
  if (l == 0) return dropout.input;
  return dropout.hidden.empty() ? dropout.probability
                                : dropout.hidden[static_cast<std::size_t>(l - 1)];
}

std::uint32_t dropout_blocks(index_t units) {
  return static_cast<std::uint32_t>((units + kUnitsPerBlock - 1) / kUnitsPerBlock);
}

template <class T>
void set_step(DropUnits<T>& call, const Dropout& dropout) {
  call.seed = dropout.seed;
  call.stream = RandomStream(dropout.seed, RandomPurpose::dropout, dropout.epoch).stream();
  call.samples = {dropout.samples.data(), std::ssize(dropout.samples), 1};
}

template void set_step(DropUnits<float>&, const Dropout&);
template void set_step(DropUnits<double>&, const Dropout&);

}  // namespace lamella::detail
