#pragma once

#include "faults/puller.hpp"
#include "support/fake_registry.hpp"
#include "support/http_client.hpp"
#include "support/image_builder.hpp"

#include <gantry/engine.hpp>
#include <gantry/serve.hpp>

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace gantry::test {

/// An engine that serves what \p registry has, from a store of its own.
class pulling_server {
 public:
  pulling_server(const fake_registry& registry, const puller& settings_of, serve_limits limits = brief_limits())
      : pulling_server(registry.host(), settings_of, limits) {}
  pulling_server(const std::string& upstream, const puller& settings_of, serve_limits limits = brief_limits());
  pulling_server(const pulling_server&) = delete;
  pulling_server& operator=(const pulling_server&) = delete;
  ~pulling_server() { stop(); }
  /// Asks the server to stop, and waits for nothing.
  void ask_to_stop();
  /// Stops, waits for the end, and \returns what the server warned of.
  std::vector<std::string> stop();
  std::uint16_t port() const noexcept { return port_; }
  /// The requests that have ended.
  std::vector<served_request> log() const;
  /// The usual ones, but for a stop that waits for nobody.
  static serve_limits brief_limits();

 private:
  boost::asio::io_context context_;
  std::unique_ptr<engine> engine_;
  boost::asio::cancellation_signal stop_;
  diagnostics text_;
  error_code ec_;
  std::vector<std::string> warnings_;  ///< of the thread, while that lives
  mutable std::mutex mutex_;
  std::vector<served_request> log_;
  std::uint16_t port_ = 0;
  bool asked_to_stop_ = false;
  std::thread thread_;
};

/// One large layer, so that it is given out while it arrives.
test_image large_image();

/// A small image that is another for each \p seed.
test_image other_image(std::uint32_t seed);

/// The large image as `team/app:1.0` at a registry, and settings and a store for servers of it.
struct large_upstream {
  large_upstream() { registry.hold("team/app", "1.0", image); }

  fake_registry registry;
  const test_image image = large_image();
  puller place{registry};
};

/// The path of a layer of `team/app`.
inline std::string blob_of(const test_image& image, std::size_t layer) { return "/v2/team/app/blobs/" + image.layers[layer].digest; }

/// How many GETs had \p part in their target.
std::size_t gets(const fake_registry& registry, const std::string& part);

/// What another process cleans up in the store of \p place.
clean_result clean(const puller& place, clean_options what);

/// Waits for what comes a moment after the last byte that a client has.
bool soon(const std::function<bool()>& there);

/// The name is recorded when the last blob is committed.
bool soon_recorded(http_client& client);

/// Asks for all that an image has.
void pull_all(http_client& client, const std::string& name, const std::string& manifest, const test_image& image);

/// The store's record of a tag or a digest; empty when there is none.
std::filesystem::path record_of(const puller& place, const std::string& repository, const std::string& tag);

}  // namespace gantry::test
