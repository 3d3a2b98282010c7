#include "store/content_store.hpp"
#include "store/image_tree.hpp"
#include "store/presence.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <utility>

// The part of content_store that deals with references and index.json.

namespace gantry::store {
namespace {

/// 10,000 platform manifests with long platform descriptions fit.
constexpr std::size_t record_cap_bytes = std::size_t{16} << 20;
/// An index.json longer than this is written anew without a look at the old one.
constexpr std::size_t index_compare_cap_bytes = std::size_t{64} << 20;

/// The record at \p path when it is sound and stands where its name belongs. Fails with errc::malformed_document.
result<reference_record> sound_record(const paths& where, const std::filesystem::path& path, std::string_view text) {
  auto record = parse_record(text);
  if (!record) return failure(errc::malformed_document, text.empty() ? "is empty" : "is cut off or damaged");
  if (where.reference(record->name) != path) {
    return failure(errc::malformed_document, "holds the record of " + record->name.string());
  }
  return std::move(*record);
}

/// Calls \p visit with every file below \p top that may be a record; what vanishes meanwhile is left out.
template <class Visitor>
result<void> for_each_record_file(const std::filesystem::path& top, Visitor visit) {
  std::vector<std::filesystem::path> pending{top};
  while (!pending.empty()) {
    const std::filesystem::path directory = std::move(pending.back());
    pending.pop_back();
    std::error_code ec;
    std::filesystem::directory_iterator entry(directory, ec);
    for (; !ec && entry != std::filesystem::directory_iterator(); entry.increment(ec)) {
      std::error_code ignored;
      if (entry->is_directory(ignored)) {
        pending.push_back(entry->path());
      } else if (directory.filename() == "_" && entry->path().filename().native().front() != '.') {
        visit(entry->path());
      }
    }
    if (ec && ec != std::errc::no_such_file_or_directory) return system_failure(ec.value(), "cannot list", directory.string());
  }
  return {};
}

/// \p whole as far as \p wanted leads, which is its top or stands in it; nothing when it is neither.
std::optional<reference_record> part_with(const reference_record& whole, const digest& wanted) {
  if (whole.top.digest == wanted) return whole;
  const auto same = [&wanted](const descriptor& one) { return one.digest == wanted; };
  reference_record part = whole;
  if (const auto held = std::find_if(whole.manifests.begin(), whole.manifests.end(), same); held != whole.manifests.end()) {
    part.top = *held;
    part.top.platform.reset();
    part.manifests.assign(1, *held);
    part.indexes.clear();
    return part;
  }
  const auto inner = std::find_if(whole.indexes.begin(), whole.indexes.end(), same);
  if (inner == whole.indexes.end()) return std::nullopt;
  part.top = *inner;
  return part;
}

}  // namespace

std::string advice_of(const damaged_record& one) {
  const std::string name = one.name.familiar();
  return fmt::format(
      "the record of {} {} ({}): pull it again, or remove it with 'gantry clean {}'; until then 'gantry clean' keeps what it may need",
      name, one.why, one.path.string(), name);
}

result<std::optional<index_lock>> content_store::try_lock_index() const {
  if (auto present = check_presence(paths_); !present) return present.error();
  auto gc = runtime::file_lock::try_acquire(paths_.gc_lock(), 0, runtime::lock_kind::shared);
  if (!gc) return gc.error();
  if (!*gc) return std::optional<index_lock>();
  auto lock = runtime::file_lock::try_acquire(paths_.index_lock());
  if (!lock) return lock.error();
  if (!*lock) return std::optional<index_lock>();
  return std::optional<index_lock>(index_lock(std::move(**gc), std::move(**lock)));
}

result<void> content_store::put_references(std::vector<reference_record> records, const index_lock& lock) const {
  bool names_synced = false;
  for (reference_record& one : records) {
    if (auto put = put_record(std::move(one), lock, names_synced); !put) return put;
  }
  return {};
}

result<void> content_store::put_record(reference_record record, const index_lock&, bool& names_synced) const {
  if (auto present = check_presence(paths_); !present) return present;
  const auto older = find_reference(record.name);
  if (!older) return older.error();
  record.indexes = nested_indexes(*this, record.top);
  if (*older) record = merge(**older, std::move(record));
  const std::filesystem::path path = paths_.reference(record.name);
  if (*older && record == **older) {
    runtime::touch_file(path);
    return {};
  }
  // A blob that was there already has its name from somebody who may not have come to this, or may come to it after us.
  if (!names_synced) {
    if (auto synced = sync_blob_names(); !synced) return synced;
    names_synced = true;
  }
  auto written = runtime::make_directories(path.parent_path(), 0777, sync_);
  if (written) written = runtime::atomic_write_file(path, to_json(record), {.sync = sync_, .permissions = 0644});
  // Who watches index.json for news has to see those that do not change its text: another platform of an index that it names already.
  if (written) runtime::touch_file(paths_.index());
  if (written || written.error().code != errc::access_denied) return written;
  return failure(errc::access_denied,
                 fmt::format("{} cannot be recorded: the store {} cannot be written", record.name.string(), paths_.root.string()));
}

result<std::optional<reference_record>> content_store::find_reference(const reference& name) const {
  const std::filesystem::path path = paths_.reference(name);
  const auto text = runtime::read_file(path, record_cap_bytes);
  if (text) {
    auto record = sound_record(paths_, path, *text);
    return record ? std::optional(std::move(*record)) : std::nullopt;
  }
  if (text.error().code == errc::file_not_found || text.error().code == errc::limit_exceeded) return std::optional<reference_record>();
  return text.error();
}

result<std::optional<reference_record>> content_store::find_by_content(const reference& image) const {
  std::vector<reference_record> parts;
  if (!image.digest()) return std::optional<reference_record>();
  std::optional<failure> trouble;
  const auto collect = [&](const std::filesystem::path& path) {
    const auto text = runtime::read_file(path, record_cap_bytes);
    if (!text) {
      const bool nothing = text.error().code == errc::file_not_found || text.error().code == errc::limit_exceeded;
      if (!nothing) trouble = text.error();
      return;
    }
    const auto record = sound_record(paths_, path, *text);
    std::optional<reference_record> part = record ? part_with(*record, image.digest()) : std::nullopt;
    if (part) parts.push_back(std::move(*part));
  };
  // All names of a repository stand in one directory.
  if (auto walked = for_each_record_file(paths_.reference(image).parent_path(), collect); !walked) return walked.error();
  if (parts.empty() && trouble) return std::move(*trouble);
  if (parts.empty()) return std::optional<reference_record>();
  std::sort(parts.begin(), parts.end(), [](const reference_record& a, const reference_record& b) { return a.name < b.name; });
  // Each name has the platforms that it was pulled for.
  reference_record all = std::move(parts.front());
  for (std::size_t i = 1; i < parts.size(); ++i) {
    all = merge(parts[i], std::move(all));
  }
  return std::optional(std::move(all));
}

result<held_records> content_store::held_references() const {
  held_records held;
  std::optional<failure> trouble;
  const auto collect = [&](const std::filesystem::path& path) {
    const auto name = paths_.name_at(path);
    // Nobody's record.
    if (!name) return;
    const auto text = runtime::read_file(path, record_cap_bytes);
    if (!text && text.error().code == errc::file_not_found) return;
    const file_time used = modified_at(path).value_or(file_time());
    if (!text && text.error().code == errc::limit_exceeded) {
      held.damaged.push_back({*name, path, "is larger than any record", used});
      return;
    }
    // A disk that fails now says nothing about the name; who took it for absent would give its blobs to a clean-up.
    if (!text) {
      trouble = text.error();
      return;
    }
    auto record = sound_record(paths_, path, *text);
    if (record) {
      held.sound.push_back({std::move(*record), used});
    } else {
      held.damaged.push_back({*name, path, record.error().text.message(), used});
    }
  };
  if (auto walked = for_each_record_file(paths_.references(), collect); !walked) return walked.error();
  if (trouble) return std::move(*trouble);
  std::sort(held.sound.begin(), held.sound.end(),
            [](const held_reference& a, const held_reference& b) { return a.record.name < b.record.name; });
  std::sort(held.damaged.begin(), held.damaged.end(), [](const damaged_record& a, const damaged_record& b) { return a.name < b.name; });
  return held;
}

result<std::vector<reference_record>> content_store::list_references() const {
  auto held = held_references();
  if (!held) return held.error();
  std::vector<reference_record> records;
  for (held_reference& one : held->sound) records.push_back(std::move(one.record));
  return records;
}

void content_store::note_use(const reference& name) const noexcept { runtime::touch_file(paths_.reference(name)); }

result<void> content_store::remove_reference(const reference& name, const gc_lock&) const {
  const std::filesystem::path path = paths_.reference(name);
  if (auto removed = runtime::remove_file(path); !removed) return removed;
  // Before the blobs go: a name must not come back without them.
  std::filesystem::path directory = path.parent_path();
  std::error_code ec;
  if (sync_ && std::filesystem::is_directory(directory, ec)) {
    if (auto synced = runtime::sync_directory(directory); !synced) return synced;
  }
  // Up to the first that something else stands in.
  for (ec.clear(); !ec && directory != paths_.references(); directory = directory.parent_path()) std::filesystem::remove(directory, ec);
  return {};
}

result<void> content_store::rebuild_index(const index_lock&) const {
  auto records = list_references();
  if (!records) return records.error();
  // A dangling entry would break readers of the whole layout.
  std::erase_if(*records, [&](const reference_record& record) { return !holds(index_entry(record)); });
  const std::string text = to_index_json(*records);
  const auto present = runtime::read_file(paths_.index(), index_compare_cap_bytes);
  if (present && *present == text) return {};
  return runtime::atomic_write_file(paths_.index(), text, {.sync = sync_, .permissions = 0644});
}

}  // namespace gantry::store
