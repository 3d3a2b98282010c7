#pragma once

#include "runtime/buffer_pool.hpp"
#include "runtime/lanes.hpp"
#include "serve/handler.hpp"
#include "serve/library.hpp"
#include "serve/server.hpp"
#include "support/http_client.hpp"
#include "support/image_builder.hpp"
#include "support/result.hpp"
#include "support/temp_dir.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace gantry::test {

/// A store that tests fill by hand.
class filled_store {
 public:
  void put(const test_blob& blob) { must(store->put(descriptor_of(blob), blob.bytes)); }
  void put(const test_image& image) {
    put(image.manifest);
    put(image.config);
    for (const test_blob& layer : image.layers) put(layer);
  }
  /// Records \p top under \p name; \p held are its complete manifests.
  void name(const std::string& name, const test_blob& top, std::vector<descriptor> held = {}) {
    error_code ec;
    store::reference_record record;
    record.name = reference::parse(name, ec);
    record.top = descriptor_of(top);
    record.manifests = std::move(held);
    const auto lock = must(store->try_lock_index());
    REQUIRE(lock.has_value());
    must(store->put_reference(record, *lock));
    must(store->rebuild_index(*lock));
  }
  static descriptor descriptor_of(const test_blob& blob) {
    error_code ec;
    descriptor value;
    value.media_type = blob.media_type;
    value.digest = digest::parse(blob.digest, ec);
    value.size = blob.bytes.size();
    return value;
  }

  temp_dir directory;
  std::shared_ptr<store::content_store> store = must(store::content_store::open({.root = directory / "store", .sync = false}));
};

/// A server on loopback, on a thread of its own, over \p content.
class running_server {
 public:
  explicit running_server(filled_store& content, serve_limits limits = {}, serve::upstream* above = nullptr,
                          std::optional<serve::htpasswd> users = {})
      : content_(lanes_, content.store),
        buffers_(executor_, 4),
        door_(users ? std::make_unique<serve::gate>(lanes_, std::move(*users)) : nullptr),
        answers_(content_, door_.get(), above,
                 [this](const std::string& text) {
                   const std::scoped_lock lock(mutex_);
                   troubles_.push_back(text);
                 }),
        server_(executor_, lanes_, buffers_, answers_, nullptr, limits, [this](served_request entry) {
          const std::scoped_lock lock(mutex_);
          log_.push_back(std::move(entry));
        }) {
    must(server_.listen(must(serve::parse_listen("127.0.0.1:0"))));
    port_ = server_.local().port();
    boost::asio::co_spawn(executor_, server_.run(stop_), [this](std::exception_ptr error, serve_result totals) {
      error_ = error;
      totals_ = totals;
    });
    thread_ = std::thread([this] { context_.run(); });
  }
  running_server(const running_server&) = delete;
  running_server& operator=(const running_server&) = delete;
  ~running_server() { stop(); }

  std::uint16_t port() const noexcept { return port_; }
  /// Asks for the graceful stop, without waiting.
  void begin_stop() {
    boost::asio::post(executor_, [this] { stop_.request_stop(); });
  }
  /// Stops and waits for the end.
  serve_result stop() {
    if (thread_.joinable()) {
      begin_stop();
      thread_.join();
      CHECK(error_ == nullptr);
    }
    return totals_;
  }
  std::vector<served_request> log() const {
    const std::scoped_lock lock(mutex_);
    return log_;
  }

  /// What the server told who runs it.
  std::vector<std::string> troubles() const {
    const std::scoped_lock lock(mutex_);
    return troubles_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<served_request> log_;
  std::vector<std::string> troubles_;
  boost::asio::io_context context_{1};
  runtime::executor executor_{boost::asio::make_strand(context_.get_executor())};
  runtime::lanes lanes_;
  serve::library content_;
  runtime::buffer_pool buffers_;
  std::unique_ptr<serve::gate> door_;
  serve::handler answers_;
  serve::server server_;
  runtime::stop_source stop_;
  std::uint16_t port_ = 0;
  std::exception_ptr error_;
  serve_result totals_;
  std::thread thread_;
};

}  // namespace gantry::test
