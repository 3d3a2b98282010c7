// What mirrors answer when a registry is asked for digests and tags.
#include "faults/alone.hpp"
#include "faults/mirrored.hpp"

#include "support/catch.hpp"

#include <chrono>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

using namespace gantry;
using namespace gantry::test;
using namespace std::chrono_literals;

namespace {

/// One question to an engine, with what it said on the way.
template <class Result>
struct asked_report {
  error_code ec;
  diagnostics text;
  Result found;
  std::string warnings;
};

/// \p start is called with the engine, options that note events, diagnostics and a handler.
template <class Result, class Options, class Start>
asked_report<Result> ask(const engine_options& settings, Options options, Start start) {
  asked_report<Result> report;
  options.on_event = [&report](const event& one) {
    if (const auto* said = std::get_if<warning>(&one)) report.warnings += said->message + "\n";
  };
  report.ec =
      run_alone(settings, report.found, [&](engine& one, auto done) { start(one, std::move(options), report.text, std::move(done)); });
  return report;
}

asked_report<digest_result> digest_of(const engine_options& settings, const std::string& image) {
  error_code ec;
  const reference name = reference::parse(image, ec);
  REQUIRE_FALSE(ec);
  return ask<digest_result>(settings, digest_options(), [name](engine& one, digest_options options, diagnostics& text, auto done) {
    one.async_digest(name, std::move(options), text, std::move(done));
  });
}

asked_report<tags_result> tags_of(const engine_options& settings, const std::string& repository) {
  error_code ec;
  const reference name = reference::parse(repository, ec);
  REQUIRE_FALSE(ec);
  return ask<tags_result>(settings, tags_options(), [name](engine& one, tags_options options, diagnostics& text, auto done) {
    one.async_tags(name, std::move(options), text, std::move(done));
  });
}

fault tag_page(const std::string& tags, header_list headers = {}) {
  headers.emplace_back("Content-Type", "application/json");
  return answer_with(200, std::move(headers), R"({"name":"team/app","tags":[)" + tags + "]}");
}

}  // namespace

TEST_CASE("a page in place of a manifest is believed of nobody, and a mirror that sends one is named", "[faults]") {
  mirrored m;
  m.mirror(m.first);
  const fault page = answer_with(200, {{"Content-Type", "text/html"}}, "<html>Log in to this network</html>");
  m.first.inject("/manifests/", page, 1, 0);
  const auto found = digest_of(m.pulls.settings, m.origin.host() + "/team/app:1.0");
  INFO(found.text.message());
  REQUIRE_FALSE(found.ec);
  CHECK(found.found.resolved.digest.string() == m.image.manifest.digest);
  CHECK(found.warnings.find(m.first.host()) != std::string::npos);
  const pull_report report = m.pulls.pull();
  INFO(report.text.message());
  CHECK_FALSE(report.ec);
  m.origin.inject("/manifests/", page, 1, 0);
  const auto refused = digest_of(m.pulls.settings, m.origin.host() + "/team/app:1.0");
  CHECK(refused.ec);
  CHECK(refused.text.message().find("text/html") != std::string::npos);
}

TEST_CASE("a digest is asked of a mirror before the registry", "[faults]") {
  mirrored m;
  m.mirror(m.first);
  const std::string name = m.origin.host() + "/team/app:1.0";
  SECTION("which has it") {
    const auto report = digest_of(m.pulls.settings, name);
    REQUIRE_FALSE(report.ec);
    CHECK(report.found.resolved.digest.string() == m.image.manifest.digest);
    CHECK(m.origin.count() == 0);
  }
  SECTION("which knows no HEAD, but GET") {
    m.first.inject("/manifests/", answer_with(405));
    const auto report = digest_of(m.pulls.settings, name);
    REQUIRE_FALSE(report.ec);
    CHECK(report.found.resolved.digest.string() == m.image.manifest.digest);
    CHECK(m.first.count("/manifests/") == 2);
    CHECK(m.origin.count() == 0);
  }
  SECTION("which lacks it") {
    m.first.inject("/manifests/", answer_with(404), 1, 0);
    m.mirror(m.second);
    const auto report = digest_of(m.pulls.settings, name);
    REQUIRE_FALSE(report.ec);
    CHECK(m.second.count("/manifests/") == 1);
    CHECK(m.origin.count() == 0);
    CHECK(report.warnings.find("passed over") == std::string::npos);
  }
  SECTION("which refuses it") {
    m.first.inject("/manifests/", answer_with(401), 1, 0);
    const auto report = digest_of(m.pulls.settings, name);
    REQUIRE_FALSE(report.ec);
    CHECK(m.origin.count("/manifests/") == 1);
    CHECK(report.warnings.find(m.first.host()) != std::string::npos);
    CHECK(report.warnings.find(m.origin.host() + " is asked in its place") != std::string::npos);
  }
  SECTION("while the registry is not there") {
    const std::string absent = "127.0.0.1:" + std::to_string(unused_port());
    m.pulls.settings.mirrors = {{absent, "http://" + m.first.host()}};
    const auto report = digest_of(m.pulls.settings, absent + "/team/app:1.0");
    REQUIRE_FALSE(report.ec);
    CHECK(report.found.resolved.digest.string() == m.image.manifest.digest);
  }
  SECTION("and both refuse: what the registry says counts") {
    m.first.inject("/manifests/", answer_with(401), 1, 0);
    m.origin.inject("/manifests/", answer_with(404), 1, 0);
    CHECK(digest_of(m.pulls.settings, name).ec == errc::not_found);
  }
}

TEST_CASE("tags are listed by the registry and by a mirror only in its place", "[faults]") {
  mirrored m;
  m.mirror(m.first);
  const std::string name = m.origin.host() + "/team/app";
  m.first.inject("tags/list?last=", tag_page(R"("2")"), 1, 0);
  m.first.inject("tags/list", tag_page(R"("1")", {{"Link", "</v2/team/app/tags/list?last=1>; rel=\"next\""}}), 1, 0);
  SECTION("which answers") {
    m.origin.inject("tags/list", tag_page(R"("1","2","3")"), 1, 0);
    const auto report = tags_of(m.pulls.settings, name);
    REQUIRE_FALSE(report.ec);
    CHECK(report.found.tags.size() == 3);
    CHECK(m.first.count() == 0);
  }
  SECTION("which says that there is no such repository") {
    m.origin.inject("tags/list", answer_with(404), 1, 0);
    CHECK(tags_of(m.pulls.settings, name).ec == errc::not_found);
    CHECK(m.first.count() == 0);
  }
  SECTION("which is out of order") {
    m.origin.inject("tags/list", answer_with(503), 1, 0);
    const auto report = tags_of(m.pulls.settings, name);
    INFO(report.text.message());
    REQUIRE_FALSE(report.ec);
    // Further pages are had from where the first was.
    CHECK(report.found.tags == std::vector<std::string>{"1", "2"});
    CHECK(m.origin.count("tags/list") == 1);
    CHECK(report.warnings.find("the mirror " + m.first.host() + " lists stands in for it, and may be a part") != std::string::npos);
  }
  SECTION("which is not there") {
    const std::string absent = "127.0.0.1:" + std::to_string(unused_port());
    m.pulls.settings.mirrors = {{absent, "http://" + m.first.host()}};
    const auto report = tags_of(m.pulls.settings, absent + "/team/app");
    INFO(report.text.message());
    REQUIRE_FALSE(report.ec);
    CHECK(report.found.tags == std::vector<std::string>{"1", "2"});
  }
  SECTION("unless the mirror is for digests alone") {
    const temp_dir etc;
    std::filesystem::create_directories(etc / "containers");
    spill(etc / "containers/registries.conf", "[[registry]]\nlocation = \"" + m.origin.host() + "\"\n[[registry.mirror]]\nlocation = \"" +
                                                  m.first.host() + "\"\ninsecure = true\npull-from-mirror = \"digest-only\"\n");
    m.pulls.settings.mirrors.clear();
    m.pulls.settings.host_files = host_config{etc.path(), {}, {}};
    m.pulls.settings.attempts = 1;
    m.pulls.settings.budget = 1s;
    m.origin.inject("tags/list", answer_with(503), 1, 0);
    CHECK(tags_of(m.pulls.settings, name).ec);
    CHECK(m.first.count() == 0);
  }
}
