#include "archive/sink.hpp"

#include <fmt/format.h>
#include <boost/assert.hpp>

#include <algorithm>
#include <new>

namespace gantry::archive {

copy_buffer::copy_buffer(std::size_t size)
    : bytes_(static_cast<std::byte*>(::operator new (size, std::align_val_t{alignment}))), size_(size) {}

copy_buffer::~copy_buffer() { ::operator delete (bytes_, std::align_val_t{alignment}); }

failure ended_early(const model::blob_reader& from, std::uint64_t offset) {
  return {errc::size_mismatch,
          fmt::format("a blob of {} bytes ended after {}: its file was changed while it was being read", from.size(), offset)};
}

result<void> byte_sink::copy(model::blob_reader& from, std::uint64_t offset, std::uint64_t length, content_kind /*kind*/,
                             const byte_observer& seen) {
  return read_in_pieces(from, offset, length, [&](std::span<const std::byte> part) {
    if (seen) seen(part);
    return write(part);
  });
}

result<void> byte_sink::read_in_pieces(model::blob_reader& from, std::uint64_t offset, std::uint64_t length, const piece_taker& take) {
  if (!buffer_) buffer_ = std::make_unique<copy_buffer>(copy_buffer_size);
  const std::span<std::byte> buffer = buffer_->bytes();
  while (length > 0) {
    const std::span<std::byte> part = buffer.first(static_cast<std::size_t>(std::min<std::uint64_t>(length, buffer.size())));
    const result<std::size_t> got = from.read_at(offset, part);
    if (!got) return got.error();
    if (*got < part.size()) return ended_early(from, offset + *got);
    if (const result<void> taken = take(part); !taken) return taken.error();
    offset += part.size();
    length -= part.size();
  }
  return {};
}

result<void> byte_sink::copy_members(model::blob_reader& /*from*/, std::uint64_t /*offset*/, std::uint64_t /*length*/,
                                     const byte_observer& /*seen*/) {
  BOOST_ASSERT_MSG(false, "this output is not gzip");
  return failure(errc::internal_error, "an output that is not gzip was given gzip members");
}

}  // namespace gantry::archive
