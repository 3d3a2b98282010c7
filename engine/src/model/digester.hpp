#pragma once

#include <gantry/digest.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace gantry::model {

/// Incremental hash of one algorithm (OpenSSL EVP). Not thread-safe; may move between threads.
class digester {
 public:
  explicit digester(digest_algorithm algorithm);
  digester(digester&&) noexcept;
  digester& operator=(digester&&) noexcept;
  ~digester();

  void update(std::span<const std::byte> bytes);
  void update(std::string_view text) { update(std::as_bytes(std::span(text.data(), text.size()))); }

  /// The digest of everything given so far; the object must not be used afterwards.
  digest finish();

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

/// The digest of \p bytes in one call.
digest digest_of(std::string_view bytes, digest_algorithm algorithm = digest_algorithm::sha256);

}  // namespace gantry::model
