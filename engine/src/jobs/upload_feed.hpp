#pragma once

#include "base/failure.hpp"
#include "http/body_source.hpp"
#include "jobs/push_plan.hpp"
#include "runtime/task.hpp"
#include "transfer/context.hpp"
#include "transfer/upload_body.hpp"

#include <gantry/descriptor.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace gantry::jobs {

using runtime::task;

/// The bytes of one blob for as long as it takes to upload it.
class blob_feed {
 public:
  virtual ~blob_feed() = default;

  /// Awaited once before the first body, without a connection.
  virtual task<result<void>> prepare() { co_return result<void>(); }
  /// Leave for the first attempt, where it came with \ref prepare; else empty.
  virtual transfer::connection_grant leave() { return {}; }
  /// The body of one request.
  virtual std::unique_ptr<http::body_source> open(std::uint64_t offset, std::uint64_t length,
                                                  transfer::upload_body::progress_handler progress) = 0;
  /// The attempt is over and there may be another.
  virtual void rest() {}
  /// A failure of the feed that no other attempt to upload mends.
  virtual std::optional<failure> broken() const { return std::nullopt; }
  /// After \ref broken: whether the bytes can be had elsewhere, for an upload that begins anew.
  virtual bool try_elsewhere() { return false; }
};

/// Where what is uploaded comes from.
class upload_feed {
 public:
  virtual ~upload_feed() = default;
  virtual std::unique_ptr<blob_feed> blob(const planned_blob& one) = 0;
  /// The bytes of a manifest, verified.
  virtual task<result<std::string>> document(descriptor one) = 0;
  /// The registry has \p one, or will not have it; said of every blob that is planned.
  virtual void settle(const planned_blob& /*one*/) {}
  /// The registry that a blob is read from while it is sent, over a connection of its own; empty: none.
  virtual std::string source() const { return {}; }
};

}  // namespace gantry::jobs
