// What is told of a request for a blob while it has no answer.
#include "http/request_watch.hpp"

#include "http/url.hpp"
#include "unit/registry/client_fixture.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gantry::registry {
namespace {

using notes = std::vector<std::string>;

/// Notes whom a request asks, and what it is held up by.
struct note_taker final : http::request_watch {
  void held_up(bool waiting) override {
    // Without anything in between it was not.
    if (!waiting && !said.empty() && said.back() == "held up") {
      said.pop_back();
    } else {
      said.push_back(waiting ? "held up" : "goes on");
    }
  }
  void asks(const http::origin& where) override { said.push_back(where.authority()); }
  notes said;
};

/// Notes when it is asked.
struct noted_credential final : credential_source {
  std::optional<credential> find(const std::string&, const std::string&, diagnostics&) override {
    taker.said.push_back("credential");
    return credential{"alice", "secret", "", "the test"};
  }
  note_taker taker;
};

/// Asks for the first layer. \returns what was noted
notes ask_for_layer(test::fake_registry& at) {
  const test::test_image image = small_image();
  at.hold("team/app", "1.0", image);
  const auto source = std::make_shared<noted_credential>();
  client_fixture f(at, source);
  error_code ec;
  const digest wanted = digest::parse(image.layers[0].digest, ec);
  REQUIRE_FALSE(ec);
  blob_request asking;
  asking.how.watch = &source->taker;
  std::optional<blob_place> elsewhere;
  const site where = test::must(f.client.sites(f.name("team/app:1.0"), true)).back();
  CHECK(f.loop.run(f.client.get_blob(where, wanted, asking, f.stop, &elsewhere)).has_value());
  return source->taker.said;
}

TEST_CASE("a watch is told whom a request asks, and where that leads") {
  test::fake_registry_options options;
  options.redirect_blobs = true;
  test::fake_registry at(options);
  CHECK(ask_for_layer(at) == notes{at.host(), "127.0.0.1:" + std::to_string(at.storage_port())});
}

TEST_CASE("a watch is told when a request waits for a credential or a token") {
  const test::fake_auth kind = GENERATE(test::fake_auth::basic, test::fake_auth::bearer);
  test::fake_registry at(with_auth(kind, "alice", "secret"));
  CHECK(ask_for_layer(at) == notes{at.host(), "held up", "credential", "goes on", at.host()});
}

TEST_CASE("the base of a registry, which is asked for its challenge, is waited for like the blob") {
  test::fake_registry at(with_auth(test::fake_auth::hidden, "alice", "secret"));
  CHECK(ask_for_layer(at) == notes{at.host(), "held up", "credential", "goes on", at.host(), at.host()});
}

}  // namespace
}  // namespace gantry::registry
