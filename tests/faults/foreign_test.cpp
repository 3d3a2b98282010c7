// Layers that their registry need not have: the descriptor names other places (image-spec descriptor.md, `urls`).
#include "faults/one_credential.hpp"
#include "faults/puller.hpp"

#include "support/catch.hpp"

#include <algorithm>
#include <memory>
#include <utility>

using namespace gantry;
using namespace gantry::test;

namespace {

/// An image whose large layer is a foreign one.
struct served {
  explicit served(fake_registry_options options = {}) : registry(std::move(options)) {}
  fake_registry registry;
  fake_registry elsewhere;
  test_image image = app_image();
  puller pulls{registry};
  const test_blob& layer() const { return image.layers[1]; }

  std::string there() const { return "http://" + elsewhere.host() + "/v2/other/place/blobs/" + layer().digest; }

  void hold(const std::string& urls) {
    test_blob foreign = layer();
    foreign.media_type = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
    std::string text = image.manifest.bytes;
    const std::string before = layer().descriptor_members();
    text.replace(text.find(before), before.size(), foreign.descriptor_members() + ",\"urls\":[" + urls + "]");
    image.manifest = test_blob::of(image.manifest.media_type, text);
    registry.hold("team/app", "1.0", image);
  }
};

}  // namespace

TEST_CASE("a foreign layer that the registry lacks comes from its urls, in order, without credentials", "[faults]") {
  fake_registry_options locked;
  locked.auth = fake_auth::basic;
  locked.username = "jane";
  locked.password = "secret";
  served s(std::move(locked));
  // What a thief would do: ask for them, in the words that the registry uses.
  s.pulls.settings.credentials = std::make_shared<one_credential>("jane", "secret");
  s.elsewhere.inject("/nothing/here", answer_with(401, {{"WWW-Authenticate", "Basic realm=\"x\""}}), 1, 0);
  s.elsewhere.hold_blob(s.layer());
  s.hold("\"http://" + s.elsewhere.host() + "/nothing/here\",\"" + s.there() + "\"");
  s.registry.drop_blob(s.layer().digest);
  const pull_report report = s.pulls.pull_to_archive();
  INFO(report.text.message());
  REQUIRE_FALSE(report.ec);
  CHECK(s.pulls.leftovers() == "");
  CHECK(s.registry.count("/blobs/" + s.layer().digest) >= 1);
  CHECK(s.elsewhere.count("/nothing/here") >= 1);
  CHECK(s.elsewhere.count(s.layer().digest) >= 1);
  const auto asked = s.registry.requests();
  CHECK(std::any_of(asked.begin(), asked.end(),
                    [](const recorded_request& one) { return one.header("authorization").starts_with("Basic"); }));
  for (const recorded_request& request : s.elsewhere.requests()) CHECK(request.header("authorization").empty());
  s.pulls.heals({&s.registry, &s.elsewhere});
}

TEST_CASE("a foreign layer that the registry has is not looked for elsewhere", "[faults]") {
  served s;
  s.elsewhere.hold_blob(s.layer());
  s.hold("\"" + s.there() + "\"");
  const pull_report report = s.pulls.pull();
  INFO(report.text.message());
  CHECK_FALSE(report.ec);
  CHECK(s.elsewhere.count() == 0);
}

TEST_CASE("a registry cannot send us to an address of the private network for a foreign layer", "[faults]") {
  served s;
  const std::string url = GENERATE("http://10.0.0.1/layer", "https://169.254.169.254/layer", "http://[::ffff:10.0.0.1]/layer",
                                   "http://[fd00:ec2::254]/layer", "file:///etc/passwd");
  s.hold("\"" + url + "\"");
  s.registry.drop_blob(s.layer().digest);
  const pull_report report = s.pulls.pull();
  INFO(url << ": " << report.text.message());
  // Refused before anything is sent: a connection that fails would be another error.
  CHECK(report.ec == (url.starts_with("file") ? errc::protocol_error : errc::redirect_refused));
  CHECK(report.text.message().find("neither in the registry nor") != std::string::npos);
  s.pulls.heals({&s.registry, &s.elsewhere});
}

TEST_CASE("a foreign layer whose only host refuses the connection is given up as soon as a registry that does", "[faults]") {
  served s;
  std::string gone;
  {
    const fake_registry closed;
    gone = "http://" + closed.host() + "/layer";
  }
  s.hold("\"" + gone + "\"");
  s.registry.drop_blob(s.layer().digest);
  const pull_report report = s.pulls.pull();
  INFO(report.text.message());
  CHECK(report.ec == make_error_code(errc::connection_refused));
  CHECK(report.count<retry_scheduled>() == 2);
  s.pulls.heals({&s.registry, &s.elsewhere});
}

TEST_CASE("foreign content is verified like any other", "[faults]") {
  served s;
  test_blob wrong = s.layer();
  wrong.bytes[wrong.bytes.size() / 2] = static_cast<char>(wrong.bytes[wrong.bytes.size() / 2] ^ 1);
  s.elsewhere.hold_blob(wrong);
  s.hold("\"" + s.there() + "\"");
  s.registry.drop_blob(s.layer().digest);
  CHECK(s.pulls.pull().ec == make_error_code(errc::digest_mismatch));
  s.pulls.heals({&s.registry, &s.elsewhere});
}
