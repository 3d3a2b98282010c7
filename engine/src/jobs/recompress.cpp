#include "jobs/recompress.hpp"

#include "archive/archived_image.hpp"
#include "archive/checksum.hpp"
#include "archive/image_tree.hpp"
#include "archive/inflating_reader.hpp"
#include "archive/layer_facts.hpp"
#include "archive/synology_layout.hpp"
#include "model/digester.hpp"
#include "model/json_writer.hpp"
#include "model/manifest.hpp"
#include "model/media_type.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <thread>
#include <utility>
#include <variant>

namespace gantry::jobs {
namespace {

bool is_zstd(const descriptor& layer) { return model::compression_of(layer.media_type) == model::compression::zstd; }

/// Layers that are left where they are stay as they are too.
bool is_plain(const descriptor& layer) {
  return model::compression_of(layer.media_type) == model::compression::none && !model::is_foreign_layer(layer.media_type);
}

using layer_test = bool (*)(const descriptor&);

/// `...tar+zstd` to `...tar+gzip`, `...tar.zstd` to `...tar.gzip`; `...v1.tar` to `...v1.tar+gzip`, `...diff.tar` to `...diff.tar.gzip`.
std::string gzip_type(std::string type) {
  if (type == model::media_type::oci_layer) return std::string(model::media_type::oci_layer_gzip);
  if (type == model::media_type::docker_layer) return std::string(model::media_type::docker_layer_gzip);
  return type.replace(type.size() - 4, 4, "gzip");
}

/// Into a blob of the store.
class blob_sink final : public archive::byte_sink {
 public:
  explicit blob_sink(store::blob_writer& to) : to_(to) {}
  result<void> write(std::span<const std::byte> bytes) override { return to_.write(bytes); }
  result<void> finish() override { return {}; }

 private:
  store::blob_writer& to_;
};

/// One layer. Blocking, and long.
result<descriptor> repack(model::blob_source& from, store::content_store& store, const descriptor& layer, const digest& diff_id,
                          const archive::deflate_workers& workers, const std::atomic<bool>& stop) {
  const result<std::unique_ptr<model::blob_reader>> opened = from.open(layer);
  if (!opened) return opened.error();
  const result<model::compression> kind = archive::sniff(**opened);
  if (!kind) return kind.error();
  const result<std::unique_ptr<store::blob_writer>> target = store.write_blob();
  if (!target) return target.error();
  blob_sink into(**target);
  archive::gzip_sink gzip(into, workers);
  archive::inflating_reader inflated(**opened, *kind, fmt::format("layer {}", layer.digest.short_form()));
  model::digester raw(diff_id.algorithm());
  store::blob_meta facts;
  const archive::copy_buffer buffer(archive::copy_buffer_size);
  for (;;) {
    if (stop.load(std::memory_order_relaxed)) return failure(errc::cancelled, "stopped while a layer was being recompressed");
    const result<std::size_t> got = inflated.read(buffer.bytes());
    if (!got) return got.error();
    if (*got == 0) break;
    const std::span<const std::byte> part = buffer.bytes().first(*got);
    raw.update(part);
    facts.crc32 = archive::continue_crc(facts.crc32, part);
    if (const result<void> written = gzip.write(part); !written) return written.error();
  }
  if (const result<void> finished = gzip.finish(); !finished) return finished.error();
  if (const digest found = raw.finish(); found != diff_id) return archive::wrong_diff_id(layer, diff_id, found);

  descriptor made = layer;
  made.media_type = gzip_type(layer.media_type);
  made.size = (*target)->size();
  made.urls.clear();
  made.data.reset();
  const result<digest> stored = (*target)->commit();
  if (!stored) return stored.error();
  made.digest = *stored;
  facts.diff_id = diff_id;
  facts.raw_size = inflated.facts().raw_size;
  facts.whole_members = true;
  [[maybe_unused]] const result<void> noted = store.put_meta(made.digest, facts);
  return made;
}

/// The manifest with other layers.
std::string manifest_of(const model::manifest& original, const std::vector<descriptor>& layers) {
  model::json_writer out;
  out.begin_object().member("schemaVersion", 2).member("mediaType", original.media_type);
  if (!original.artifact_type.empty()) out.member("artifactType", original.artifact_type);
  model::write(out.key("config"), original.config);
  out.key("layers").begin_array();
  for (const descriptor& layer : layers) model::write(out, layer);
  out.end_array();
  if (original.subject) model::write(out.key("subject"), *original.subject);
  if (!original.annotations.empty()) out.member("annotations", original.annotations);
  out.end_object();
  return out.take();
}

result<void> change(model::blob_source& from, store::content_store& store, layer_test chosen, archive::archived_manifest& held,
                    const std::string& image, const archive::deflate_workers& workers, const std::atomic<bool>& stop) {
  const result<std::string> config_text = archive::read_blob(from, *held.config, model::document_limit, "the configuration of " + image);
  if (!config_text) return config_text.error();
  const result<model::image_config> config = archive::parsed_config(*config_text, held, image);
  if (!config) return config.error();
  const result<std::string> text = archive::read_blob(from, held.manifest, model::document_limit, "the manifest of " + image);
  if (!text) return text.error();
  const result<model::document> parsed = model::parse_document(*text, held.manifest.media_type, "the manifest of " + image);
  if (!parsed) return parsed.error();
  for (std::size_t i = 0; i < held.layers.size(); ++i) {
    if (!chosen(held.layers[i])) continue;
    const result<descriptor> made = repack(from, store, held.layers[i], config->diff_ids[i], workers, stop);
    if (!made) return made.error();
    held.layers[i] = *made;
  }
  const std::string changed = manifest_of(std::get<model::manifest>(*parsed), held.layers);
  held.manifest.digest = model::digest_of(changed);
  held.manifest.size = changed.size();
  held.manifest.data.reset();
  return store.put(held.manifest, changed);
}

/// Blocking.
result<std::vector<archive::archived_image>> change_all(model::blob_source& from, store::content_store& store, layer_test chosen,
                                                        std::vector<archive::archived_image> images,
                                                        const archive::deflate_workers& workers, const std::atomic<bool>& stop) {
  for (archive::archived_image& image : images) {
    bool changed = false;
    for (archive::archived_manifest& held : image.manifests) {
      if (!archive::is_image(held) || std::none_of(held.layers.begin(), held.layers.end(), chosen)) continue;
      const digest before = held.manifest.digest;
      const result<void> done = change(from, store, chosen, held, archive::label(image), workers, stop);
      if (!done) return done.error();
      if (image.top.digest == before) image.top = held.manifest;
      changed = true;
    }
    if (!changed) continue;
    image.indexes.clear();
    std::erase_if(image.manifests, [](const archive::archived_manifest& held) { return held.attestation; });
  }
  return images;
}

}  // namespace

namespace {

bool any_layer(const std::vector<archive::archived_image>& images, layer_test chosen) {
  for (const archive::archived_image& image : images) {
    for (const archive::archived_manifest& held : image.manifests) {
      if (archive::is_image(held) && std::any_of(held.layers.begin(), held.layers.end(), chosen)) return true;
    }
  }
  return false;
}

}  // namespace

archive::deflate_workers workers_of(transfer::context& shared) {
  archive::deflate_workers workers;
  workers.run = [&threads = shared.lanes](std::function<void()> call) { threads.post_cpu(std::move(call)); };
  workers.count = std::max(1u, std::thread::hardware_concurrency());
  return workers;
}

bool has_zstd(const std::vector<archive::archived_image>& images) { return any_layer(images, is_zstd); }

bool has_plain(const std::vector<archive::archived_image>& images) { return any_layer(images, is_plain); }

runtime::task<result<std::vector<archive::archived_image>>> compress(
    transfer::context& shared, std::shared_ptr<transfer::operation> running, std::shared_ptr<model::blob_source> from,
    std::shared_ptr<store::content_store> store, std::vector<archive::archived_image> images, archive::deflate_workers workers) {
  auto call = [from, store, running, images = std::move(images), workers = std::move(workers)]() mutable {
    return change_all(*from, *store, is_plain, std::move(images), workers, running->stop_flag());
  };
  // It waits for its helpers, whose lane may have no thread but that of the files.
  co_return co_await runtime::offload(shared.lanes, runtime::lane::apart, std::move(call));
}

runtime::task<result<std::vector<archive::archived_image>>> recompress(transfer::context& shared,
                                                                       std::shared_ptr<transfer::operation> running,
                                                                       std::shared_ptr<store::content_store> store,
                                                                       std::vector<archive::archived_image> images,
                                                                       archive::deflate_workers workers) {
  auto call = [store, running, images = std::move(images), workers = std::move(workers)]() mutable {
    return change_all(*store, *store, is_zstd, std::move(images), workers, running->stop_flag());
  };
  // It waits for its helpers, whose lane may have no thread but that of the files.
  co_return co_await runtime::offload(shared.lanes, runtime::lane::apart, std::move(call));
}

}  // namespace gantry::jobs
