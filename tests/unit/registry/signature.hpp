#pragma once

#include "model/digester.hpp"
#include "model/manifest.hpp"
#include "model/media_type.hpp"

#include <string>

namespace gantry::test {

/// A referrer as a list has it.
inline descriptor signature() {
  descriptor entry;
  entry.media_type = std::string(model::media_type::oci_manifest);
  entry.digest = model::digest_of("signature");
  entry.size = 9;
  entry.artifact_type = "application/vnd.test.signature";
  entry.annotations = {{"by", "somebody"}};
  return entry;
}

}  // namespace gantry::test
