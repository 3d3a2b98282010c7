#include "inspect_text.hpp"

#include "json_line.hpp"
#include "utf8.hpp"

#include <gantry/format.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::app {
namespace {

std::string kind_of(const inspected_manifest& one) {
  if (one.attestation) return "attestation";
  return one.image_platform.os.empty() ? "artifact" : to_string(one.image_platform);
}

constexpr std::size_t whole_digest = std::string_view("sha256:").size() + 64;

std::string narrow_layers(const inspected_manifest& only) {
  std::string text = fmt::format("\n{:<12}  {:>9}\n", "LAYER", "SIZE");
  for (const auto& layer : only.layers) text += fmt::format("{:<12}  {:>9}\n", layer.digest.short_form(), format_bytes(layer.size));
  return text;
}

/// \param kinds the width of the first column
std::string narrow_manifests(const inspect_result& found, std::size_t kinds) {
  std::string text = fmt::format("\n{:<{}}  {:<12}  {:>9}\n", "PLATFORM", kinds, "DIGEST", "SIZE");
  for (const auto& one : found.manifests) {
    text += fmt::format("{:<{}}  {:<12}  {:>9}\n", kind_of(one), kinds, one.manifest.digest.short_form(), format_bytes(one.size));
  }
  return text;
}

std::string layer_json(const descriptor& layer) {
  return json_object().add("digest", layer.digest.string()).add("media_type", layer.media_type).add("size", layer.size).string();
}

std::string manifest_json(const inspected_manifest& one) {
  std::vector<std::string> layers;
  for (const auto& layer : one.layers) layers.push_back(layer_json(layer));
  json_object object;
  object.add("digest", one.manifest.digest.string()).add("media_type", one.manifest.media_type);
  if (one.image_platform.os.empty()) {
    object.add_raw("platform", "null");
  } else {
    object.add("platform", to_string(one.image_platform));
  }
  object.add("attestation", one.attestation).add("image_id", one.config.digest.string()).add("size", one.size);
  return object.add_raw("layers", json_array(layers)).string();
}

/// Everything but the version, which stands once.
json_object image_json(const inspect_result& found, json_object object) {
  std::vector<std::string> manifests;
  for (const auto& one : found.manifests) manifests.push_back(manifest_json(one));
  object.add("name", found.reference.string()).add("digest", found.top.digest.string());
  object.add("media_type", found.top.media_type).add("size", found.top.size);
  object.add_raw("manifests", json_array(manifests));
  return object;
}

/// What there is to say before the table, a name and its value in a line. \param narrow no room for a column of values
std::string head_text(const std::vector<std::pair<std::string_view, std::string>>& facts, bool narrow, std::size_t width) {
  std::string text;
  for (const auto& [name, value] : facts)
    text += narrow ? wrap(fmt::format("{}: {}", name, value), width, 2) + "\n" : fmt::format("{:<12}{}\n", name, value);
  return text;
}

std::string names_of(const inspect_result& found) {
  if (!found.names.empty()) return fmt::format("{}", fmt::join(found.names, ", "));
  return found.reference.empty() ? "none" : found.reference.string();
}

}  // namespace

std::string inspect_text(const inspect_result& found, std::size_t width) {
  const bool narrow = width != 0 && width <= whole_digest;
  std::vector<std::pair<std::string_view, std::string>> facts{
      {"name", names_of(found)}, {"digest", found.top.digest.string()}, {"media type", found.top.media_type}};
  const bool single = found.manifests.size() == 1 && found.manifests.front().manifest.digest == found.top.digest;
  if (single) {
    const inspected_manifest& only = found.manifests.front();
    facts.emplace_back("platform", kind_of(only));
    facts.emplace_back("image id", only.config.digest.string());
    facts.emplace_back("size", format_bytes(only.size));
    std::string text = head_text(facts, narrow, width);
    if (narrow) return text + narrow_layers(only);
    text += fmt::format("\n{:<71}  {:>9}  {}\n", "LAYER", "SIZE", "MEDIA TYPE");
    for (const auto& layer : only.layers)
      text += fmt::format("{:<71}  {:>9}  {}\n", layer.digest.string(), format_bytes(layer.size), layer.media_type);
    return text;
  }
  std::size_t kinds = std::string_view("PLATFORM").size();
  for (const auto& one : found.manifests) kinds = std::max(kinds, kind_of(one).size());
  std::string text = head_text(facts, narrow, width);
  if (narrow) return text + narrow_manifests(found, kinds);
  text += fmt::format("\n{:<{}}  {:<71}  {:>6}  {:>9}\n", "PLATFORM", kinds, "DIGEST", "LAYERS", "SIZE");
  for (const auto& one : found.manifests) {
    text += fmt::format("{:<{}}  {:<71}  {:>6}  {:>9}\n", kind_of(one), kinds, one.manifest.digest.string(), one.layers.size(),
                        format_bytes(one.size));
  }
  return text;
}

std::string inspect_json(const inspect_result& found) {
  json_object object;
  object.add("version", std::uint64_t{1});
  return image_json(found, std::move(object)).string() + "\n";
}

std::string inspect_text(const inspect_files_result& found, std::size_t width) {
  std::string text;
  for (const inspect_result& image : found.images) text += (text.empty() ? "" : "\n") + inspect_text(image, width);
  return text;
}

std::string inspect_json(const inspect_files_result& found) {
  std::vector<std::string> images;
  for (const inspect_result& image : found.images) {
    std::vector<std::string> names;
    for (const std::string& name : image.names) names.push_back(json_quote(name));
    images.push_back(image_json(image, json_object()).add_raw("names", json_array(names)).string());
  }
  return json_object().add("version", std::uint64_t{1}).add_raw("images", json_array(images)).string() + "\n";
}

const inspected_manifest* choose_config(const inspect_result& image) {
  const inspected_manifest* only = nullptr;
  std::size_t count = 0;
  const platform host = platform::host();
  for (const inspected_manifest& one : image.manifests) {
    if (one.config_document.empty()) continue;
    if (one.image_platform.os == host.os && one.image_platform.architecture == host.architecture) return &one;
    only = &one;
    ++count;
  }
  return count == 1 ? only : nullptr;
}

}  // namespace gantry::app
