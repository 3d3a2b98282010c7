// Rules of TLS that two places of the configuration give for one address.
#include "faults/puller.hpp"

#include "support/catch.hpp"
#include "support/scripted_server.hpp"
#include "support/tls_server.hpp"

#include <gantry/credentials.hpp>

#include <atomic>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <vector>

using namespace gantry;
using namespace gantry::test;

namespace {

class alice final : public credential_source {
 public:
  std::optional<credential> find(const std::string&, const std::string&, diagnostics&) override {
    return credential{"alice", "wonder", "", "test"};
  }
};

/// A registry whose certificate nobody knows, with one manifest for all names.
struct self_signed_registry {
  explicit self_signed_registry(bool asks_for_password = false) : server({conversation_of(asks_for_password)}) {
    place.settings.plain_http.clear();
    place.settings.attempts = 1;
    place.settings.host_files = host_config{etc.path(), {}, {}};
    std::filesystem::create_directories(etc / "containers");
  }

  conversation conversation_of(bool asks_for_password) {
    const test_image image = app_image();
    const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: " + image.manifest.media_type +
                             "\r\nDocker-Content-Digest: " + image.manifest.digest +
                             "\r\nContent-Length: " + std::to_string(image.manifest.bytes.size()) + "\r\n\r\n";
    return over_tls(identity, [head, asks_for_password, heads = heads, secrets = secrets](tls_session& session) {
      for (std::string asked = session.receive(); !asked.empty(); asked = session.receive()) {
        ++*heads;
        const bool knows_us = asked.find("Authorization: Basic") != std::string::npos;
        if (knows_us) ++*secrets;
        const bool refused = asks_for_password && !knows_us;
        if (!session.send(refused ? "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n"
                                  : head)) {
          return;
        }
      }
    });
  }

  std::string host() const { return "127.0.0.1:" + std::to_string(server.port()); }
  void write(const std::string& conf) const { spill(etc / "containers/registries.conf", conf); }

  error_code ask(engine& one, const std::string& image) {
    error_code ec;
    const reference name = reference::parse(image, ec);
    REQUIRE_FALSE(ec);
    text = {};
    const auto done = std::make_shared<std::promise<error_code>>();
    auto ended = done->get_future();
    one.async_digest(name, digest_options(), text, [done](error_code failed, const digest_result&) { done->set_value(failed); });
    return ended.get();
  }
  /// Asks for what is trusted and what is not, in either order and once more, within one engine.
  void expect(const std::string& trusted, const std::string& untrusted, bool trusted_first) {
    engine one(place.settings);
    for (unsigned round = 0; round < 2; ++round) {
      for (const bool lax : {trusted_first, !trusted_first}) {
        const unsigned before = *heads;
        const error_code ec = ask(one, lax ? trusted : untrusted);
        INFO((lax ? trusted : untrusted) << ": " << text.message());
        if (lax) CHECK_FALSE(ec);
        if (!lax) CHECK(ec == make_error_code(errc::tls_not_trusted));
        if (!lax) CHECK(*heads == before);
      }
    }
  }

  std::shared_ptr<std::atomic<unsigned>> heads = std::make_shared<std::atomic<unsigned>>(0);
  std::shared_ptr<std::atomic<unsigned>> secrets = std::make_shared<std::atomic<unsigned>>(0);
  certificate_authority authority;
  tls_identity identity = authority.issue();
  scripted_server server;
  temp_dir etc;
  fake_registry unused;
  puller place{unused};
  diagnostics text;
};

std::string prefix_rule(const std::string& prefix, bool insecure) {
  return "[[registry]]\nprefix = \"" + prefix + "\"\nlocation = \"" + prefix + "\"\ninsecure = " + (insecure ? "true" : "false") + "\n";
}

}  // namespace

TEST_CASE("two prefixes of one registry of which one is insecure share no trust", "[faults]") {
  const bool lax_first = GENERATE(true, false);
  self_signed_registry r;
  r.write(prefix_rule(r.host() + "/lax", true) + prefix_rule(r.host() + "/strict", false));
  r.expect(r.host() + "/lax/app:1.0", r.host() + "/strict/app:1.0", lax_first);
}

TEST_CASE("a mirror that is insecure lends its trust to no registry of the same address", "[faults]") {
  const bool mirror_first = GENERATE(true, false);
  self_signed_registry r;
  // Nobody listens at the port of the image's own name: all comes from the mirror.
  r.write("[[registry]]\nlocation = \"127.0.0.1:1\"\n[[registry.mirror]]\nlocation = \"" + r.host() + "\"\ninsecure = true\n");
  r.expect("127.0.0.1:1/team/app:1.0", r.host() + "/team/app:1.0", mirror_first);
}

TEST_CASE("an authority that one hosts.toml names for an address is unknown to those that another one leads there", "[faults]") {
  self_signed_registry r;
  spill(r.etc / "ca.pem", r.authority.certificate());
  const auto hosts = [&r](const std::string& registry, const std::string& more) {
    const auto directory = r.etc / ("containerd/certs.d/" + registry);
    std::filesystem::create_directories(directory);
    spill(directory / "hosts.toml", "server = \"https://" + r.host() + "\"\n" + more);
  };
  hosts("127.0.0.1:1", "ca = \"" + (r.etc / "ca.pem").string() + "\"\n");
  hosts("127.0.0.1:2", "");
  r.expect("127.0.0.1:1/team/app:1.0", "127.0.0.1:2/team/app:1.0", GENERATE(true, false));
}

TEST_CASE("a password goes to an unverified prefix and not to the verified one beside it", "[faults]") {
  self_signed_registry r(true);
  r.place.settings.credentials = std::make_shared<alice>();
  r.write(prefix_rule(r.host() + "/lax", true) + prefix_rule(r.host() + "/strict", false));
  engine one(r.place.settings);
  CHECK_FALSE(r.ask(one, r.host() + "/lax/app:1.0"));
  const unsigned sent = *r.secrets;
  CHECK(sent >= 1);
  CHECK(r.ask(one, r.host() + "/strict/app:1.0") == make_error_code(errc::tls_not_trusted));
  CHECK(*r.secrets == sent);
}
