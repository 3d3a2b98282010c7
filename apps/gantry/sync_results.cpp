#include "sync_results.hpp"

#include "exit_code.hpp"
#include "json_line.hpp"
#include "upload_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

namespace gantry::app {
namespace {

const char* name_of(sync_state state) {
  switch (state) {
    case sync_state::copied:
      return "copied";
    case sync_state::partial:
      return "partial";
    case sync_state::unchanged:
      return "unchanged";
    case sync_state::failed:
      break;
  }
  return "failed";
}

constexpr std::array states = {sync_state::copied, sync_state::partial, sync_state::unchanged, sync_state::failed};

std::size_t count(const sync_result& result, sync_state state) {
  return static_cast<std::size_t>(
      std::count_if(result.images.begin(), result.images.end(), [&](const synced_image& one) { return one.state == state; }));
}

/// Tags that could not be deleted; others are kept because they are needed.
std::size_t stuck_tags(const prune_result& pruned) {
  return static_cast<std::size_t>(
      std::count_if(pruned.kept.begin(), pruned.kept.end(), [](const kept_tag& one) { return bool(one.code); }));
}

/// As a list writes it, the tag of a directory's image behind it.
std::string source_of(const synced_image& image) {
  const std::string tag = image.target.tag().empty() ? std::string() : ":" + image.target.tag();
  if (!image.directory.empty()) return fmt::format("oci:{}{}", image.directory, tag);
  return image.source.tag().empty() && !image.source.empty() ? image.source.name() : image.source.string();
}

std::string json(const synced_image& image) {
  json_object one;
  one.add("name", image.target.tag().empty() ? image.target.name() : image.target.string());
  one.add("source", source_of(image));
  one.add("entry", std::uint64_t{image.entry}).add("state", name_of(image.state));
  if (image.state == sync_state::failed) {
    one.add("error", image.message);
    if (!image.server_message.empty()) one.add("server_message", image.server_message);
    return one.string();
  }
  one.add("digest", image.top.digest.string());
  std::vector<std::string> missing;
  for (const platform& absent : image.missing) missing.push_back(json_quote(to_string(absent)));
  if (!missing.empty()) one.add_raw("missing", json_array(missing));
  return one.add("referrers", std::uint64_t{image.referrers}).string();
}

}  // namespace

std::string sync_lines(const sync_result& result, bool dry_run) {
  std::string text;
  for (const synced_image& one : result.images) {
    if (one.state == sync_state::failed) continue;
    const char* const behind = dry_run ? dry_run_word(one.state == sync_state::unchanged) : "";
    text += fmt::format("{} {}{}\n", one.target.string(), one.top.digest.string(), behind);
  }
  return text;
}

std::string sync_json(const sync_result& result, const prune_result& pruned, bool dry_run) {
  std::vector<std::string> images;
  for (const synced_image& one : result.images) images.push_back(json(one));
  std::vector<std::string> deleted;
  for (const reference& one : pruned.deleted) deleted.push_back(json_quote(one.string()));
  std::vector<std::string> kept;
  for (const kept_tag& one : pruned.kept) {
    json_object tag;
    tag.add("name", one.name.string()).add("why", one.why);
    if (!one.server_message.empty()) tag.add("server_message", one.server_message);
    kept.push_back(tag.string());
  }
  json_object all;
  all.add("version", std::uint64_t{1}).add("dry_run", dry_run).add_raw("images", json_array(images));
  all.add_raw("deleted", json_array(deleted)).add_raw("kept", json_array(kept));
  if (pruned.stopped) all.add("stopped", true);
  add_counts(all, result);
  return all.string() + "\n";
}

std::string sync_sentence(const sync_result& result, bool dry_run) {
  const std::size_t all = result.images.size();
  std::string text = fmt::format("{}{} tag{}", dry_run ? "dry run: " : "", all, all == 1 ? "" : "s");
  const char* between = dry_run ? ", " : ": ";
  for (const sync_state state : states) {
    const std::size_t tags = count(result, state);
    if (tags == 0) continue;
    text += fmt::format("{}{} {}", between, tags, dry_run && state == sync_state::copied ? "planned" : name_of(state));
    between = ", ";
  }
  return text;
}

std::optional<problem> sync_failure(const sync_result& result, const prune_result& pruned, bool allow_partial) {
  const int status = sync_status(result, pruned);
  if (status == static_cast<int>(exit_code::done)) return std::nullopt;
  const auto part = [](std::size_t some, std::size_t all, const char* which, const char* done) {
    return fmt::format("{} of {} tag{} {} {} not {}", some, all, all == 1 ? "" : "s", which, all == 1 ? "is" : "are", done);
  };
  const std::size_t failed = count(result, sync_state::failed);
  const std::size_t stuck = stuck_tags(pruned);
  std::string text;
  if (failed != 0) text = part(failed, result.images.size(), "of the list", "written");
  if (failed != 0 && stuck != 0) text += ", and ";
  if (stuck != 0) text += part(stuck, stuck + pruned.deleted.size(), "that the list does not name", "deleted");
  const bool lacks_platform = std::any_of(result.images.begin(), result.images.end(),
                                          [](const synced_image& one) { return one.code == make_error_code(errc::platform_not_found); });
  return problem(static_cast<exit_code>(status), text,
                 lacks_platform && !allow_partial ? "--allow-partial writes a tag without the architectures that its image lacks" : "");
}

int sync_status(const sync_result& result, const prune_result& pruned) {
  const std::size_t failed = count(result, sync_state::failed);
  if (failed == 0) return static_cast<int>(stuck_tags(pruned) != 0 ? exit_code::partial : exit_code::done);
  if (failed < result.images.size()) return static_cast<int>(exit_code::partial);
  const auto first = std::find_if(result.images.begin(), result.images.end(), [](const synced_image& one) { return bool(one.code); });
  return static_cast<int>(first == result.images.end() ? exit_code::partial : exit_code_of(first->code));
}

}  // namespace gantry::app
