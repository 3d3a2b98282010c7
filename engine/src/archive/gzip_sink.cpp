#include "archive/gzip_sink.hpp"

#include "archive/checksum.hpp"

#include <zlib.h>
#include <boost/assert.hpp>

#include <algorithm>
#include <array>
#include <limits>
#include <new>

namespace gantry::archive {
namespace {

/// The most a stored block can hold: its length has 16 bits (RFC 1951 section 3.2.4).
constexpr std::size_t stored_limit = 65535;
/// Three header bits, filled up to a byte, then the length and its complement.
constexpr std::size_t stored_header = 5;
constexpr std::size_t output_size = 4 * (stored_limit + stored_header);

std::array<std::byte, 4> little_endian(std::uint32_t value) {
  std::array<std::byte, 4> out;
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::byte>(value >> (8 * i));
  return out;
}

}  // namespace

struct gzip_sink::impl {
  explicit impl(byte_sink& below) : to(below), output(output_size) {
    // Negative window bits: raw deflate, the member around it is ours.
    if (::deflateInit2(&deflater, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw std::bad_alloc();
    // Magic, deflate, no flags, no time, no extra flags, unknown operating system (RFC 1952 section 2.3).
    constexpr std::array<unsigned char, 10> header{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255};
    append(std::as_bytes(std::span(header)));
  }
  ~impl() { ::deflateEnd(&deflater); }
  impl(const impl&) = delete;
  impl& operator=(const impl&) = delete;

  std::span<std::byte> room() { return output.bytes().subspan(used); }

  /// Precondition: there is room.
  void append(std::span<const std::byte> bytes) {
    BOOST_ASSERT(bytes.size() <= room().size());
    std::copy(bytes.begin(), bytes.end(), room().begin());
    used += bytes.size();
  }

  result<void> drain() {
    if (used == 0) return {};
    const std::size_t held = std::exchange(used, 0);
    return to.write(output.bytes().first(held));
  }

  result<void> make_room(std::size_t size) {
    if (room().size() >= size) return {};
    return drain();
  }

  void account(std::span<const std::byte> bytes) {
    crc = continue_crc(crc, bytes);
    total += bytes.size();
  }

  /// Runs deflate over what it was given until all input is taken and all output of \p flush has come out.
  result<void> deflate_all(int flush) {
    for (;;) {
      // More than the few bytes of a flush marker, or zlib would emit the marker again.
      if (const result<void> ready = make_room(64); !ready) return ready.error();
      const std::span<std::byte> free = room();
      deflater.next_out = reinterpret_cast<Bytef*>(free.data());
      deflater.avail_out = static_cast<uInt>(free.size());
      const int status = ::deflate(&deflater, flush);
      BOOST_ASSERT(status != Z_STREAM_ERROR);
      used += free.size() - deflater.avail_out;
      if (flush == Z_FINISH ? status == Z_STREAM_END : deflater.avail_out != 0) return {};
    }
  }

  result<void> deflate_bytes(std::span<const std::byte> bytes) {
    account(bytes);
    while (!bytes.empty()) {
      const std::span<const std::byte> part = bytes.first(std::min<std::size_t>(bytes.size(), std::numeric_limits<uInt>::max()));
      deflater.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(part.data()));
      deflater.avail_in = static_cast<uInt>(part.size());
      deflating = true;
      if (const result<void> done = deflate_all(Z_NO_FLUSH); !done) return done.error();
      bytes = bytes.subspan(part.size());
    }
    return {};
  }

  /// Ends what deflate has open on a byte boundary. A full flush, because zlib must not refer back across the stored blocks that follow: it
  /// does not know of them.
  result<void> align() {
    if (!std::exchange(deflating, false)) return {};
    return deflate_all(Z_FULL_FLUSH);
  }

  /// Appends one stored block, its content read straight into place.
  result<void> store_block(model::blob_reader& from, std::uint64_t offset, std::size_t length, const byte_observer& seen) {
    if (const result<void> ready = make_room(stored_header + length); !ready) return ready.error();
    const std::span<std::byte> content = room().subspan(stored_header, length);
    const result<std::size_t> got = from.read_at(offset, content);
    if (!got) return got.error();
    if (*got < length) return ended_early(from, offset + *got);
    if (seen) seen(content);
    account(content);
    const auto low = static_cast<std::byte>(length & 0xff);
    const auto high = static_cast<std::byte>(length >> 8);
    const std::array<std::byte, stored_header> header{std::byte{0}, low, high, ~low, ~high};
    append(header);
    used += length;
    return {};
  }

  byte_sink& to;
  z_stream deflater{};
  copy_buffer output;
  std::size_t used = 0;
  std::uint32_t crc = 0;
  std::uint64_t total = 0;
  bool deflating = false;  ///< deflate holds input or an unfinished byte
};

gzip_sink::gzip_sink(byte_sink& to) : impl_(std::make_unique<impl>(to)) {}
gzip_sink::~gzip_sink() = default;

result<void> gzip_sink::write(std::span<const std::byte> bytes) { return impl_->deflate_bytes(bytes); }

result<void> gzip_sink::copy(model::blob_reader& from, std::uint64_t offset, std::uint64_t length, content_kind kind,
                             const byte_observer& seen) {
  if (kind == content_kind::plain) return byte_sink::copy(from, offset, length, kind, seen);
  if (const result<void> aligned = impl_->align(); !aligned) return aligned.error();
  while (length > 0) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(length, stored_limit));
    if (const result<void> stored = impl_->store_block(from, offset, size, seen); !stored) return stored.error();
    offset += size;
    length -= size;
  }
  return {};
}

result<void> gzip_sink::finish() {
  if (const result<void> ended = impl_->deflate_all(Z_FINISH); !ended) return ended.error();
  if (const result<void> ready = impl_->make_room(8); !ready) return ready.error();
  impl_->append(little_endian(impl_->crc));
  // The length modulo 2^32 (RFC 1952 section 2.3.1, ISIZE).
  impl_->append(little_endian(static_cast<std::uint32_t>(impl_->total)));
  if (const result<void> drained = impl_->drain(); !drained) return drained.error();
  return impl_->to.finish();
}

}  // namespace gantry::archive
