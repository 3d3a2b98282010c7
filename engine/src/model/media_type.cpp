#include "model/media_type.hpp"

#include <algorithm>
#include <array>

namespace gantry::model {
namespace {

template <std::size_t N>
bool one_of(const std::array<std::string_view, N>& list, std::string_view type) noexcept {
  return std::find(list.begin(), list.end(), type) != list.end();
}

bool is_letter_or_digit(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

/// restricted-name of RFC 6838: begins with a letter or digit, at most 127 characters.
bool is_restricted_name(std::string_view name) noexcept {
  if (name.empty() || name.size() > 127 || !is_letter_or_digit(name.front())) return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return is_letter_or_digit(c) || std::string_view("!#$&-^_.+").find(c) != std::string_view::npos; });
}

}  // namespace

bool is_index(std::string_view type) noexcept { return type == media_type::oci_index || type == media_type::docker_list; }

bool is_manifest(std::string_view type) noexcept { return type == media_type::oci_manifest || type == media_type::docker_manifest; }

bool is_schema1(std::string_view type) noexcept { return type == media_type::docker_schema1 || type == media_type::docker_schema1_signed; }

bool is_image_config(std::string_view type) noexcept { return type == media_type::oci_config || type == media_type::docker_config; }

bool is_image_layer(std::string_view type) noexcept {
  using namespace media_type;
  static constexpr std::array<std::string_view, 6> layers{oci_layer,    oci_layer_gzip,    oci_layer_zstd,
                                                          docker_layer, docker_layer_gzip, docker_layer_zstd};
  return one_of(layers, type) || is_foreign_layer(type);
}

bool is_foreign_layer(std::string_view type) noexcept {
  using namespace media_type;
  static constexpr std::array<std::string_view, 5> layers{oci_foreign_layer, oci_foreign_layer_gzip, oci_foreign_layer_zstd,
                                                          docker_foreign_layer, docker_foreign_layer_gzip};
  return one_of(layers, type);
}

compression compression_of(std::string_view layer_type) noexcept {
  if (!is_image_layer(layer_type)) return compression::unknown;
  if (layer_type.ends_with("gzip")) return compression::gzip;
  if (layer_type.ends_with("zstd")) return compression::zstd;
  return compression::none;
}

std::string bare_media_type(std::string_view content_type) {
  std::string_view type = content_type.substr(0, content_type.find(';'));
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!type.empty() && blank(type.front())) type.remove_prefix(1);
  while (!type.empty() && blank(type.back())) type.remove_suffix(1);
  std::string bare(type);
  for (char& c : bare) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return bare;
}

bool is_media_type(std::string_view text) noexcept {
  const std::size_t slash = text.find('/');
  return slash != std::string_view::npos && is_restricted_name(text.substr(0, slash)) && is_restricted_name(text.substr(slash + 1));
}

std::string_view manifest_accept() noexcept {
  return "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, "
         "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";
}

}  // namespace gantry::model
