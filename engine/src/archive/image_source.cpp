#include "archive/image_source.hpp"

#include "archive/directory_files.hpp"
#include "archive/documents.hpp"
#include "archive/image_tree.hpp"
#include "archive/inflating_input.hpp"
#include "archive/intake.hpp"
#include "archive/layer_facts.hpp"
#include "archive/spool.hpp"
#include "base/redact.hpp"
#include "model/json.hpp"
#include "model/manifest.hpp"
#include "model/media_type.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

namespace gantry::archive {
namespace {

failure in_source(const std::string& name, const failure& why) { return {why.code, fmt::format("{}: {}", name, why.text.message())}; }

/// Whether \p why is a failure of this machine with the path \p name, which such failures tell themselves.
bool tells_itself(const std::string& name, const failure& why) {
  const bool of_system = why.code == errc::file_not_found || why.code == condition::storage;
  return of_system && why.text.message().find(name) != std::string::npos;
}

/// The text of a document at the top of \p files; nothing when there is none.
result<std::optional<std::string>> document(file_set& files, const char* name, std::size_t cap) {
  const result<std::unique_ptr<model::blob_reader>> opened = files.open(name);
  if (!opened) return opened.error();
  if (!*opened) return std::optional<std::string>();
  result<std::string> text = read_all(**opened, cap, name);
  if (!text) return text.error();
  return std::optional(std::move(*text));
}

/// What `skopeo copy ... dir:` writes: a manifest, blobs and a file that says so.
bool is_dir_transport(file_set& files) {
  constexpr std::size_t most = 256;
  const auto version = document(files, "version", most);
  return version && *version && (*version)->starts_with("Directory Transport Version");
}

/// For who names a directory of archives, as they are written of several images.
std::string hint_of(const file_set& files) {
  const std::string inside = files.archive_inside();
  return inside.empty() ? std::string() : fmt::format("; archives lie in it: name one of them, e.g. {}", clean_text(inside));
}

/// Refuses a layout of another version than 1 (image-spec image-layout.md, "oci-layout file"). Without the file it is taken for that: the
/// specification wants it, and there are tools that do not write it.
result<void> check_layout_version(file_set& files) {
  constexpr std::size_t most = std::size_t{64} << 10;
  const auto text = document(files, "oci-layout", most);
  if (!text) return text.error();
  if (!*text) return {};
  std::string version;
  const model::json::shape marker =
      model::json::object({{"imageLayoutVersion", model::json::string(version), model::json::need::required}});
  if (const result<void> read = model::json::read(**text, marker, "oci-layout", {.size = most}); !read) return read.error();
  if (version.starts_with("1.")) return {};
  return failure(errc::unsupported_document,
                 fmt::format("the image layout has the version {}, and 1.0.0 is what is read", clean_text(version)));
}

template <class T>
void add_once(std::vector<T>& list, T value) {
  if (std::find(list.begin(), list.end(), value) == list.end()) list.push_back(std::move(value));
}

/// What annotations of an index.json call an image.
void add_names(source_image& image, const descriptor& entry) {
  const auto annotation = [&entry](const char* key) {
    const auto found = entry.annotations.find(key);
    return found == entry.annotations.end() ? std::string() : found->second;
  };
  const std::string ref_name = annotation(ref_name_annotation);
  for (const std::string& text : {annotation(image_name_annotation), ref_name}) {
    // A word without any of these is a tag, as the specification has it; skopeo and others write whole names.
    if (text.find_first_of("/:@") == std::string::npos) continue;
    error_code ec;
    reference name = reference::parse(text, ec);
    if (ec || (name.tag().empty() && name.digest() != entry.digest)) continue;
    add_once(image.content.names, std::move(name));
  }
  if (!ref_name.empty() && ref_name.find_first_of("/:@") == std::string::npos) add_once(image.tags, ref_name);
}

result<std::vector<reference>> names_of(const docker_entry& entry) {
  std::vector<reference> names;
  for (const std::string& text : entry.tags) {
    error_code ec;
    reference name = reference::parse(text, ec);
    if (ec) {
      return failure(errc::malformed_document,
                     fmt::format("manifest.json of the archive names an image {}, which is no reference", clean_text(text)));
    }
    add_once(names, std::move(name));
  }
  return names;
}

}  // namespace

result<std::unique_ptr<image_source>> image_source::read(std::shared_ptr<file_set> files, model::blob_source* elsewhere,
                                                         const std::string& name, const std::atomic<bool>& stop,
                                                         const hashing_handler& hashing) {
  std::unique_ptr<image_source> made(new image_source(std::move(files)));
  const auto index = document(*made->files_, "index.json", model::document_limit);
  if (!index) return tells_itself(name, index.error()) ? index.error() : in_source(name, index.error());
  const auto manifest = document(*made->files_, "manifest.json", docker_manifest_limit);
  if (!manifest) return tells_itself(name, manifest.error()) ? manifest.error() : in_source(name, manifest.error());
  result<void> read;
  if (*index) {
    read = check_layout_version(*made->files_);
    if (read) read = made->read_layout(**index);
    if (read && *manifest) read = made->add_docker_names(**manifest);
  } else if (*manifest && is_dir_transport(*made->files_)) {
    read = failure(
        errc::unsupported_document,
        "this is a directory of skopeo's dir: format, which is not read; 'skopeo copy dir:IT oci:ANOTHER' makes an OCI layout of it");
  } else if (*manifest) {
    read = made->read_docker(**manifest, stop, hashing);
  } else {
    const auto old = document(*made->files_, "repositories", docker_manifest_limit);
    const bool ancient = old && *old;
    const bool torn = !ancient && made->files_->goes_on_behind_end();
    read = torn ? failure(errc::malformed_document,
                          "the archive is damaged: it goes on behind its end marker, and what stands in front of that is no image")
           : ancient
               ? failure(errc::unsupported_document, "this archive was written by docker before 1.10; load and save it with a newer one")
               : failure(errc::not_found, "there is no image: neither index.json nor manifest.json is at its top" + hint_of(*made->files_));
  }
  if (!read && read.error().code == errc::cancelled) return read.error();
  if (!read) return in_source(name, read.error());
  // Only now: manifests that happen to be there belong to other platforms, whose layers nobody promises.
  made->elsewhere_ = elsewhere;
  return made;
}

result<void> image_source::read_layout(std::string_view index) {
  result<model::document> parsed = model::parse_document(index, model::media_type::oci_index, "index.json");
  if (!parsed) return parsed.error();
  const auto* content = std::get_if<model::index>(&*parsed);
  if (content == nullptr) return failure(errc::malformed_document, "index.json is no index");
  for (const descriptor& entry : content->manifests) {
    const auto same = [&entry](const source_image& image) { return image.content.top.digest == entry.digest; };
    auto place = std::find_if(images_.begin(), images_.end(), same);
    if (place == images_.end()) {
      descriptor top = entry;
      // They say what the layout calls the image, and are no part of it.
      top.annotations.clear();
      result<archived_image> image = read_image(*this, std::move(top), {});
      if (!image) return image.error();
      place = images_.insert(place, source_image{std::move(*image), {}});
    }
    add_names(*place, entry);
  }
  return {};
}

result<void> image_source::read_docker(std::string_view manifest, const std::atomic<bool>& stop, const hashing_handler& hashing) {
  const result<std::vector<docker_entry>> entries = parse_docker_manifest(manifest);
  if (!entries) return entries.error();
  docker_reader images(*files_, stop, hashing);
  for (const docker_entry& entry : *entries) {
    result<docker_content> found = images.read(entry);
    if (!found) return found.error();
    result<std::vector<reference>> names = names_of(entry);
    if (!names) return names.error();
    for (const auto& [blob, path] : found->paths) {
      const result<std::string> clean = clean_member_name(path);
      if (!clean) return clean.error();
      named_as_[blob] = *clean;
    }
    for (std::size_t i = 0; i < found->layers.size(); ++i) {
      const descriptor& layer = found->layers[i];
      if (layer.media_type != model::media_type::oci_layer) unproven_[layer.digest].insert(found->parsed_config.diff_ids[i]);
    }
    made_[found->manifest.digest] = std::move(found->manifest_bytes);
    const auto same = [&found](const source_image& image) { return image.content.top.digest == found->manifest.digest; };
    auto place = std::find_if(images_.begin(), images_.end(), same);
    if (place == images_.end()) {
      archived_manifest held;
      held.manifest = found->manifest;
      held.config = std::move(found->config);
      held.layers = std::move(found->layers);
      held.platform = normalise(found->parsed_config.platform);
      source_image image;
      image.content.top = found->manifest;
      image.content.manifests.push_back(std::move(held));
      place = images_.insert(place, std::move(image));
    }
    for (reference& name : *names) add_once(place->content.names, std::move(name));
  }
  return {};
}

// docker's own archives give an image that has no name in index.json one here.
result<void> image_source::add_docker_names(std::string_view manifest) {
  const result<std::vector<docker_entry>> entries = parse_docker_manifest(manifest);
  if (!entries) return entries.error();
  for (const docker_entry& entry : *entries) {
    const digest config = digest_in_path(entry.config);
    result<std::vector<reference>> names = names_of(entry);
    if (!names) return names.error();
    for (source_image& image : images_) {
      const auto& held = image.content.manifests;
      const bool same = std::any_of(held.begin(), held.end(),
                                    [&config](const archived_manifest& one) { return one.config && one.config->digest == config; });
      if (same && image.content.names.empty()) image.content.names = *names;
    }
  }
  return {};
}

result<void> image_source::keep_only(const std::string& image) {
  std::vector<bool> meant(images_.size());
  error_code ec;
  const reference whole = reference::parse(image, ec);
  const auto has_it = [&](const reference& name) { return name.tag() == image || (!ec && name == whole); };
  for (std::size_t i = 0; i < images_.size(); ++i) {
    const std::vector<reference>& names = images_[i].content.names;
    const std::vector<std::string>& tags = images_[i].tags;
    meant[i] = image == fmt::format("@{}", i) || std::find(tags.begin(), tags.end(), image) != tags.end() ||
               std::any_of(names.begin(), names.end(), has_it);
  }
  const auto found = std::count(meant.begin(), meant.end(), true);
  if (found == 1) {
    source_image one = std::move(images_[static_cast<std::size_t>(std::find(meant.begin(), meant.end(), true) - meant.begin())]);
    // Whoever names one of its names means that one.
    const auto drop_others = [](auto& called, const auto& is_meant) {
      if (std::any_of(called.begin(), called.end(), is_meant)) std::erase_if(called, std::not_fn(is_meant));
    };
    drop_others(one.content.names, has_it);
    drop_others(one.tags, [&image](const std::string& tag) { return tag == image; });
    images_.clear();
    images_.push_back(std::move(one));
    return {};
  }
  std::string there;
  constexpr std::size_t most = 8;
  for (std::size_t i = 0; i < std::min(most, images_.size()); ++i) {
    const source_image& one = images_[i];
    const bool named = !one.content.names.empty();
    there += fmt::format("{}{}", i == 0 ? "" : ", ",
                         named               ? one.content.names.front().string()
                         : !one.tags.empty() ? clean_text(one.tags.front())
                                             : fmt::format("@{}", i));
  }
  if (images_.size() > most) there += fmt::format(" and {} more", images_.size() - most);
  return failure(found == 0 ? errc::not_found : errc::invalid_option,
                 fmt::format("{} image is called {}; there {}: {}", found == 0 ? "no" : "more than one", clean_text(image),
                             images_.size() == 1 ? "is" : "are", there.empty() ? "none" : there));
}

std::string image_source::path_of(const digest& blob) const {
  const auto named = named_as_.find(blob);
  return named != named_as_.end() ? named->second : blob_path(blob);
}

bool image_source::took(const digest& blob) const { return files_->known_digest(path_of(blob)) == blob; }

result<void> image_source::check_layers(const std::vector<archived_image>& images, const std::atomic<bool>& stop) {
  for (const archived_image& image : images) {
    for (const archived_manifest& held : image.manifests) {
      for (const descriptor& layer : held.layers) {
        const auto found = unproven_.find(layer.digest);
        if (found == unproven_.end()) continue;
        const result<std::unique_ptr<model::blob_reader>> opened = open(layer);
        if (!opened) return opened.error();
        for (const digest& diff_id : found->second) {
          const result<store::blob_meta> fits = inspect_layer(**opened, layer, diff_id, stop);
          if (!fits) return fits.error();
        }
        unproven_.erase(found);
      }
    }
  }
  return {};
}

bool image_source::holds(const descriptor& blob) { return open(blob).has_value(); }

result<std::unique_ptr<model::blob_reader>> image_source::open(const descriptor& blob) {
  if (const auto made = made_.find(blob.digest); made != made_.end()) return reader_of(made->second);
  result<std::unique_ptr<model::blob_reader>> opened = files_->open(path_of(blob.digest));
  if (!opened) return opened.error();
  if (*opened && (*opened)->size() == blob.size) return opened;
  if (*opened) {
    return failure(errc::size_mismatch, fmt::format("blob {} is {} bytes long there, but its descriptor says {}", blob.digest.string(),
                                                    (*opened)->size(), blob.size));
  }
  if (blob.data) {
    result<std::optional<std::string>> carried = model::inline_content(blob);
    if (!carried) return carried.error();
    return reader_of(std::move(**carried));
  }
  if (elsewhere_ != nullptr) return elsewhere_->open(blob);
  return failure(errc::not_found, fmt::format("blob {} ({} bytes) is not in the archive", blob.digest.string(), blob.size));
}

namespace {

/// Precondition: no descriptor.
std::filesystem::path location_of(const archive_input& where) {
  const auto* member = std::get_if<archive_member>(&where);
  return member != nullptr ? member->path : std::get<std::string>(where);
}

/// Whether \p opened is compressed, by its first bytes.
result<bool> is_compressed(const runtime::file& opened) {
  std::array<std::byte, 4> head{};
  const result<std::size_t> got = opened.read_at(0, head);
  if (!got) return got.error();
  return sniff(std::span<const std::byte>(head).first(*got)) != model::compression::none;
}

/// The files of an archive that can only be read once.
result<std::shared_ptr<file_set>> read_once(std::unique_ptr<byte_input> from, const source_options& options,
                                            const std::atomic<bool>& stop) {
  const result<std::unique_ptr<byte_input>> plain = plain_input(std::move(from), "the archive");
  if (!plain) return plain.error();
  if (options.into) return take_in(**plain, options.into, stop, options.added);
  result<runtime::file> kept = spool(**plain, options.spool_directory.empty() ? "." : options.spool_directory, stop);
  if (!kept) return kept.error();
  const result<std::shared_ptr<tar_files>> files = tar_files::index(std::move(*kept), stop);
  if (!files) return files.error();
  return std::shared_ptr<file_set>(*files);
}

result<std::shared_ptr<file_set>> open_file(const std::filesystem::path& path, const std::string& name, const source_options& options,
                                            const std::atomic<bool>& stop) {
  result<runtime::file> opened = runtime::file::open(path, runtime::open_mode::read);
  if (!opened) return opened.error();
  const result<std::uint64_t> size = opened->size();
  if (!size) {  // a pipe
    return read_once(std::make_unique<descriptor_input>(opened->descriptor(), name, stop), options, stop);
  }
  const result<bool> compressed = is_compressed(*opened);
  if (!compressed) return compressed.error();
  if (*compressed) return read_once(std::make_unique<file_input>(*opened, *size), options, stop);
  const result<std::shared_ptr<tar_files>> files = tar_files::index(std::move(*opened), stop);
  if (!files) return files.error();
  return std::shared_ptr<file_set>(*files);
}

result<std::shared_ptr<file_set>> open_files(const archive_input& where, const std::string& name, const source_options& options,
                                             const std::atomic<bool>& stop) {
  if (const int* descriptor = std::get_if<int>(&where)) {
    return read_once(std::make_unique<descriptor_input>(*descriptor, name, stop), options, stop);
  }
  const std::filesystem::path path = location_of(where);
  std::error_code ec;
  if (std::filesystem::is_directory(path, ec)) return std::shared_ptr<file_set>(std::make_shared<directory_files>(path));
  return open_file(path, name, options, stop);
}

}  // namespace

std::string source_name(const archive_input& where) {
  const int* descriptor = std::get_if<int>(&where);
  if (descriptor == nullptr) return clean_text(location_of(where).string());
  return *descriptor == 0 ? "standard input" : fmt::format("descriptor {}", *descriptor);
}

failure of_source(const std::string& name, failure why) {
  const bool content = why.code == condition::integrity || why.code == errc::limit_exceeded || why.code == errc::unsupported_document;
  if (!content || why.text.message().find(name) != std::string::npos) return why;
  return in_source(name, why);
}

result<std::unique_ptr<image_source>> open_image_source(const archive_input& where, const source_options& options,
                                                        const std::atomic<bool>& stop) {
  const std::string name = source_name(where);
  result<std::shared_ptr<file_set>> files = open_files(where, name, options, stop);
  if (files) {
    bool told = false;
    const auto hashing = [&](std::uint64_t bytes) {
      constexpr std::uint64_t long_bytes = std::uint64_t{64} << 20;
      if (told || !options.tell || bytes < long_bytes) return;
      told = true;
      options.tell(fmt::format("the layers of {} are hashed, since their names tell no digest", name));
    };
    result<std::unique_ptr<image_source>> source = image_source::read(std::move(*files), options.elsewhere, name, stop, hashing);
    const auto* member = std::get_if<archive_member>(&where);
    if (!source || member == nullptr) return source;
    if (const result<void> kept = (*source)->keep_only(member->image); !kept) return in_source(name, kept.error());
    return source;
  }
  if (std::get_if<int>(&where) == nullptr && tells_itself(name, files.error())) return files.error();
  return in_source(name, files.error());
}

}  // namespace gantry::archive
