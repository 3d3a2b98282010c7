#include "registry/referrers_list.hpp"

#include "model/json_writer.hpp"
#include "model/manifest.hpp"
#include "model/media_type.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <set>
#include <utility>
#include <variant>

namespace gantry::registry {
namespace {

/// Where something stands in a text.
struct text_range {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// The array of the top level's member "manifests".
struct listed_array {
  std::size_t bracket = 0;           ///< the closing one
  std::vector<text_range> elements;  ///< its objects
};

/// \p text is a valid JSON object.
std::optional<listed_array> find_array(std::string_view text) {
  listed_array found;
  unsigned depth = 0;
  bool ours = false;  // the value of the member is next, or open
  std::string_view last;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char here = text[at];
    if (here == '"') {
      const std::size_t begin = ++at;
      while (at < text.size() && text[at] != '"') at += text[at] == '\\' ? 2 : 1;
      if (at >= text.size()) return std::nullopt;
      last = text.substr(begin, at - begin);
    } else if (here == ':' && depth == 1) {
      ours = last == "manifests";
    } else if (here == '[' || here == '{') {
      if (ours && depth == 2) found.elements.push_back({at, at});
      ++depth;
    } else if (here == ']' || here == '}') {
      if (ours && depth == 2) {
        found.bracket = at;
        return found;
      }
      if (depth == 0) return std::nullopt;
      --depth;
      if (ours && depth == 2) found.elements.back().end = at + 1;
    }
  }
  return std::nullopt;
}

/// A list that was read: what it names, and where.
struct read_list {
  std::vector<digest> digests;
  listed_array array;  ///< elements like \ref digests
};

result<read_list> read(std::string_view text, std::string_view media_type, std::string_view what) {
  auto parsed = model::parse_document(text, media_type, what);
  if (!parsed) return parsed.error();
  const auto* const content = std::get_if<model::index>(&*parsed);
  if (content == nullptr) {
    return failure(errc::unsupported_document, fmt::format("{} is no list of referrers but an image of that name; it is left alone", what));
  }
  auto array = find_array(text);
  if (!array || array->elements.size() != content->manifests.size()) {
    return failure(errc::malformed_document, fmt::format("{} has no list of manifests that could be changed", what));
  }
  read_list list;
  for (const descriptor& one : content->manifests) list.digests.push_back(one.digest);
  list.array = std::move(*array);
  return list;
}

}  // namespace

listed_referrer listed(const descriptor& entry) {
  model::json_writer out;
  model::write(out, entry);
  return {entry.digest, out.take()};
}

result<std::vector<listed_referrer>> read_referrers(std::string_view text, std::string_view media_type, std::string_view what) {
  const auto list = read(text, media_type, what);
  if (!list) return list.error();
  std::vector<listed_referrer> entries;
  for (std::size_t i = 0; i < list->digests.size(); ++i) {
    const text_range& place = list->array.elements[i];
    entries.push_back({list->digests[i], std::string(text.substr(place.begin, place.end - place.begin))});
  }
  return entries;
}

result<std::optional<std::string>> merge_referrers(std::string_view present, std::string_view media_type,
                                                   std::span<const listed_referrer> more, std::string_view what) {
  read_list list;
  if (!present.empty()) {
    auto there = read(present, media_type, what);
    if (!there) return there.error();
    list = std::move(*there);
  }
  std::set<digest> known(list.digests.begin(), list.digests.end());
  std::string entries;
  for (const listed_referrer& one : more) {
    if (known.insert(one.digest).second) entries += (entries.empty() ? "" : ",") + one.text;
  }
  if (present.empty()) {
    model::json_writer out;
    out.begin_object();
    out.member("schemaVersion", std::uint64_t{2});
    out.member("mediaType", model::media_type::oci_index);
    out.key("manifests");
    out.raw("[" + entries + "]");
    out.end_object();
    return std::optional<std::string>(out.take());
  }
  if (entries.empty()) return std::optional<std::string>();
  std::string merged(present.substr(0, list.array.bracket));
  merged += list.digests.empty() ? "" : ",";
  merged += entries;
  merged += present.substr(list.array.bracket);
  return std::optional<std::string>(std::move(merged));
}

result<std::optional<std::string>> remove_referrer(std::string_view present, std::string_view media_type, const digest& gone,
                                                   std::string_view what) {
  const auto list = read(present, media_type, what);
  if (!list) return list.error();
  const std::vector<text_range>& elements = list->array.elements;
  std::string left;
  std::size_t copied = 0;  // of the text
  bool kept = false;       // an entry stands in front
  bool removed = false;
  for (std::size_t i = 0; i < elements.size(); ++i) {
    if (list->digests[i] != gone) {
      kept = true;
      continue;
    }
    removed = true;
    // With the comma before it, or when it becomes the first one, after it.
    const std::size_t begin = kept ? elements[i - 1].end : elements[i].begin;
    const bool last = i + 1 == elements.size();
    const std::size_t end = kept || last ? elements[i].end : elements[i + 1].begin;
    if (begin > copied) left += present.substr(copied, begin - copied);
    copied = end;
  }
  if (!removed) return std::optional<std::string>();
  left += present.substr(copied);
  return std::optional<std::string>(std::move(left));
}

}  // namespace gantry::registry
