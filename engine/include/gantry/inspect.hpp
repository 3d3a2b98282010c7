#pragma once

#include <gantry/descriptor.hpp>
#include <gantry/extract.hpp>
#include <gantry/options.hpp>
#include <gantry/platform.hpp>
#include <gantry/reference.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace gantry {

/// Settings of engine::async_inspect.
struct inspect_options : operation_options {
  /// Platforms to look at, each of which must exist. Empty: everything that the reference names.
  std::vector<platform> platforms;
  /// Whether the configurations are wanted too, one more request an image.
  bool configs = false;
  /// Only the store is asked, and platforms that it holds completely count. errc::not_found for what it does not know.
  bool offline = false;
  /// Of an archive or a directory: the one image that is wanted, by a name that it has there. Empty: all.
  reference name;
};

/// One manifest of what was inspected.
struct inspected_manifest {
  descriptor manifest;             ///< as its index names it, or the top itself
  platform image_platform;         ///< empty fields for what is no image
  bool attestation = false;        ///< it describes another manifest of the index and is no image
  descriptor config;               ///< its digest is the image ID; empty when there is none
  std::vector<descriptor> layers;  ///< from the base upwards
  std::uint64_t size = 0;          ///< bytes of config and layers, duplicates once: what a pull fetches at most
  std::string document;            ///< the manifest as served
  std::string config_document;     ///< with inspect_options::configs, for images
};

/// What \ref engine::async_inspect found out about one image.
struct inspect_result {
  gantry::reference reference;                ///< what was asked about
  descriptor top;                             ///< what the reference resolved to
  std::string document;                       ///< its bytes as served: an index, or the one manifest
  std::vector<inspected_manifest> manifests;  ///< those that were asked for; the one that there is without an index
  std::vector<std::string> names;  ///< of an image in an archive or directory: all that it is called there, tags without a repository too
};

/// What an archive or a directory holds.
struct inspect_files_result {
  std::vector<inspect_result> images;  ///< the reference of each is the first full name, empty when there is none
};

}  // namespace gantry
