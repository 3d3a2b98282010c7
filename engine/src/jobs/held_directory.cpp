#include "jobs/held_directory.hpp"

#include "archive/image_tree.hpp"
#include "archive/output_directory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

namespace gantry::jobs {

result<held_images> read_directory(const std::filesystem::path& path, const std::atomic<bool>& stop) {
  held_images held;
  if (const result<void> fine = archive::output_directory::check(path); !fine) return fine.error();
  std::error_code ec;
  if (!std::filesystem::exists(path, ec) || std::filesystem::is_empty(path, ec)) return held;
  auto opened = archive::open_image_source(path, {}, stop);
  if (!opened) return opened.error();
  for (const archive::source_image& one : (*opened)->images()) {
    for (const reference& name : one.content.names) {
      archive::archived_image image = one.content;
      if (!image.indexes.empty()) image.words.reset();  // nothing is made of it, and a long list is held as a whole
      image.names.assign(1, name);
      held.named.emplace(name, std::move(image));
    }
    if (!one.content.names.empty()) continue;
    held.nameless.push_back(one.tags.empty() ? one.content.top.digest.string() : fmt::format("the image {}", one.tags.front()));
  }
  held.blobs = std::move(*opened);
  return held;
}

bool is_whole(model::blob_source& blobs, const archive::archived_image& image) {
  const bool single = image.manifests.size() == 1 && image.manifests.front().manifest.digest == image.top.digest;
  if (!single && image.indexes.empty()) return false;
  const auto there = [&](const descriptor& blob) { return blobs.open(blob).has_value(); };
  return std::all_of(image.manifests.begin(), image.manifests.end(), [&](const archive::archived_manifest& one) {
    return (!one.config || there(*one.config)) && std::all_of(one.layers.begin(), one.layers.end(), there);
  });
}

bool store_and_directory::holds(const descriptor& blob) const noexcept {
  if (store_->holds(blob) || (aside_ && aside_->holds(blob))) return true;
  return directory_ && directory_->open(blob).has_value();
}

result<std::string> store_and_directory::read(const descriptor& blob, std::size_t cap) const {
  if (aside_ && aside_->holds(blob)) return aside_->read(blob, cap);
  if (store_->holds(blob) || !directory_) return store_->read(blob, cap);
  return archive::read_blob(*directory_, blob, cap, fmt::format("blob {} of the directory", blob.digest.short_form()));
}

result<void> store_and_directory::put(const descriptor& blob, std::string_view bytes) const {
  return aside_ ? aside_->put(blob, bytes) : store_->put(blob, bytes);
}

result<std::optional<store::reference_record>> store_and_directory::find_reference(const reference& name) const {
  if (!pinned_.digest || name.digest() != pinned_.digest || !holds(pinned_)) return store_->find_reference(name);
  store::reference_record record;
  record.name = name;
  record.top = pinned_;
  return std::optional(std::move(record));
}

result<std::unique_ptr<model::blob_reader>> store_and_directory::open(const descriptor& blob) {
  if (aside_ && aside_->holds(blob)) return aside_->open(blob);
  return store_->holds(blob) || !directory_ ? store_->open(blob) : directory_->open(blob);
}

}  // namespace gantry::jobs
