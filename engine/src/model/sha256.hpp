#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace gantry::model {

/// SHA-256 by the SHA instructions of x86. One stream leaves most of them idle, since each round waits for the one before: two streams
/// hashed together take about as long as one. Not to be used where \ref available says no. Not thread-safe.
class sha256_ni {
 public:
  /// Whether this processor has the instructions.
  static bool available() noexcept;

  void update(std::span<const std::byte> bytes) noexcept;
  /// Both at once; the objects must be different. Gains for as many bytes as both have.
  static void update_pair(sha256_ni& a, std::span<const std::byte> bytes_a, sha256_ni& b, std::span<const std::byte> bytes_b) noexcept;

  /// The hash of everything given so far; the object must not be used afterwards.
  std::array<std::uint8_t, 32> finish() noexcept;

 private:
  static constexpr std::size_t block_bytes = 64;

  /// Completes a block that was begun; \returns what is left.
  std::span<const std::byte> fill(std::span<const std::byte> bytes) noexcept;
  /// Hashes whole blocks and keeps the rest for later.
  void rest(std::span<const std::byte> bytes) noexcept;

  alignas(16) std::array<std::uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                                  0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::byte, block_bytes> open_{};  ///< a block that is not complete
  std::size_t opened_ = 0;                     ///< bytes in it
  std::uint64_t total_ = 0;
};

}  // namespace gantry::model
