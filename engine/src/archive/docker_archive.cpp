#include "archive/docker_archive.hpp"

#include "archive/sink.hpp"
#include "base/redact.hpp"
#include "model/digester.hpp"
#include "model/json.hpp"
#include "model/json_writer.hpp"
#include "model/manifest.hpp"
#include "model/media_type.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace gantry::archive {
namespace {

namespace json = model::json;

constexpr std::size_t image_limit = model::index_limit;

failure does_not_fit(std::string what) { return {errc::malformed_document, std::move(what)}; }

/// Opens a file that manifest.json names.
result<std::unique_ptr<model::blob_reader>> open_named(file_set& files, const std::string& path) {
  result<std::string> name = clean_member_name(path);
  if (!name) return name.error();
  result<std::unique_ptr<model::blob_reader>> opened = files.open(*name);
  if (opened && !*opened) return does_not_fit(fmt::format("manifest.json names {}, which is not in the archive", clean_text(path)));
  return opened;
}

/// The media type of a layer, by its first bytes: manifest.json gives none.
result<std::string_view> layer_type(model::blob_reader& layer, const std::string& path) {
  std::array<char, 6> head{};
  const result<std::size_t> got = layer.read_at(0, std::as_writable_bytes(std::span(head)));
  if (!got) return got.error();
  const std::string_view start(head.data(), *got);
  if (start.starts_with("\x1f\x8b")) return model::media_type::oci_layer_gzip;
  if (start.starts_with("\x28\xb5\x2f\xfd")) return model::media_type::oci_layer_zstd;
  if (start.starts_with("BZh") || start.starts_with(std::string_view("\xfd\x37zXZ\0", 6))) {
    return failure(errc::unsupported_document,
                   fmt::format("layer {} is compressed with {}, for which there is no media type; gzip and zstd are read", clean_text(path),
                               start.starts_with("BZh") ? "bzip2" : "xz"));
  }
  return model::media_type::oci_layer;
}

result<digest> hash_of(model::blob_reader& from, const std::string& path, const std::atomic<bool>& stop) {
  const copy_buffer buffer(copy_buffer_size);
  model::digester hash(digest_algorithm::sha256);
  for (std::uint64_t offset = 0; offset < from.size();) {
    if (stop.load(std::memory_order_relaxed)) return failure(errc::cancelled, "stopped");
    const result<std::size_t> got = from.read_at(offset, buffer.bytes());
    if (!got) return got.error();
    if (*got == 0) return does_not_fit(fmt::format("layer {} ends early", clean_text(path)));
    hash.update(buffer.bytes().first(*got));
    offset += *got;
  }
  return hash.finish();
}

std::string manifest_of(const docker_content& image) {
  model::json_writer out;
  out.begin_object().member("schemaVersion", 2).member("mediaType", model::media_type::oci_manifest);
  out.key("config");
  model::write(out, image.config);
  out.key("layers").begin_array();
  for (const descriptor& layer : image.layers) model::write(out, layer);
  out.end_array().end_object();
  return out.take();
}

}  // namespace

result<std::vector<docker_entry>> parse_docker_manifest(std::string_view text) {
  std::vector<docker_entry> images;
  json::limits caps;
  caps.size = docker_manifest_limit;
  const json::shape image = json::object({
      {"Config", json::string([&images](std::string_view path) -> json::check {
         images.back().config = path;
         return {};
       }),
       json::need::required},
      {"RepoTags", json::strings([&images]() -> std::vector<std::string>& { return images.back().tags; })},
      {"Layers", json::strings([&images]() -> std::vector<std::string>& { return images.back().layers; }, model::layer_limit)},
  });
  const json::shape top = json::array(
      image, [&images] { images.emplace_back(); }, image_limit);
  if (const result<void> read = json::read(text, top, "manifest.json of the archive", caps); !read) return read.error();
  std::size_t mentions = 0;
  for (const docker_entry& one : images) mentions += one.layers.size();
  if (mentions <= docker_mention_limit) return images;
  return failure(errc::limit_exceeded, fmt::format("manifest.json of the archive names {} layers in all; more than {} are not accepted",
                                                   mentions, docker_mention_limit));
}

digest digest_in_path(std::string_view path) {
  while (path.starts_with("./")) path.remove_prefix(2);
  std::string text;
  if (path.starts_with("blobs/")) {
    text = path.substr(6);
    const std::size_t slash = text.find('/');
    if (slash == std::string::npos) return {};
    text[slash] = ':';
  } else if (path.starts_with("sha256:")) {
    text = path;
  } else if (path.ends_with(".json")) {
    text = fmt::format("sha256:{}", path.substr(0, path.size() - 5));
  }
  error_code ec;
  return digest::parse(text, ec);
}

result<void> docker_reader::read_config(const std::string& path, docker_content& image) {
  const std::string what = fmt::format("the configuration {} of the archive", clean_text(path));
  const auto opened = open_named(files_, path);
  if (!opened) return opened.error();
  const result<std::string> config = read_all(**opened, model::document_limit, what);
  if (!config) return config.error();
  image.config.media_type = model::media_type::oci_config;
  image.config.digest = model::digest_of(*config);
  image.config.size = config->size();
  const digest claimed = digest_in_path(path);
  if (claimed && claimed.algorithm() == digest_algorithm::sha256 && claimed != image.config.digest) {
    return failure(errc::digest_mismatch, fmt::format("{} is damaged: it hashes to {}", what, image.config.digest.string()));
  }
  image.paths[image.config.digest] = path;
  result<model::image_config> parsed = model::parse_image_config(*config, what);
  if (!parsed) return parsed.error();
  image.parsed_config = std::move(*parsed);
  return {};
}

result<descriptor> docker_reader::layer_at(const std::string& path) {
  const result<std::string> name = clean_member_name(path);
  if (!name) return name.error();
  std::string file = files_.real_name(*name);
  const auto known = described_.find(file);
  if (known != described_.end()) return known->second;
  result<descriptor> blob = describe(path, *name);
  if (blob) described_.emplace(std::move(file), *blob);
  return blob;
}

result<descriptor> docker_reader::describe(const std::string& path, const std::string& name) {
  const auto layer = open_named(files_, path);
  if (!layer) return layer.error();
  const result<std::string_view> type = layer_type(**layer, path);
  if (!type) return type.error();
  descriptor blob;
  blob.media_type = *type;
  blob.size = (*layer)->size();
  if (*type == model::media_type::oci_layer) return blob;
  blob.digest = files_.known_digest(name);
  if (blob.digest) return blob;
  if (hashing_) hashing_(blob.size);
  result<digest> hashed = hash_of(**layer, path, stop_);
  if (!hashed) return hashed.error();
  blob.digest = std::move(*hashed);
  return blob;
}

result<docker_content> docker_reader::read(const docker_entry& entry) {
  docker_content image;
  if (const result<void> config = read_config(entry.config, image); !config) return config.error();
  const std::vector<digest>& diff_ids = image.parsed_config.diff_ids;
  if (diff_ids.size() != entry.layers.size()) {
    return does_not_fit(fmt::format("manifest.json names {} layers for the configuration {} of the archive, which has {}",
                                    entry.layers.size(), clean_text(entry.config), diff_ids.size()));
  }
  for (std::size_t i = 0; i < diff_ids.size(); ++i) {
    if (stop_.load(std::memory_order_relaxed)) return failure(errc::cancelled, "stopped");
    const std::string& path = entry.layers[i];
    result<descriptor> blob = layer_at(path);
    if (!blob) return blob.error();
    if (!blob->digest) {
      const result<std::string> name = clean_member_name(path);
      const digest known = files_.known_digest(*name);
      if (known && known.algorithm() == diff_ids[i].algorithm() && known != diff_ids[i]) {
        return failure(errc::digest_mismatch, fmt::format("layer {} hashes to {}, but its configuration says {}", clean_text(path),
                                                          known.string(), diff_ids[i].string()));
      }
      blob->digest = diff_ids[i];
    }
    image.paths[blob->digest] = path;
    image.layers.push_back(std::move(*blob));
  }
  image.manifest_bytes = manifest_of(image);
  image.manifest.media_type = model::media_type::oci_manifest;
  image.manifest.digest = model::digest_of(image.manifest_bytes);
  image.manifest.size = image.manifest_bytes.size();
  return image;
}

}  // namespace gantry::archive
