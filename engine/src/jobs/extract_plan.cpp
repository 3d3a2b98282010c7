#include "jobs/extract_plan.hpp"

#include "archive/archived_image.hpp"
#include "archive/checksum.hpp"
#include "archive/image_tree.hpp"
#include "archive/inflating_reader.hpp"
#include "archive/synology_layout.hpp"
#include "base/format.hpp"
#include "model/digester.hpp"
#include "model/image_config.hpp"
#include "model/manifest.hpp"
#include "model/media_type.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace gantry::jobs {
namespace {

/// Collects blobs, each once, and what is missing.
class collector {
 public:
  collector(archive::image_source& source, const store::content_store* store, std::string label)
      : source_(source), store_(store), label_(std::move(label)) {}

  result<void> add(const archive::archived_image& image) {
    for (const archive::archived_manifest& one : image.manifests) {
      if (const result<void> added = add(one, image); !added) return added;
    }
    // The innermost first.
    for (auto index = image.indexes.rbegin(); index != image.indexes.rend(); ++index) {
      if (const result<void> added = add(*index, blob_role::manifest); !added) return added;
    }
    return add(image.top, blob_role::manifest);
  }

  result<std::vector<extracted_blob>> finish() {
    if (missing_.empty()) return std::move(blobs_);
    return failure(errc::not_found, fmt::format("{} lacks {} blob{}{}: {}", label_, missing_.size(), missing_.size() == 1 ? "" : "s",
                                                store_ != nullptr ? " that the store does not have either" : "", list_blobs(missing_)));
  }

 private:
  result<void> add(const archive::archived_manifest& one, const archive::archived_image& of) {
    std::vector<digest> diff_ids;
    if (one.config) {
      if (const result<void> added = add(*one.config, blob_role::config); !added) return added;
      result<std::vector<digest>> found = diff_ids_of(one, of);
      if (!found) return found.error();
      diff_ids = std::move(*found);
    }
    for (std::size_t i = 0; i < one.layers.size(); ++i) {
      const result<void> added = add(one.layers[i], blob_role::layer, diff_ids.empty() ? digest() : diff_ids[i]);
      if (!added) return added;
    }
    return add(one.manifest, blob_role::manifest);
  }

  /// Those of a runnable image; nothing for artifacts, whose layers need not be tars.
  result<std::vector<digest>> diff_ids_of(const archive::archived_manifest& one, const archive::archived_image& of) {
    const bool image =
        model::is_image_config(one.config->media_type) &&
        std::all_of(one.layers.begin(), one.layers.end(), [](const descriptor& layer) { return model::is_image_layer(layer.media_type); });
    if (!image || one.attestation || missing_digests_.contains(one.config->digest)) return std::vector<digest>();
    const std::string what = fmt::format("the configuration {}", one.config->digest.string());
    const result<std::string> bytes = archive::read_blob(source_, *one.config, model::document_limit, what);
    if (!bytes) return bytes.error();
    result<model::image_config> config = archive::parsed_config(*bytes, one, archive::label(of));
    if (!config) return config.error();
    return std::move(config->diff_ids);
  }

  /// Layouts leave foreign layers out (image-spec layer.md, "Non-Distributable Layers"), and a store does without them.
  bool may_be_absent(const descriptor& blob, blob_role role) const {
    return store_ != nullptr && role == blob_role::layer && model::is_foreign_layer(blob.media_type);
  }

  result<void> add(const descriptor& blob, blob_role role, const digest& diff_id = {}) {
    const auto [place, first] = known_.try_emplace(blob.digest, blobs_.size());
    if (!first) {
      extracted_blob& there = blobs_[place->second];
      if (there.blob.size != blob.size) {
        return failure(errc::malformed_document,
                       fmt::format("{} names blob {} with two sizes, {} and {}", label_, blob.digest.string(), there.blob.size, blob.size));
      }
      if (there.diff_id && diff_id && there.diff_id != diff_id) {
        return failure(errc::malformed_document, fmt::format("{} gives layer {} two diff IDs, {} and {}", label_, blob.digest.string(),
                                                             there.diff_id.string(), diff_id.string()));
      }
      if (!there.diff_id) there.diff_id = diff_id;
      // Another manifest may not do without it.
      if (there.absent && !may_be_absent(blob, role)) {
        there.absent = false;
        missing_.push_back(blob);
      }
      return {};
    }
    extracted_blob taken{blob, role, diff_id, store_ != nullptr && store_->holds(blob), false, false};
    taken.taken = taken.held && source_.took(blob.digest);
    if (!taken.held) {
      const auto opened = source_.open(blob);
      if (!opened && opened.error().code != errc::not_found) return opened.error();
      taken.absent = !opened && may_be_absent(blob, role);
      if (!opened && !taken.absent) {
        missing_.push_back(blob);
        missing_digests_.emplace(blob.digest, blob.size);
      }
    }
    blobs_.push_back(std::move(taken));
    return {};
  }

  archive::image_source& source_;
  const store::content_store* store_;
  std::string label_;
  std::vector<extracted_blob> blobs_;
  std::map<digest, std::size_t> known_;
  std::vector<descriptor> missing_;
  std::map<digest, std::uint64_t> missing_digests_;
};

failure wrong_diff_id(const extracted_blob& what, const digest& computed) {
  return {errc::digest_mismatch, fmt::format("layer {} inflates to {}, but its configuration says {}", what.blob.digest.string(),
                                             computed.string(), what.diff_id.string())};
}

}  // namespace

std::string list_blobs(const std::vector<descriptor>& blobs) {
  constexpr std::size_t most = 20;
  std::string list;
  for (std::size_t i = 0; i < std::min(most, blobs.size()); ++i)
    list += fmt::format("{}{} ({})", i == 0 ? "" : ", ", blobs[i].digest.string(), format_bytes(blobs[i].size));
  if (blobs.size() > most) list += fmt::format(" and {} more", blobs.size() - most);
  return list;
}

blob_sums sums_of(const std::vector<extracted_blob>& blobs) {
  blob_sums sums;
  for (const extracted_blob& one : blobs) {
    if (one.absent || one.role == blob_role::manifest) continue;
    const bool held = one.held && !one.taken;
    const bool layer = one.role == blob_role::layer;
    ++sums.plan.blobs;
    sums.plan.bytes += one.blob.size;
    if (layer) ++sums.layers;
    if (!held) continue;
    ++sums.plan.blobs_held;
    sums.plan.bytes_held += one.blob.size;
    if (layer) ++sums.layers_held;
  }
  return sums;
}

result<std::vector<extracted_blob>> plan_blobs(archive::image_source& source, const std::vector<archive::archived_image>& images,
                                               const store::content_store* store, const std::string& source_label) {
  collector blobs(source, store, source_label);
  for (const archive::archived_image& image : images) {
    if (const result<void> added = blobs.add(image); !added) return added.error();
  }
  return blobs.finish();
}

void append_described(std::vector<pulled_image>& list, const reference& name, const archive::archived_image& image) {
  for (const archive::archived_manifest& one : image.manifests) {
    if (!one.attestation) list.push_back({name, image.top, one.manifest, one.config.value_or(descriptor()), one.platform});
  }
}

result<void> take_blob(archive::image_source& source, const extracted_blob& what, const store::content_store& store,
                       const std::function<void(std::uint64_t)>& progress, const std::atomic<bool>& stop) {
  const result<std::unique_ptr<model::blob_reader>> opened = source.open(what.blob);
  if (!opened) return opened.error();
  // The type that a manifest gives a layer may be wrong; what engines go by is the content.
  const result<model::compression> kind = what.diff_id ? archive::sniff(**opened) : result<model::compression>(model::compression::none);
  if (!kind) return kind.error();
  std::unique_ptr<store::blob_writer> writer;
  if (!what.held) {
    result<std::unique_ptr<store::blob_writer>> begun = store.write_blob(what.blob.digest.algorithm());
    if (!begun) return begun.error();
    writer = std::move(*begun);
  }
  std::optional<model::digester> raw;
  if (what.diff_id && *kind == model::compression::none && what.diff_id.algorithm() == what.blob.digest.algorithm()) {
    if (what.diff_id != what.blob.digest) return wrong_diff_id(what, what.blob.digest);
  } else if (what.diff_id) {
    raw.emplace(what.diff_id.algorithm());
  }

  archive::inflating_reader content(**opened, *kind, fmt::format("layer {}", what.blob.digest.short_form()));
  result<void> written;
  std::uint64_t seen = 0;
  store::blob_meta facts;
  content.observe([&](std::span<const std::byte> bytes) {
    if (writer && written) written = writer->write(bytes);
    progress(seen += bytes.size());
  });
  const archive::copy_buffer buffer(archive::copy_buffer_size);
  for (;;) {
    if (stop.load(std::memory_order_relaxed)) return failure(errc::cancelled, "stopped");
    const result<std::size_t> got = content.read(buffer.bytes());
    if (!got) return got.error();
    if (!written) return written;
    if (raw) raw->update(buffer.bytes().first(*got));
    // gzip brings its own.
    if (raw && *kind != model::compression::gzip) facts.crc32 = archive::continue_crc(facts.crc32, buffer.bytes().first(*got));
    if (*got < buffer.bytes().size()) break;
  }
  if (raw) {
    if (const digest computed = raw->finish(); computed != what.diff_id) return wrong_diff_id(what, computed);
  }
  if (writer) {
    const result<digest> committed = writer->commit(what.blob.digest);
    if (!committed) return committed.error();
  }
  if (!raw || *kind == model::compression::none) return {};
  facts.diff_id = what.diff_id;
  facts.raw_size = content.facts().raw_size;
  facts.whole_members = *kind == model::compression::gzip && content.facts().trailing == 0;
  if (*kind == model::compression::gzip) facts.crc32 = content.facts().crc;
  // They save whoever exports the layer uncompressed a pass over it; without them it is inflated once more.
  [[maybe_unused]] const result<void> kept = store.put_meta(what.blob.digest, facts);
  return {};
}

}  // namespace gantry::jobs
