// The exceptions lamella throws. Everything derives from lamella::Error; kernels themselves never
// throw.
//
// The destructors are defined in the library (core/base/error.cpp). Vtables and type information
// therefore exist once, and not in every object file that throws or catches an exception.
#ifndef LAMELLA_ERROR_H_
#define LAMELLA_ERROR_H_

#include <stdexcept>

#include <lamella/export.h>

namespace lamella {

/// Base of every exception thrown by lamella. what() says what was wrong, where, and what would be
/// right.
class LAMELLA_API Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  ~Error() override;
};

/// A mistake of the caller: wrong shape, null pointer, overlapping operands, option out of range.
class LAMELLA_API ArgumentError : public Error {
 public:
  using Error::Error;
  ~ArgumentError() override;
};

/// A file or data set whose content is not what it should be. what() names the file and the place.
class LAMELLA_API DataError : public Error {
 public:
  using Error::Error;
  ~DataError() override;
};

/// The operating system refused: no such file, no permission, disk full. what() names path and
/// reason.
class LAMELLA_API IoError : public Error {
 public:
  using Error::Error;
  ~IoError() override;
};

/// A backend, instruction set or thread setting that is unknown or unusable here. what() lists the
/// valid ones.
class LAMELLA_API BackendError : public Error {
 public:
  using Error::Error;
  ~BackendError() override;
};

/// A plugin was not found or was refused, or one of its kernels failed. what() names its path and
/// the reason.
class LAMELLA_API PluginError : public BackendError {
 public:
  using BackendError::BackendError;
  ~PluginError() override;
};

/// Training cannot go on, for example because the loss is no longer finite.
class LAMELLA_API TrainingError : public Error {
 public:
  using Error::Error;
  ~TrainingError() override;
};

}  // namespace lamella

#endif  // LAMELLA_ERROR_H_
