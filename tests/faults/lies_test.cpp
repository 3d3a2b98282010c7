// Servers that are not what they were a moment ago, and bodies that are not what their head says.
#include "faults/puller.hpp"

#include "support/catch.hpp"
#include "support/tls_server.hpp"

#include <atomic>
#include <memory>
#include <string>

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
  pulls.heals(registry);
}

TEST_CASE("a registry whose certificate changes in the middle of a pull is asked for nothing more", "[faults]") {
  const certificate_authority authority;
  const test_image image = app_image();
  const auto answer = [image](const std::string& request) {
    const bool manifest = request.find("/manifests/") != std::string::npos;
    const test_blob* wanted = manifest ? &image.manifest : &image.config;
    for (const test_blob& layer : image.layers) {
      if (request.find(layer.digest) != std::string::npos) wanted = &layer;
    }
    return "HTTP/1.1 200 OK\r\nContent-Type: " + (manifest ? wanted->media_type : "application/octet-stream") +
           "\r\nContent-Length: " + std::to_string(wanted->bytes.size()) + "\r\nConnection: close\r\n\r\n" + wanted->bytes;
  };
  const auto honest = over_tls(authority.issue(), [answer](tls_session& session) {
    if (const std::string request = session.receive(); !request.empty()) session.send(answer(request));
    session.say_goodbye();
  });
  const auto asked_the_stranger = std::make_shared<std::atomic<unsigned>>(0);
  const auto stranger = over_tls(certificate_authority::self_signed(), [asked_the_stranger](tls_session& session) {
    if (!session.receive().empty()) ++*asked_the_stranger;
  });
  const scripted_server server({honest, stranger, honest});
  const std::string host = "127.0.0.1:" + std::to_string(server.port());
  puller place(host);
  const temp_dir authorities;
  spill(authorities / "ca.crt", authority.certificate());
  place.settings.ca_cert = authorities / "ca.crt";
  place.settings.plain_http.clear();
  place.settings.tls_only.insert(host);
  place.settings.attempts = 1;
  const pull_report report = place.pull();
  INFO(report.text.message());
  CHECK(report.ec == make_error_code(errc::tls_not_trusted));
  CHECK(server.connections() == 2);
  CHECK(*asked_the_stranger == 0);
  place.heals({}, 1);
}
