// Names, manifests and configurations, and JSON that is passed on as it stands.

#include "fuzz/targets.hpp"
#include "model/image_config.hpp"
#include "model/index_words.hpp"
#include "model/json.hpp"
#include "model/json_members.hpp"
#include "model/manifest.hpp"
#include "model/media_type.hpp"
#include "model/tag_pattern.hpp"

#include <gantry/reference.hpp>

#include <set>
#include <string>
#include <variant>
#include <vector>

namespace gantry::fuzz {
namespace {

void read_reference(std::string_view text) {
  error_code ec;
  const reference name = reference::parse(text, ec);
  if (ec) return;
  const reference again = reference::parse(name.string(), ec);
  expect(!ec && again == name, "a reference is read back from what it is printed as");
  expect(("/" + name.name() + "/").find("/../") == std::string::npos, "no repository leads upwards");
}

void read_manifest(std::string_view text) {
  for (const char* declared : {"", "application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.v2+json"}) {
    (void)model::parse_document(text, declared);
  }
  (void)model::parse_descriptor(text);
}

void read_image_config(std::string_view text) {
  const auto config = model::parse_image_config(text);
  if (config) (void)model::chain_ids(config->diff_ids);
}

bool is_json(std::string_view text) { return model::json::read(text, model::json::shape(), "x").has_value(); }

void cut_object(std::string_view text) {
  std::size_t count = 0;
  if (!model::json::read(text, model::json::keys([&](std::string) { ++count; }), "x")) return;
  const auto members = model::json_members(text);
  expect(members.size() == count, "every member of an object is found, and no other");
  std::string again = "{";
  for (const auto& [key, value] : members) {
    expect(is_json(value), "the value of a member is cut out whole");
    again += again.size() > 1 ? "," : "";
    again += "\"" + key + "\":" + std::string(value);
  }
  expect(is_json(again + "}"), "members can be put together again");
}

void cut_array(std::string_view text) {
  std::size_t count = 0;
  if (!model::json::read(text, model::json::array(model::json::shape(), [&] { ++count; }), "x")) return;
  const auto elements = model::json_elements(text);
  expect(elements.size() == count, "every element of an array is found, and no other");
  for (const std::string_view element : elements) expect(is_json(element), "an element is cut out whole");
}

/// Any JSON that is passed on in pieces.
void read_json_members(std::string_view text) {
  if (!is_json(text)) return;
  cut_object(text);
  cut_array(text);
  const std::string compact = model::compact_json(text);
  expect(is_json(compact) && compact.size() <= text.size() && model::compact_json(compact) == compact,
         "JSON without blanks is JSON, and has no more to lose");
}

/// An index that is written anew in its own words.
void read_index_words(std::string_view text) {
  const auto parsed = model::parse_document(text, "");
  const auto* const content = parsed ? std::get_if<model::index>(&*parsed) : nullptr;
  if (content == nullptr) return;
  const model::index_words words(text);
  const std::string written = model::write_index(content->media_type, content->manifests, &words);
  const auto again = model::parse_document(written, "");
  const auto* const same = again ? std::get_if<model::index>(&*again) : nullptr;
  expect(same != nullptr && same->media_type == content->media_type, "an index is written as an index of its kind");
  std::multiset<std::string> before;
  std::multiset<std::string> after;
  for (const descriptor& one : content->manifests) before.insert(one.digest.string());
  for (const descriptor& one : same->manifests) after.insert(one.digest.string());
  expect(before == after, "what is written names what was there");
  // Keys that are spelt with escapes are not passed on.
  if (text.find('\\') != std::string_view::npos) return;
  expect(same->annotations == content->annotations && same->artifact_type == content->artifact_type, "what an index says of itself stays");
  expect(same->subject == content->subject || content->media_type == model::media_type::docker_list, "what an index refers to stays");
  const bool once = std::set<std::string>(before.begin(), before.end()).size() == before.size();
  if (once) expect(same->manifests == content->manifests, "entries stay as they were, in their order");
}

/// An expression, and behind the first line break tags, one a line.
void read_tag_pattern(std::string_view text) {
  const std::size_t line = text.find('\n');
  const std::string expression(text.substr(0, line));
  const auto pattern = model::tag_pattern::compile(expression);
  if (!pattern) return;
  const auto grouped = model::tag_pattern::compile("(?:" + expression + ")");
  const auto doubled = model::tag_pattern::compile(expression + "|" + expression);
  std::string_view tags = line == std::string_view::npos ? std::string_view() : text.substr(line + 1);
  for (int count = 0; count < 4; ++count) {
    const std::string_view line_text = tags.substr(0, tags.find('\n'));
    const std::string_view tag = line_text.substr(0, 128);
    const bool matches = pattern->matches(tag);
    expect(!grouped || grouped->matches(tag) == matches, "a group changes nothing");
    expect(!doubled || doubled->matches(tag) == matches, "a choice between equals changes nothing");
    if (line_text.size() == tags.size()) return;
    tags.remove_prefix(line_text.size() + 1);
  }
}

constexpr target all[] = {
    {"reference", read_reference},       {"manifest", read_manifest},       {"image_config", read_image_config},
    {"json_members", read_json_members}, {"index_words", read_index_words}, {"tag_pattern", read_tag_pattern},
};

}  // namespace

std::span<const target> model_targets() noexcept { return all; }

}  // namespace gantry::fuzz
