#pragma once

#include "base/failure.hpp"
#include "model/blob_source.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

namespace gantry::archive {

/// What the bytes of a blob are like, for sinks that compress.
enum class content_kind {
  plain,       ///< worth compressing
  compressed,  ///< compressed or encrypted already: passed on as it is
};

/// Sees the bytes of a copy, in order, that pass through memory. Bytes that the kernel copies are not seen.
using byte_observer = std::function<void(std::span<const std::byte>)>;

/// Bytes read into memory at a time (DESIGN section 7, "pool").
inline constexpr std::size_t copy_buffer_size = std::size_t{256} * 1024;

/// Uninitialised, page-aligned memory: reads into it are several times cheaper than into the middle of a page.
class copy_buffer {
 public:
  explicit copy_buffer(std::size_t size);
  ~copy_buffer();
  copy_buffer(const copy_buffer&) = delete;
  copy_buffer& operator=(const copy_buffer&) = delete;

  std::span<std::byte> bytes() const noexcept { return {bytes_, size_}; }

 private:
  static constexpr std::size_t alignment = 4096;
  std::byte* bytes_;
  std::size_t size_;
};

/// Where an archive goes, in order. Blocking: used by one worker at a time. After a failure only \ref break_off and destruction are
/// allowed, so that an archive that broke off stays recognisably incomplete.
class byte_sink {
 public:
  virtual ~byte_sink() = default;
  byte_sink(const byte_sink&) = delete;
  byte_sink& operator=(const byte_sink&) = delete;

  /// Appends \p bytes.
  virtual result<void> write(std::span<const std::byte> bytes) = 0;

  /// Appends \p length bytes of \p from, starting at \p offset. The base version reads into one buffer and calls \ref write.
  /// \param seen called with every byte that passed through memory; may be empty
  /// \returns errc::size_mismatch when the blob ends early
  virtual result<void> copy(model::blob_reader& from, std::uint64_t offset, std::uint64_t length, content_kind kind,
                            const byte_observer& seen);

  /// Whether \ref copy_members may be called: the output is gzip, into which members of others fit.
  virtual bool takes_members() const noexcept { return false; }

  /// Appends what \p from inflates to, by passing on its gzip members as they are. A blob is passed on in pieces from its beginning to its
  /// end, with nothing in between. Precondition: \ref takes_members, and \p from is whole members without anything behind them.
  /// \param seen called with every byte: these are never copied inside the kernel
  virtual result<void> copy_members(model::blob_reader& from, std::uint64_t offset, std::uint64_t length, const byte_observer& seen);

  /// Why nobody will take what is written from now on, where that can be told without writing: the reader of a stream went away.
  virtual std::optional<failure> lost() const { return std::nullopt; }

  /// The output ends here for good, with \p last as far as that can be written without a long wait, even after a stop. What fails then is
  /// not worth telling: there is a first reason.
  virtual void break_off(std::span<const std::byte> last) { static_cast<void>(write(last)); }

  /// Writes what is still held back; the output is complete. Nothing may be written afterwards. Does not force anything to disk.
  virtual result<void> finish() = 0;

 protected:
  using piece_taker = std::function<result<void>(std::span<const std::byte>)>;

  byte_sink() = default;

  /// Reads \p length bytes of \p from through the one buffer. \returns the first failure of \p take, or that the blob ended early
  result<void> read_in_pieces(model::blob_reader& from, std::uint64_t offset, std::uint64_t length, const piece_taker& take);

 private:
  std::unique_ptr<copy_buffer> buffer_;
};

/// A blob that has fewer bytes than its reader promised.
failure ended_early(const model::blob_reader& from, std::uint64_t offset);

}  // namespace gantry::archive
