#pragma once

#include "base/failure.hpp"
#include "http/client.hpp"
#include "http/content_range.hpp"
#include "http/url.hpp"
#include "registry/registry_client.hpp"
#include "registry/site.hpp"
#include "runtime/signal.hpp"
#include "runtime/stop.hpp"

#include <gantry/digest.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace gantry::registry {

/// How long the requests for a blob wait for the registry's answer to one of them, which may lead to all of its bytes. Whoever has waited
/// in vain asks too: that one request may never be answered.
struct blob_patience {
  std::chrono::milliseconds first{8000};    ///< while the blob has not been served: the registry may have to fetch it before it can answer
  std::chrono::milliseconds renewal{3000};  ///< afterwards
};

/// Where the bytes of one blob are had from one site. A registry that redirects is asked once; its answer, mostly a signed
/// URL that expires, serves all ranges of the blob until it fails, and is then renewed by one request however many fail at once (DESIGN
/// section 3), as long as it is answered. Used on the strand alone.
class blob_location {
 public:
  using clock = std::chrono::steady_clock;

  /// \p registry must outlive the object.
  /// \param urls where else a foreign layer may be had, from its descriptor: asked in this order once the registry says that it has it not
  /// \param patience how long a request waits for the answer to another
  blob_location(registry_client& registry, site where, gantry::digest blob, std::vector<std::string> urls = {}, blob_patience patience = {})
      : registry_(registry), site_(std::move(where)), blob_(std::move(blob)), urls_(std::move(urls)), patience_(patience) {}

  /// As registry_client::get_blob. errc::server_error when a fresh URL does not work.
  /// \param asked set to when the request was made that was answered: before, it may have waited for the answer to another. May be null
  task<result<http::exchange>> get(blob_request part, runtime::stop_source& stop, clock::time_point* asked = nullptr);

 private:
  /// When somebody else should ask, since the last who did has no answer.
  clock::time_point given_up_at() const;

  task<result<http::exchange>> ask_registry(blob_request part, runtime::stop_source& stop);

  task<result<http::exchange>> ask_elsewhere(blob_request part, failure absent, runtime::stop_source& stop);

  registry_client& registry_;
  site site_;
  gantry::digest blob_;
  std::vector<std::string> urls_;
  blob_patience patience_;
  std::optional<blob_place> direct_;  ///< where redirects have led
  unsigned number_ = 0;               ///< counts the URLs, so that a failure of an older one is no failure of this one
  clock::time_point obtained_;
  bool served_by_registry_ = false;  ///< no redirect was seen
  bool heard_ = false;               ///< the registry has answered with the blob, or has led to it
  unsigned asking_ = 0;              ///< requests to the registry under way
  clock::time_point asked_;          ///< when the last of them was made
  clock::duration longest_wait_{0};  ///< for an answer
  runtime::signal answered_;
};

}  // namespace gantry::registry
