#pragma once

#include "base/failure.hpp"
#include "store/content_store.hpp"
#include "transfer/context.hpp"
#include "transfer/line_keeper.hpp"

#include <gantry/descriptor.hpp>
#include <gantry/events.hpp>
#include <gantry/reference.hpp>

#include <cstdint>
#include <memory>

namespace gantry::transfer {

/// A blob that an operation wants, and where it is to be had.
struct wanted_blob {
  gantry::reference source;  ///< registry and repository count
  descriptor blob;
  blob_role role = blob_role::layer;
};

/// How a blob came into the store.
struct fetched_blob {
  bool reused = false;        ///< it was there, or another process brought it meanwhile
  std::uint64_t resumed = 0;  ///< bytes kept from an earlier run
};

/// Brings one blob into the store: waits for another process that fetches the same one, resumes what an earlier run left, streams the gaps,
/// verifies, commits. Keeps what arrived on every way out. errc::digest_mismatch after the whole was fetched twice and was wrong twice.
task<result<fetched_blob>> fetch_blob(context& shared, operation& running, line_keeper& lines, std::shared_ptr<store::content_store> into,
                                      wanted_blob wanted);

}  // namespace gantry::transfer
