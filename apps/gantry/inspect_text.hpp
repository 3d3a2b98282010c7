#pragma once

#include <gantry/inspect.hpp>

#include <cstddef>
#include <string>

namespace gantry::app {

/// What was inspected, for people: names and digests, then a line for each manifest, or for each layer when there is one.
/// \param width columns of a terminal, on one too narrow for digests rows have 12 digits of them and no kinds of media, and what stands
/// above them has no columns; 0: no terminal
std::string inspect_text(const inspect_result& found, std::size_t width = 0);

/// The same as one JSON document: {"version":1,"name","digest","media_type","size","manifests":[{"digest","media_type","platform",
/// "attestation","image_id","size","layers":[{"digest","media_type","size"}]}]}.
std::string inspect_json(const inspect_result& found);

/// What an archive or directory holds, one image after the other.
std::string inspect_text(const inspect_files_result& found, std::size_t width = 0);

/// {"version":1,"images":[...]}, each as above with "names" in addition.
std::string inspect_json(const inspect_files_result& found);

/// The manifest whose configuration is meant when nobody says which: this machine's, or the only one that has one; null when neither is.
const inspected_manifest* choose_config(const inspect_result& image);

}  // namespace gantry::app
