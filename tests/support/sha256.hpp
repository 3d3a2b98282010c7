#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace gantry::test {

/// SHA-256 straight from OpenSSL, so that tests do not check the engine's hashes with the engine's own code.
class sha256 {
 public:
  sha256();
  sha256(sha256&&) noexcept;
  sha256& operator=(sha256&&) noexcept;
  ~sha256();

  void update(std::string_view bytes);
  /// `sha256:<hex>`; the object is used up.
  std::string digest();

 private:
  struct state;
  std::unique_ptr<state> state_;
};

/// `sha256:<hex>` of \p bytes.
std::string sha256_of(std::string_view bytes);
/// `sha512:<hex>` of \p bytes.
std::string sha512_of(std::string_view bytes);
/// `sha256:<hex>` of a file. \throws std::runtime_error when it cannot be read.
std::string sha256_of_file(const std::filesystem::path& file);

}  // namespace gantry::test
