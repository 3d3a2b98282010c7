// Layers that their registry need not have: the descriptor names other places (image-spec descriptor.md, `urls`).
#include "faults/puller.hpp"

#include "support/catch.hpp"

using namespace gantry;
using namespace gantry::test;

namespace {

/// An image whose large layer is a foreign one.
struct served {
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
  served s;
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
  for (const recorded_request& request : s.elsewhere.requests()) CHECK(request.header("authorization").empty());
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
  s.hold("\"http://10.0.0.1/layer\",\"file:///etc/passwd\"");
  s.registry.drop_blob(s.layer().digest);
  const pull_report report = s.pulls.pull();
  CHECK(report.ec);
  INFO(report.text.message());
  CHECK(report.text.message().find("neither in the registry nor") != std::string::npos);
}

TEST_CASE("foreign content is verified like any other", "[faults]") {
  served s;
  test_blob wrong = s.layer();
  wrong.bytes[wrong.bytes.size() / 2] = static_cast<char>(wrong.bytes[wrong.bytes.size() / 2] ^ 1);
  s.elsewhere.hold_blob(wrong);
  s.hold("\"" + s.there() + "\"");
  s.registry.drop_blob(s.layer().digest);
  CHECK(s.pulls.pull().ec == make_error_code(errc::digest_mismatch));
}
