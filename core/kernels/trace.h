// The verbose mode: the only place that prints, and a backend that prints a line per kernel call.
//
// Not here: the words for what make_backend chose and why (core/selection/explain.cpp).
#ifndef LAMELLA_CORE_KERNELS_TRACE_H_
#define LAMELLA_CORE_KERNELS_TRACE_H_

#include <memory>
#include <string_view>

#include <lamella/backend.h>

namespace lamella::detail {

/// Writes whole lines to stderr in one piece.
void print_trace(std::string_view lines) noexcept;

/// `inner` with a line on stderr after each kernel call: kernel, type, shape (a product's as
/// MxNxK), epilogue, backend/instruction set, threads allowed, time, and the rate that follows.
/// Results are those of `inner` bit for bit. A plan runs call by call, so that each is timed.
std::shared_ptr<const Backend> make_traced_backend(std::shared_ptr<const Backend> inner);

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_KERNELS_TRACE_H_
