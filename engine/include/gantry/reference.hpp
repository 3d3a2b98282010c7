#pragma once

#include <gantry/diagnostics.hpp>
#include <gantry/digest.hpp>
#include <gantry/error.hpp>

#include <compare>
#include <string>
#include <string_view>

namespace gantry {

/// The name of an image: `registry/repository[:tag][@digest]`, normalised as docker does (`nginx` is `docker.io/library/nginx`).
class reference {
 public:
  reference() = default;

  /// Parses and normalises. Without tag and digest the tag is `latest`. Sets \p ec to errc::invalid_reference when the grammar of
  /// distribution/reference refuses \p text.
  static reference parse(std::string_view text, error_code& ec);
  /// The same, with a sentence that says what is wrong.
  static reference parse(std::string_view text, error_code& ec, diagnostics& diag);

  /// What was given as a name, as messages may show it: without what may be a user name and a password before the host.
  static std::string shown(std::string_view text);

  /// No image: of a value that was not parsed.
  bool empty() const noexcept { return repository_.empty(); }

  /// Host and optional port, e.g. `docker.io`, `localhost:5000`, `[::1]:5000`.
  const std::string& registry() const noexcept { return registry_; }
  /// Path below the registry, e.g. `library/nginx`.
  const std::string& repository() const noexcept { return repository_; }
  /// Empty when only a digest was given.
  const std::string& tag() const noexcept { return tag_; }
  /// Empty when only a tag was given. When both are there the digest decides and the tag only names.
  const gantry::digest& digest() const noexcept { return digest_; }

  /// What follows `/manifests/`: the digest when there is one, else the tag.
  const std::string& manifest_reference() const noexcept { return digest_ ? digest_.string() : tag_; }

  /// `docker.io/library/nginx:1.25`
  std::string string() const;
  /// Docker's short form: `nginx:1.25`. Equal to \ref string for other registries and for names that it would turn into another one.
  std::string familiar() const;
  /// `docker.io/library/nginx`
  std::string name() const;
  /// `nginx`
  std::string familiar_name() const;

  /// The same image by \p tag, which must be a valid one.
  reference with_tag(std::string tag) const;
  /// The same repository by \p value.
  reference with_digest(gantry::digest value) const;

  /// Equal when every part is.
  friend bool operator==(const reference&, const reference&) = default;
  /// Registry first, then repository, tag, digest.
  friend std::strong_ordering operator<=>(const reference&, const reference&) = default;

 private:
  std::string registry_;
  std::string repository_;
  std::string tag_;
  gantry::digest digest_;
};

}  // namespace gantry
