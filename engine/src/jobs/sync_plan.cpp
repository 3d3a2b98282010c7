#include "jobs/sync_plan.hpp"

#include "model/version.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gantry::jobs {

std::string source_name(const planned_sync& one) {
  return one.source.empty() ? fmt::format("oci:{}:{}", one.entry->directory, one.tag_here) : one.source.string();
}

result<reference> target_of(const sync_entry& entry, const sync_options& options) {
  const auto* const to = std::get_if<push_prefix>(&options.to);
  push_prefix place;
  if (entry.place) {
    place = *entry.place;
  } else if (to != nullptr) {
    place = *to;
  } else {
    // In a directory an image keeps the name of its registry: it says where it is from.
    place.registry = entry.source.empty() ? "localhost" : entry.source.registry();
  }
  const std::string& path = entry.target.empty() ? entry.source.repository() : entry.target;
  if (path.empty())
    return failure(errc::invalid_option, fmt::format("{} needs a target: a directory gives its images none", entry.label()));
  const std::string name = fmt::format("{}/{}{}{}", place.registry, place.path, place.path.empty() ? "" : "/", path);
  error_code ec;
  diagnostics why;
  const reference target = reference::parse(name, ec, why);
  if (ec)
    return failure(errc::invalid_option,
                   fmt::format("{}: its target would become {}, which is no name: {}", entry.label(), name, why.message()));
  return target.with_tag({});
}

bool in_shard(std::string_view repository, const sync_shard& shard) noexcept {
  if (shard.count <= 1) return true;
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : repository) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash % shard.count == shard.number - 1;
}

namespace {

std::vector<std::string> tags_of(const sync_entry& entry, const std::vector<std::string>& found) {
  std::vector<std::string> tags = entry.tags;
  for (const std::string& tag : found) {
    if (std::find(tags.begin(), tags.end(), tag) == tags.end()) tags.push_back(tag);
  }
  return tags;
}

bool is_image(const reference& source) { return !source.tag().empty() || source.digest(); }

}  // namespace

result<void> check_tags(const sync_plan& plan, const sync_entry& entry, const reference& target, const std::vector<std::string>& tags) {
  const auto known = plan.named.find(target.name());
  if (known == plan.named.end()) return {};
  for (const std::string& tag : tags) {
    if (!known->second.contains(tag)) continue;
    const reference name = target.with_tag(tag);
    for (const planned_sync& other : plan.images) {
      if (std::find(other.targets.begin(), other.targets.end(), name) == other.targets.end()) continue;
      const bool same = other.entry->platforms == entry.platforms && other.entry->directory == entry.directory &&
                        other.source == (is_image(entry.source) || entry.source.empty() ? entry.source : entry.source.with_tag(tag));
      if (same) break;
      return failure(errc::invalid_option, fmt::format("{} and {} both write {}; give one of them another target", other.entry->label(),
                                                       entry.label(), name.string()));
    }
  }
  return {};
}

result<void> add_entry(sync_plan& plan, const sync_entry& entry, const reference& target, const std::vector<std::string>& found) {
  const std::vector<std::string> tags = tags_of(entry, found);
  if (const result<void> alone = check_tags(plan, entry, target, tags); !alone) return alone.error();
  auto& named = plan.named[target.name()];
  planned_sync together{&entry, entry.source, {}, {}};
  for (const std::string& tag : tags) {
    if (!named.insert(tag).second) continue;
    if (is_image(entry.source)) {
      together.targets.push_back(target.with_tag(tag));
      continue;
    }
    planned_sync one{
        &entry, entry.source.empty() ? reference() : entry.source.with_tag(tag), entry.source.empty() ? tag : std::string(), {}};
    one.targets.push_back(target.with_tag(tag));
    plan.images.push_back(std::move(one));
  }
  if (!together.targets.empty()) plan.images.push_back(std::move(together));
  return {};
}

result<void> check_source(const sync_plan& plan, const sync_entry& entry, const reference& target, const sync_options& options) {
  // In a directory an image has the name of its source.
  if (std::holds_alternative<std::string>(options.to) || entry.source.empty()) return {};
  const auto written = plan.named.find(entry.source.name());
  if (written == plan.named.end()) return {};
  if (options.find_unwanted) {
    return failure(errc::invalid_option,
                   fmt::format("{} comes from {}, into which the list writes, and whose other tags --prune would delete; "
                               "give its target another path",
                               entry.label(), entry.source.name()));
  }
  if (target.name() != entry.source.name()) return {};
  const bool same = !is_image(entry.source) || std::find(entry.tags.begin(), entry.tags.end(), entry.source.tag()) != entry.tags.end();
  if (!same) return {};
  return failure(errc::invalid_option, fmt::format("{} is source and target at once: {}; give --to a namespace, or the entry a target",
                                                   entry.label(), target.name()));
}

digest tag_subject(std::string_view tag) {
  constexpr std::string_view kind = "sha256-";
  constexpr std::size_t letters = 64;
  if (!tag.starts_with(kind) || tag.size() < kind.size() + letters) return {};
  const std::string_view behind = tag.substr(kind.size() + letters);
  if (!behind.empty() && behind != ".sig" && behind != ".att" && behind != ".sbom") return {};
  error_code ec;
  digest subject = digest::parse("sha256:" + std::string(tag.substr(kind.size(), letters)), ec);
  return ec ? digest() : subject;
}

std::vector<std::string> unwanted_tags(const std::vector<std::string>& there, const std::set<std::string>& named) {
  std::vector<std::string> unwanted;
  for (const std::string& tag : there) {
    if (!named.contains(tag) && !tag_subject(tag)) unwanted.push_back(tag);
  }
  std::sort(unwanted.begin(), unwanted.end(), [](const std::string& a, const std::string& b) { return model::natural_compare(a, b) < 0; });
  return unwanted;
}

bool reads_before(const reference& a, const reference& b) {
  return a.name() == b.name() ? model::natural_compare(a.tag(), b.tag()) < 0 : a.name() < b.name();
}

}  // namespace gantry::jobs
