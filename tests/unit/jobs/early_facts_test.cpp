#include "jobs/early_facts.hpp"

#include "jobs/synology.hpp"

#include "support/image_builder.hpp"
#include "support/result.hpp"
#include "support/temp_dir.hpp"
#include "unit/jobs/shared_parts.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace gantry::jobs {
namespace {

descriptor described(const test::test_blob& blob) {
  error_code ec;
  descriptor made;
  made.media_type = blob.media_type;
  made.digest = digest::parse(blob.digest, ec);
  made.size = blob.bytes.size();
  REQUIRE_FALSE(ec);
  return made;
}

struct fixture : test::shared_parts {
  test::temp_dir directory;
  std::shared_ptr<transfer::operation> running = std::make_shared<transfer::operation>(transfer::event_emitter({}, {}));

  std::shared_ptr<store::content_store> opened() const {
    store::store_options options;
    options.root = directory / "store";
    options.sync = false;
    return test::must(store::content_store::open(options));
  }
};

TEST_CASE("what was learnt of layers is known without meta and without a second look") {
  fixture f;
  const auto store = f.opened();
  // As where the store cannot be written; root could.
  std::filesystem::remove_all(f.directory / "store/meta");
  test::spill(f.directory / "store/meta", "no directory");
  const test::test_image image = test::build_image({});
  archive::archived_image archived;
  archive::archived_manifest held;
  held.manifest = described(image.manifest);
  held.config = described(image.config);
  test::must(store->put(*held.config, image.config.bytes));
  for (const test::test_blob& layer : image.layers) {
    held.layers.push_back(described(layer));
    test::must(store->put(held.layers.back(), layer.bytes));
  }
  held.platform.os = "linux";
  held.platform.architecture = "amd64";
  archived.top = held.manifest;
  archived.manifests.push_back(held);

  early_facts facts(f.shared, f.running, store, std::vector<archive::archived_image>(1, archived));
  facts.arrived(held.config->digest);
  for (const descriptor& layer : held.layers) facts.arrived(layer.digest);
  f.loop.run(facts.join());
  layer_facts known = facts.take();
  REQUIRE(known.size() == image.layers.size());
  CHECK_FALSE(store->meta(held.layers.front().digest));

  const std::vector<layer_claim> claims = test::must(claims_of(*store, archived));
  for (const test::test_blob& layer : image.layers) {
    std::filesystem::remove(f.directory / "store/blobs/sha256" / layer.digest.substr(std::string("sha256:").size()));
  }
  CHECK_FALSE(f.loop.run(learn_layers(f.shared, f.running, store, claims)));
  CHECK(test::must(f.loop.run(learn_layers(f.shared, f.running, store, claims, known))) == known);
}

}  // namespace
}  // namespace gantry::jobs
