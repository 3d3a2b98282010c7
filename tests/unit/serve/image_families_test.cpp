#include "serve/image_families.hpp"

#include "model/digester.hpp"

#include "support/catch.hpp"

#include <fmt/format.h>

#include <string>
#include <vector>

using namespace gantry;
using gantry::serve::image_families;

namespace {

constexpr const char* manifest_type = "application/vnd.oci.image.manifest.v1+json";
constexpr const char* index_type = "application/vnd.oci.image.index.v1+json";

descriptor blob(const std::string& bytes, const std::string& type) {
  descriptor one;
  one.media_type = type;
  one.digest = model::digest_of(bytes);
  one.size = bytes.size();
  return one;
}

std::string entry(const descriptor& one) {
  return fmt::format(R"({{"mediaType":"{}","digest":"{}","size":{}}})", one.media_type, one.digest.string(), one.size);
}

/// A document of \p layers that the families have learnt.
descriptor manifest(image_families& families, const std::vector<descriptor>& layers) {
  std::string list;
  for (const descriptor& one : layers) list += (list.empty() ? "" : ",") + entry(one);
  const descriptor config = blob("config of " + list, "application/vnd.oci.image.config.v1+json");
  const std::string bytes =
      fmt::format(R"({{"schemaVersion":2,"mediaType":"{}","config":{},"layers":[{}]}})", manifest_type, entry(config), list);
  const descriptor top = blob(bytes, manifest_type);
  families.learn(bytes, top);
  return top;
}

descriptor layer(const std::string& name) { return blob(name, "application/vnd.oci.image.layer.v1.tar+gzip"); }

}  // namespace

TEST_CASE("a layer belongs to its manifest and the index of that, and not to what shares another layer with them") {
  image_families families;
  const descriptor base = layer("base");
  const descriptor mine = layer("mine");
  const descriptor sibling = layer("of the other platform");
  const descriptor foreign = layer("of another image");
  const descriptor amd64 = manifest(families, {base, mine});
  const descriptor arm64 = manifest(families, {base, sibling});
  const descriptor other = manifest(families, {base, foreign});
  const std::string index =
      fmt::format(R"({{"schemaVersion":2,"mediaType":"{}","manifests":[{},{}]}})", index_type, entry(amd64), entry(arm64));
  const descriptor top = blob(index, index_type);
  families.learn(index, top);

  const auto family = families.family_of(mine.digest);
  for (const descriptor& one : {mine, base, amd64, top, arm64, sibling}) CHECK(family.contains(one.digest));
  CHECK_FALSE(family.contains(other.digest));
  CHECK_FALSE(family.contains(foreign.digest));
  CHECK(families.family_of(top.digest) == family);
  // What is below all of them belongs to all of them.
  const auto everybody = families.family_of(base.digest);
  CHECK(everybody.contains(other.digest));
  CHECK(everybody.contains(foreign.digest));
  CHECK(families.family_of(layer("never heard of").digest).size() == 1);
}

TEST_CASE("a family is no larger for all the images that share a layer with it") {
  image_families families;
  const descriptor base = layer("base");
  const descriptor mine = layer("mine");
  const descriptor top = manifest(families, {base, mine});
  for (int i = 0; i < 2000; ++i) manifest(families, {base, layer(std::to_string(i))});
  // Itself, its manifest, the configuration and the base.
  CHECK(families.family_of(mine.digest).size() == 4);
  CHECK(families.family_of(top.digest).size() == 4);
}

TEST_CASE("documents are forgotten before what they name fills the memory, however few they are") {
  image_families families;
  constexpr std::size_t entries = 10'000;
  model::index all;
  for (std::size_t i = 0; i < entries; ++i) all.manifests.push_back(layer(std::to_string(i)));
  const model::document same = all;
  const auto top = [](std::size_t i) { return blob("index " + std::to_string(i), index_type); };
  constexpr std::size_t fit = image_families::most_named / entries;
  for (std::size_t i = 0; i < fit; ++i) families.learn(same, top(i));
  // What is learnt again takes no more room.
  families.learn(same, top(0));
  families.learn(same, top(fit));
  CHECK(families.knows(top(0).digest));
  families.learn(same, top(fit + 1));
  CHECK_FALSE(families.knows(top(0).digest));
  CHECK_FALSE(families.knows(top(fit).digest));
  CHECK(families.knows(top(fit + 1).digest));
  CHECK(families.family_of(all.manifests.front().digest).size() == entries + 1);
}
