#pragma once

#include "archive/gzip_sink.hpp"
#include "archive/layout.hpp"
#include "base/failure.hpp"
#include "model/blob_source.hpp"
#include "runtime/task.hpp"
#include "store/content_store.hpp"
#include "transfer/context.hpp"

#include <memory>
#include <vector>

namespace gantry::jobs {

/// The workers of the CPU lane, for deflating.
archive::deflate_workers workers_of(transfer::context& shared);

/// Whether any layer of \p images calls itself zstd.
bool has_zstd(const std::vector<archive::archived_image>& images);

/// Whether any layer of \p images calls itself uncompressed.
bool has_plain(const std::vector<archive::archived_image>& images);

/// Makes gzip out of uncompressed layers, as \ref recompress does of zstd ones. \param from has the images; \p store gets what is made
runtime::task<result<std::vector<archive::archived_image>>> compress(
    transfer::context& shared, std::shared_ptr<transfer::operation> running, std::shared_ptr<model::blob_source> from,
    std::shared_ptr<store::content_store> store, std::vector<archive::archived_image> images, archive::deflate_workers workers);

/// Makes gzip out of zstd layers, for engines that know nothing else: inflates, checks against the diff ID, deflates, and puts layer and
/// manifest into the store under their new digests. The configuration, and with it the image ID, stays. Attestations of what was changed,
/// which name the old digest, are left out.
/// \param workers for the deflating
/// \returns the images as they are now; errc::digest_mismatch, or what reading and writing the store failed with
runtime::task<result<std::vector<archive::archived_image>>> recompress(transfer::context& shared,
                                                                       std::shared_ptr<transfer::operation> running,
                                                                       std::shared_ptr<store::content_store> store,
                                                                       std::vector<archive::archived_image> images,
                                                                       archive::deflate_workers workers);

}  // namespace gantry::jobs
