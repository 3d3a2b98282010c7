// Random images through every format and back.
#include "archive/image_source.hpp"

#include "archive/gzip_sink.hpp"
#include "archive/image_tree.hpp"
#include "archive/layout.hpp"
#include "archive/writer.hpp"
#include "archive_fixture.hpp"
#include "model/json_writer.hpp"
#include "model/manifest.hpp"
#include "model/media_type.hpp"
#include "support/catch.hpp"
#include "support/process.hpp"
#include "support/result.hpp"
#include "support/temp_dir.hpp"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

namespace gantry::archive {
namespace {

namespace types = model::media_type;
using namespace fixture;
using test::must;

const std::atomic<bool> running{false};

/// Makes images up, always the same for one seed.
class inventor {
 public:
  explicit inventor(std::uint32_t seed) : random_(seed) {}

  std::vector<archived_image> images() {
    std::vector<archived_image> made;
    const std::size_t count = below(3) + 1;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string name = "example.com/team/app" + std::to_string(i) + ":" + std::to_string(below(100));
      made.push_back(below(3) == 0 ? single(image("amd64"), name) : index(name));
      if (below(3) == 0) made.back().names.push_back(name_of("second" + std::to_string(i)));
    }
    return made;
  }

  memory_blobs blobs;

 private:
  std::size_t below(std::size_t end) { return random_() % end; }

  descriptor layer(bool docker) {
    if (!layers_.empty() && below(4) == 0) return layers_[below(layers_.size())];
    const std::size_t sizes[] = {0, 1, 511, 512, 513, 5'000, 70'000, 300'000};
    const std::size_t size = sizes[below(std::size(sizes))];
    const std::string_view oci[] = {types::oci_layer, types::oci_layer_gzip, types::oci_layer_zstd, types::oci_foreign_layer_gzip};
    const std::string_view old[] = {types::docker_layer, types::docker_layer_gzip, types::docker_layer_zstd};
    // Moving an image does not look into its layers, whatever they call themselves.
    std::string bytes = below(2) == 0 ? noise(size, static_cast<unsigned>(random_())) : prose(size);
    descriptor made = blobs.put(std::move(bytes), std::string(docker ? old[below(3)] : oci[below(4)]));
    layers_.push_back(made);
    return made;
  }

  archived_manifest image(const std::string& architecture) {
    const bool docker = below(3) == 0;
    archived_manifest made;
    made.platform = platform_of("linux/" + architecture);
    const std::size_t count = below(12) == 0 ? 120 : below(6);
    for (std::size_t i = 0; i < count; ++i) made.layers.push_back(layer(docker));
    // Any image of the real world differs from the next in its configuration.
    model::json_writer config;
    config.begin_object().member("architecture", made.platform.architecture).member("os", "linux");
    if (!made.platform.variant.empty()) config.member("variant", made.platform.variant);
    config.key("config").begin_object().key("Labels").begin_object().member("n", std::to_string(random_())).end_object().end_object();
    std::vector<std::string> diff_ids;
    for (std::size_t i = 0; i < count; ++i) diff_ids.push_back(made.layers[i].digest.string());
    config.key("rootfs").begin_object().member("type", "layers").member("diff_ids", diff_ids).end_object().end_object();
    made.config = blobs.put(config.take(), std::string(docker ? types::docker_config : types::oci_config));
    made.manifest = manifest(made, std::string(docker ? types::docker_manifest : types::oci_manifest));
    return made;
  }

  archived_manifest attestation(const archived_manifest& of) {
    archived_manifest made;
    made.attestation = true;
    made.platform = platform{"unknown", "unknown", {}, {}, {}};
    made.layers.push_back(blobs.put(prose(below(3000)), "application/vnd.in-toto+json"));
    made.config =
        blobs.put(R"({"architecture":"unknown","os":"unknown","rootfs":{"type":"layers","diff_ids":[]}})", std::string(types::oci_config));
    made.manifest = manifest(made, std::string(types::oci_manifest));
    made.manifest.annotations["vnd.docker.reference.type"] = "attestation-manifest";
    made.manifest.annotations["vnd.docker.reference.digest"] = of.manifest.digest.string();
    return made;
  }

  descriptor manifest(const archived_manifest& of, const std::string& type) {
    model::json_writer out;
    out.begin_object().member("schemaVersion", 2).member("mediaType", type).key("config");
    model::write(out, *of.config);
    out.key("layers").begin_array();
    for (const descriptor& layer : of.layers) model::write(out, layer);
    out.end_array().member("annotations", std::map<std::string, std::string>{{"n", std::to_string(random_())}}).end_object();
    return blobs.put(out.take(), type);
  }

  archived_image index(const std::string& name) {
    std::vector<archived_manifest> held;
    for (const char* architecture : {"amd64", "arm64", "arm/v7", "s390x"}) {
      if (held.empty() || below(2) == 0) held.push_back(image(architecture));
    }
    if (below(2) == 0) held.push_back(attestation(held.front()));
    model::json_writer out;
    out.begin_object().member("schemaVersion", 2);
    // The specification leaves it out where nothing else needs it.
    const bool typed = below(3) != 0;
    if (typed) out.member("mediaType", types::oci_index);
    out.key("manifests").begin_array();
    for (archived_manifest& one : held) {
      descriptor entry = one.manifest;
      entry.platform = one.platform;
      model::write(out, entry);
    }
    out.end_array().end_object();
    archived_image made;
    made.names = {name_of(name)};
    made.top = blobs.put(out.take(), std::string(types::oci_index));
    made.indexes = {made.top};
    made.manifests = std::move(held);
    return made;
  }

  std::mt19937 random_;
  std::vector<descriptor> layers_;
};

/// Everything that must come back: names, documents, configs, layers with their types, in order.
std::vector<std::string> facts_of(const std::vector<archived_image>& images) {
  std::vector<std::string> facts;
  for (const archived_image& image : images) {
    std::vector<std::string> names;
    for (const reference& name : image.names) names.push_back(name.string());
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) facts.push_back("name " + name);
    facts.push_back("top " + image.top.digest.string());
    for (const descriptor& one : image.indexes) facts.push_back("index " + one.digest.string());
    for (const archived_manifest& one : image.manifests) {
      facts.push_back(std::string(one.attestation ? "attestation " : "manifest ") + one.manifest.digest.string() + " " +
                      to_string(one.platform));
      facts.push_back("config " + one.config->media_type + " " + one.config->digest.string());
      for (const descriptor& layer : one.layers) facts.push_back("layer " + layer.media_type + " " + layer.digest.string());
    }
  }
  return facts;
}

std::vector<archived_image> images_of(const image_source& source) {
  std::vector<archived_image> images;
  for (const source_image& one : source.images()) images.push_back(one.content);
  return images;
}

/// Reads every blob of \p images out of \p source; read_blob compares the digests.
void read_everything(image_source& source, const std::vector<archived_image>& images) {
  for (const archived_image& image : images) {
    for (const archived_manifest& one : image.manifests) {
      must(read_blob(source, *one.config, 1 << 24, "the config"));
      for (const descriptor& layer : one.layers) must(read_blob(source, layer, 1 << 24, "the layer"));
    }
  }
}

std::string gzipped(const layout& plan, model::blob_source& blobs) {
  memory_sink out;
  gzip_sink gzip(out);
  must(write_archive(plan, blobs, gzip, {}, running));
  return out.bytes;
}

}  // namespace

TEST_CASE("random images come back from every format as they went in") {
  const std::uint32_t first = GENERATE(1u, 1000u, 2000u, 3000u);
  for (std::uint32_t seed = first; seed < first + 2; ++seed) {
    INFO("seed " << seed);
    inventor made(seed);
    const std::vector<archived_image> images = made.images();
    const std::vector<std::string> facts = facts_of(images);
    const layout docker = must(plan_docker(images, platform_of("linux/amd64")));
    const layout oci = must(plan_oci(images));
    const test::temp_dir directory;
    test::spill(directory / "docker.tar", written(docker, made.blobs));
    test::spill(directory / "oci.tar", written(oci, made.blobs));
    test::spill(directory / "docker.tar.gz", gzipped(docker, made.blobs));
    test::run_or_throw({{"zstd", "-q", "-1", (directory / "oci.tar").string(), "-o", (directory / "oci.tar.zst").string()}});
    std::filesystem::create_directory(directory / "layout");
    test::run_or_throw({{"tar", "-xf", (directory / "oci.tar").string(), "-C", (directory / "layout").string()}});

    const auto store = must(store::content_store::open({.root = directory / "store", .sync = false}));
    for (const char* name : {"docker.tar", "oci.tar", "docker.tar.gz", "oci.tar.zst", "layout"}) {
      INFO(name);
      source_options how;
      how.spool_directory = directory.path();
      if (seed % 2 == 0) how.into = store;
      const auto source = must(open_image_source(directory / name, how, running));
      CHECK(facts_of(images_of(*source)) == facts);
      read_everything(*source, images);
      // Out of what was read the same archives are made, byte for byte.
      CHECK(must(plan_docker(images_of(*source), platform_of("linux/amd64"))).size == docker.size);
      CHECK(written(must(plan_oci(images_of(*source))), *source) == test::slurp(directory / "oci.tar"));
    }
  }
}

}  // namespace gantry::archive
