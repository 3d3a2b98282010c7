#include "store/trusted_pieces.hpp"

#include "store/byte_ranges.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>

namespace gantry::store {
namespace {

constexpr std::size_t page_bytes = 4096;
constexpr std::size_t scratch_bytes = 256 * 1024;

/// Page-aligned, as copies from the page cache are three times faster then.
class scratch {
 public:
  scratch() : data_(static_cast<std::byte*>(std::aligned_alloc(page_bytes, scratch_bytes))) {
    if (!data_) throw std::bad_alloc();
  }
  std::span<std::byte> first(std::uint64_t length) const noexcept {
    return {data_.get(), static_cast<std::size_t>(std::min<std::uint64_t>(length, scratch_bytes))};
  }

 private:
  struct release {
    void operator()(std::byte* data) const noexcept { std::free(data); }
  };
  std::unique_ptr<std::byte, release> data_;
};

}  // namespace

result<std::vector<journal_record>> trusted_pieces(const runtime::file& data, std::span<const journal_record> claimed, const digest& blob,
                                                   const std::atomic<bool>* stop) {
  std::vector<journal_record> trusted;
  if (claimed.empty()) return trusted;
  byte_ranges held;
  const scratch buffer;
  piece_hasher hasher;
  for (const journal_record& piece : claimed) {
    // Says nothing new, and reading it again and again is what a damaged journal could make us do.
    if (held.covers({piece.offset, piece.length})) continue;
    hasher.reset();
    std::uint64_t done = 0;
    while (done < piece.length) {
      if (stop != nullptr && stop->load(std::memory_order_relaxed)) {
        return failure(errc::cancelled, fmt::format("stopped while checking the partial data of {}", blob.string()));
      }
      const auto into = buffer.first(piece.length - done);
      const auto count = data.read_at(piece.offset + done, into);
      // An unreadable or missing byte is one to fetch again.
      if (!count || *count == 0) break;
      hasher.update(into.first(*count));
      done += *count;
    }
    if (done != piece.length || hasher.value() != piece.checksum) continue;
    held.add({piece.offset, piece.length});
    trusted.push_back(piece);
  }
  return trusted;
}

}  // namespace gantry::store
