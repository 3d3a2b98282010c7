#include "archive/finished_archives.hpp"

#include "archive/sink.hpp"
#include "model/digester.hpp"

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

std::optional<finished_archives::place> finished_archives::find(const digest& blob) const {
  const std::lock_guard guard(mutex_);
  const auto known = places_.find(blob);
  return known == places_.end() ? std::nullopt : std::optional(known->second);
}

result<std::optional<finished_archives::pieces>> finished_archives::copy(const descriptor& blob, const runtime::file& into,
                                                                         std::uint64_t base, const std::atomic<bool>* stop) {
  static_assert(store::journal_piece_bytes % copy_buffer_size == 0);
  const std::optional<pieces> none;
  const std::optional<place> from = find(blob.digest);
  std::error_code ec;
  if (!from || !std::filesystem::is_regular_file(from->file, ec)) return none;
  const auto source = runtime::file::open(from->file, runtime::open_mode::read);
  if (!source) return none;
  const copy_buffer buffer(copy_buffer_size);
  model::digester whole(blob.digest.algorithm());
  store::piece_hasher piece;
  pieces made;
  std::uint64_t begin = 0;  // of the piece
  for (std::uint64_t offset = 0; offset < blob.size;) {
    if (stop != nullptr && stop->load(std::memory_order_relaxed))
      return failure(errc::cancelled, "stopped while copying from another archive");
    const std::span<std::byte> block = buffer.bytes().first(std::min<std::uint64_t>(copy_buffer_size, blob.size - offset));
    const result<std::size_t> got = source->read_at(from->offset + offset, block);
    if (!got || *got != block.size()) return none;
    whole.update(block);
    piece.update(block);
    if (auto written = into.write_at(base + offset, block); !written) return written.error();
    offset += block.size();
    if (offset != blob.size && offset - begin < store::journal_piece_bytes) continue;
    made.push_back({begin, offset - begin, piece.value()});
    piece.reset();
    begin = offset;
  }
  if (whole.finish() != blob.digest) return none;
  return std::optional<pieces>(std::move(made));
}

}  // namespace gantry::archive
