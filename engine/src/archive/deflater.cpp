#include "archive/deflater.hpp"

#include <zlib.h>

#ifdef GANTRY_HAVE_ISAL
#include <isa-l/igzip_lib.h>
#endif

#include <boost/assert.hpp>

#include <algorithm>
#include <new>

namespace gantry::archive {
namespace {

/// What a piece must lose to be worth inflating again: a 64th.
constexpr std::size_t worthwhile(std::size_t size) { return size - size / 64; }

class zlib_deflater final : public piece_deflater {
 public:
  zlib_deflater() {
    // Negative window bits: raw deflate.
    if (::deflateInit2(&stream_, level, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw std::bad_alloc();
  }
  ~zlib_deflater() override { ::deflateEnd(&stream_); }

 private:
  std::size_t compress(std::span<const std::byte> piece, std::span<std::byte> out) override {
    ::deflateReset(&stream_);
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(piece.data()));
    stream_.avail_in = static_cast<uInt>(piece.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    [[maybe_unused]] const int status = ::deflate(&stream_, Z_FULL_FLUSH);
    BOOST_ASSERT(status != Z_STREAM_ERROR);
    // A flush is complete only when there was room left.
    return stream_.avail_out == 0 ? 0 : out.size() - stream_.avail_out;
  }

  // Twice the speed of the usual 6 for a few percent of the size.
  static constexpr int level = 4;
  z_stream stream_{};
};

#ifdef GANTRY_HAVE_ISAL
class isal_deflater final : public piece_deflater {
 public:
  isal_deflater() : stream_(std::make_unique<isal_zstream>()), level_buffer_(ISAL_DEF_LVL2_DEFAULT) {}

 private:
  std::size_t compress(std::span<const std::byte> piece, std::span<std::byte> out) override {
    ::isal_deflate_init(stream_.get());
    stream_->level = 2;
    stream_->level_buf = level_buffer_.data();
    stream_->level_buf_size = static_cast<std::uint32_t>(level_buffer_.size());
    stream_->flush = FULL_FLUSH;
    stream_->next_in = reinterpret_cast<std::uint8_t*>(const_cast<std::byte*>(piece.data()));
    stream_->avail_in = static_cast<std::uint32_t>(piece.size());
    stream_->next_out = reinterpret_cast<std::uint8_t*>(out.data());
    stream_->avail_out = static_cast<std::uint32_t>(out.size());
    [[maybe_unused]] const int status = ::isal_deflate(stream_.get());
    BOOST_ASSERT(status == COMP_OK);
    const bool complete = stream_->avail_out != 0 && stream_->internal_state.state == ZSTATE_NEW_HDR;
    return complete ? out.size() - stream_->avail_out : 0;
  }

  std::unique_ptr<isal_zstream> stream_;
  std::vector<std::uint8_t> level_buffer_;
};
#endif

}  // namespace

void put_stored_header(std::span<std::byte, stored_header_size> into, std::size_t length) noexcept {
  const auto low = static_cast<std::byte>(length & 0xff);
  const auto high = static_cast<std::byte>(length >> 8);
  into[0] = std::byte{0};
  into[1] = low;
  into[2] = high;
  into[3] = ~low;
  into[4] = ~high;
}

void piece_deflater::deflate(std::span<const std::byte> piece, std::vector<std::byte>& out) {
  const std::size_t blocks = (piece.size() + stored_block_limit - 1) / stored_block_limit;
  // Room for a few empty blocks that a flush makes, so that short pieces fit.
  constexpr std::size_t slack = 64;
  out.resize(piece.size() + blocks * stored_header_size + slack);
  const std::size_t compressed = piece.empty() ? 0 : compress(piece, out);
  if (compressed != 0 && (compressed < worthwhile(piece.size()) || piece.size() < slack)) {
    out.resize(compressed);
    return;
  }
  std::size_t used = 0;
  while (!piece.empty()) {
    const std::span<const std::byte> part = piece.first(std::min(piece.size(), stored_block_limit));
    put_stored_header(std::span<std::byte, stored_header_size>(out.data() + used, stored_header_size), part.size());
    std::copy(part.begin(), part.end(), out.begin() + static_cast<std::ptrdiff_t>(used + stored_header_size));
    used += stored_header_size + part.size();
    piece = piece.subspan(part.size());
  }
  out.resize(used);
}

std::unique_ptr<piece_deflater> make_zlib_deflater() { return std::make_unique<zlib_deflater>(); }

std::unique_ptr<piece_deflater> make_isal_deflater() {
#ifdef GANTRY_HAVE_ISAL
  return std::make_unique<isal_deflater>();
#else
  return nullptr;
#endif
}

std::unique_ptr<piece_deflater> make_piece_deflater() {
  std::unique_ptr<piece_deflater> fastest = make_isal_deflater();
  return fastest ? std::move(fastest) : make_zlib_deflater();
}

}  // namespace gantry::archive
