#include "archive/raw_inflater.hpp"

#include <zlib.h>

#ifdef GANTRY_HAVE_ISAL
#include <isa-l/igzip_lib.h>
#endif

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <new>

namespace gantry::archive {
namespace {

/// Both libraries count with 32 bits.
template <class Byte>
std::span<Byte> countable(std::span<Byte> bytes) {
  return bytes.first(std::min<std::size_t>(bytes.size(), std::numeric_limits<std::uint32_t>::max()));
}

class zlib_inflater final : public raw_inflater {
 public:
  zlib_inflater() {
    // Negative window bits: raw deflate.
    if (::inflateInit2(&stream_, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
  }
  ~zlib_inflater() override { ::inflateEnd(&stream_); }

  std::optional<progress> run(std::span<const std::byte> in, std::span<std::byte> out) override {
    in = countable(in);
    out = countable(out);
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in.data()));
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    const int status = ::inflate(&stream_, Z_NO_FLUSH);
    // Z_BUF_ERROR: there was nothing to do.
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) return std::nullopt;
    return progress{in.size() - stream_.avail_in, out.size() - stream_.avail_out, status == Z_STREAM_END};
  }

  void reset() override { ::inflateReset(&stream_); }

 private:
  z_stream stream_{};
};

#ifdef GANTRY_HAVE_ISAL
class isal_inflater final : public raw_inflater {
 public:
  isal_inflater() : state_(std::make_unique<inflate_state>()) { ::isal_inflate_init(state_.get()); }

  std::optional<progress> run(std::span<const std::byte> in, std::span<std::byte> out) override {
    in = countable(in);
    out = countable(out);
    state_->next_in = reinterpret_cast<std::uint8_t*>(const_cast<std::byte*>(in.data()));
    state_->avail_in = static_cast<std::uint32_t>(in.size());
    state_->next_out = reinterpret_cast<std::uint8_t*>(out.data());
    state_->avail_out = static_cast<std::uint32_t>(out.size());
    if (::isal_inflate(state_.get()) < ISAL_DECOMP_OK) return std::nullopt;
    const bool ended = state_->block_state == ISAL_BLOCK_FINISH;
    if (ended) keep_surplus();
    return progress{in.size() - state_->avail_in, out.size() - state_->avail_out, ended};
  }

  std::span<const std::byte> surplus() const noexcept override { return std::span(surplus_).first(surplus_size_); }

  void reset() override {
    ::isal_inflate_reset(state_.get());
    surplus_size_ = 0;
  }

 private:
  /// It reads ahead into 64 bits; what fills up the last byte of the stream is padding, the whole bytes after it are not its own.
  void keep_surplus() {
    const auto bits = static_cast<unsigned>(state_->read_in_length);
    std::uint64_t ahead = state_->read_in >> (bits % 8);
    surplus_size_ = bits / 8;
    for (std::size_t i = 0; i < surplus_size_; ++i, ahead >>= 8) surplus_[i] = static_cast<std::byte>(ahead & 0xff);
  }

  std::unique_ptr<inflate_state> state_;
  std::array<std::byte, 8> surplus_{};
  std::size_t surplus_size_ = 0;
};
#endif

}  // namespace

std::unique_ptr<raw_inflater> make_zlib_inflater() { return std::make_unique<zlib_inflater>(); }

std::unique_ptr<raw_inflater> make_isal_inflater() {
#ifdef GANTRY_HAVE_ISAL
  return std::make_unique<isal_inflater>();
#else
  return nullptr;
#endif
}

std::unique_ptr<raw_inflater> make_raw_inflater() {
  std::unique_ptr<raw_inflater> fastest = make_isal_inflater();
  return fastest ? std::move(fastest) : make_zlib_inflater();
}

}  // namespace gantry::archive
