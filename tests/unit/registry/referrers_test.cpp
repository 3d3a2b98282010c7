#include "registry/referrers.hpp"

#include "model/digester.hpp"
#include "model/manifest.hpp"
#include "model/media_type.hpp"

#include "support/catch.hpp"

using namespace gantry;

namespace {

descriptor signature() {
  descriptor entry;
  entry.media_type = std::string(model::media_type::oci_manifest);
  entry.digest = model::digest_of("signature");
  entry.size = 9;
  entry.artifact_type = "application/vnd.test.signature";
  entry.annotations = {{"by", "somebody"}};
  return entry;
}

result<std::optional<std::string>> merge_one(std::string_view present, std::string_view media_type, const descriptor& more,
                                             std::string_view what) {
  return registry::merge_referrers(present, media_type, {&more, 1}, what);
}

}  // namespace

TEST_CASE("a fallback tag begins as an OCI index of one entry") {
  const auto made = merge_one("", "", signature(), "the tag");
  REQUIRE(made);
  REQUIRE(*made);
  auto parsed = model::parse_document(**made, model::media_type::oci_index);
  REQUIRE(parsed);
  const auto& index = std::get<model::index>(*parsed);
  CHECK(index.media_type == model::media_type::oci_index);
  REQUIRE(index.manifests.size() == 1);
  CHECK(index.manifests.front() == signature());
}

TEST_CASE("what others wrote into a fallback tag stays, and nothing is named twice") {
  descriptor other = signature();
  other.digest = model::digest_of("of another");
  other.annotations = {{"by", "another"}};
  const auto first = merge_one("", "", other, "the tag");
  REQUIRE((first && *first));
  const auto both = merge_one(**first, model::media_type::oci_index, signature(), "the tag");
  REQUIRE((both && *both));
  auto parsed = model::parse_document(**both, model::media_type::oci_index);
  REQUIRE(parsed);
  const auto& index = std::get<model::index>(*parsed);
  REQUIRE(index.manifests.size() == 2);
  CHECK(index.manifests.front() == other);
  const auto again = merge_one(**both, model::media_type::oci_index, signature(), "the tag");
  REQUIRE(again);
  CHECK_FALSE(again->has_value());
}

TEST_CASE("members of a fallback tag that nobody knows stay byte for byte") {
  const std::string list = R"({ "schemaVersion":2, "mediaType":"application/vnd.oci.image.index.v1+json",
    "x-of-others": {"manifests": [1, "manifests", "]"], "big": 0.10},
    "manifests": [ {"mediaType":"application/vnd.oci.image.manifest.v1+json","size":2,"extra":[[]],
      "digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"} ], "annotations":{"a \" ]":"}"}, "last":null})";
  const auto merged = merge_one(list, model::media_type::oci_index, signature(), "the tag");
  REQUIRE((merged && *merged));
  const std::string& text = **merged;
  const std::size_t place = list.find("], \"annotations\"");
  CHECK(text.substr(0, place) == list.substr(0, place));
  CHECK(text.substr(text.size() - (list.size() - place)) == list.substr(place));
  const auto parsed = model::parse_document(text, model::media_type::oci_index);
  REQUIRE(parsed);
  CHECK(std::get<model::index>(*parsed).manifests.size() == 2);
}

TEST_CASE("an empty fallback tag gets its first entry") {
  const std::string list = R"({"schemaVersion":2,"manifests":[ ],"mediaType":"application/vnd.oci.image.index.v1+json"})";
  const auto merged = merge_one(list, model::media_type::oci_index, signature(), "the tag");
  REQUIRE((merged && *merged));
  const auto parsed = model::parse_document(**merged, model::media_type::oci_index);
  REQUIRE(parsed);
  CHECK(std::get<model::index>(*parsed).manifests.size() == 1);
}

TEST_CASE("an image that has the name of a fallback tag is left alone") {
  const std::string image = R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":)"
                            R"("application/vnd.oci.image.config.v1+json","size":2,"digest":)"
                            R"("sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},"layers":[]})";
  const auto refused = merge_one(image, model::media_type::oci_manifest, signature(), "the tag");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::unsupported_document);
}

TEST_CASE("a manifest with a subject is described by its own type, or that of its config") {
  const std::string subject = model::digest_of("image").string();
  const auto text = [&](const std::string& type) {
    return R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",)" + type +
           R"("config":{"mediaType":"application/vnd.test.config","size":2,"digest":)"
           R"("sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},"layers":[],"subject":{"mediaType":)"
           R"("application/vnd.oci.image.manifest.v1+json","size":5,"digest":")" +
           subject + R"("},"annotations":{"k":"v"}})";
  };
  digest of;
  const auto typed = registry::referrer_of(signature(), text(R"("artifactType":"application/vnd.test.sbom",)"), of);
  REQUIRE(typed);
  CHECK(of.string() == subject);
  CHECK(typed->artifact_type == "application/vnd.test.sbom");
  CHECK(typed->annotations.at("k") == "v");
  const auto untyped = registry::referrer_of(signature(), text(""), of);
  REQUIRE(untyped);
  CHECK(untyped->artifact_type == "application/vnd.test.config");
}
