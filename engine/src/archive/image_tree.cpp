#include "archive/image_tree.hpp"

#include "archive/file_set.hpp"
#include "model/digester.hpp"
#include "model/image_config.hpp"
#include "model/index_words.hpp"
#include "model/manifest.hpp"
#include "model/media_type.hpp"
#include "model/platform_match.hpp"

#include <fmt/format.h>

#include <memory>
#include <utility>

namespace gantry::archive {
namespace {

// DESIGN section 6, "index depth".
constexpr unsigned index_depth = 4;

/// Walks the tree of one image.
class tree_reader {
 public:
  tree_reader(model::blob_source& blobs, const std::set<digest>& wanted, archived_image& into)
      : blobs_(blobs), wanted_(wanted), image_(into) {}

  result<void> run() {
    const std::string what = fmt::format("the manifest {}", image_.top.digest.string());
    const result<std::string> bytes = read_blob(blobs_, image_.top, model::document_limit, what);
    if (!bytes) return bytes.error();
    result<model::document> parsed = model::parse_document(*bytes, image_.top.media_type, what);
    if (!parsed) return parsed.error();
    if (auto* content = std::get_if<model::manifest>(&*parsed)) {
      image_.top.media_type = content->media_type;
      return add(image_.top, std::move(*content));
    }
    auto& content = std::get<model::index>(*parsed);
    image_.top.media_type = content.media_type;
    image_.indexes.push_back(image_.top);
    words_ = std::make_shared<model::index_words>(*bytes);
    image_.words = words_;
    if (const result<void> walked = walk(std::move(content.manifests), 1); !walked) return walked;
    if (image_.manifests.empty() && incomplete_) {
      return failure(errc::not_found, fmt::format("none of the manifests that index {} names is there", image_.top.digest.string()));
    }
    if (incomplete_) image_.indexes.clear();
    return {};
  }

 private:
  result<void> walk(std::vector<descriptor> entries, unsigned depth) {
    for (descriptor& entry : entries) {
      if (!seen_.insert(entry.digest).second) continue;
      if (seen_.size() > model::index_limit) {
        return failure(errc::limit_exceeded,
                       fmt::format("index {} names more than {} manifests", image_.top.digest.string(), model::index_limit));
      }
      if (const result<void> read = visit(std::move(entry), depth); !read) return read;
    }
    return {};
  }

  result<void> visit(descriptor entry, unsigned depth) {
    const bool known = entry.media_type.empty() || model::is_index(entry.media_type) || model::is_manifest(entry.media_type);
    if (!model::is_index(entry.media_type) && !wanted_.empty() && !wanted_.contains(entry.digest)) {
      incomplete_ = true;
      return {};
    }
    // An index may name anything (image-spec image-index.md); what is no manifest is carried as it is.
    if (!known) return add_opaque(std::move(entry));
    const std::string what = fmt::format("{} of index {}", entry.digest.string(), image_.top.digest.string());
    const result<std::string> bytes = read_blob(blobs_, entry, model::document_limit, what);
    if (!bytes && bytes.error().code == errc::not_found) {
      incomplete_ = true;
      return {};
    }
    if (!bytes) return bytes.error();
    result<model::document> parsed = model::parse_document(*bytes, entry.media_type, what);
    if (!parsed) return parsed.error();
    if (auto* content = std::get_if<model::manifest>(&*parsed)) {
      if (model::is_index(entry.media_type)) return disguised(what);
      if (entry.media_type.empty()) entry.media_type = content->media_type;
      return add(std::move(entry), std::move(*content));
    }
    auto& content = std::get<model::index>(*parsed);
    if (model::is_manifest(entry.media_type)) return disguised(what);
    if (depth == index_depth) {
      return failure(errc::limit_exceeded, fmt::format("{} nests indexes deeper than {} levels", image_.top.digest.string(), index_depth));
    }
    entry.media_type = content.media_type;
    words_->add_inner(entry.digest, *bytes);
    image_.indexes.push_back(std::move(entry));
    return walk(std::move(content.manifests), depth + 1);
  }

  static failure disguised(const std::string& what) {
    return {errc::malformed_document, fmt::format("{} is not of the kind that its index says", what)};
  }

  result<void> add_opaque(descriptor entry) {
    const result<std::unique_ptr<model::blob_reader>> there = blobs_.open(entry);
    if (!there && there.error().code != errc::not_found) return there.error();
    if (!there) {
      incomplete_ = true;
      return {};
    }
    archived_manifest held;
    held.manifest = std::move(entry);
    image_.manifests.push_back(std::move(held));
    return {};
  }

  result<void> add(descriptor entry, model::manifest content) {
    archived_manifest held;
    held.attestation = model::is_attestation(entry);
    if (entry.platform) {
      held.platform = normalise(*entry.platform);
    } else if (!held.attestation && model::is_image(content)) {
      const std::string what = fmt::format("the configuration of {}", entry.digest.string());
      const result<std::string> bytes = read_blob(blobs_, content.config, model::document_limit, what);
      // Whoever needs it will say that it is missing.
      if (!bytes && bytes.error().code != errc::not_found) return bytes.error();
      if (bytes) {
        const auto config = model::parse_image_config(*bytes, what);
        if (!config) return config.error();
        held.platform = normalise(config->platform);
      }
    }
    held.manifest = std::move(entry);
    if (content.config.digest) held.config = std::move(content.config);
    held.layers = std::move(content.layers);
    held.artifact_type = std::move(content.artifact_type);
    image_.manifests.push_back(std::move(held));
    return {};
  }

  model::blob_source& blobs_;
  const std::set<digest>& wanted_;
  archived_image& image_;
  std::set<digest> seen_;
  std::shared_ptr<model::index_words> words_;
  bool incomplete_ = false;
};

}  // namespace

result<std::string> read_blob(model::blob_source& from, const descriptor& blob, std::size_t cap, std::string_view what) {
  const result<std::unique_ptr<model::blob_reader>> opened = from.open(blob);
  if (!opened) return opened.error();
  result<std::string> bytes = read_all(**opened, cap, what);
  if (!bytes) return bytes.error();
  if (model::digest_of(*bytes, blob.digest.algorithm()) == blob.digest) return bytes;
  return failure(errc::digest_mismatch, fmt::format("{} is damaged: it does not hash to {}", what, blob.digest.string()));
}

result<archived_image> read_image(model::blob_source& blobs, descriptor top, std::vector<reference> names, const std::set<digest>& wanted) {
  archived_image image;
  image.names = std::move(names);
  image.top = std::move(top);
  if (const result<void> read = tree_reader(blobs, wanted, image).run(); !read) return read.error();
  return image;
}

}  // namespace gantry::archive
