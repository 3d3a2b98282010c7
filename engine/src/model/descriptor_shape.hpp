#pragma once

#include "model/json.hpp"

#include <gantry/descriptor.hpp>

#include <functional>
#include <string>

namespace gantry::model {

/// The shape of a descriptor (image-spec descriptor.md) that is read into what \p target returns at that time.
/// \param begin called when the object opens, before the first call of \p target
json::shape descriptor_shape(std::function<descriptor&()> target, std::function<void()> begin = {});

/// A string that must be a digest: errc::malformed_document by the grammar of digests, errc::unsupported_document when only the algorithm
/// is one that cannot be verified.
json::shape digest_shape(std::function<void(digest)> take);

/// A word of a platform. These end up on terminals and in file names: printable ASCII only.
json::shape word_shape(std::function<std::string&()> into);

}  // namespace gantry::model
