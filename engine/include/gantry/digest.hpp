#pragma once

#include <gantry/error.hpp>

#include <compare>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace gantry {

/// The algorithms that the image-spec registers and gantry verifies (image-spec descriptor.md, "Registered algorithms").
enum class digest_algorithm {
  sha256,  ///< 64 lower-case hex digits
  sha512,  ///< 128 lower-case hex digits
};

/// A content identifier, `algorithm:encoded`, always well-formed. A default-constructed digest is empty and compares unequal to all others.
class digest {
 public:
  digest() = default;

  /// Parses `algorithm:encoded`. \returns an empty digest and sets \p ec to errc::invalid_digest when \p text has an unknown algorithm,
  /// upper-case or missing digits.
  static digest parse(std::string_view text, error_code& ec);

  /// No digest: of a value that was made without a text.
  bool empty() const noexcept { return text_.empty(); }
  /// The opposite of \ref empty.
  explicit operator bool() const noexcept { return !empty(); }

  /// The part before the colon.
  digest_algorithm algorithm() const noexcept { return algorithm_; }
  /// "sha256" or "sha512".
  std::string_view algorithm_name() const noexcept;
  /// The hex digits.
  std::string_view encoded() const noexcept;
  /// The first twelve hex digits, for people.
  std::string_view short_form() const noexcept { return encoded().substr(0, 12); }
  /// The whole text, `sha256:...`; empty when there is none. Lives as long as the digest.
  const std::string& string() const noexcept { return text_; }

  /// Equal when the texts are.
  friend bool operator==(const digest& a, const digest& b) noexcept { return a.text_ == b.text_; }
  /// In the order of the texts.
  friend std::strong_ordering operator<=>(const digest& a, const digest& b) noexcept { return a.text_ <=> b.text_; }

 private:
  digest_algorithm algorithm_ = digest_algorithm::sha256;
  std::string text_;
};

}  // namespace gantry

/// So that digests may be keys of hash tables.
template <>
struct std::hash<gantry::digest> {
  /// Of the text.
  std::size_t operator()(const gantry::digest& value) const noexcept { return std::hash<std::string>{}(value.string()); }
};
