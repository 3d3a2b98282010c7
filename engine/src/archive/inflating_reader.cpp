#include "archive/inflating_reader.hpp"

#include "base/format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace gantry::archive {

inflating_reader::inflating_reader(model::blob_reader& from, model::compression kind, std::string what, inflate_limits limits)
    : inflating_reader(from, make_decoder(kind), std::move(what), limits) {}

inflating_reader::inflating_reader(model::blob_reader& from, std::unique_ptr<decoder> decode, std::string what, inflate_limits limits)
    : from_(from), decode_(std::move(decode)), what_(std::move(what)), limits_(limits), buffer_(copy_buffer_size) {}

result<std::size_t> inflating_reader::read(std::span<std::byte> into) {
  std::size_t filled = 0;
  while (filled < into.size() && !finished_) {
    if (input_.empty() && offset_ < from_.size()) {
      if (const result<void> more = refill(); !more) return more.error();
    }
    const result<decoder::progress> some = decode_->step(input_, into.subspan(filled));
    if (!some) return failure(some.error().code, fmt::format("{} cannot be inflated: {}", what_, some.error().text.message()));
    input_ = input_.subspan(some->taken);
    filled += some->given;
    if (const result<void> fine = within_limits(); !fine) return fine.error();
    if (some->taken > 0 || some->given > 0 || !input_.empty() || offset_ < from_.size()) continue;
    const result<void> ended = decode_->finish();
    if (!ended) return failure(ended.error().code, fmt::format("{} cannot be inflated: {}", what_, ended.error().text.message()));
    finished_ = true;
  }
  return filled;
}

result<void> inflating_reader::refill() {
  const std::uint64_t left = from_.size() - offset_;
  const std::span<std::byte> part = buffer_.bytes().first(static_cast<std::size_t>(std::min<std::uint64_t>(left, copy_buffer_size)));
  const result<std::size_t> got = from_.read_at(offset_, part);
  if (!got) return got.error();
  // A reader that learns its size from its end may have found it here.
  if (*got < part.size() && offset_ + *got < from_.size()) return ended_early(from_, offset_ + *got);
  if (seen_) seen_(part.first(*got));
  offset_ += *got;
  input_ = part.first(*got);
  return {};
}

result<void> inflating_reader::within_limits() const {
  const std::uint64_t out = decode_->facts().raw_size;
  if (out > limits_.size) {
    return failure(errc::limit_exceeded,
                   fmt::format("{} inflates to more than {}, which is not accepted", what_, format_bytes(limits_.size)));
  }
  if (out > limits_.ratio_counts_from && out / limits_.ratio > offset_) {
    return failure(errc::limit_exceeded,
                   fmt::format("{} inflates to more than {} times its size, which no honest content does", what_, limits_.ratio));
  }
  return {};
}

result<model::compression> sniff(model::blob_reader& blob) {
  std::array<std::byte, 4> head{};
  const result<std::size_t> got = blob.read_at(0, head);
  if (!got) return got.error();
  return sniff(std::span<const std::byte>(head).first(*got));
}

}  // namespace gantry::archive
