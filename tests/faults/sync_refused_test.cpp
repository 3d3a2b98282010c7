// A list whose target does not accept the account.
#include "faults/synced.hpp"

#include "support/catch.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>

using namespace gantry;
using namespace gantry::test;

namespace {

/// Knows a wrong password for one registry alone.
class wrong_password final : public credential_source {
 public:
  explicit wrong_password(std::string registry) : registry_(std::move(registry)) {}
  std::optional<credential> find(const std::string& registry, const std::string&, diagnostics&) override {
    if (registry != registry_) return std::nullopt;
    credential known;
    known.username = "jane";
    known.password = "wrong";
    known.origin = "the test";
    return known;
  }

 private:
  std::string registry_;
};

}  // namespace

TEST_CASE("a target that refuses the password is not asked for every image of a list", "[faults]") {
  synced s;
  const fake_auth kind = GENERATE(fake_auth::basic, fake_auth::bearer);
  fake_registry target({kind, "jane", "secret"});
  s.settings.plain_http.insert(target.host());
  s.settings.jobs = 1;
  constexpr int images = 12;
  std::string text = "[";
  for (int i = 0; i < images; ++i) {
    const std::string name = "team/app" + std::to_string(i);
    s.source.hold(name, "1", small_image(static_cast<std::uint32_t>(i + 1)));
    text += (i == 0 ? "" : ", ") + ("{\"source\": \"SOURCE/" + name + ":1\"}");
  }
  s.options.to = push_prefix{target.host(), "mirror"};
  s.settings.credentials = std::make_shared<wrong_password>(target.host());
  const sync_report report = s.run(s.list(text + "]"));
  INFO(report.text.message());
  CHECK(report.count(sync_state::failed) == images);
  for (const synced_image& one : report.result.images) CHECK(one.code == errc::unauthorized);
  std::size_t logins = 0;
  for (const recorded_request& one : target.requests()) logins += one.header("Authorization").empty() ? 0 : 1;
  CHECK(logins > 0);
  CHECK(logins <= images);
}
