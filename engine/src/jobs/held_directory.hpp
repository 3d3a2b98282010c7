#pragma once

#include "archive/image_source.hpp"
#include "archive/layout.hpp"
#include "base/failure.hpp"
#include "model/blob_source.hpp"
#include "store/content_store.hpp"

#include <gantry/reference.hpp>

#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace gantry::jobs {

/// What a directory holds: images by their names, and what those without a full name are called in messages.
struct held_images {
  std::map<reference, archive::archived_image> named;
  std::vector<std::string> nameless;
};

/// Looks into a directory that is to be written anew; nothing is in one that is not there. Blocking. errc::invalid_option when it is
/// nothing that may be replaced, and what reading an OCI image layout fails with.
result<held_images> read_directory(const std::filesystem::path& path, const std::atomic<bool>& stop);

/// Blobs of \p store, and those that it does not have out of \p directory.
std::shared_ptr<model::blob_source> store_and_directory(std::shared_ptr<store::content_store> store,
                                                        std::unique_ptr<archive::image_source> directory);

}  // namespace gantry::jobs
