#include "store_results.hpp"

#include "json_line.hpp"
#include "utf8.hpp"

#include <gantry/format.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <ctime>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::app {
namespace {

using std::chrono::system_clock;

/// As in RFC 3339, UTC.
std::string timestamp(system_clock::time_point when) {
  const std::time_t seconds = system_clock::to_time_t(when);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text.data(), length};
}

std::string age(system_clock::duration value) {
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(value).count();
  if (minutes < 1) return "just now";
  if (minutes < 60) return fmt::format("{} min ago", minutes);
  if (minutes < 48 * 60) return fmt::format("{} h ago", minutes / 60);
  return fmt::format("{} days ago", minutes / (24 * 60));
}

bool is_attestation(const platform& value) { return value.os == "unknown" && value.architecture == "unknown"; }

std::string platforms_of(const stored_reference& one) {
  std::string text;
  for (const auto& manifest : one.manifests) {
    if (manifest.image_platform.os.empty() || is_attestation(manifest.image_platform)) continue;
    text += (text.empty() ? "" : ", ") + to_string(manifest.image_platform);
  }
  return text.empty() ? "-" : text;
}

std::string manifest_json(const stored_manifest& one) {
  std::vector<std::string> blobs;
  for (const auto& blob : one.blobs) {
    json_object object;
    object.add("digest", blob.blob.digest.string()).add("size", blob.blob.size).add("path", blob.path);
    object.add("media_type", blob.blob.media_type).add("config", blob.config).add("compressed", blob.compressed).add("held", blob.held);
    blobs.push_back(object.string());
  }
  json_object object;
  object.add("digest", one.manifest.digest.string()).add("media_type", one.manifest.media_type).add("size", one.manifest.size);
  object.add("path", one.path);
  object.add("platform", one.image_platform.os.empty() ? std::string() : to_string(one.image_platform));
  object.add("config_digest", one.config.digest.string()).add_raw("blobs", json_array(blobs));
  return object.string();
}

std::string reference_json(const stored_reference& one) {
  std::vector<std::string> manifests;
  for (const auto& manifest : one.manifests) manifests.push_back(manifest_json(manifest));
  json_object object;
  object.add("name", one.reference.string()).add("registry", one.reference.registry()).add("repository", one.reference.repository());
  object.add("reference", one.reference.manifest_reference()).add("digest", one.top.digest.string());
  object.add("media_type", one.top.media_type).add("path", one.path).add("size", one.size);
  object.add("pulled", timestamp(one.pulled)).add("complete", one.complete).add_raw("manifests", json_array(manifests));
  return object.string();
}

std::string names_json(const std::vector<reference>& names) {
  std::vector<std::string> list;
  for (const auto& name : names) list.push_back(json_quote(name.string()));
  return json_array(list);
}

json_object document() { return json_object().add("version", std::uint64_t{1}); }

/// Damage without a digest is that of a name's record (see \ref verify_lines).
bool is_record(const damaged_blob& one) { return !one.blob.digest; }

const char* state_of(const damaged_blob& one) { return one.repaired ? "repaired" : one.missing ? "missing" : "damaged"; }

}  // namespace

std::string counted(std::size_t number, const char* word) { return fmt::format("{} {}{}", number, word, number == 1 ? "" : "s"); }

namespace {

/// A row of the list: name, platforms, size, age.
using list_row = std::array<std::string, 4>;

std::string narrow_list(const std::vector<list_row>& rows, std::size_t width) {
  std::string text;
  for (const auto& one : rows)
    text += fmt::format("{}\n  {}\n", one[0], wrap(fmt::format("{}, {}, {}", one[2], one[3], one[1]), width < 2 ? 1 : width - 2, 2));
  return text;
}

}  // namespace

std::string list_table(const list_result& all, system_clock::time_point now, std::size_t width) {
  if (all.references.empty()) return {};
  std::vector<list_row> rows{{"NAME", "PLATFORMS", "SIZE", "PULLED"}};
  for (const auto& one : all.references) {
    const char* mends = one.manifests.empty() ? "  in part: 'gantry pull' completes it" : "  incomplete: 'gantry verify --repair' mends it";
    const std::string pulled = age(now - one.pulled) + (one.complete ? "" : mends);
    rows.push_back({one.reference.string(), platforms_of(one), format_bytes(one.size), pulled});
  }
  std::array<std::size_t, 3> widths{};
  for (const auto& one : rows) {
    for (std::size_t i = 0; i < widths.size(); ++i) widths[i] = std::max(widths[i], one[i].size());
  }
  std::size_t widest = 0;
  for (const auto& one : rows) widest = std::max(widest, widths[0] + widths[1] + widths[2] + 6 + one[3].size());
  if (width != 0 && widest > width) return narrow_list(rows, width);
  std::string text;
  for (const auto& one : rows)
    text += fmt::format("{:<{}}  {:<{}}  {:>{}}  {}\n", one[0], widths[0], one[1], widths[1], one[2], widths[2], one[3]);
  return text;
}

std::string usage_text(const list_result& all) {
  const auto& usage = all.usage;
  if (!usage.exists) return fmt::format("there is no store at {} yet", usage.directory);
  std::string text = fmt::format("{}, {}, {} in {}", counted(all.references.size(), "name"), counted(usage.blobs, "blob"),
                                 format_bytes(usage.bytes), usage.directory);
  if (usage.partial_bytes > 0) text += fmt::format("; {} of unfinished blobs", format_bytes(usage.partial_bytes));
  if (usage.quarantined_bytes > 0) text += fmt::format("; {} in quarantine", format_bytes(usage.quarantined_bytes));
  return text;
}

std::string list_json(const list_result& all) {
  json_object store;
  store.add("path", all.usage.directory).add("blobs", std::uint64_t{all.usage.blobs}).add("bytes", all.usage.bytes);
  store.add("partial_bytes", all.usage.partial_bytes).add("quarantined_bytes", all.usage.quarantined_bytes);
  std::vector<std::string> references;
  for (const auto& one : all.references) references.push_back(reference_json(one));
  return document().add_raw("store", store.string()).add_raw("references", json_array(references)).string() + "\n";
}

std::string clean_lines(const clean_result& done) {
  std::string lines;
  for (const auto& name : done.references) lines += name.string() + "\n";
  return lines;
}

std::string clean_text(const clean_result& done, bool dry_run) {
  std::string what = fmt::format("{} and {}", counted(done.references.size(), "name"), counted(done.blobs.size(), "blob"));
  if (done.partial > 0) what += fmt::format(" and {}", counted(done.partial, "unfinished blob"));
  if (done.uploads > 0) what += fmt::format(" and {}", counted(done.uploads, "unfinished upload"));
  return fmt::format("{} {}, {} {}; {} remain in {}", what, dry_run ? "would be removed" : "removed", format_bytes(done.freed),
                     dry_run ? "would be freed" : "freed", format_bytes(done.remaining), done.directory);
}

std::string clean_json(const clean_result& done, bool dry_run) {
  std::vector<std::string> blobs;
  for (const auto& blob : done.blobs) blobs.push_back(json_object().add("digest", blob.digest.string()).add("size", blob.size).string());
  json_object object = document();
  object.add("dry_run", dry_run).add("store", done.directory).add_raw("references", names_json(done.references));
  object.add_raw("blobs", json_array(blobs))
      .add("partial", std::uint64_t{done.partial})
      .add("uploads", std::uint64_t{done.uploads})
      .add("freed", done.freed);
  return object.add("remaining", done.remaining).string() + "\n";
}

std::string verify_lines(const verify_result& found) {
  std::string lines;
  for (const auto& one : found.damaged) {
    lines += fmt::format("{} {}", state_of(one), is_record(one) ? "record" : one.blob.digest.string());
    for (const auto& name : one.references) lines += " " + name.string();
    lines += '\n';
  }
  return lines;
}

std::string verify_text(const verify_result& found, std::chrono::milliseconds elapsed) {
  if (found.blobs == 0 && found.damaged.empty()) return fmt::format("the store at {} is empty", found.directory);
  std::uint64_t fetched = 0;
  // What was missing was hashed as it came: it is one of those that are there, and good.
  std::size_t blobs = found.blobs;
  std::uint64_t bytes = found.bytes;
  for (const auto& one : found.damaged) {
    if (!one.repaired || is_record(one)) continue;
    fetched += one.blob.size;
    if (!one.missing) continue;
    ++blobs;
    bytes += one.blob.size;
  }
  std::string text = fmt::format("{}, {}, checked{} in {}: ", counted(blobs, "blob"), format_bytes(bytes),
                                 fetched > 0 ? " and repaired" : "", format_duration(elapsed));
  if (found.damaged.empty()) return text + "all are sound";
  const auto count = [&](const char* state) {
    return std::count_if(found.damaged.begin(), found.damaged.end(), [&](const damaged_blob& one) {
      return (one.repaired || !is_record(one)) && std::string_view(state_of(one)) == state;
    });
  };
  const char* between = "";
  for (const char* state : {"damaged", "missing", "repaired"}) {
    if (const auto number = count(state); number > 0) text += fmt::format("{}{} {}", std::exchange(between, ", "), number, state);
  }
  if (fetched > 0) text += fmt::format(" ({} fetched)", format_bytes(fetched));
  if (const std::size_t records = damaged_records(found.damaged); records > 0) text += between + counted(records, "damaged record");
  return text;
}

std::string verify_json(const verify_result& found) {
  std::vector<std::string> damaged;
  for (const auto& one : found.damaged) {
    json_object object;
    object.add("digest", one.blob.digest.string()).add("size", one.blob.size).add("missing", one.missing);
    object.add("quarantined", one.quarantined).add_raw("references", names_json(one.references));
    damaged.push_back(object.add("repaired", one.repaired).add("trouble", one.trouble).string());
  }
  json_object object = document();
  object.add("store", found.directory).add("blobs", std::uint64_t{found.blobs}).add("bytes", found.bytes);
  return object.add("references", std::uint64_t{found.references}).add_raw("damaged", json_array(damaged)).string() + "\n";
}

bool any_in_place(const std::vector<damaged_blob>& damaged) {
  return std::any_of(damaged.begin(), damaged.end(),
                     [](const damaged_blob& one) { return !is_record(one) && !one.missing && !one.repaired && one.quarantined.empty(); });
}

std::size_t damaged_records(const std::vector<damaged_blob>& damaged) {
  return static_cast<std::size_t>(
      std::count_if(damaged.begin(), damaged.end(), [](const damaged_blob& one) { return is_record(one) && !one.repaired; }));
}

std::size_t unrepaired(const verify_result& found, bool repair) {
  return static_cast<std::size_t>(std::count_if(found.damaged.begin(), found.damaged.end(), [&](const damaged_blob& one) {
    // What nothing needs is out of the way, and that is all that can be done about it.
    return !one.repaired && !(repair && one.references.empty() && !one.quarantined.empty());
  }));
}

}  // namespace gantry::app
