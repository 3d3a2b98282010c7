#pragma once

#include <gantry/inspect.hpp>

#include <string>

namespace gantry::app {

/// What was inspected, for people: names and digests, then a line for each manifest, or for each layer when there is one.
std::string inspect_text(const inspect_result& found);

/// The same as one JSON document: {"version":1,"name","digest","media_type","size","manifests":[{"digest","media_type","platform",
/// "attestation","image_id","size","layers":[{"digest","media_type","size"}]}]}.
std::string inspect_json(const inspect_result& found);

}  // namespace gantry::app
