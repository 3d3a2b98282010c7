#include "serve/catalogue.hpp"

#include "support/catch.hpp"

#include <string>
#include <vector>

using namespace gantry::serve;
using gantry::store::reference_record;
using strings = std::vector<std::string>;

namespace {

reference_record record(const std::string& name, char fill = 'a') {
  gantry::error_code ec;
  reference_record made;
  made.name = gantry::reference::parse(name, ec);
  REQUIRE_FALSE(ec);
  made.top.media_type = "application/vnd.oci.image.manifest.v1+json";
  made.top.digest = gantry::digest::parse("sha256:" + std::string(64, fill), ec);
  made.top.size = 1;
  made.manifests.push_back(made.top);
  return made;
}

catalogue sample() {
  return catalogue({record("nginx:1.25"), record("nginx:latest", 'b'), record("docker.io/team/app:1"), record("ghcr.io/team/app:2"),
                    record("quay.io/other/app:1"), record("quay.io/other/app@sha256:" + std::string(64, 'c'), 'c'),
                    record("localhost:5000/x:1"), record("ghcr.io/twice/x:1"), record("quay.io/twice/x:1")});
}

std::string found(const std::string& name, const std::string& ns = {}, const std::string& preferred = {}) {
  const catalogue names = sample();
  const found_repository result = names.find(name, ns, preferred);
  if (result.only) return result.only->registry + "/" + result.only->name;
  return result.ambiguous.empty() ? "none" : "ambiguous";
}

}  // namespace

TEST_CASE("the canonical name has the registry in front") {
  CHECK(found("docker.io/library/nginx") == "docker.io/library/nginx");
  CHECK(found("docker.io/nginx") == "docker.io/library/nginx");
  CHECK(found("ghcr.io/team/app") == "ghcr.io/team/app");
  CHECK(found("localhost:5000/x") == "localhost:5000/x");
  CHECK(found("localhost_5000/x") == "localhost:5000/x");
  CHECK(found("ghcr.io/missing") == "none");
}

TEST_CASE("a bare name means docker.io, or any registry that has it alone") {
  CHECK(found("nginx") == "docker.io/library/nginx");
  CHECK(found("library/nginx") == "docker.io/library/nginx");
  CHECK(found("team/app") == "docker.io/team/app");
  CHECK(found("other/app") == "quay.io/other/app");
  CHECK(found("x") == "localhost:5000/x");
  CHECK(found("twice/x") == "ambiguous");
  CHECK(found("missing") == "none");
}

TEST_CASE("the registry that a mirror is asked in place of decides") {
  CHECK(found("team/app", "ghcr.io") == "ghcr.io/team/app");
  CHECK(found("library/nginx", "docker.io") == "docker.io/library/nginx");
  CHECK(found("library/nginx", "registry-1.docker.io") == "docker.io/library/nginx");
  CHECK(found("x", "localhost:5000") == "localhost:5000/x");
  CHECK(found("other/app", "ghcr.io") == "none");
  CHECK(found("ghcr.io/team/app", "docker.io") == "none");
}

TEST_CASE("below an upstream registry a bare name is the upstream's") {
  CHECK(found("team/app", {}, "ghcr.io") == "ghcr.io/team/app");
  CHECK(found("library/nginx", {}, "ghcr.io") == "none");
  CHECK(found("other/app", {}, "docker.io") == "none");
  CHECK(found("other/app", {}, "ghcr.io") == "none");
  CHECK(found("twice/x", {}, "docker.io") == "none");
  // Who names the registry gets what the store has of it.
  CHECK(found("quay.io/other/app", {}, "ghcr.io") == "quay.io/other/app");
  CHECK(found("localhost_5000/x", {}, "ghcr.io") == "localhost:5000/x");
  CHECK(found("other/app", "quay.io", "ghcr.io") == "quay.io/other/app");
  CHECK(candidates("new/app", {}, "ghcr.io").size() == 1);
  CHECK(candidates("new/app", {}, "ghcr.io").front() == repository{"ghcr.io", "new/app"});
  CHECK(candidates("nginx", {}, "docker.io").front() == repository{"docker.io", "library/nginx"});
}

TEST_CASE("names are listed as a client can write them, tags sorted") {
  const catalogue names = sample();
  CHECK(names.names() == strings{"docker.io/library/nginx", "docker.io/team/app", "ghcr.io/team/app", "ghcr.io/twice/x", "localhost_5000/x",
                                 "quay.io/other/app", "quay.io/twice/x"});
  for (const std::string& name : names.names()) CHECK(found(name) != "none");
  REQUIRE(names.tags({"docker.io", "library/nginx"}) != nullptr);
  CHECK(*names.tags({"docker.io", "library/nginx"}) == strings{"1.25", "latest"});
  CHECK(*names.tags({"quay.io", "other/app"}) == strings{"1"});
  CHECK(names.tags({"docker.io", "missing"}) == nullptr);
  CHECK(names.documents({"docker.io", "library/nginx"}).size() == 2);
}

TEST_CASE("lists are cut into pages") {
  const strings all{"a", "b", "c", "d"};
  const auto cut = [&](std::optional<std::size_t> count, std::string last, std::size_t most = 10) {
    return cut_page(all, page_request{count, std::move(last)}, most);
  };
  CHECK(cut({}, "").names == all);
  CHECK_FALSE(cut({}, "").more);
  CHECK(cut(2, "").names == strings{"a", "b"});
  CHECK(cut(2, "").more);
  CHECK(cut(2, "b").names == strings{"c", "d"});
  CHECK_FALSE(cut(2, "b").more);
  CHECK(cut(2, "bb").names == strings{"c", "d"});
  CHECK(cut(2, "z").names.empty());
  CHECK(cut(0, "").names.empty());
  CHECK_FALSE(cut(0, "").more);
  CHECK(cut(100, "", 3).names.size() == 3);
  CHECK(cut(100, "", 3).more);
}

TEST_CASE("the names that lead to a document are known") {
  const catalogue names = sample();
  gantry::error_code ec;
  const auto lead_to = [&](const repository& where, char fill) {
    strings all;
    for (const auto& one : names.names_of(where, gantry::digest::parse("sha256:" + std::string(64, fill), ec)))
      all.push_back(one.familiar());
    return all;
  };
  CHECK(lead_to({"docker.io", "library/nginx"}, 'a') == strings{"nginx:1.25"});
  CHECK(lead_to({"docker.io", "library/nginx"}, 'c').empty());
  CHECK(lead_to({"docker.io", "library/missing"}, 'a').empty());
  CHECK(lead_to({"quay.io", "other/app"}, 'c').size() == 1);
}
