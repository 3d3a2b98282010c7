#include <gantry/sync_list.hpp>

#include "support/catch.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace gantry {
namespace {

using namespace std::chrono_literals;

sync_list read(std::string_view text) {
  error_code ec;
  diagnostics why;
  sync_list list = parse_sync_list(text, "images.json", ec, why);
  INFO(why.message());
  REQUIRE_FALSE(ec);
  return list;
}

std::string refusal(std::string_view text) {
  error_code ec;
  diagnostics why;
  parse_sync_list(text, "images.json", ec, why);
  CHECK((ec == errc::invalid_option || ec == errc::limit_exceeded));
  return why.message();
}

platform os_arch(const char* text) {
  error_code ec;
  return platform::parse(text, ec);
}

}  // namespace

TEST_CASE("a list is an array of entries") {
  const sync_list list = read(R"([{"source": "docker.io/library/nginx", "target": "nginx", "tags": ["1.25", "latest", "1.25"],
    "architectures": ["amd64", "arm64"]},
    {"source": "docker://quay.io/team/app:2.0", "platforms": ["linux/arm/v7"]}])");
  REQUIRE(list.entries.size() == 2);
  const sync_entry& first = list.entries[0];
  CHECK(first.source.name() == "docker.io/library/nginx");
  CHECK(first.source.tag().empty());
  CHECK(first.target == "nginx");
  CHECK(first.tags == std::vector<std::string>{"1.25", "latest"});
  CHECK(first.platforms == std::vector<platform>{os_arch("linux/amd64"), os_arch("linux/arm64")});
  CHECK(first.label() == "entry 1 (docker.io/library/nginx, line 1)");
  const sync_entry& second = list.entries[1];
  CHECK(second.line == 3);
  CHECK(second.source.tag() == "2.0");
  CHECK(second.tags == std::vector<std::string>{"2.0"});
  CHECK(second.platforms == std::vector<platform>{os_arch("linux/arm/v7")});
}

TEST_CASE("defaults hold where an entry says nothing, wherever they stand") {
  const sync_list list = read(R"({"images": [
    {"source": "a.example/x"},
    {"source": "a.example/y", "tags": ["2"], "timeout": "1h", "retries": 0, "registry": "b.example:5000", "architectures": ["s390x"]},
    {"source": "c.example/z:1", "mirrors": ["https://m.example/p"]}],
    "defaults": {"tags": ["1"], "filter": {"semver": "^1", "newest": 3}, "timeout": 90, "retries": 7, "registry": "t.example/mirror",
                 "architectures": ["amd64"], "architecture_timeouts": {"amd64": "5m"}, "mirrors": ["a.example=m.example"]}})");
  REQUIRE(list.entries.size() == 3);
  const sync_entry& x = list.entries[0];
  CHECK(x.tags == std::vector<std::string>{"1"});
  REQUIRE(x.filter);
  CHECK(x.filter->latest == 3);
  CHECK(x.timeout == 90s);
  CHECK(x.retries == 7);
  REQUIRE(x.place);
  CHECK(x.place->registry == "t.example");
  CHECK(x.place->path == "mirror");
  REQUIRE(x.platform_timeouts.size() == 1);
  CHECK(x.platform_timeouts[0].second == 5min);
  REQUIRE(x.mirrors.size() == 1);
  const sync_entry& y = list.entries[1];
  CHECK(y.tags == std::vector<std::string>{"2"});
  CHECK_FALSE(y.filter);
  CHECK(y.timeout == 1h);
  CHECK(y.retries == 0);
  CHECK(y.place->registry == "b.example:5000");
  CHECK(y.place->path.empty());
  const sync_entry& z = list.entries[2];
  CHECK(z.tags == std::vector<std::string>{"1"});
  CHECK_FALSE(z.filter);
  REQUIRE(z.mirrors.size() == 1);
  CHECK(z.mirrors[0].registry == "c.example/z");
  CHECK(z.mirrors[0].url == "https://m.example/p/z");
  CHECK(list.mirrors().size() == 2);
}

TEST_CASE("a source may be a directory of this machine") {
  const sync_list list = read(R"([{"source": "oci:/srv/layout", "tags": ["1"], "target": "app"}])");
  CHECK(list.entries[0].directory == "/srv/layout");
  CHECK(list.entries[0].source.empty());
}

TEST_CASE("a list may begin with a byte order mark") {
  error_code ec;
  diagnostics why;
  const sync_list list = parse_sync_list("\xEF\xBB\xBF[{\"source\": \"a.example/x:1\"}]", "images.json", ec, why);
  INFO(why.message());
  CHECK_FALSE(ec);
  CHECK(list.entries.size() == 1);
}

TEST_CASE("a mistake is named by line entry and field") {
  struct row {
    const char* text;
    const char* message;
  };
  const row rows[] = {
      {"", "images.json, line 1 is not valid JSON: incomplete JSON"},
      {"[\n {\"source\": \"a.example/x\",\n  \"tags\": [\"1\"]\n }\n", "images.json, line 4 is not valid JSON: incomplete JSON"},
      {"[\n {\"source\": \"a.example/x\",\n  \"tags\": \"1\"\n }\n]",
       "images.json, line 3: entry 1 (a.example/x): tags is a string, expected an array"},
      {"[\n {\"source\": \"a.example/x\", \"tags\": [\"1\"]},\n {\"source\": \"a.example/y\",\n  \"tag\": [\"1\"]}]",
       "images.json, line 4: entry 2 (a.example/y): tag is not expected there; did you mean 'tags'?"},
      {"[\n {\"source\": \"a.example/x\", \"tags\": [\"1\", \"a b\"]}]",
       "images.json, line 2: entry 1 (a.example/x): tags[1] 'a b' is not a tag"},
      {"[\n\n {\"tags\": [\"1\"]}]", "images.json, line 3: entry 1: source is missing"},
      {"[{\"source\": \"a.example/UPPER\"}]", "images.json, line 1: entry 1 (a.example/UPPER): source cannot be used: "},
      {"[{\"source\": \"oci-archive:a/b.tar\"}]", "source cannot be oci-archive:...; sources are images of registries or oci:DIRECTORY"},
      {"[{\"source\": \"oci:img:v1\"}]",
       "images.json, line 1: entry 1 (oci:img:v1): tags is missing; of a directory write \"source\": \"oci:img\", \"tags\": [\"v1\"]"},
      {"[{\"source\": \"oci:a:b/img\"}]", "tags is missing; name tags"},
      {"[{\"source\": \"a.example/x\"}]", "images.json, line 1: entry 1 (a.example/x): tags is missing; name tags, or a filter"},
      {"[{\"source\": \"a.example/x:1\", \"filter\": {}}]", "filter chooses among tags, and the source names one image"},
      {"[{\"source\": \"a.example/x\", \"tags\": [\"1\"], \"architectures\": [\"amd64\"], \"platforms\": [\"arm64\"]}]",
       "platforms[0] cannot stand beside architectures; name all platforms in one of them"},
      {"[{\"source\": \"a.example/x:1\",\n \"architectures\": []}]",
       "images.json, line 2: entry 1 (a.example/x:1): architectures is empty; leave it out for everything"},
      {"[{\"source\": \"a.example/x:1\", \"architectures\": [\"amd64\"],\n \"platforms\": []}]",
       "line 2: entry 1 (a.example/x:1): platforms is empty"},
      {"{\"images\": [{\"source\": \"a.example/x:1\"}],\n\"defaults\": {\"platforms\": []}}",
       "images.json, line 2: defaults.platforms is empty"},
      {"[{\"source\": \"a.example/x\", \"tags\": [\"1\"], \"architectures\": [\"a/b/c/d/\"]}]",
       "architectures[0] 'a/b/c/d/' is not a platform"},
      {"[{\"source\": \"a.example/x:1\", \"platforms\": [], \"architectures\": [\"arm64\"]}]",
       "images.json, line 1: entry 1 (a.example/x:1): platforms is empty"},
      {"[{\"source\": \"a.example/x:1\", \"architectures\": [\"arm64\"], \"platforms\": []}]",
       "images.json, line 1: entry 1 (a.example/x:1): platforms is empty"},
      {"[{\"source\": \"a.example/x\", \"tags\": [\"1\"], \"timeout\": \"soon\"}]", "timeout 'soon' is not a time such as"},
      {"{\"images\": [], \"[x]\": 1}", "images.json, line 1: [x] is not expected there"},
      {"{\"images\": [], \"[99999999999999999999]\": 1}", "images.json, line 1: [99999999999999999999] is not expected there"},
      {"{\"images\": [], \"[\": 1}", "images.json, line 1: [ is not expected there"},
      {"[{\"source\": \"a.example/x\", \"tags\": [\"1\"], \"retries\": 101}]", "retries is not a number from 0 to 100"},
      {"[{\"source\": \"a.example/x\", \"tags\": [\"1\"], \"target\": \"x:1\"}]", "target 'x:1' is not a repository path"},
      {"[{\"source\": \"a.example/x\", \"tags\": [\"1\"], \"registry\": \"mirror\"}]", "registry 'mirror' is not a registry"},
      {"[{\"source\": \"a.example/x\", \"filter\": {\"regex\": \"(\"}}]", "filter.regex cannot be used: "},
      {"[{\"source\": \"a.example/x\", \"filter\": {\"semver\": \">>1\"}}]", "filter.semver cannot be used: "},
      {"[{\"source\": \"a.example/x\", \"filter\": {\"latest\": 1}}]", "filter.latest is not expected there"},
      {"[{\"source\": \"a.example/x\",\n \"filter\": {}}]", "images.json, line 2: entry 1 (a.example/x): filter is empty; say which tags"},
      {"[{\"source\": \"a.example/x\",\n \"filter\": {\"regex\": \"1.*\", \"newest\": 0}}]",
       "images.json, line 2: entry 1 (a.example/x): filter.newest is 0, which names no tag"},
      {"{\"images\": [{\"source\": \"a.example/x\"}],\n\"defaults\": {\"filter\": {\"newest\": 0}}}",
       "images.json, line 2: defaults.filter.newest is 0, which names no tag"},
      {"{\"images\": [{\"source\": \"a.example/x:1\"}],\n\"defaults\": {\n\"mirrors\": [\"https://m.example\"]}}",
       "images.json, line 3: defaults.mirrors of all entries are written HOST=URL"},
      {"[{\"source\": \"a.example/x\", \"tags\": [\"1\"], \"architectures\": [\"amd64\"], \"architecture_timeouts\": {\"arm64\": \"5m\"}}]",
       "architecture_timeouts names linux/arm64, which is not among the entry's architectures"},
      {"[{\"source\": \"a.example/x\", \"tags\": [\"1\"], \"architecture_timeouts\": {\"arm64\": \"x\"}}]", "architecture_timeouts needs"},
      {"[{\"source\": \"a.example/x\", \"tags\": [\"1\"], \"mirrors\": [\"https://u:p@m.example\"]}]",
       "mirrors are written URL or HOST=URL"},
      {"{\"images\": [], \"default\": {}}", "images.json, line 1: default is not expected there; did you mean 'defaults'?"},
      {"{\n\"defaults\": {\"source\": \"x\"}, \"images\": []}", "images.json, line 2: defaults.source is not expected there"},
      {"{}", "images.json, line 1: images is missing"},
      {"\nnginx:1.25\nalpine:3\n", "images.json, line 2 is no list in JSON; write [{\"source\": "},
      {"[\"nginx:1.25\"]", "images.json, line 1: entry 1: is a string, expected an object; write {\"source\": "},
      {"[{\"source\": \"a.example/x:1\"},\n7]", "images.json, line 2: entry 2: is a number, expected an object; write {\"source\": "},
      {"{\"images\": [\"nginx:1.25\"]}", "images.json, line 1: entry 1: is a string, expected an object; write {\"source\": "},
      {"[] []", "images.json, line 1 is not valid JSON: data follows its end"},
      {"[{\"source\": \"a.example/x@sha256:0000000000000000000000000000000000000000000000000000000000000000\"}]",
       "tags is missing: a digest alone gives the copy no name"},
  };
  for (const row& one : rows) {
    INFO(one.text);
    const std::string said = refusal(one.text);
    INFO(said);
    CHECK(said.find(one.message) != std::string::npos);
  }
}

TEST_CASE("a list has its limits") {
  CHECK(refusal(std::string((std::size_t{8} << 20) + 1, ' ')).find("8388608") != std::string::npos);
  CHECK(refusal(std::string(40, '[')).find("is") != std::string::npos);
}

}  // namespace gantry
