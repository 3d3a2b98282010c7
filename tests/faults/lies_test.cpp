// Servers that are not what they were a moment ago, and bodies that are not what their head says.
#include "faults/puller.hpp"

#include "support/catch.hpp"
#include "support/store_check.hpp"
#include "support/tls_server.hpp"

#include <gantry/engine.hpp>

#include <boost/asio/use_future.hpp>

#include <atomic>
#include <filesystem>
#include <memory>

using namespace gantry;
using namespace gantry::test;

TEST_CASE("content that is encoded on its way is not what the digest names, and costs an attempt", "[faults]") {
  fake_registry registry;
  const test_image image = app_image();
  registry.hold("team/app", "1.0", image);
  puller pulls(registry);
  registry.inject(image.layers[0].digest, answer_with(200, {{"Content-Encoding", "gzip"}}, "something that was deflated once more"));
  // A field that says so beside the very bytes of the digest does no harm.
  registry.inject(image.layers[1].digest, answer_with(200, {{"Content-Encoding", "gzip"}}, image.layers[1].bytes));
  const pull_report done = pulls.pull("team/app:1.0");
  INFO(done.text.message());
  CHECK_FALSE(done.ec);
  CHECK(registry.count(image.layers[0].digest) == 2);
  CHECK(registry.count(image.layers[1].digest) == 1);
  CHECK(pulls.leftovers() == "");
}

TEST_CASE("a registry whose certificate changes in the middle of a pull is asked for nothing more", "[faults]") {
  const certificate_authority authority;
  const test_image image = app_image();
  const std::string answer = "HTTP/1.1 200 OK\r\nContent-Type: " + image.manifest.media_type +
                             "\r\nContent-Length: " + std::to_string(image.manifest.bytes.size()) + "\r\nConnection: close\r\n\r\n" +
                             image.manifest.bytes;
  const auto asked_the_stranger = std::make_shared<std::atomic<unsigned>>(0);
  const scripted_server server({over_tls(authority.issue(),
                                         [answer](tls_session& session) {
                                           if (!session.receive().empty()) session.send(answer);
                                           session.say_goodbye();
                                         }),
                                over_tls(certificate_authority::self_signed(), [asked_the_stranger](tls_session& session) {
                                  if (!session.receive().empty()) ++*asked_the_stranger;
                                })});
  fake_registry unused;
  puller place(unused);
  const std::string host = "127.0.0.1:" + std::to_string(server.port());
  const temp_dir authorities;
  spill(authorities / "ca.crt", authority.certificate());
  place.settings.ca_cert = authorities / "ca.crt";
  place.settings.tls_only.insert(host);
  place.settings.attempts = 1;
  error_code ec;
  {
    engine one(place.settings);
    pull_options options;
    options.output = store_only();
    options.platforms = {platform::parse("linux/amd64", ec)};
    auto done = one.async_pull(reference::parse(host + "/team/app:1.0", ec), std::move(options), boost::asio::use_future);
    try {
      done.get();
      ec = {};
    } catch (const boost::system::system_error& error) {
      ec = error.code();
    }
  }
  INFO(ec.message());
  CHECK(ec == make_error_code(errc::tls_not_trusted));
  CHECK(server.connections() >= 2);
  CHECK(*asked_the_stranger == 0);
  CHECK(store_problems(place.store(), true) == "");
}
