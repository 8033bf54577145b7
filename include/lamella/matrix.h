// Owning, 64-byte aligned storage for vectors and row-major matrices. Arithmetic lives in
// backend.h.
#ifndef LAMELLA_MATRIX_H_
#define LAMELLA_MATRIX_H_

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>
#include <span>
#include <utility>

#include <lamella/error.h>
#include <lamella/view.h>

namespace lamella {

/// Alignment in bytes of everything lamella allocates: one cache line, one AVX-512 register.
inline constexpr std::size_t kAlignment = 64;

/// A fixed-size, zero-initialised, 64-byte aligned array of arithmetic elements.
///
/// Throws ArgumentError for a negative or overflowing size, std::bad_alloc when memory runs out.
template <class T>
class AlignedArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  AlignedArray() = default;
  explicit AlignedArray(index_t size) : size_(size) {
    if (size < 0 || size > std::numeric_limits<index_t>::max() / index_t{sizeof(T)})
      throw ArgumentError("AlignedArray: the size must be between 0 and the address space");
    if (size == 0) return;
    const auto bytes = static_cast<std::size_t>(size) * sizeof(T);
    data_ = static_cast<T*>(::operator new (bytes, std::align_val_t{kAlignment}));
    std::memset(static_cast<void*>(data_), 0, bytes);
  }
  AlignedArray(const AlignedArray& other) : AlignedArray(other.size_) {
    std::copy_n(other.data_, size_, data_);
  }
  AlignedArray(AlignedArray&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  AlignedArray& operator=(AlignedArray other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~AlignedArray() {
    if (data_ != nullptr) ::operator delete (data_, std::align_val_t{kAlignment});
  }

  index_t size() const { return size_; }
  T* data() { return data_; }
  const T* data() const { return data_; }
  T& operator[](index_t i) { return data_[i]; }
  const T& operator[](index_t i) const { return data_[i]; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }

  VectorView<T> view() { return {data_, size_, 1}; }
  ConstVectorView<T> view() const { return {data_, size_, 1}; }

 private:
  T* data_ = nullptr;
  index_t size_ = 0;
};

/// A dense row-major matrix that owns its memory; rows follow each other without padding.
template <class T>
class Matrix {
 public:
  Matrix() = default;
  /// A rows x cols matrix of zeros. Throws ArgumentError for negative or overflowing shapes.
  Matrix(index_t rows, index_t cols)
      : storage_(checked_size(rows, cols)), rows_(rows), cols_(cols) {}

  index_t rows() const { return rows_; }
  index_t cols() const { return cols_; }
  index_t size() const { return storage_.size(); }
  T* data() { return storage_.data(); }
  const T* data() const { return storage_.data(); }
  T& operator()(index_t i, index_t j) { return storage_[i * cols_ + j]; }
  const T& operator()(index_t i, index_t j) const { return storage_[i * cols_ + j]; }

  View<T> view() { return row_major(storage_.data(), rows_, cols_); }
  ConstView<T> view() const { return row_major(storage_.data(), rows_, cols_); }
  std::span<T> values() { return {storage_.data(), static_cast<std::size_t>(storage_.size())}; }
  std::span<const T> values() const {
    return {storage_.data(), static_cast<std::size_t>(storage_.size())};
  }

 private:
  static index_t checked_size(index_t rows, index_t cols) {
    if (rows < 0 || cols < 0 || (cols != 0 && rows > std::numeric_limits<index_t>::max() / cols))
      throw ArgumentError("Matrix: rows and cols must not be negative nor overflow");
    return rows * cols;
  }

  AlignedArray<T> storage_;
  index_t rows_ = 0;
  index_t cols_ = 0;
};

}  // namespace lamella

#endif  // LAMELLA_MATRIX_H_
