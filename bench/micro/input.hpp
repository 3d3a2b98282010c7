#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <random>
#include <span>

namespace gantry::bench {

/// Page-aligned bytes, as the engine's buffers are.
class bytes {
 public:
  explicit bytes(std::size_t size) : data_(static_cast<std::byte*>(std::aligned_alloc(4096, (size + 4095) / 4096 * 4096))), size_(size) {
    if (!data_) throw std::bad_alloc();
  }
  std::span<std::byte> view() const noexcept { return {data_.get(), size_}; }

 private:
  struct release {
    void operator()(std::byte* data) const noexcept { std::free(data); }
  };
  std::unique_ptr<std::byte, release> data_;
  std::size_t size_;
};

/// Incompressible, the same each time.
inline bytes noise(std::size_t size) {
  bytes result(size);
  std::mt19937_64 source(1);  // NOLINT: repeatable on purpose
  std::ranges::generate(result.view(), [&] { return static_cast<std::byte>(source() >> 56U); });
  return result;
}

/// Compresses to about half, as files of images do: blocks of noise and of repeated words in turn.
inline bytes text(std::size_t size) {
  bytes result = noise(size);
  constexpr std::size_t block = 512;
  const auto all = result.view();
  for (std::size_t at = 0; at + 2 * block <= size; at += 2 * block) {
    for (std::size_t i = 0; i < block; ++i) all[at + i] = static_cast<std::byte>("the same words again "[i % 21]);
  }
  return result;
}

}  // namespace gantry::bench
