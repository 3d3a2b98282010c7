#pragma once

#include "store/content_store.hpp"
#include "transfer/context.hpp"

#include <gantry/digest.hpp>

#include <memory>
#include <set>
#include <string>

namespace gantry::jobs {

using runtime::task;

/// Removes those of \p blobs, which the operation brought and has no use for, that nobody else needs (store::remove_unneeded). To be called
/// when its own lease has ended, which would keep them. Never fails: of what stays a warning says what becomes of it.
/// \param origin what brought them, e.g. the path of an archive
task<> forget(transfer::context& shared, std::shared_ptr<transfer::operation> running, std::shared_ptr<store::content_store> store,
              std::set<digest> blobs, std::string origin);

}  // namespace gantry::jobs
