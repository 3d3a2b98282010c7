#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>

namespace gantry::archive {

/// Decodes one raw deflate stream (RFC 1951) after the other, without the gzip or zlib around it. Does no I/O.
class raw_inflater {
 public:
  struct progress {
    std::size_t taken = 0;  ///< bytes of the input that are done with
    std::size_t given = 0;  ///< bytes of the output that were filled
    bool ended = false;     ///< the stream is complete; \ref surplus is valid
  };

  virtual ~raw_inflater() = default;
  raw_inflater(const raw_inflater&) = delete;
  raw_inflater& operator=(const raw_inflater&) = delete;

  /// Decodes until the input is used up, \p out is full or the stream ends. With empty input it gives what it still holds back.
  /// \returns nothing when the input is no deflate stream
  virtual std::optional<progress> run(std::span<const std::byte> in, std::span<std::byte> out) = 0;

  /// Bytes that were taken although they stand behind the end of the stream: at most 8. Valid until \ref reset.
  virtual std::span<const std::byte> surplus() const noexcept { return {}; }

  /// Ready for the next stream.
  virtual void reset() = 0;

 protected:
  raw_inflater() = default;
};

/// By zlib, which is everywhere.
std::unique_ptr<raw_inflater> make_zlib_inflater();
/// By ISA-L, twice as fast; null where the build has none.
std::unique_ptr<raw_inflater> make_isal_inflater();
/// The fastest there is.
std::unique_ptr<raw_inflater> make_raw_inflater();

}  // namespace gantry::archive
