#pragma once

#include "base/failure.hpp"
#include "http/client.hpp"
#include "model/digester.hpp"
#include "registry/blob_sources.hpp"
#include "runtime/buffer_pool.hpp"
#include "transfer/context.hpp"

#include <gantry/descriptor.hpp>
#include <gantry/reference.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace gantry::transfer {

/// One blob on its way from a registry into another, through memory alone. It is read in order; a source that breaks off is asked for the
/// rest, and for an upload that goes on where it stopped for the bytes from there. What passes is hashed, and the last bytes are given out
/// only when the whole has the right digest: a source that sends wrong bytes never completes an upload. Used on the strand alone; one
/// upload at a time.
class relay {
 public:
  /// \p shared and \p running must outlive it.
  relay(context& shared, operation& running, reference image, descriptor blob);

  /// Reads at \p offset what comes next of the source's answer, \p into.size() bytes at most; at least one. \returns errc::digest_mismatch
  /// in place of the last bytes of a wrong blob, and what the source fails with once its attempts are used up.
  task<result<std::size_t>> read(std::uint64_t offset, std::shared_ptr<runtime::buffer_pool::buffer> into, std::uint64_t limit);

  /// Gives the connection to the source up while nothing is read.
  void rest();

  /// What the source failed with, for good. Another attempt to upload does not help.
  const std::optional<failure>& broken() const noexcept { return broken_; }
  /// After wrong bytes: whether the registry itself can be asked in place of its mirrors. The upload has to begin anew, since what was sent
  /// cannot be taken back.
  bool try_origin();

 private:
  task<std::optional<failure>> ask(std::uint64_t offset);
  task<result<std::size_t>> receive(std::span<std::byte> into);
  task<result<void>> verify(std::uint64_t offset, std::shared_ptr<runtime::buffer_pool::buffer> bytes, std::size_t count);
  /// Tells of the request that is over, and lets the connection go. \param why it failed, or null
  void end(const failure* why);
  void tell(const failure* why);

  context& shared_;
  operation& running_;
  descriptor blob_;
  registry::blob_sources sources_;
  retry_policy policy_;
  std::shared_ptr<model::digester> hash_;
  std::uint64_t hashed_ = 0;  ///< bytes from the front that were hashed
  std::optional<http::exchange> reply_;
  std::uint64_t position_ = 0;  ///< of the next byte that \ref reply_ brings
  std::size_t site_ = 0;
  std::uint64_t received_ = 0;                   ///< in \ref reply_
  std::uint64_t fresh_ = 0;                      ///< given out since the last failure
  std::optional<copying_request> counted_;       ///< as long as \ref reply_
  std::chrono::steady_clock::time_point begun_;  ///< when it was asked for
  std::chrono::steady_clock::time_point asked_;  ///< when the answer began
  std::uint64_t begin_ = 0;                      ///< offset that was asked for
  unsigned refusals_ = 0;                        ///< attempts in which a range was answered with 416 since one has brought something
  bool origin_only_ = false;
  std::optional<failure> broken_;
};

}  // namespace gantry::transfer
