// The lines that say what adaptive threading has decided and why, for LAMELLA_VERBOSE=1.
//
// Text stays in fixed buffers: kernels are noexcept, so what they call must not allocate.
#ifndef LAMELLA_BACKENDS_THREADING_THREADING_TRACE_H_
#define LAMELLA_BACKENDS_THREADING_THREADING_TRACE_H_

#include <array>
#include <cstddef>

#include "backends/adaptive_threading.h"
#include "backends/kernel_table.h"
#include "backends/threading/threading_tuner.h"

namespace lamella::backends {

/// What a decision is about, in words.
using ThreadingSubject = std::array<char, 96>;

/// "gemm f32 128x512x784": the type by its size, then m x n x k.
ThreadingSubject product_subject(std::size_t element_size, index m, index n, index k) noexcept;
/// "plan f32 of 12 calls, 45.2 Mflop".
ThreadingSubject plan_subject(std::size_t element_size, std::size_t calls, double flops) noexcept;

/// "lamella: threading: SUBJECT: one thread (12.1 us against 31.0 us with 2)".
void trace_decision(ThreadingTrace trace, const ThreadingSubject& subject,
                    const ThreadingDecision& decision, int threads) noexcept;
/// "lamella: threading: team late by 4.1 ms; one thread for 33 ms".
void trace_late_team(ThreadingTrace trace, ThreadingClock::Duration waited,
                     ThreadingClock::Duration backoff) noexcept;
/// "lamella: threading: team on time; 2 threads again".
void trace_team_on_time(ThreadingTrace trace, int threads) noexcept;

}  // namespace lamella::backends

#endif  // LAMELLA_BACKENDS_THREADING_THREADING_TRACE_H_
