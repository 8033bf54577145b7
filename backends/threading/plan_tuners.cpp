// Shapes are compared size by size: two plans never share a tuner by accident.
#include "backends/threading/plan_tuners.h"

#include <algorithm>
#include <exception>
#include <type_traits>
#include <variant>

namespace lamella::backends {
template <class T>
CallShape shape_of(const KernelCall<T>& call) {
  return visit_call<T>(call, [&](const auto& operands) -> CallShape {
    if constexpr (requires { operands.gemm; }) {
      const Gemm<T>& g = operands.gemm;
      return {call.index(), g.c.rows, g.c.cols, g.a.cols};
    } else {
      const auto matrix = KernelTraits<std::remove_cvref_t<decltype(operands)>>::matrix(operands);
      return {call.index(), matrix.rows, matrix.cols, 0};
    }
  });
}

template <class T>
std::shared_ptr<SharedTuner> PlanTuners::find_or_make(const Plan<T>& plan) {
  const auto is_same = [](const KernelCall<T>& call, const CallShape& shape) {
    return shape_of<T>(call) == shape;
  };
  auto entry = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) {
    return e.last_use != 0 && e.transient_outputs == plan.transient_outputs &&
           std::equal(plan.calls.begin(), plan.calls.end(), e.calls.begin(), e.calls.end(),
                      is_same);
  });
  if (entry == entries_.end()) {
    entry = std::min_element(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
      return a.last_use < b.last_use;
    });
    *entry = Entry{};
    entry->calls.reserve(plan.calls.size());
    for (const KernelCall<T>& call : plan.calls) entry->calls.push_back(shape_of<T>(call));
    entry->transient_outputs = plan.transient_outputs;
    entry->tuner = std::make_shared<SharedTuner>();
  }
  entry->last_use = ++uses_;
  return entry->tuner;
}

template <class T>
std::shared_ptr<SharedTuner> PlanTuners::tuner_of(const Plan<T>& plan) noexcept {
  std::shared_ptr<SharedTuner> tuner;
  lock_.if_free([&] {
    try {
      tuner = find_or_make(plan);
    } catch (const std::exception&) {
      // Without memory for it, the plan is not tuned.
    }
  });
  return tuner;
}

template CallShape shape_of<float>(const KernelCall<float>&);
template CallShape shape_of<double>(const KernelCall<double>&);
template std::shared_ptr<SharedTuner> PlanTuners::tuner_of(const Plan<float>&) noexcept;
template std::shared_ptr<SharedTuner> PlanTuners::tuner_of(const Plan<double>&) noexcept;

}  // namespace lamella::backends
