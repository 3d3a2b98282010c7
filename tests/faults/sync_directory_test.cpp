// Lists into a directory: what it names, and what a prune lets go of it.
#include "faults/synced.hpp"

#include "support/catch.hpp"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

using namespace gantry;
using namespace gantry::test;
namespace fs = std::filesystem;

namespace {

/// The digest that the directory's index.json has for \p name.
std::string named_in(const fs::path& directory, const std::string& name) {
  std::ifstream file(directory / "index.json");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const std::size_t at = text.find("\"" + name + "\"");
  if (at == std::string::npos) return {};
  const std::size_t digest = text.rfind("sha256:", at);
  return digest == std::string::npos ? std::string() : text.substr(digest, 7 + 64);
}

}  // namespace

TEST_CASE("the digest that is told of an image in a directory is the one that the directory names", "[faults]") {
  synced s;
  const fs::path out = s.directory / "out";
  s.options.to = out.string();
  const test_image arm = small_image(2, "arm64");
  s.source.hold("team/two", "1", build_index(media_family::oci, {small_image(1), arm, small_image(3, "s390x")}));
  const sync_list list = s.list(R"([{"source": "SOURCE/team/two:1", "target": "one", "architectures": ["arm64"]},
    {"source": "SOURCE/team/two:1", "target": "pair", "architectures": ["s390x", "amd64"]}, {"source": "SOURCE/team/two:1", "target": "all"}])");
  s.options.dry_run = true;
  const sync_report plan = s.run(list);
  INFO(plan.text.message());
  REQUIRE_FALSE(plan.ec);
  s.options.dry_run = false;
  std::ofstream(s.options.lock_file) << "the lock of a registry";
  const sync_report first = s.run(list);
  INFO(first.text.message());
  REQUIRE_FALSE(first.ec);
  s.options.dry_run = true;
  const sync_report again = s.run(list);
  REQUIRE_FALSE(again.ec);
  for (const std::string name : {"one", "pair", "all"}) {
    INFO(name);
    const std::string there = named_in(out, s.source.host() + "/" + name + ":1");
    CHECK_FALSE(there.empty());
    CHECK(first.at(name + ":1").top.digest.string() == there);
    CHECK(plan.at(name + ":1").top.digest.string() == there);
    CHECK(again.at(name + ":1").top.digest.string() == there);
    CHECK(plan.at(name + ":1").state == sync_state::copied);
    CHECK(again.at(name + ":1").state == sync_state::unchanged);
  }
  CHECK(first.at("one:1").top.digest.string() == arm.manifest.digest);
  // A directory has no need of the lock that lies beside the list.
  std::ifstream lock(s.options.lock_file);
  const std::string kept((std::istreambuf_iterator<char>(lock)), std::istreambuf_iterator<char>());
  CHECK(kept == "the lock of a registry");
}

TEST_CASE("what a prune lets go of a directory is named, and nothing goes that a filter may mean", "[faults]") {
  synced s;
  const fs::path out = s.directory / "out";
  s.options.to = out.string();
  for (const std::string name : {"a", "b", "c"}) s.source.hold("team/" + name, "1", small_image(static_cast<std::uint32_t>(name[0])));
  REQUIRE_FALSE(s.run(s.list(R"([{"source": "SOURCE/team/a:1"}, {"source": "SOURCE/team/b:1"}, {"source": "SOURCE/team/c:1"}])")).ec);
  // The tags of c cannot be listed.
  s.source.inject("/tags/list", answer_with(404), 1, 0);
  s.options.find_unwanted = true;
  s.options.dry_run = true;
  const sync_list list = s.list(R"([{"source": "SOURCE/team/a:1"}, {"source": "SOURCE/team/c", "filter": {"newest": 1}}])");
  const std::string gone = s.source.host() + "/team/b:1";
  for (const bool dry : {true, false}) {
    s.options.dry_run = dry;
    const sync_report report = s.run(list);
    INFO(report.text.message());
    REQUIRE_FALSE(report.ec);
    REQUIRE(report.result.dropped.size() == 1);
    CHECK(report.result.dropped.front().string() == gone);
    CHECK(named_in(out, gone).empty() == !dry);
    CHECK_FALSE(named_in(out, s.source.host() + "/team/c:1").empty());
  }
}
