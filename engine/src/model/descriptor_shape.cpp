#include "model/descriptor_shape.hpp"

#include "base/base64.hpp"
#include "base/redact.hpp"
#include "model/manifest.hpp"
#include "model/media_type.hpp"

#include <algorithm>
#include <utility>

namespace gantry::model {
namespace {

using json::check;
using json::need;

bool is_alnum(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

failure malformed(std::string why) { return failure(errc::malformed_document, std::move(why)); }

/// `algorithm:encoded` of any algorithm (image-spec descriptor.md, "Digests").
bool is_digest_text(std::string_view text) noexcept {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return false;
  const std::string_view encoded = text.substr(colon + 1);
  const bool encoding = std::all_of(encoded.begin(), encoded.end(), [](char c) { return is_alnum(c) || c == '=' || c == '_' || c == '-'; });
  if (encoded.empty() || !encoding) return false;
  bool separator = true;
  for (const char c : text.substr(0, colon)) {
    const bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (!word && (separator || std::string_view("+._-").find(c) == std::string_view::npos)) return false;
    separator = !word;
  }
  return !separator;
}

/// An absolute URI by its outline: a scheme and no blanks or control characters.
bool is_uri(std::string_view text) noexcept {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == text.size() || is_alnum(text.front()) == false) return false;
  const std::string_view scheme = text.substr(0, colon);
  const bool named = std::all_of(scheme.begin(), scheme.end(), [](char c) { return is_alnum(c) || c == '+' || c == '.' || c == '-'; });
  return named && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c != '\x7f'; });
}

json::shape media_type_shape(std::function<std::string&()> into) {
  return json::string([into = std::move(into)](std::string_view text) -> check {
    if (!is_media_type(text)) return malformed("is no media type");
    into() = text;
    return {};
  });
}

json::shape platform_shape(const std::function<descriptor&()>& target) {
  const auto at = [target]() -> platform& { return *target().platform; };
  const auto feature = [at]() -> std::string& { return at().os_features.emplace_back(); };
  const auto of_processor = [at]() -> std::string& { return at().features.emplace_back(); };
  return json::object({{"architecture", word_shape([at]() -> std::string& { return at().architecture; }), need::required},
                       {"os", word_shape([at]() -> std::string& { return at().os; }), need::required},
                       {"variant", word_shape([at]() -> std::string& { return at().variant; })},
                       {"os.version", word_shape([at]() -> std::string& { return at().os_version; })},
                       {"os.features", json::array(word_shape(feature))},
                       {"features", json::array(word_shape(of_processor))}},
                      json::unknown_keys::refuse_alike, [target] { target().platform.emplace(); });
}

}  // namespace

json::shape word_shape(std::function<std::string&()> into) {
  return json::string([into = std::move(into)](std::string_view text) -> check {
    const bool printable = std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
    if (!printable) return malformed("has characters that no platform has");
    into() = text;
    return {};
  });
}

json::shape digest_shape(std::function<void(digest)> take) {
  return json::string([take = std::move(take)](std::string_view text) -> check {
    error_code ec;
    digest value = digest::parse(text, ec);
    if (!ec) {
      take(std::move(value));
      return {};
    }
    const std::string_view algorithm = text.substr(0, text.find(':'));
    if (!is_digest_text(text) || algorithm == "sha256" || algorithm == "sha512") return malformed("is no digest: " + clean_text(text, 160));
    return failure(errc::unsupported_document,
                   "has the digest algorithm " + clean_text(algorithm, 64) + ", which cannot be verified; sha256 and sha512 can");
  });
}

json::shape descriptor_shape(std::function<descriptor&()> target, std::function<void()> begin) {
  const auto take_digest = [target](digest value) { target().digest = std::move(value); };
  const auto take_url = [target](std::string_view text) -> check {
    if (!is_uri(text)) return malformed("is no absolute URL");
    target().urls.emplace_back(text);
    return {};
  };
  const auto take_data = [target](std::string_view text) -> check {
    std::optional<std::string> decoded = base64_decode(text);
    if (!decoded) return malformed("is not base64");
    if (decoded->size() <= inline_data_limit) target().data = std::move(*decoded);
    return {};
  };
  const auto annotate = [target](std::string key, std::string value) { target().annotations.emplace(std::move(key), std::move(value)); };
  return json::object({{"mediaType", media_type_shape([target]() -> std::string& { return target().media_type; }), need::required},
                       {"digest", digest_shape(take_digest), need::required},
                       {"size", json::integer([target](std::uint64_t bytes) { target().size = bytes; }), need::required},
                       {"urls", json::array(json::string(take_url))},
                       {"annotations", json::map(annotate)},
                       {"data", json::string(take_data)},
                       {"artifactType", media_type_shape([target]() -> std::string& { return target().artifact_type; })},
                       {"platform", platform_shape(target)}},
                      json::unknown_keys::refuse_alike, std::move(begin));
}

}  // namespace gantry::model
