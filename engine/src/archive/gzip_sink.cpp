#include "archive/gzip_sink.hpp"

#include "archive/checksum.hpp"
#include "archive/deflater.hpp"

#include <boost/assert.hpp>

#include <algorithm>
#include <array>
#include <deque>
#include <semaphore>
#include <utility>
#include <vector>

namespace gantry::archive {
namespace {

/// Long enough that starting anew costs less than a percent of the size, short enough that all of them together stay small.
constexpr std::size_t piece_size = std::size_t{512} * 1024;
constexpr std::size_t output_size = 4 * (stored_block_limit + stored_header_size);
/// More threads than this wait for the disk; each costs two pieces of memory.
constexpr unsigned most_pieces = 8;

std::array<std::byte, 4> little_endian(std::uint32_t value) {
  std::array<std::byte, 4> out;
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::byte>(value >> (8 * i));
  return out;
}

/// A piece on its way through a worker.
struct deflate_piece {
  deflate_piece() : input(piece_size), deflater(make_piece_deflater()) {}

  std::span<std::byte> room() { return input.bytes().subspan(filled); }
  std::span<const std::byte> content() const { return input.bytes().first(filled); }

  void compress() {
    deflater->deflate(content(), output);
    crc = continue_crc(0, content());
    done.release();
  }

  copy_buffer input;
  std::size_t filled = 0;
  std::unique_ptr<piece_deflater> deflater;
  std::vector<std::byte> output;
  std::uint32_t crc = 0;
  std::binary_semaphore done{0};
};

}  // namespace

struct gzip_sink::impl {
  impl(byte_sink& below, deflate_workers threads) : to(below), workers(std::move(threads)), output(output_size) {
    if (!workers.run) workers.count = 0;
    workers.count = std::min(workers.count, most_pieces);
  }

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

  result<void> open_member() {
    if (std::exchange(open, true)) return {};
    started = true;
    // Magic, deflate, no flags, no time, no extra flags, unknown operating system (RFC 1952 section 2.3).
    constexpr std::array<unsigned char, 10> header{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255};
    if (const result<void> ready = make_room(header.size()); !ready) return ready.error();
    append(std::as_bytes(std::span(header)));
    crc = 0;
    total = 0;
    return {};
  }

  result<void> close_member() {
    if (const result<void> settled = settle(); !settled) return settled.error();
    if (!std::exchange(open, false)) return {};
    // The last block: fixed codes, empty.
    constexpr std::array<unsigned char, 2> last{0x03, 0x00};
    if (const result<void> ready = make_room(last.size() + 8); !ready) return ready.error();
    append(std::as_bytes(std::span(last)));
    append(little_endian(crc));
    // The length modulo 2^32 (RFC 1952 section 2.3.1, ISIZE).
    append(little_endian(static_cast<std::uint32_t>(total)));
    return {};
  }

  result<void> deflate_bytes(std::span<const std::byte> bytes) {
    if (bytes.empty()) return {};
    if (const result<void> ready = open_member(); !ready) return ready.error();
    while (!bytes.empty()) {
      if (!filling) filling = take_idle();
      const std::span<const std::byte> part = bytes.first(std::min(bytes.size(), filling->room().size()));
      std::copy(part.begin(), part.end(), filling->room().begin());
      filling->filled += part.size();
      bytes = bytes.subspan(part.size());
      if (!filling->room().empty()) return {};
      if (const result<void> sent = send_off(); !sent) return sent.error();
    }
    return {};
  }

  std::shared_ptr<deflate_piece> take_idle() {
    if (idle.empty()) return std::make_shared<deflate_piece>();
    std::shared_ptr<deflate_piece> one = std::move(idle.back());
    idle.pop_back();
    one->filled = 0;
    return one;
  }

  /// Has the piece that was being filled compressed; waits for the oldest when there are enough under way.
  result<void> send_off() {
    std::shared_ptr<deflate_piece> one = std::move(filling);
    filling.reset();
    if (workers.count == 0) {
      one->compress();
    } else {
      // A piece that nobody waits for any more, after a failure, lives until its worker is done with it.
      workers.run([one] { one->compress(); });
    }
    under_way.push_back(std::move(one));
    while (under_way.size() > workers.count) {
      if (const result<void> written = take_back(); !written) return written.error();
    }
    return {};
  }

  result<void> take_back() {
    std::shared_ptr<deflate_piece> one = std::move(under_way.front());
    under_way.pop_front();
    one->done.acquire();
    crc = combine_crc(crc, one->crc, one->filled);
    total += one->filled;
    if (const result<void> drained = drain(); !drained) return drained.error();
    const result<void> written = to.write(one->output);
    idle.push_back(std::move(one));
    return written;
  }

  /// Everything that was given is in the output, which stands on a byte boundary.
  result<void> settle() {
    if (filling) {
      if (const result<void> sent = send_off(); !sent) return sent.error();
    }
    while (!under_way.empty()) {
      if (const result<void> written = take_back(); !written) return written.error();
    }
    return {};
  }

  /// Appends one stored block, its content read straight into place.
  result<void> store_block(model::blob_reader& from, std::uint64_t offset, std::size_t length, const byte_observer& seen) {
    if (const result<void> ready = make_room(stored_header_size + length); !ready) return ready.error();
    const std::span<std::byte> content = room().subspan(stored_header_size, length);
    const result<std::size_t> got = from.read_at(offset, content);
    if (!got) return got.error();
    if (*got < length) return ended_early(from, offset + *got);
    if (seen) seen(content);
    crc = continue_crc(crc, content);
    total += length;
    put_stored_header(room().first<stored_header_size>(), length);
    used += stored_header_size + length;
    return {};
  }

  /// Passes bytes on as they are, through memory: a copy inside the kernel would let a layer that was damaged since it was stored out
  /// unseen, as whole members still. Precondition: nothing is held back.
  result<void> pass_on(model::blob_reader& from, std::uint64_t offset, std::uint64_t length, const byte_observer& seen) {
    while (length > 0) {
      const std::span<std::byte> part = output.bytes().first(static_cast<std::size_t>(std::min<std::uint64_t>(length, output_size)));
      const result<std::size_t> got = from.read_at(offset, part);
      if (!got) return got.error();
      if (*got < part.size()) return ended_early(from, offset + *got);
      if (seen) seen(part);
      if (const result<void> written = to.write(part); !written) return written.error();
      offset += part.size();
      length -= part.size();
    }
    return {};
  }

  byte_sink& to;
  deflate_workers workers;
  copy_buffer output;
  std::size_t used = 0;
  bool open = false;        ///< a member is
  bool started = false;     ///< something is in the output
  std::uint32_t crc = 0;    ///< of the open member
  std::uint64_t total = 0;  ///< bytes in it
  std::shared_ptr<deflate_piece> filling;
  std::deque<std::shared_ptr<deflate_piece>> under_way;
  std::vector<std::shared_ptr<deflate_piece>> idle;
};

gzip_sink::gzip_sink(byte_sink& to, deflate_workers workers) : impl_(std::make_unique<impl>(to, std::move(workers))) {}
gzip_sink::~gzip_sink() = default;

result<void> gzip_sink::write(std::span<const std::byte> bytes) { return impl_->deflate_bytes(bytes); }

result<void> gzip_sink::copy(model::blob_reader& from, std::uint64_t offset, std::uint64_t length, content_kind kind,
                             const byte_observer& seen) {
  if (kind == content_kind::plain) return byte_sink::copy(from, offset, length, kind, seen);
  if (const result<void> settled = impl_->settle(); !settled) return settled.error();
  if (const result<void> ready = impl_->open_member(); !ready) return ready.error();
  while (length > 0) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(length, stored_block_limit));
    if (const result<void> stored = impl_->store_block(from, offset, size, seen); !stored) return stored.error();
    offset += size;
    length -= size;
  }
  return {};
}

result<void> gzip_sink::copy_members(model::blob_reader& from, std::uint64_t offset, std::uint64_t length, const byte_observer& seen) {
  if (const result<void> closed = impl_->close_member(); !closed) return closed.error();
  if (const result<void> drained = impl_->drain(); !drained) return drained.error();
  impl_->started = true;
  if (const result<void> passed = impl_->pass_on(from, offset, length, seen); !passed) return passed.error();
  if (offset + length < from.size()) return {};
  // An output that breaks off here must not look like a whole gzip file: the next member begins.
  if (const result<void> opened = impl_->open_member(); !opened) return opened.error();
  return impl_->drain();
}

std::optional<failure> gzip_sink::lost() const { return impl_->to.lost(); }

result<void> gzip_sink::finish() {
  // An empty input is one empty member; one that ended in members of others needs no more.
  if (!impl_->started) {
    if (const result<void> ready = impl_->open_member(); !ready) return ready.error();
  }
  if (const result<void> closed = impl_->close_member(); !closed) return closed.error();
  if (const result<void> drained = impl_->drain(); !drained) return drained.error();
  return impl_->to.finish();
}

}  // namespace gantry::archive
