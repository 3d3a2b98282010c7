#pragma once

#include "archive/finished_archives.hpp"
#include "base/failure.hpp"
#include "jobs/export.hpp"
#include "model/blob_source.hpp"
#include "store/blob_target.hpp"
#include "store/content_store.hpp"
#include "store/document_store.hpp"
#include "transfer/context.hpp"
#include "transfer/fetcher.hpp"

#include <gantry/descriptor.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

namespace gantry::jobs {

/// What a delivery works with.
struct delivery_setup {
  transfer::context& shared;
  std::shared_ptr<transfer::operation> running;
  std::shared_ptr<store::content_store> store;       ///< null: nothing goes into a store
  std::shared_ptr<store::document_store> documents;  ///< manifests, indexes, and what else is held; the store where there is one
  bool sync = true;
  std::shared_ptr<archive::finished_archives> finished{};  ///< without a store: what other archives have is copied; null: nothing is
};

/// How blobs get into an archive while they arrive. Used on the strand.
class delivery {
 public:
  virtual ~delivery() = default;

  /// Where the blobs are to be fetched to.
  virtual std::shared_ptr<store::blob_target> target() = 0;
  /// In which order, and who is told.
  virtual transfer::fetch_options how() = 0;
  /// Starts what runs beside the fetch; \ref finish must be awaited then. A failure there stops the operation.
  /// \param held what is there already, \param missing what will be fetched, both in archive order
  virtual void start(std::vector<descriptor> held, const std::vector<descriptor>& missing) = 0;
  /// Completes the archive, or gives it up when not everything has arrived. \returns the bytes of the archive; errc::cancelled when it was
  /// given up for a reason that the caller knows.
  virtual task<result<std::uint64_t>> finish(bool all_arrived) = 0;
};

/// Plain files of known layout are filled in place, with and without the store; formats that need everything in the store are written when
/// it is there; all else is written from front to back by a thread that waits for each blob.
/// \param needs_store archive_export::needs_store
task<result<std::unique_ptr<delivery>>> open_delivery(delivery_setup setup, archive_export prepared, bool needs_store);

/// Takes blobs from front to back, on a thread of its own that may wait.
class blob_taker {
 public:
  virtual ~blob_taker() = default;

  /// Takes what it wants of \p blobs, whose open() waits for what is on its way. \returns the bytes that it passed on
  virtual task<result<std::uint64_t>> take(delivery_setup setup, std::shared_ptr<model::blob_source> blobs) = 0;
  /// Tells, on that thread and without waiting, that nobody wants the rest any more. May be empty.
  virtual std::function<bool()> pointless() const { return {}; }
  /// Where blobs that go into no store may lie for a while; empty: nowhere in particular.
  virtual std::filesystem::path directory() const { return {}; }
};

std::unique_ptr<delivery> make_stream_delivery(delivery_setup setup, std::unique_ptr<blob_taker> taker);

}  // namespace gantry::jobs
