// Packing a matrix in advance: checks, memory, and whether a product may use it.
#include <utility>

#include <lamella/backend.h>
#include <lamella/error.h>
#include <lamella/packed_matrix.h>

#include "core/base/footprint.h"
#include "core/base/format.h"
#include "core/kernels/checks.h"

namespace lamella {

using namespace detail;

template <class T>
PackedMatrix<T>::PackedMatrix(std::shared_ptr<const Backend> backend, ConstView<T> matrix)
    : backend_(std::move(backend)), matrix_(matrix) {
  constexpr const char* where = "PackedMatrix";
  if (backend_ == nullptr)
    throw ArgumentError("PackedMatrix: the backend is null; make_backend() gives one");
  detail::check_input(where, "matrix", matrix);
  if (matrix.empty()) return;
  const Kernels<T>& kernels = backend_->template kernels<T>();
  packed_ = AlignedArray<T>(kernels.packed_size(matrix.rows, matrix.cols));
  if (packed_.size() > 0) kernels.pack_b(matrix, packed_.data());
}

template class PackedMatrix<float>;
template class PackedMatrix<double>;

namespace detail {

template <class T>
void check_packed(std::string_view where, const Gemm<T>& call, const Backend& backend) {
  if (call.packed_b == nullptr) return;
  const Backend& packer = call.packed_b->backend();
  if (&packer != &backend)
    throw ArgumentError(formatted(
        "{}: B was packed for another backend, {} ({}), than this one, {} ({}); pack it for this",
        where, packer.info().name, packer.info().isa, backend.info().name, backend.info().isa));
  const ConstView<T> b = call.packed_b->view();
  if (!same_view(untyped(call.b), untyped(b)))
    throw ArgumentError(
        formatted("{}: B is {} x {} but what was packed is another view, {} x {}; it must be the "
                  "same memory, shape and strides",
                  where, call.b.rows, call.b.cols, b.rows, b.cols));
}

template void check_packed(std::string_view, const Gemm<float>&, const Backend&);
template void check_packed(std::string_view, const Gemm<double>&, const Backend&);

}  // namespace detail
}  // namespace lamella
