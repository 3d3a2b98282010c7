#include <gantry/digest.hpp>

#include <algorithm>

namespace gantry {

digest digest::parse(std::string_view text, error_code& ec) {
  ec.clear();
  digest value;
  std::size_t digits = 0;
  if (text.starts_with("sha256:")) {
    value.algorithm_ = digest_algorithm::sha256;
    digits = 64;
  } else if (text.starts_with("sha512:")) {
    value.algorithm_ = digest_algorithm::sha512;
    digits = 128;
  }
  const std::string_view encoded = digits != 0 ? text.substr(7) : std::string_view();
  const bool hex = std::all_of(encoded.begin(), encoded.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (digits == 0 || encoded.size() != digits || !hex) {
    ec = errc::invalid_digest;
    return {};
  }
  value.text_ = text;
  return value;
}

std::string_view digest::algorithm_name() const noexcept { return algorithm_ == digest_algorithm::sha256 ? "sha256" : "sha512"; }

std::string_view digest::encoded() const noexcept { return empty() ? std::string_view() : std::string_view(text_).substr(7); }

}  // namespace gantry
