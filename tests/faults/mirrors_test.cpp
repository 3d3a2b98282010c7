// Several places for one image: what mirrors bring, and how they let us down.
#include "faults/mirrored.hpp"

#include "support/catch.hpp"
#include "support/scripted_server.hpp"
#include "support/tls_server.hpp"

#include <gantry/credentials.hpp>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

using namespace gantry;
using namespace gantry::test;
using namespace std::chrono_literals;

namespace {

class one_credential final : public credential_source {
 public:
  explicit one_credential(std::string registry) : registry_(std::move(registry)) {}
  std::optional<credential> find(const std::string& registry, const std::string&, diagnostics&) override {
    if (registry != registry_) return std::nullopt;
    credential value;
    value.username = "alice";
    value.password = "wonder";
    return value;
  }

 private:
  std::string registry_;
};

}  // namespace

TEST_CASE("a mirror is asked in the registry's place, and the image keeps its name", "[faults]") {
  mirrored m;
  m.mirror(m.first);
  const pull_report report = m.pulls.pull();
  INFO(report.text.message());
  REQUIRE_FALSE(report.ec);
  CHECK(m.origin.count() == 0);
  CHECK(m.first.count("/manifests/") >= 1);
  CHECK(report.result.images.front().reference.registry() == m.origin.host());
  CHECK(m.pulls.leftovers() == "");
}

TEST_CASE("a path of a mirror stands before the repository", "[faults]") {
  mirrored m;
  m.first.hold("hub/team/app", "1.0", m.image);
  m.pulls.settings.mirrors.push_back({m.origin.host(), "http://" + m.first.host() + "/hub/"});
  REQUIRE_FALSE(m.pulls.pull().ec);
  CHECK(m.first.count("/v2/hub/team/app/") == m.first.count());
  CHECK(m.origin.count() == 0);
}

TEST_CASE("what a mirror does not have, or does not give, comes from the registry", "[faults]") {
  mirrored m;
  m.mirror(m.first);
  const unsigned status = GENERATE(404U, 401U, 403U, 429U, 500U, 503U);
  INFO(status);
  m.first.inject("/v2/", answer_with(status), 1, 0);
  const pull_report report = m.pulls.pull();
  INFO(report.text.message());
  REQUIRE_FALSE(report.ec);
  CHECK(m.origin.count("/blobs/") >= 1);
  CHECK(report.took < 60s);
  // Told once, with who stands in; that a mirror does not have everything is no news.
  const std::string said = warnings(report);
  INFO(said);
  const std::string told = "the mirror " + m.first.host() + " (named by --mirror) is passed over: ";
  const std::size_t at = said.find(told);
  CHECK((at == std::string::npos) == (status == 404));
  if (status == 404) return;
  CHECK(said.find(m.origin.host() + " is asked in its place", at) != std::string::npos);
  CHECK(said.find("is passed over", at + told.size()) == std::string::npos);
  m.heals();
}

TEST_CASE("a mirror that is not there costs nothing but the attempt", "[faults]") {
  mirrored m;
  m.pulls.settings.mirrors.push_back({m.origin.host(), "http://127.0.0.1:" + std::to_string(unused_port())});
  const pull_report report = m.pulls.pull();
  REQUIRE_FALSE(report.ec);
  CHECK(report.took < 60s);
  CHECK(warnings(report).find("refused the connection") != std::string::npos);
  CHECK(warnings(report).find("port right? " + m.origin.host() + " is asked in its place") != std::string::npos);
  m.heals();
}

TEST_CASE("a mirror whose certificate is not trusted is passed over and named with the reason", "[faults]") {
  mirrored m;
  const certificate_authority known;
  const certificate_authority stranger;
  spill(m.pulls.directory() / "ca.pem", known.certificate());
  m.pulls.settings.ca_cert = m.pulls.directory() / "ca.pem";
  tls_identity identity = known.issue();
  std::string reason;
  SECTION("of an authority that nobody knows") {
    identity = stranger.issue();
    reason = "unable to get local issuer certificate";
  }
  SECTION("expired") {
    identity = known.issue({"IP:127.0.0.1", -10, -5});
    reason = "certificate has expired (on 2";
  }
  SECTION("of another host") {
    identity = known.issue({"DNS:elsewhere.test", -1, 1});
    reason = "IP address mismatch (it was issued for elsewhere.test)";
  }
  const scripted_server mirror({over_tls(identity, [](tls_session& session) { session.receive(); })});
  const std::string host = "127.0.0.1:" + std::to_string(mirror.port());
  m.pulls.settings.mirrors.push_back({m.origin.host(), "https://" + host});
  const pull_report report = m.pulls.pull();
  INFO(report.text.message());
  REQUIRE_FALSE(report.ec);
  const std::string said = warnings(report);
  INFO(said);
  CHECK(said.find("the mirror " + host + " (named by --mirror) is passed over: the certificate of " + host +
                  " is not trusted: " + reason) != std::string::npos);
  CHECK(said.find("; " + m.origin.host() + " is asked in its place") != std::string::npos);
  CHECK(said.find("is passed over") == said.rfind("is passed over"));
  m.heals();
}

TEST_CASE("a mirror written with https is not asked in clear text", "[faults]") {
  mirrored m;
  m.pulls.settings.mirrors.push_back({m.origin.host(), "https://" + m.first.host()});
  const pull_report report = m.pulls.pull();
  INFO(report.text.message());
  REQUIRE_FALSE(report.ec);
  CHECK(m.first.requests().empty());
  CHECK(warnings(report).find(m.first.host() + " answers without TLS") != std::string::npos);
  // Without a scheme it may be, on this machine.
  mirrored other;
  other.pulls.settings.mirrors.push_back({other.origin.host(), other.first.host()});
  REQUIRE_FALSE(other.pulls.pull().ec);
  CHECK(other.first.count("/blobs/") > 0);
}

TEST_CASE("a mirror that breaks off in the middle of a blob is gone on with elsewhere", "[faults]") {
  mirrored m(12'000'000);
  m.mirror_both();
  m.pulls.settings.jobs = 2;
  m.first.inject(m.layer(), reset_after(1'000'000), 1, 0);
  const pull_report report = m.pulls.pull();
  INFO(report.text.message());
  REQUIRE_FALSE(report.ec);
  CHECK(m.second.body_sent(m.layer()) > 0);
  CHECK(report.took < 60s);
  // Named once, with the cause.
  const std::string said = warnings(report);
  INFO(said);
  const std::string named = "the mirror " + m.first.host() + " (named by --mirror) is passed over: ";
  const std::size_t place = said.find(named);
  REQUIRE(place != std::string::npos);
  CHECK(said.find(named, place + 1) == std::string::npos);
  CHECK(m.pulls.leftovers() == "");
  m.heals();
}

TEST_CASE("segments come from several mirrors at once, and none from the registry", "[faults]") {
  mirrored m(40'000'000);
  m.mirror_both();
  m.pulls.settings.jobs = 4;
  const pull_report report = m.pulls.pull();
  INFO(report.text.message());
  REQUIRE_FALSE(report.ec);
  CHECK(m.first.body_sent(m.layer()) > 0);
  CHECK(m.second.body_sent(m.layer()) > 0);
  CHECK(m.origin.count("/blobs/") == 0);
  CHECK(m.pulls.leftovers() == "");
}

TEST_CASE("a mirror without ranges does not keep the others from them", "[faults]") {
  mirrored m(40'000'000);
  m.mirror_both();
  m.pulls.settings.jobs = 4;
  m.second.inject(m.layer(), range_ignored(), 1, 0);
  const pull_report report = m.pulls.pull();
  INFO(report.text.message());
  REQUIRE_FALSE(report.ec);
  CHECK(m.first.count(m.layer()) >= 2);
  CHECK(m.pulls.leftovers() == "");
  m.heals();
}

TEST_CASE("a mirror that refuses ranges is asked for one of a blob at most, and is good for whole blobs", "[faults]") {
  mirrored m;
  image_recipe recipe;
  recipe.layers = {40'000'000};
  for (std::size_t i = 0; i < 8; ++i) recipe.layers.push_back(300'000 + i);
  const test_image image = build_image(recipe);
  for (fake_registry* one : {&m.origin, &m.first}) one->hold("team/app", "2.0", image);
  m.mirror(m.first);
  m.pulls.settings.jobs = 4;
  const std::string& large = image.layers[0].digest;
  m.first.inject(large, ranges_refused(), 1, 0);
  const pull_report report = m.pulls.pull("team/app:2.0");
  INFO(report.text.message());
  REQUIRE_FALSE(report.ec);
  CHECK(m.first.count(large) == 1);
  CHECK(m.origin.count(large) >= 1);
  // It does not rest for that, and nobody is told.
  for (std::size_t i = 1; i < image.layers.size(); ++i) CHECK(m.origin.count(image.layers[i].digest) == 0);
  CHECK(warnings(report).find(m.first.host()) == std::string::npos);
  CHECK(report.count<retry_scheduled>() == 0);
  CHECK(m.pulls.leftovers() == "");
  m.heals();
}

TEST_CASE("a mirror that sends wrong bytes is found, named and left out", "[faults]") {
  mirrored m(24'000'000);
  m.mirror_both();
  m.pulls.settings.jobs = 4;
  m.second.inject(m.layer(), wrong_byte_at(100), 1, 0);
  const pull_report report = m.pulls.pull();
  INFO(report.text.message());
  REQUIRE_FALSE(report.ec);
  // All of it once from the registry. A stream that is helped leaves behind what is on its way to it, so a little more may have been sent.
  const std::uint64_t size = m.image.layers[0].bytes.size();
  CHECK(m.origin.body_sent(m.layer()) >= size);
  CHECK(m.origin.body_sent(m.layer()) < 2 * size);
  const std::string said = warnings(report);
  CHECK(said.find("the mirror " + m.second.host() + " sent wrong bytes") != std::string::npos);
  CHECK(said.find("the mirror " + m.first.host()) == std::string::npos);
  CHECK(m.pulls.leftovers() == "");
  m.heals();
}

TEST_CASE("a mirror that answers a digest with another manifest is left out", "[faults]") {
  mirrored m;
  m.mirror(m.first);
  m.first.inject("/manifests/", wrong_byte_at(20), 1, 0);
  const pull_report report = m.pulls.pull("team/app@" + m.image.manifest.digest);
  REQUIRE_FALSE(report.ec);
  CHECK(warnings(report).find(m.first.host()) != std::string::npos);
  CHECK(m.first.count("/blobs/") == 0);
  m.heals();
}

TEST_CASE("credentials of the registry never reach a mirror", "[faults]") {
  fake_registry_options options;
  options.auth = fake_auth::basic;
  options.username = "alice";
  options.password = "wonder";
  mirrored m(3'000'000, options);
  m.mirror(m.first);
  m.pulls.settings.credentials = std::make_shared<one_credential>(m.origin.host());
  // It asks for them, and is refused.
  m.first.inject("/v2/", answer_with(401, {{"WWW-Authenticate", "Basic realm=\"x\""}}), 1, 0);
  const pull_report report = m.pulls.pull();
  INFO(report.text.message());
  REQUIRE_FALSE(report.ec);
  // The registry had them, and the mirror was asked.
  const auto sent = m.origin.requests();
  CHECK(
      std::any_of(sent.begin(), sent.end(), [](const recorded_request& one) { return one.header("Authorization").starts_with("Basic"); }));
  CHECK(m.first.count("/v2/") != 0);
  for (const recorded_request& one : m.first.requests()) CHECK(one.header("Authorization").empty());
  m.heals();
}

TEST_CASE("registries.conf of the machine is honoured, and left aside when nobody asks for it", "[faults]") {
  mirrored m;
  const temp_dir etc;
  std::filesystem::create_directories(etc / "containers");
  spill(etc / "containers/registries.conf", "[[registry]]\nlocation = \"" + m.origin.host() + "\"\n[[registry.mirror]]\nlocation = \"" +
                                                m.first.host() + "\"\ninsecure = true\n");
  REQUIRE_FALSE(m.pulls.pull().ec);
  CHECK(m.first.count() == 0);
  puller other(m.origin);
  other.settings.host_files = host_config{etc.path(), {}, {}};
  const pull_report report = other.pull();
  INFO(report.text.message());
  REQUIRE_FALSE(report.ec);
  CHECK(m.first.count("/blobs/") >= 1);
  CHECK(warnings(report).find(m.first.host() + " is not verified") != std::string::npos);

  spill(etc / "containers/registries.conf", "[[registry]]\nlocation = \"" + m.origin.host() + "\"\nblocked = true\n");
  puller third(m.origin);
  third.settings.host_files = host_config{etc.path(), {}, {}};
  const pull_report blocked = third.pull();
  CHECK(blocked.ec == make_error_condition(condition::not_authorised));
  CHECK(blocked.text.message().find("blocked") != std::string::npos);
  spill(etc / "containers/registries.conf", "[[registry");
  puller fourth(m.origin);
  fourth.settings.host_files = host_config{etc.path(), {}, {}};
  CHECK(fourth.pull().ec == make_error_condition(condition::usage));
}

TEST_CASE("hosts.toml tells a mirror which registry is meant", "[faults]") {
  mirrored m;
  const temp_dir etc;
  const std::string name = m.origin.host();
  std::filesystem::create_directories(etc / "containerd/certs.d" / name);
  spill(etc / "containerd/certs.d" / name / "hosts.toml", "[host.\"http://" + m.first.host() + "\"]\ncapabilities = [\"pull\"]\n");
  m.pulls.settings.host_files = host_config{etc.path(), {}, {}};
  const pull_report report = m.pulls.pull();
  INFO(report.text.message());
  REQUIRE_FALSE(report.ec);
  CHECK(m.origin.count("/manifests/1.0") == 1);
  CHECK(m.first.count("/blobs/") >= 1);
  for (const recorded_request& one : m.first.requests()) CHECK(one.target.find("?ns=" + name) != std::string::npos);
}
