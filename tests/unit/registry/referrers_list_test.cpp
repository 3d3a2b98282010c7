#include "registry/referrers_list.hpp"

#include "model/digester.hpp"
#include "model/manifest.hpp"
#include "model/media_type.hpp"

#include "support/catch.hpp"
#include "unit/registry/signature.hpp"

#include <string>
#include <string_view>
#include <vector>

using namespace gantry;
using gantry::test::signature;

namespace {

result<std::optional<std::string>> merge_one(std::string_view present, std::string_view media_type, const descriptor& more,
                                             std::string_view what) {
  const registry::listed_referrer entry = registry::listed(more);
  return registry::merge_referrers(present, media_type, {&entry, 1}, what);
}

/// A list of \p count entries, with what nobody knows in and around them.
std::string list_of(std::size_t count) {
  std::string text = R"({ "schemaVersion":2, "x": {"manifests":[{}]}, "manifests": [ )";
  for (std::size_t i = 0; i < count; ++i) {
    text += (i == 0 ? "" : " , ") +
            std::string(R"({"mediaType":"application/vnd.oci.image.manifest.v1+json", "extra":["]",{}], "size":2,"digest":")") +
            model::digest_of(std::to_string(i)).string() + "\"}";
  }
  return text + R"( ],"mediaType":"application/vnd.oci.image.index.v1+json","annotations":{"k":"]"}})";
}

std::vector<digest> named_by(std::string_view text) {
  std::vector<digest> names;
  const auto read = registry::read_referrers(text, model::media_type::oci_index, "the tag");
  REQUIRE(read);
  for (const registry::listed_referrer& one : *read) names.push_back(one.digest);
  return names;
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

TEST_CASE("a manifest is taken off a list, and all else stays byte for byte") {
  const auto gone = [](std::size_t count, std::size_t which) {
    auto left = registry::remove_referrer(list_of(count), model::media_type::oci_index, model::digest_of(std::to_string(which)), "the tag");
    REQUIRE((left && *left));
    return **left;
  };
  // The last ones are what a shorter list ends with, the only one leaves an empty list.
  CHECK(gone(3, 2) == list_of(2));
  CHECK(gone(2, 1) == list_of(1));
  const std::string empty = gone(1, 0);
  CHECK(named_by(empty).empty());
  CHECK(empty.find(R"("x": {"manifests":[{}]})") != std::string::npos);
  CHECK(empty.find(R"("annotations":{"k":"]"}})") != std::string::npos);
  for (const std::size_t which : {0U, 1U, 2U}) {
    const std::string left = gone(3, which);
    std::vector<digest> names;
    for (std::size_t i = 0; i < 3; ++i) {
      if (i != which) names.push_back(model::digest_of(std::to_string(i)));
    }
    INFO(left);
    CHECK(named_by(left) == names);
  }
}

TEST_CASE("a manifest that a list names several times is taken off it each time") {
  const std::string once = list_of(3);
  const auto entries = registry::read_referrers(once, model::media_type::oci_index, "the tag");
  REQUIRE(entries);
  const auto text_of = [&](std::vector<std::size_t> which) {
    std::string text = R"({"schemaVersion":2,"manifests":[)";
    for (std::size_t i = 0; i < which.size(); ++i) text += (i == 0 ? "" : ",") + (*entries)[which[i]].text;
    return text + R"(],"mediaType":"application/vnd.oci.image.index.v1+json"})";
  };
  for (const std::vector<std::size_t>& which : std::vector<std::vector<std::size_t>>{{0, 0, 1}, {0, 1, 0}, {1, 0, 0, 2, 0}, {0, 0}}) {
    const std::string list = text_of(which);
    INFO(list);
    std::vector<std::size_t> others = which;
    std::erase(others, 0U);
    const auto left = registry::remove_referrer(list, model::media_type::oci_index, (*entries)[0].digest, "the tag");
    REQUIRE((left && *left));
    CHECK(**left == text_of(others));
  }
}

TEST_CASE("nothing is taken off a list that does not name it, nor off what is no list") {
  const auto same = registry::remove_referrer(list_of(2), model::media_type::oci_index, model::digest_of("other"), "the tag");
  REQUIRE(same);
  CHECK_FALSE(same->has_value());
  const auto wrong = registry::remove_referrer("[]", model::media_type::oci_index, model::digest_of("other"), "the tag");
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().code == errc::malformed_document);
}

TEST_CASE("entries that go from one list into another keep what nobody knows of") {
  const auto entries = registry::read_referrers(list_of(2), model::media_type::oci_index, "the tag");
  REQUIRE(entries);
  const auto merged = registry::merge_referrers(list_of(1), model::media_type::oci_index, *entries, "the tag");
  REQUIRE((merged && *merged));
  CHECK((*merged)->find(entries->back().text) != std::string::npos);
  CHECK(named_by(**merged).size() == 2);
}
