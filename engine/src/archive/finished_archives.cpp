#include "archive/finished_archives.hpp"

#include "archive/sink.hpp"

#include <algorithm>
#include <span>
#include <system_error>
#include <utility>
#include <variant>

namespace gantry::archive {

void finished_archives::add(const std::filesystem::path& file, const layout& plan) {
  std::error_code ec;
  const std::filesystem::path where = std::filesystem::absolute(file, ec);
  if (ec) return;
  const std::lock_guard guard(mutex_);
  for (const entry& member : plan.entries) {
    const auto* const blob = std::get_if<descriptor>(&member.content);
    if (blob == nullptr) continue;
    // The youngest is the likeliest to be there still.
    if (places_.insert_or_assign(blob->digest, place{where, member.data_offset}).second) order_.push_back(blob->digest);
    if (order_.size() <= most_blobs) continue;
    places_.erase(order_.front());
    order_.pop_front();
  }
}

std::optional<finished_archives::copying> finished_archives::copy(const descriptor& blob, std::uint64_t base) const {
  const std::lock_guard guard(mutex_);
  const auto known = places_.find(blob.digest);
  if (known == places_.end()) return std::nullopt;
  return copying(blob, base, known->second);
}

result<std::optional<std::uint64_t>> finished_archives::copying::advance(const runtime::file& into) {
  static_assert(store::journal_piece_bytes % copy_buffer_size == 0);
  const std::optional<std::uint64_t> none;
  if (!source_) {
    std::error_code ec;
    if (!std::filesystem::is_regular_file(from_.file, ec)) return none;
    auto opened = runtime::file::open(from_.file, runtime::open_mode::read);
    if (!opened) return none;
    source_ = std::move(*opened);
  }
  const copy_buffer buffer(copy_buffer_size);
  store::piece_hasher piece;
  const std::uint64_t begin = done_;
  const std::uint64_t end = std::min<std::uint64_t>(blob_.size, begin + store::journal_piece_bytes);
  while (done_ < end) {
    const std::span<std::byte> block = buffer.bytes().first(std::min<std::uint64_t>(copy_buffer_size, end - done_));
    const result<std::size_t> got = source_->read_at(from_.offset + done_, block);
    if (!got || *got != block.size()) return none;
    hash_.update(block);
    piece.update(block);
    if (auto written = into.write_at(base_ + done_, block); !written) return written.error();
    done_ += block.size();
  }
  if (done_ != begin) made_.push_back({begin, done_ - begin, piece.value()});
  if (done_ == blob_.size) {
    source_.reset();
    if (hash_.finish() != blob_.digest) return none;
  }
  return std::optional(done_);
}

}  // namespace gantry::archive
