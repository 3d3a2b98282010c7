#pragma once

#include <gantry/digest.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace gantry::model {

/// Incremental hash of one algorithm: SHA-256 by the processor's own instructions where it has them, else OpenSSL. Not thread-safe; may
/// move between threads.
class digester {
 public:
  enum class method {
    best,     ///< the fastest that this machine has
    openssl,  ///< always OpenSSL, which the other is checked against
  };
  explicit digester(digest_algorithm algorithm, method how = method::best);
  digester(digester&&) noexcept;
  digester& operator=(digester&&) noexcept;
  ~digester();

  void update(std::span<const std::byte> bytes);
  void update(std::string_view text) { update(std::as_bytes(std::span(text.data(), text.size()))); }

  /// Whether \ref update_pair is faster than two calls of \ref update for digesters of this algorithm.
  static bool gains_from_pairs(digest_algorithm algorithm) noexcept;
  /// Updates two different digesters side by side on this thread.
  static void update_pair(digester& a, std::span<const std::byte> bytes_a, digester& b, std::span<const std::byte> bytes_b);

  /// The digest of everything given so far; the object must not be used afterwards.
  digest finish();

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

/// The digest of \p bytes in one call.
digest digest_of(std::string_view bytes, digest_algorithm algorithm = digest_algorithm::sha256);

}  // namespace gantry::model
