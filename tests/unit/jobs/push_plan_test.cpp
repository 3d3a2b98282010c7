#include "jobs/push_plan.hpp"

#include "model/digester.hpp"
#include "model/index_words.hpp"
#include "model/manifest.hpp"
#include "support/result.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace gantry::jobs {
namespace {

using test::must;
using test::must_fail;
using strings = std::vector<std::string>;

reference named(const std::string& text) {
  error_code ec;
  reference name = reference::parse(text, ec);
  REQUIRE_FALSE(ec);
  return name;
}

descriptor described(const std::string& content) {
  descriptor made;
  made.media_type = "application/vnd.oci.image.manifest.v1+json";
  made.digest = model::digest_of(content);
  made.size = content.size();
  return made;
}

platform runs_on(const std::string& os, const std::string& architecture) {
  platform made;
  made.os = os;
  made.architecture = architecture;
  return made;
}

/// An image of one layer.
archive::archived_image image(const std::string& content, const strings& names) {
  archive::archived_image made;
  for (const std::string& name : names) made.names.push_back(named(name));
  made.top = described(content);
  archive::archived_manifest held;
  held.manifest = made.top;
  held.layers.push_back(described("layer of " + content));
  held.platform = runs_on("linux", "amd64");
  made.manifests.push_back(std::move(held));
  return made;
}

strings targets(const push_plan& plan) {
  strings list;
  for (const planned_image& one : plan.images) list.push_back(one.source.familiar() + " -> " + one.target.string());
  return list;
}

}  // namespace

TEST_CASE("below a place each name of an image is written, its blobs once for each repository") {
  const push_plan plan =
      must(plan_push({image("one", {"app:1", "app:2", "quay.io/team/x:3"})}, push_prefix{"r.test", "air"}, push_options()));
  CHECK(targets(plan) ==
        strings{"app:1 -> r.test/air/library/app:1", "app:2 -> r.test/air/library/app:2", "quay.io/team/x:3 -> r.test/air/team/x:3"});
  REQUIRE(plan.blobs.size() == 2);
  CHECK(plan.blobs[0].repository == "air/library/app");
  CHECK(plan.blobs[1].repository == "air/team/x");
}

TEST_CASE("under a name that is given an image is written once") {
  const push_plan plan = must(plan_push({image("one", {"app:1", "app:2"})}, named("r.test/app:9"), push_options()));
  CHECK(targets(plan) == strings{"app:1 -> r.test/app:9"});
}

TEST_CASE("images that only their registries tell apart cannot go below one place") {
  const std::vector<archive::archived_image> two{image("one", {"quay.io/team/x:3"}), image("two", {"ghcr.io/team/x:3"})};
  const std::string said = must_fail(plan_push(two, push_prefix{"r.test", ""}, push_options()), errc::invalid_option).text.message();
  CHECK(said.find("two images of the source would become r.test/team/x:3") != std::string::npos);
  CHECK(said.find("end the target in /") == std::string::npos);
  // The same content under both names is one image.
  const std::vector<archive::archived_image> same{image("one", {"quay.io/team/x:3", "ghcr.io/team/x:3"})};
  CHECK(must(plan_push(same, push_prefix{"r.test", ""}, push_options())).images.size() == 1);
}

TEST_CASE("an image without a name is told how it is pushed, alone or as one of several") {
  archive::archived_image tagged = image("one", {});
  tagged.bare_tags.push_back("r1");
  const auto said = [](const std::vector<archive::archived_image>& images) {
    return must_fail(plan_push(images, push_prefix{"r.test", "air"}, push_options()), errc::invalid_option).text.message();
  };
  CHECK(said({tagged}).find("name both in the target, e.g. r.test/air/NAME:r1") != std::string::npos);
  CHECK(said({image("two", {"app:1"}), tagged}).find("push it alone, e.g. 'gantry push oci:SOURCE:r1 r.test/air/NAME:r1'") !=
        std::string::npos);
  CHECK(said({image("one", {})}).find("name it in the target, e.g. r.test/air/NAME:TAG") != std::string::npos);
  CHECK(said({image("two", {"app:1"}), image("one", {})}).find("'gantry push docker-archive:SOURCE:@1 r.test/air/NAME:TAG'") !=
        std::string::npos);
}

TEST_CASE("attestations are no platform that an index in part is said to have") {
  archive::archived_image part = image("one", {"app:1"});
  part.top = described("index");
  archive::archived_manifest attestation = part.manifests.front();
  attestation.manifest = described("attestation");
  attestation.attestation = true;
  attestation.platform = runs_on("unknown", "unknown");
  part.manifests.push_back(std::move(attestation));
  const std::string said = must_fail(plan_push({part}, named("r.test/app:1"), push_options()), errc::not_found).text.message();
  CHECK(said.find("only linux/amd64 of") == 0);
}

TEST_CASE("a choice of an index that refers to something refers to it as well, where its kind can say so") {
  archive::archived_image both = image("both", {"app:1"});
  archive::archived_manifest other;
  other.manifest = described("arm");
  other.platform = runs_on("linux", "arm64");
  both.manifests.push_back(std::move(other));
  both.top.media_type = "application/vnd.oci.image.index.v1+json";
  const descriptor subject = described("subject");
  const std::string text =
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[],"subject":{"mediaType":)"
      R"("application/vnd.oci.image.manifest.v1+json","digest":")" +
      subject.digest.string() + R"(","size":7}})";
  both.words = std::make_shared<model::index_words>(text);
  push_options options;
  options.platforms = {runs_on("linux", "amd64"), runs_on("linux", "arm64")};
  const auto written = [&] { return must(plan_push({both}, named("r.test/app:1"), options)).images.front().manifests.back().bytes; };
  const auto again = must(model::parse_document(written(), both.top.media_type));
  REQUIRE(std::get<model::index>(again).subject);
  CHECK(std::get<model::index>(again).subject->digest == subject.digest);
  both.top.media_type = "application/vnd.docker.distribution.manifest.list.v2+json";
  CHECK_FALSE(written().empty());
  CHECK(written().find("subject") == std::string::npos);
}

TEST_CASE("a choice is the same index whatever its order, and that of the image when it is all of it") {
  archive::archived_image both = image("both", {"app:1"});
  archive::archived_manifest other;
  other.manifest = described("arm");
  other.platform = runs_on("linux", "arm64");
  both.manifests.push_back(std::move(other));
  both.top = described("index");
  both.top.media_type = "application/vnd.oci.image.index.v1+json";
  both.indexes.push_back(both.top);
  const platform amd = runs_on("linux", "amd64");
  const platform arm = runs_on("linux", "arm64");
  const auto top = [&](const std::vector<platform>& wanted, bool as_index) {
    push_options options;
    options.platforms = wanted;
    options.as_index = as_index;
    const push_plan plan = must(plan_push({both}, named("r.test/app:1"), options));
    // A directory is given the same.
    archive::archived_image kept = both;
    REQUIRE(keep_part(kept, wanted, as_index).has_value());
    CHECK(archive::listed_top(kept).digest == plan.images.front().top.digest);
    return plan.images.front().top.digest;
  };
  CHECK(top({amd, arm}, false) == both.top.digest);
  CHECK(top({arm}, false) == both.manifests.back().manifest.digest);
  CHECK(top({arm}, true) != both.manifests.back().manifest.digest);
  CHECK(top({arm}, true) != both.top.digest);
  archive::archived_manifest third;
  third.manifest = described("s390x");
  third.platform = runs_on("linux", "s390x");
  both.manifests.push_back(std::move(third));
  std::string entries;
  for (const auto& one : both.manifests) {
    entries += (entries.empty() ? "" : ",") + (R"({"mediaType":")" + one.manifest.media_type + R"(","digest":")") +
               one.manifest.digest.string() + R"(","size":)" + std::to_string(one.manifest.size) + "}";
  }
  both.words = std::make_shared<model::index_words>(R"({"schemaVersion":2,"manifests":[)" + entries + "]}");
  CHECK(top({amd, arm}, false) == top({arm, amd}, false));
  CHECK(top({amd, arm}, false) != both.top.digest);
  // One entry of an index of one is its manifest as well.
  both.manifests.resize(1);
  CHECK(top({amd}, false) == both.manifests.front().manifest.digest);
}

}  // namespace gantry::jobs
