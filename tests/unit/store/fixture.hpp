#pragma once

#include "model/digester.hpp"
#include "store/content_store.hpp"
#include "support/catch.hpp"
#include "support/result.hpp"
#include "support/temp_dir.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <string_view>

namespace gantry::test {

inline std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

/// The same bytes for the same seed, not compressible.
inline std::string noise(std::size_t size, std::uint32_t seed = 1) {
  std::string text(size, '\0');
  std::minstd_rand random(seed);
  for (char& c : text) c = static_cast<char>(random() >> 8);
  return text;
}

inline descriptor descriptor_of(std::string_view bytes, digest_algorithm algorithm = digest_algorithm::sha256) {
  descriptor value;
  value.media_type = "application/vnd.oci.image.layer.v1.tar";
  value.digest = model::digest_of(bytes, algorithm);
  value.size = bytes.size();
  return value;
}

/// A store in a directory of its own.
struct store_fixture {
  temp_dir directory;
  std::shared_ptr<store::content_store> store = reopen();

  std::shared_ptr<store::content_store> reopen() const {
    return must(store::content_store::open({.root = directory / "store", .sync = false, .journal_from = 0}));
  }
  std::filesystem::path ingest_of(const descriptor& blob) const { return store::paths{directory / "store"}.ingest(blob.digest); }
  std::filesystem::path blob_of(const descriptor& blob) const { return store::paths{directory / "store"}.blob(blob.digest); }
  /// Writes and journals [offset, offset + length) of \p content.
  static void fetch(store::blob_part& into, std::string_view content, std::uint64_t offset, std::uint64_t length) {
    store::piece_writer writer(into, offset);
    must(writer.append(bytes_of(content.substr(offset, length))));
    must(writer.flush());
  }
};

/// Runs \p body in a child process without root's rights and reports whether it returned true; root is not stopped by permissions.
bool as_nobody(const std::function<bool()>& body);

}  // namespace gantry::test
