#include "model/index_words.hpp"

#include "model/json_members.hpp"
#include "model/json_writer.hpp"
#include "model/manifest.hpp"
#include "model/media_type.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <utility>

namespace gantry::model {
namespace {

constexpr std::array<std::string_view, 6> specified = {"schemaVersion", "mediaType", "artifactType", "manifests", "subject", "annotations"};

/// Whether a key is spelt with escapes: it may be one that stands there already, so that it cannot be passed on unread.
bool is_spelt_out(std::string_view key) { return key.find('\\') != std::string_view::npos; }

}  // namespace

index_words::index_words(std::string_view text) {
  for (const auto& [key, value] : json_members(text)) {
    if (key == "manifests") {
      entries_ = entries_of(value);
    } else if (!is_spelt_out(key)) {
      members_.emplace(key, compact_json(value));
    }
  }
}

std::vector<index_words::written> index_words::entries_of(std::string_view manifests) {
  std::vector<written> entries;
  for (const std::string_view element : json_elements(manifests)) {
    const auto members = json_members(element);
    const auto named = members.find("digest");
    if (named == members.end() || named->second.size() < 2) continue;
    error_code ec;
    written one;
    one.digest = digest::parse(named->second.substr(1, named->second.size() - 2), ec);
    if (ec) continue;
    const bool plain = std::none_of(members.begin(), members.end(), [](const auto& member) { return is_spelt_out(member.first); });
    if (plain) one.text = compact_json(element);
    entries.push_back(std::move(one));
  }
  return entries;
}

void index_words::add_inner(const digest& inner, std::string_view text) {
  const auto at = std::find_if(entries_.begin(), entries_.end(), [&](const written& one) { return one.digest == inner; });
  if (at == entries_.end()) return;
  const auto members = json_members(text);
  const auto manifests = members.find("manifests");
  std::vector<written> below;
  if (manifests != members.end()) below = entries_of(manifests->second);
  const auto place = entries_.erase(at);
  entries_.insert(place, std::make_move_iterator(below.begin()), std::make_move_iterator(below.end()));
}

std::string_view index_words::member(const std::string& name) const {
  const auto found = members_.find(name);
  return found == members_.end() ? std::string_view() : std::string_view(found->second);
}

std::vector<std::pair<std::string, std::string>> index_words::others() const {
  std::vector<std::pair<std::string, std::string>> all;
  for (const auto& one : members_) {
    if (std::find(specified.begin(), specified.end(), one.first) == specified.end()) all.emplace_back(one);
  }
  return all;
}

std::vector<descriptor> index_words::in_order(std::vector<descriptor> members) const {
  std::map<digest, std::size_t> places;
  for (const written& one : entries_) places.emplace(one.digest, places.size());
  const bool known = std::all_of(members.begin(), members.end(), [&](const descriptor& one) { return places.contains(one.digest); });
  if (known) {
    std::stable_sort(members.begin(), members.end(),
                     [&](const descriptor& a, const descriptor& b) { return places.at(a.digest) < places.at(b.digest); });
  }
  return members;
}

std::string index_words::entry(const descriptor& member) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const written& one) { return one.digest == member.digest; });
  if (found == entries_.end() || found->text.empty()) return {};
  const auto members = json_members(found->text);
  const auto runs_on = members.find("platform");
  if (runs_on != members.end()) return runs_on->second == "null" ? std::string() : found->text;
  if (!member.platform) return found->text;
  json_writer out;
  write(out, *member.platform);
  return found->text.substr(0, found->text.size() - 1) + ",\"platform\":" + out.take() + "}";
}

std::string write_index(std::string_view type, std::vector<descriptor> members, const index_words* words) {
  json_writer out;
  out.begin_object().member("schemaVersion", 2).member("mediaType", type);
  const auto copy = [&](const std::string& name) {
    const std::string_view text = words != nullptr ? words->member(name) : std::string_view();
    if (!text.empty() && text != "null") out.key(name).raw(text);
  };
  copy("artifactType");
  out.key("manifests").begin_array();
  if (words != nullptr) members = words->in_order(std::move(members));
  for (const descriptor& member : members) {
    const std::string text = words != nullptr ? words->entry(member) : std::string();
    if (text.empty()) {
      write(out, member);
    } else {
      out.raw(text);
    }
  }
  out.end_array();
  if (type != media_type::docker_list) copy("subject");
  copy("annotations");
  if (words != nullptr) {
    for (const auto& [name, text] : words->others()) out.key(name).raw(text);
  }
  out.end_object();
  return out.take();
}

}  // namespace gantry::model
