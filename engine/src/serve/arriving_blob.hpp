#pragma once

#include "base/failure.hpp"
#include "model/blob_source.hpp"
#include "runtime/file.hpp"
#include "runtime/lanes.hpp"
#include "runtime/signal.hpp"
#include "serve/passing_target.hpp"
#include "serve/upstream.hpp"
#include "store/blob_target.hpp"
#include "store/content_store.hpp"

#include <gantry/descriptor.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace gantry::serve {

/// How far a blob may be given out before it was verified. Small ones not at all: waiting costs little. Of larger ones everything but the
/// last 64 KiB of what has arrived without a gap, so that nobody ends up with all bytes of something that is wrong.
/// \param frontier every byte before it has arrived
std::uint64_t releasable(std::uint64_t frontier, std::uint64_t size) noexcept;

/// A blob that is being fetched, as those see it who read along. Used on the strand.
class arriving_blob : public std::enable_shared_from_this<arriving_blob> {
 public:
  arriving_blob(runtime::lanes& workers, descriptor blob) : workers_(workers), blob_(std::move(blob)) {}

  const descriptor& blob() const noexcept { return blob_; }

  /// One for each client. \param repository where the client asks for it, as reference::name() writes it
  std::shared_ptr<blob_feed> reader(const std::string& repository = {});
  /// Since when clients have asked for it where.
  const std::map<std::string, std::chrono::steady_clock::time_point>& asked() const noexcept { return asked_; }

  /// Whether somebody reads, or may go on to.
  bool has_readers() const noexcept { return readers_ != 0; }
  /// \p told is called when the first reader came and when the last one left; empty: nobody is told any more.
  void watch_readers(std::function<void()> told) { readers_changed_ = std::move(told); }

  /// A fetch begins, perhaps once more because what came before was wrong: who has read of that is cut.
  /// \param data where the bytes arrive, open for reading; null: they can be read when all are there
  void opened(std::shared_ptr<const runtime::file> data, store::byte_ranges held);
  void written(store::byte_range range);
  /// The blob is verified and in the store.
  void finished(std::shared_ptr<model::blob_reader> stored);
  void failed(failure why);

 private:
  class feed;
  std::uint64_t released() const noexcept;
  void count_reader(bool came);

  runtime::lanes& workers_;
  descriptor blob_;
  unsigned attempt_ = 0;
  store::byte_ranges arrived_;
  std::shared_ptr<const runtime::file> data_;
  std::shared_ptr<model::blob_reader> stored_;
  std::optional<failure> error_;
  runtime::signal changed_;
  std::size_t readers_ = 0;
  std::map<std::string, std::chrono::steady_clock::time_point> asked_;
  std::function<void()> readers_changed_;
};

/// A target of transfers that lets a blob be read while it arrives, and is the target behind it in everything else.
class watched_target final : public store::blob_target {
 public:
  /// Opens what has just been begun for readers; null: it can be read when all is there. Called on a worker.
  using opener = std::function<std::shared_ptr<const runtime::file>(const descriptor& blob, const store::ingest_options& options)>;

  /// \param where the strand
  watched_target(std::shared_ptr<store::blob_target> into, opener data, runtime::executor where, std::shared_ptr<arriving_blob> watched);

  result<store::claim_attempt> claim(const descriptor& blob) override;
  result<std::unique_ptr<store::blob_part>> begin(const descriptor& blob, store::ingest_options options) override;

 private:
  std::shared_ptr<store::blob_target> into_;
  opener data_;
  runtime::executor where_;
  std::shared_ptr<arriving_blob> watched_;
};

/// The same in front of the store.
std::shared_ptr<watched_target> watch_store(std::shared_ptr<store::content_store> store, runtime::executor where,
                                            std::shared_ptr<arriving_blob> watched);
/// The same in front of what keeps nothing.
std::shared_ptr<watched_target> watch_passing(std::shared_ptr<passing_target> passing, runtime::executor where,
                                              std::shared_ptr<arriving_blob> watched);

}  // namespace gantry::serve
