#pragma once

#include "base/failure.hpp"
#include "http/body_source.hpp"
#include "registry/registry_client.hpp"
#include "registry/upload_plan.hpp"
#include "runtime/stop.hpp"

#include <gantry/descriptor.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace gantry::registry {

/// HEAD /v2/<name>/blobs/<digest>: whether the repository has the blob in this size. One attempt.
task<result<bool>> has_blob(registry_client& to, std::string registry, std::string repository, descriptor blob, runtime::stop_source& stop);

/// Opens the bytes of the blob from \p offset on, \p length of them. Called once for every request that sends some.
using body_opener = std::function<std::unique_ptr<http::body_source>(std::uint64_t offset, std::uint64_t length)>;

/// One blob on its way into a registry. \ref attempt may be called again after a failure that is retryable: what the registry has is not
/// sent again. Used on the strand alone; the client must outlive it.
class blob_upload {
 public:
  struct target {
    std::string registry;
    std::string repository;
    descriptor blob;
    std::string mount_from;           ///< see upload_plan::settings
    bool mount_first = false;         ///< the same
    upload_refusals refused{};        ///< the same
    std::optional<http::url> resume;  ///< see upload_plan::settings; of the registry's own origin, see \ref keep
    /// Told of each new address of the session, and of nothing once it is over or no longer on the registry's own origin. May be empty.
    std::function<task<>(std::optional<http::url>)> keep{};
  };
  blob_upload(registry_client& to, target where, body_opener open);

  /// Goes on until the registry has the blob. errc::unauthorized, forbidden and whatever the registry refuses with; errc::redirect_refused
  /// for a session on a host that may not be asked. A stop ends what is being sent of a large blob at the next byte and waits a few seconds
  /// for the registry to say that it has it, so that a later run goes on from there.
  task<result<void>> attempt(runtime::stop_source& stop);

  const upload_plan& plan() const noexcept { return plan_; }
  /// http::exchange::connection_number of the last request that sent bytes and was answered; 0: there was none.
  std::uint64_t connection() const noexcept { return connection_; }

 private:
  task<> tell_session();
  /// Has the registry forget the sessions that are given up, with what they hold; where it will not, they expire.
  task<> discard_abandoned(runtime::stop_source& stop);
  /// \p why nobody at \p elsewhere, where the registry wants its uploads, has answered.
  failure misled(failure why, const http::origin& elsewhere) const;
  /// \param body of \p action, or null
  task<result<http::exchange>> send(upload_action action, http::body_source* body, http::url& asked, runtime::stop_source& stop);
  api_call call(http::method verb) const;

  registry_client& to_;
  target where_;
  body_opener open_;
  upload_plan plan_;
  std::uint64_t connection_ = 0;
  std::optional<http::url> kept_;    ///< what target::keep was told last
  std::optional<http::origin> api_;  ///< of the registry, once it has answered
  bool answered_elsewhere_ = false;  ///< another host that it named has
};

}  // namespace gantry::registry
