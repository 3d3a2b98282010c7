#include <gantry/platform.hpp>

#include "model/platform_names.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace gantry {
namespace {

constexpr const char* host_architecture() {
#if defined(__x86_64__)
  return "amd64";
#elif defined(__i386__)
  return "386";
#elif defined(__aarch64__)
  return "arm64";
#elif defined(__arm__)
  return "arm";
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
  return "ppc64le";
#elif defined(__s390x__)
  return "s390x";
#elif defined(__riscv) && __riscv_xlen == 64
  return "riscv64";
#elif defined(__loongarch64)
  return "loong64";
#elif defined(__mips64) && defined(__MIPSEL__)
  return "mips64le";
#else
#error "unknown architecture: add its name of Go's GOARCH"
#endif
}

constexpr const char* host_variant() {
#if defined(__arm__) && __ARM_ARCH < 7
  return __ARM_ARCH == 6 ? "v6" : "v5";
#else
  return "";
#endif
}

bool is_word_character(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

bool is_word(std::string_view text, std::string_view more) noexcept {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [&](char c) { return is_word_character(c) || more.find(c) != std::string_view::npos; });
}

std::optional<int> hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

/// Undoes percent-encoding; nothing when \p text has other characters than may stand in parentheses, or a '%' without two digits.
std::optional<std::string> decode(std::string_view text) {
  if (!text.empty() && !is_word(text, ".%")) return std::nullopt;
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const std::optional<int> high = hex_digit(text[i + 1]);
    const std::optional<int> low = hex_digit(text[i + 2]);
    if (!high || !low || *high * 16 + *low < 0x20 || *high * 16 + *low == 0x7f) return std::nullopt;
    decoded += static_cast<char>(*high * 16 + *low);
    i += 2;
  }
  return decoded;
}

std::string encode(std::string_view text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    if (is_word_character(c) || c == '.') {
      encoded += c;
    } else {
      encoded += '%';
      encoded += digits[static_cast<unsigned char>(c) >> 4];
      encoded += digits[static_cast<unsigned char>(c) & 15];
    }
  }
  return encoded;
}

/// `os` or `os(version+feature...)`. \returns false when it is malformed.
bool parse_os(std::string_view text, platform& into) {
  const std::size_t open = text.find('(');
  const std::string_view name = text.substr(0, open);
  if (!is_word(name, "")) return false;
  into.os = model::normalise_os(name);
  if (open == std::string_view::npos) return true;
  if (!text.ends_with(')')) return false;
  std::string_view inside = text.substr(open + 1, text.size() - open - 2);
  bool version = true;
  while (true) {
    const std::size_t plus = inside.find('+');
    std::optional<std::string> part = decode(inside.substr(0, plus));
    if (!part) return false;
    if (version) {
      into.os_version = std::move(*part);
    } else if (!part->empty()) {
      into.os_features.push_back(std::move(*part));
    }
    version = false;
    if (plus == std::string_view::npos) return true;
    inside.remove_prefix(plus + 1);
  }
}

/// arm without a variant and arm v7 are the same; users see the former unless they wrote the latter.
void hide_default_variant(platform& value) {
  if (value.architecture == "arm" && value.variant == "v7") value.variant.clear();
}

}  // namespace

platform platform::host() {
  platform value;
  value.os = "linux";
  value.architecture = host_architecture();
  value.variant = host_variant();
  return value;
}

platform platform::parse(std::string_view text, error_code& ec) { return parse(text, ec, host()); }

platform platform::parse(std::string_view text, error_code& ec, const platform& host) {
  ec = errc::invalid_platform;
  platform value;
  const std::size_t first = text.find('/');
  if (!parse_os(text.substr(0, first), value)) return {};
  if (first == std::string_view::npos) {
    if (model::is_known_os(value.os)) {
      value.architecture = host.architecture;
      value.variant = host.variant;
      hide_default_variant(value);
      ec.clear();
      return value;
    }
    value.architecture = text;
    model::normalise_architecture(value.architecture, value.variant);
    if (!model::is_known_architecture(value.architecture)) return {};
    hide_default_variant(value);
    value.os = host.os;
    ec.clear();
    return value;
  }
  const std::string_view rest = text.substr(first + 1);
  const std::size_t second = rest.find('/');
  value.architecture = rest.substr(0, second);
  if (!is_word(value.architecture, ".")) return {};
  if (second != std::string_view::npos) {
    value.variant = rest.substr(second + 1);
    if (!is_word(value.variant, ".")) return {};
  }
  model::normalise_architecture(value.architecture, value.variant);
  if (second == std::string_view::npos) hide_default_variant(value);
  if (second != std::string_view::npos && value.architecture == "arm64" && value.variant.empty()) value.variant = "v8";
  ec.clear();
  return value;
}

platform normalise(platform value) {
  value.os = model::normalise_os(value.os);
  model::normalise_architecture(value.architecture, value.variant);
  if (value.architecture == "arm" && value.variant.empty()) value.variant = "v7";
  return value;
}

std::string to_string(const platform& value) {
  std::string text = value.os.empty() ? "unknown" : value.os;
  if (!value.architecture.empty()) text += "/" + value.architecture;
  if (!value.variant.empty()) text += "/" + value.variant;
  return text;
}

std::string to_string_all(const platform& value) {
  std::string inside = encode(value.os_version);
  for (const std::string& feature : value.os_features) {
    if (!feature.empty()) inside += "+" + encode(feature);
  }
  platform plain = value;
  if (plain.os.empty()) plain.os = "unknown";
  if (!inside.empty()) plain.os += "(" + inside + ")";
  return to_string(plain);
}

}  // namespace gantry
