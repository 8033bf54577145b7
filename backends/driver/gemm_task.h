// One task of a product: a rectangle of C over all of K, with the memory that it packs into. Which
// rectangles there are is the grid's (gemm_blocking.h), how one is computed the loop nest's.
#ifndef LAMELLA_BACKENDS_DRIVER_GEMM_TASK_H_
#define LAMELLA_BACKENDS_DRIVER_GEMM_TASK_H_

#include <algorithm>
#include <cstddef>

#include "backends/driver/gemm_loop_nest.h"
#include "backends/driver/pack_buffer.h"

namespace lamella::backends {

/// Without memory to pack into: the plain loops, with one panel that all threads share, one after
/// the other. (Not on the stack: threads have stacks of half that size.)
template <class T>
[[gnu::noinline]] void run_task_without_memory(const KernelTable<T>& table, const GemmProblem<T>& p,
                                               Range rows, Range columns) {
  shared_panel.lock.hold(
      [] {},
      [&] { plain_loop_nest(table, p, rows, columns, reinterpret_cast<T*>(shared_panel.bytes)); });
}

/// One task: rows x columns of C over all of K. Tasks that share a state have the same columns.
template <class T>
void run_task(const KernelTable<T>& table, const GemmProblem<T>& p, Range rows, Range columns,
              PackedBState& state) {
  if (rows.size() <= 0 || columns.size() <= 0) return;
  const index whole = columns.size() / table.nr * table.nr;
  if (reads_b_in_place(table, p, rows.size()) && whole > 0) {
    constexpr PackingSpace<T> kUnlimited{nullptr, PTRDIFF_MAX / 2, nullptr};
    PackedBState none;
    BlockedLoopNest<T>(table, p, rows, {columns.begin, columns.begin + whole}, MatrixB::in_place,
                       AccessA::in_place, kUnlimited)
        .run(none);
    columns.begin += whole;
    if (columns.size() == 0) return;
  }
  const index k = longest_k_block(table, p.k);
  const index b_elements =
      packed_b_elements<T>(table, cache_sizes_of_this_machine(), state.rows, k, columns.size());
  const AccessA access_a = access_of_a(table, p, rows.size(), columns.size());
  const index a_elements = packed_a_elements<T>(table, access_a, rows.size(), k);
  const index own_b = p.b.source == SourceB::prepacked ? 0 : b_elements;
  const auto wanted = static_cast<std::size_t>(std::max<index>(own_b + a_elements, 1));
  void* const memory = pack_buffers.panels.get(wanted * sizeof(T));
  if (memory == nullptr) return run_task_without_memory(table, p, rows, columns);
  T* const buffer = static_cast<T*>(memory);
  const PackingSpace<T> space{buffer, b_elements, buffer + own_b};
  if (access_a == AccessA::copy_rows)
    run_copied_rows(table, p, rows, columns, space, state);
  else
    BlockedLoopNest<T>(table, p, rows, columns, MatrixB::packed, access_a, space).run(state);
}

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_DRIVER_GEMM_TASK_H_
