// The destructors of the exceptions, to which the compiler ties vtables and type information.
#include <lamella/error.h>

namespace lamella {

Error::~Error() = default;
ArgumentError::~ArgumentError() = default;
DataError::~DataError() = default;
IoError::~IoError() = default;
BackendError::~BackendError() = default;
PluginError::~PluginError() = default;
TrainingError::~TrainingError() = default;

}  // namespace lamella
