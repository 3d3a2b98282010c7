#pragma once

#include "archive/layout.hpp"
#include "base/failure.hpp"
#include "jobs/uploader.hpp"
#include "model/blob_source.hpp"
#include "store/content_store.hpp"
#include "transfer/context.hpp"

#include <gantry/push.hpp>

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace gantry::jobs {

using runtime::task;

/// What is pushed: documents that were read, and where blobs come from.
struct loaded_source {
  std::vector<archive::archived_image> images;
  std::vector<std::vector<std::string>> tags;  ///< like \ref images: names that are tags alone
  std::shared_ptr<model::blob_source> blobs;
  std::string file{};  ///< where they lie, for messages; empty: in the store
};

/// Reads an archive or a directory. Blocking. \param store for what can only be read once, and asked for blobs that the file lacks; null
/// for a directory that has all of its own \param tell see archive::source_options
result<loaded_source> load_file(std::shared_ptr<store::content_store> store, const archive_input& from, const std::atomic<bool>& stop,
                                std::function<void(const std::string&)> tell = {});

/// Uploads from \p source, which lies here. \p shared and \p running must outlive it.
std::shared_ptr<upload_feed> stored_feed(transfer::context& shared, transfer::operation& running, const loaded_source& source);

/// An archive, a directory or the store to a registry: blobs that the registry lacks, then manifests, children before parents, the names
/// last.
/// \param store asked for images that are named, and for where else their blobs are known to be
/// \param kept what other runs left about uploads; it may be nothing
task<result<push_result>> push(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                               std::shared_ptr<store::content_store> store, upload_state kept, push_source source, push_target target,
                               push_options options);

}  // namespace gantry::jobs
