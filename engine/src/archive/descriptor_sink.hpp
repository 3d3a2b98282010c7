#pragma once

#include "archive/sink.hpp"

#include <atomic>
#include <cstddef>
#include <optional>
#include <string>

namespace gantry::archive {

/// Whether nobody reads any more what is written to \p descriptor, as far as that can be told without writing: of pipes and sockets. Never
/// blocks.
bool reader_is_gone(int descriptor) noexcept;

/// Writes to a descriptor that the caller owns, such as standard output: a pipe, a socket, a terminal or a file. Its flags are never
/// changed: whoever shares it would see O_NONBLOCK too. Raises no SIGPIPE.
///
/// A reader that is slow blocks the worker, yet for no longer than a fifth of a second after a stop: writes are sized so that poll() can
/// tell that they will not block.
///
/// The last byte of each call is held back until the next one or \ref break_off, so that an output which ends without either never ends
/// where an entry of a tar or a member of gzip ends: such a cut would look like a whole archive.
class descriptor_sink final : public byte_sink {
 public:
  /// \param descriptor open for writing; must outlive the sink
  /// \param name the descriptor in messages, e.g. "standard output"
  /// \param stop looked at while waiting for the reader; set, the sink fails with errc::cancelled. Must outlive the sink.
  descriptor_sink(int descriptor, std::string name, const std::atomic<bool>& stop);

  result<void> write(std::span<const std::byte> bytes) override;
  /// What goes into a pipe without passing through memory is read all the same for \p seen, and the last byte of the copy follows only
  /// then: a stream cannot be taken back, so that it must not end before a damaged blob is noticed.
  result<void> copy(model::blob_reader& from, std::uint64_t offset, std::uint64_t length, content_kind kind,
                    const byte_observer& seen) override;
  result<void> finish() override;
  void break_off(std::span<const std::byte> last) override;
  std::optional<failure> lost() const override;

  /// Bytes that the kernel has accepted.
  std::uint64_t written() const noexcept { return written_; }

 private:
  enum class kind_of_file {
    pipe,    ///< poll, then at most PIPE_BUF; blobs by splice
    socket,  ///< poll and MSG_DONTWAIT
    other,   ///< plain write
  };

  result<void> send(std::span<const std::byte> bytes);
  result<void> send_held();
  result<void> wait_until_writable();
  result<std::size_t> write_some(std::span<const std::byte> bytes);
  failure broken(int errno_value) const;

  int descriptor_;
  std::string name_;
  const std::atomic<bool>& stop_;
  kind_of_file kind_;
  std::uint64_t written_ = 0;
  std::optional<std::byte> held_;  ///< given to us, not written yet
  bool splices_ = true;
};

}  // namespace gantry::archive
