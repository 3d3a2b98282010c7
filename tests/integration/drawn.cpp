#include "integration/drawn.hpp"

#include "support/process.hpp"
#include "support/temp_dir.hpp"

#include <cstddef>
#include <utility>

namespace gantry::test {
namespace {

/// The same layer, as it is seen beside gzip: packed by zstd, not packed at all, or with the media type of layers that registries do not
/// hand on.
test_blob in_other_clothes(const test_blob& layer, media_family family, std::uint32_t kind) {
  if (family == media_family::docker) return test_blob::of("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", layer.bytes);
  if (kind == 0) return test_blob::of("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", layer.bytes);
  const std::string tar = piped({"gzip", "-dcf"}, layer.bytes);
  if (kind == 1) return test_blob::of("application/vnd.oci.image.layer.v1.tar", tar);
  return test_blob::of("application/vnd.oci.image.layer.v1.tar+zstd", piped({"zstd", "-q", "-c"}, tar));
}

test_blob renamed(const test_blob& blob) { return test_blob::of_sha512(blob.media_type, blob.bytes); }

test_blob index_of(const std::vector<std::string>& entries) {
  const std::string type = "application/vnd.oci.image.index.v1+json";
  std::string list;
  for (const std::string& one : entries) list += (list.empty() ? "{" : ",{") + one + "}";
  return test_blob::of(type, R"({"schemaVersion":2,"mediaType":")" + type + R"(","manifests":[)" + list + "]}");
}

}  // namespace

std::string piped(const std::vector<std::string>& program, const std::string& bytes) {
  const temp_dir directory;
  spill(directory / "in", bytes);
  command one;
  one.argv = program;
  one.argv.push_back((directory / "in").string());
  return run_or_throw(std::move(one));
}

test_image random_image(std::mt19937& random, const image_recipe& recipe, std::uint32_t count, peculiarities with) {
  const auto below = [&](std::uint32_t limit) { return static_cast<std::uint32_t>(random() % limit); };
  const std::uint32_t largest = count > 20 ? 3000 : 400'000;
  std::vector<layer_bytes> layers;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (!layers.empty() && below(4) == 0) {
      layers.push_back(layers[below(static_cast<std::uint32_t>(layers.size()))]);
    } else if (below(6) == 0) {
      layers.push_back(layer_builder(1).finish());
    } else {
      layers.push_back(random_layer(below(3) == 0 ? below(100) : below(largest), below(1'000'000)));
    }
  }
  test_image image = build_image(recipe, std::move(layers));
  for (std::size_t i = 0; i < image.layers.size(); ++i) {
    // A duplicate may wear them already.
    const bool plain = image.layers[i].media_type.ends_with("tar+gzip") || image.layers[i].media_type.ends_with("tar.gzip");
    const std::uint32_t kind = with.foreign ? below(3) : 1 + below(2);
    if (plain && below(3) == 0) replace_layer(image, i, in_other_clothes(image.layers[i], recipe.family, kind));
    if (with.sha512 && image.layers[i].digest.starts_with("sha256:") && below(4) == 0) replace_layer(image, i, renamed(image.layers[i]));
  }
  return image;
}

test_image random_artifact(std::mt19937& random) {
  const auto below = [&](std::uint32_t limit) { return static_cast<std::uint32_t>(random() % limit); };
  const std::string type = "application/vnd.oci.image.manifest.v1+json";
  test_image artifact;
  artifact.config = test_blob::of("application/vnd.oci.empty.v1+json", "{}");
  const std::string config = "{" + artifact.config.descriptor_members() + (below(2) == 0 ? R"(,"data":"e30=")" : "") + "}";
  std::string layers;
  for (std::uint32_t left = below(4); left != 0; --left) {
    test_blob one = test_blob::of("application/vnd.example.part", random_bytes(1 + below(20'000), below(1'000'000)));
    if (below(3) == 0) one = renamed(one);
    layers += (layers.empty() ? "{" : ",{") + one.descriptor_members() + "}";
    artifact.layers.push_back(std::move(one));
  }
  // As the image-spec advises for what has no content, or without any.
  if (layers.empty() && below(2) == 0) layers = config;
  artifact.manifest =
      test_blob::of(type, R"({"schemaVersion":2,"mediaType":")" + type + R"(","artifactType":"application/vnd.example.thing","config":)" +
                              config + R"(,"layers":[)" + layers + "]}");
  return artifact;
}

drawn_index random_index(std::mt19937& random) {
  const auto below = [&](std::uint32_t limit) { return static_cast<std::uint32_t>(random() % limit); };
  drawn_index drawn;
  std::vector<std::string> entries;
  const std::vector<std::string> architectures{"amd64", "arm64", "riscv64"};
  for (std::size_t left = 1 + below(3); left != 0; --left) {
    image_recipe recipe;
    recipe.architecture = architectures[left - 1];
    test_image image = random_image(random, recipe, 1 + below(4), {.foreign = false, .sha512 = true});
    if (below(4) == 0) image.manifest = renamed(image.manifest);
    entries.push_back(image.manifest.descriptor_members() + R"(,"platform":{"os":"linux","architecture":")" + recipe.architecture + "\"}");
    drawn.members.push_back(std::move(image));
  }
  for (std::uint32_t left = below(3); left != 0; --left) {
    drawn.members.push_back(random_artifact(random));
    const std::string entry = drawn.members.back().manifest.descriptor_members();
    entries.insert(entries.begin() + below(static_cast<std::uint32_t>(entries.size() + 1)), entry);
  }
  for (std::uint32_t left = below(3); left != 0; --left) {
    const auto end = entries.begin() + 1 + below(static_cast<std::uint32_t>(entries.size()));
    drawn.inner.push_back(index_of(std::vector<std::string>(entries.begin(), end)));
    entries.erase(entries.begin(), end);
    entries.insert(entries.begin() + below(static_cast<std::uint32_t>(entries.size() + 1)), drawn.inner.back().descriptor_members());
  }
  drawn.top = index_of(entries);
  return drawn;
}

}  // namespace gantry::test
