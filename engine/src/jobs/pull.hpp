#pragma once

#include "archive/finished_archives.hpp"
#include "base/failure.hpp"
#include "jobs/resolve.hpp"
#include "store/content_store.hpp"
#include "store/document_store.hpp"
#include "transfer/context.hpp"

#include <gantry/pull.hpp>

#include <memory>
#include <vector>

namespace gantry::jobs {

/// Registry to store, and to an archive when one is asked for: resolve, plan, fetch, record, export. Everything that is fetched stays in
/// the store, whatever happens after. Without a store blobs go straight into the archive.
/// \param store null: nothing is read from or written to a store
/// \param documents asked in place of the store for what is there already, and given the manifests and configurations that are fetched: the
/// store and something beside it. An image that is not in the store alone gets no name there. Null: the store
/// \param finished plain archives of earlier pulls: without a store their blobs are copied, and the archive is added to them. May be null
task<result<pull_result>> pull(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                               std::shared_ptr<store::content_store> store, std::vector<reference> images, pull_options options, bool sync,
                               std::shared_ptr<store::document_store> documents = nullptr,
                               std::shared_ptr<archive::finished_archives> finished = nullptr);

}  // namespace gantry::jobs
