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

/// Where the bytes of one blob are had from one site. A registry that redirects is asked once; its answer, mostly a signed
/// URL that expires, serves all ranges of the blob until it fails, and is then renewed by one request however many fail at once (DESIGN
/// section 3). Used on the strand alone.
class blob_location {
 public:
  /// \p registry must outlive the object.
  /// \param urls where else a foreign layer may be had, from its descriptor: asked in this order once the registry says that it has it not
  blob_location(registry_client& registry, site where, gantry::digest blob, std::vector<std::string> urls = {})
      : registry_(registry), site_(std::move(where)), blob_(std::move(blob)), urls_(std::move(urls)) {}

  /// As registry_client::get_blob. errc::server_error when a fresh URL does not work.
  task<result<http::exchange>> get(blob_request part, runtime::stop_source& stop);

 private:
  task<result<http::exchange>> ask_registry(blob_request part, runtime::stop_source& stop);

  task<result<http::exchange>> ask_elsewhere(blob_request part, failure absent, runtime::stop_source& stop);

  registry_client& registry_;
  site site_;
  gantry::digest blob_;
  std::vector<std::string> urls_;
  std::optional<blob_place> direct_;  ///< where redirects have led
  unsigned number_ = 0;               ///< counts the URLs, so that a failure of an older one is no failure of this one
  std::chrono::steady_clock::time_point obtained_;
  bool served_by_registry_ = false;  ///< no redirect was seen
  bool asking_ = false;
  runtime::signal answered_;
};

}  // namespace gantry::registry
