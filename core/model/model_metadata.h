// The metadata of a model file: architecture, class names and preprocessing, as safetensors
// metadata.
//
// Not here: tensors (model_file.cpp). Each value is a JSON text; numbers are written so that they
// read back as the same bits.
#ifndef LAMELLA_CORE_MODEL_MODEL_METADATA_H_
#define LAMELLA_CORE_MODEL_MODEL_METADATA_H_

#include <lamella/model_file.h>
#include <lamella/network.h>

#include "core/model/safetensors.h"

namespace lamella::detail {

struct ModelMetadata {
  NetworkSpec spec;
  ModelInfo info;
};

/// Throws ArgumentError if info does not fit spec (numbers of classes, features, finite values).
safetensors::Metadata encode_metadata(const NetworkSpec& spec, const ModelInfo& info);

/// Inverse of encode_metadata. Throws DataError (without a file name) that says which key is
/// missing or what is wrong with it. All sizes in the result are at least 1.
ModelMetadata decode_metadata(const safetensors::Metadata& metadata);

}  // namespace lamella::detail

#endif  // LAMELLA_CORE_MODEL_MODEL_METADATA_H_
