#include "base/redact.hpp"
#include "jobs/push.hpp"
#include "jobs/sync_image.hpp"
#include "model/sync_list_checks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <system_error>
#include <utility>

namespace gantry::jobs {
namespace {

/// The image of a directory that is known by a tag there.
const archive::archived_image* find_tag(const loaded_source& source, const std::string& tag) {
  for (std::size_t i = 0; i < source.images.size(); ++i) {
    const auto& tags = source.tags[i];
    const auto& names = source.images[i].names;
    const auto has = [&](const reference& name) { return name.tag() == tag; };
    if (std::find(tags.begin(), tags.end(), tag) != tags.end() || std::any_of(names.begin(), names.end(), has)) return &source.images[i];
  }
  return nullptr;
}

/// Blocking.
result<loaded_source> load_directory(const std::filesystem::path& directory, const std::atomic<bool>& stop) {
  auto loaded = load_file(nullptr, directory, stop);
  if (loaded || loaded.error().code != errc::file_not_found) return loaded;
  const auto parts = model::split_layout_tag(directory.string());
  std::error_code ec;
  if (!parts || !std::filesystem::is_directory(parts->first, ec)) return loaded;
  return failure(errc::file_not_found, fmt::format("there is no {}; in a list a tag of a directory stands apart: \"source\": \"oci:{}\", "
                                                   "\"tags\": [\"{}\"]",
                                                   clean_text(directory.string()), clean_text(parts->first), parts->second));
}

}  // namespace

task<result<std::shared_ptr<const loaded_source>>> image_sync::load(sync_part& part, std::filesystem::path directory) {
  const auto known = loaded_.find(directory);
  if (known != loaded_.end()) co_return known->second;
  auto read = [directory, running = part.running] { return load_directory(directory, running->stop_flag()); };
  auto loaded = co_await runtime::offload(shared_.lanes, runtime::lane::files, std::move(read));
  if (!loaded) co_return loaded.error();
  std::shared_ptr<const loaded_source> kept = std::make_shared<loaded_source>(std::move(*loaded));
  loaded_.insert_or_assign(directory, kept);
  co_return kept;
}

task<result<void>> image_sync::carry_local(sync_part& part, const planned_sync& one, synced_image& done) {
  const sync_entry& entry = *one.entry;
  const auto source = co_await load(part, entry.directory);
  if (!source) co_return source.error();
  const archive::archived_image* const image = find_tag(**source, one.tag_here);
  if (image == nullptr)
    co_return failure(errc::not_found, fmt::format("oci:{} holds no image {}", clean_text(entry.directory), one.tag_here));
  push_options wanted;
  wanted.platforms = entry.platforms;
  if (options_.allow_partial && !entry.platforms.empty()) {
    wanted.platforms.clear();
    for (const platform& each : entry.platforms) {
      const std::vector<platform> alone(1, each);
      (choose_manifests(*image, alone) ? wanted.platforms : done.missing).push_back(each);
    }
    if (wanted.platforms.empty()) wanted.platforms = entry.platforms;  // it says what there is
    wanted.as_index = !done.missing.empty();
  }
  loaded_source alone;
  alone.images.push_back(*image);
  alone.images.front().names.clear();
  alone.blobs = (*source)->blobs;
  alone.file = (*source)->file;
  auto plan = plan_push(alone.images, push_target(done.target), wanted);
  if (!plan) co_return plan.error();
  auto feed = stored_feed(part.shared, *part.running, alone);
  upload_settings settings = settings_for(reference());
  auto moved = co_await upload(part.shared, *part.running, *ledger_, std::move(feed), std::move(settings), std::move(*plan));
  if (!moved) co_return moved.error();
  add_counts(counts_, moved->counts);
  done.top = moved->images.front().top;
  done.state = moved->images.front().unchanged ? sync_state::unchanged : sync_state::copied;
  if (!done.missing.empty() && done.state == sync_state::copied) done.state = sync_state::partial;
  keep_in_lock(done, source_name(one), image->top.digest, wanted.platforms, done.missing);
  co_return result<void>();
}

}  // namespace gantry::jobs
