#include "archive/decoder.hpp"

#include <zstd.h>

#include <algorithm>
#include <array>
#include <new>
#include <string>

namespace gantry::archive {
namespace {

/// Levels up to 22 without `--ultra --long` stay within 2^27 bytes; more would let a layer claim gigabytes of memory.
constexpr int largest_window_log = 27;

class zstd_decoder final : public decoder {
 public:
  zstd_decoder() : stream_(::ZSTD_createDStream()) {
    if (stream_ == nullptr) throw std::bad_alloc();
    ::ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, largest_window_log);
  }
  ~zstd_decoder() override { ::ZSTD_freeDStream(stream_); }

  result<progress> step(std::span<const std::byte> in, std::span<std::byte> out) override {
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    ZSTD_outBuffer output{out.data(), out.size(), 0};
    // One frame a call at the most; the next begins with what is left. Without input there may still be output.
    do {
      if (input.pos == input.size && between_) break;
      const std::size_t hint = ::ZSTD_decompressStream(stream_, &output, &input);
      if (::ZSTD_isError(hint) != 0) return refused(hint);
      between_ = hint == 0;
      if (between_) facts_.parts += 1;
    } while (input.pos < input.size && output.pos < output.size);
    facts_.raw_size += output.pos;
    return progress{input.pos, output.pos};
  }

  result<void> finish() override {
    if (between_ && facts_.parts > 0) return {};
    return failure(errc::malformed_document, "it is cut off: its last zstd frame is not complete");
  }

 private:
  static failure refused(std::size_t code) {
    return {errc::malformed_document, std::string("it cannot be decoded as zstd: ") + ::ZSTD_getErrorName(code)};
  }

  ZSTD_DStream* stream_;
  bool between_ = true;  ///< no frame is open
};

/// Bytes that are not compressed.
class plain_decoder final : public decoder {
 public:
  result<progress> step(std::span<const std::byte> in, std::span<std::byte> out) override {
    const std::size_t count = std::min(in.size(), out.size());
    std::copy_n(in.begin(), count, out.begin());
    facts_.raw_size += count;
    return progress{count, count};
  }
  result<void> finish() override { return {}; }
};

}  // namespace

std::unique_ptr<decoder> make_zstd_decoder() { return std::make_unique<zstd_decoder>(); }

std::unique_ptr<decoder> make_decoder(model::compression kind) {
  if (kind == model::compression::gzip) return make_gzip_decoder();
  if (kind == model::compression::zstd) return make_zstd_decoder();
  return std::make_unique<plain_decoder>();
}

model::compression sniff(std::span<const std::byte> head) noexcept {
  const auto at = [&](std::size_t i) { return i < head.size() ? std::to_integer<unsigned>(head[i]) : 256u; };
  if (at(0) == 0x1f && at(1) == 0x8b) return model::compression::gzip;
  if (at(0) == 0x28 && at(1) == 0xb5 && at(2) == 0x2f && at(3) == 0xfd) return model::compression::zstd;
  if ((at(0) & 0x1f0) == 0x50 && at(1) == 0x2a && at(2) == 0x4d && at(3) == 0x18) return model::compression::zstd;
  return model::compression::none;
}

}  // namespace gantry::archive
