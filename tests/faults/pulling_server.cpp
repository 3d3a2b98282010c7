#include "faults/pulling_server.hpp"

#include "faults/alone.hpp"
#include "support/catch.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <future>
#include <utility>
#include <variant>

namespace gantry::test {

using namespace std::chrono_literals;

serve_limits pulling_server::brief_limits() {
  serve_limits limits;
  limits.graceful = 2s;
  return limits;
}

std::vector<served_request> pulling_server::log() const {
  const std::scoped_lock lock(mutex_);
  return log_;
}

pulling_server::pulling_server(const std::string& upstream, const puller& settings_of, serve_limits limits) {
  serve_options options;
  options.listen = "127.0.0.1:0";
  options.upstream = upstream;
  options.limits = limits;
  options.on_request = [this](const served_request& one) {
    const std::scoped_lock lock(mutex_);
    log_.push_back(one);
  };
  options.on_event = [this](const event& one) {
    if (const auto* told = std::get_if<warning>(&one)) warnings_.push_back(told->message);
  };
  std::promise<std::uint16_t> listening;
  options.on_started = [&](const serve_started& started) { listening.set_value(started.port); };
  engine_options settings = settings_of.settings;
  settings.jobs = 4;
  // The engine runs on this object's thread, so that its port may be waited for here.
  engine_ = std::make_unique<engine>(context_.get_executor(), std::move(settings));
  engine_->async_serve(std::move(options), text_, boost::asio::bind_cancellation_slot(stop_.slot(), [this](error_code ec, serve_result) {
                         ec_ = ec;
                         engine_->async_shutdown([](error_code) {});
                       }));
  thread_ = std::thread([this] { context_.run(); });
  port_ = listening.get_future().get();
}

void pulling_server::ask_to_stop() {
  if (std::exchange(asked_to_stop_, true)) return;
  boost::asio::post(context_, [this] { stop_.emit(boost::asio::cancellation_type::terminal); });
}

std::vector<std::string> pulling_server::stop() {
  if (!thread_.joinable()) return warnings_;
  ask_to_stop();
  thread_.join();
  CHECK_FALSE(ec_);
  return warnings_;
}

test_image large_image() {
  image_recipe recipe;
  recipe.layers = {3000, 12'000'000};
  return build_image(recipe);
}

test_image other_image(std::uint32_t seed) {
  image_recipe recipe;
  recipe.seed = seed;
  return build_image(recipe);
}

std::size_t gets(const fake_registry& registry, const std::string& part) {
  std::size_t n = 0;
  for (const recorded_request& one : registry.requests(part)) n += one.method == "GET" ? 1 : 0;
  return n;
}

clean_result clean(const puller& place, clean_options what) {
  clean_result gone;
  CHECK_FALSE(run_alone(place.settings, gone, [&](engine& other, auto done) { other.async_clean(std::move(what), std::move(done)); }));
  return gone;
}

bool soon(const std::function<bool()>& there) {
  for (int looks = 0; looks < 400 && !there(); ++looks) std::this_thread::sleep_for(50ms);
  return there();
}

bool soon_recorded(http_client& client) {
  return soon([&] { return client.get("/v2/team/app/tags/list").body.find("\"1.0\"") != std::string::npos; });
}

void pull_all(http_client& client, const std::string& name, const std::string& manifest, const test_image& image) {
  CHECK(client.get("/v2/" + name + "/manifests/" + manifest).status == 200);
  for (const test_blob& layer : image.layers) CHECK(client.get("/v2/" + name + "/blobs/" + layer.digest).complete);
  CHECK(client.get("/v2/" + name + "/blobs/" + image.config.digest).complete);
}

std::filesystem::path record_of(const puller& place, const std::string& repository, const std::string& tag) {
  std::string name = tag;
  std::replace(name.begin(), name.end(), ':', '+');
  for (const auto& one : std::filesystem::recursive_directory_iterator(place.store() / "refs")) {
    if (one.is_regular_file() && one.path().string().ends_with("/" + repository + "/_/" + name)) return one.path();
  }
  return {};
}

}  // namespace gantry::test
