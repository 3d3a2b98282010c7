#pragma once

#include "archive/sink.hpp"

#include <functional>
#include <memory>

namespace gantry::archive {

/// Threads that compress.
struct deflate_workers {
  /// Has a call run on one of them, soon, and returns at once; the call owns what it uses. None: everything is compressed by the caller.
  std::function<void(std::function<void()>)> run;
  unsigned count = 0;  ///< pieces that are worth having under way at once
};

/// Wraps what it is given into gzip (RFC 1952) and passes it on. Compressed blobs go through as stored deflate blocks (RFC 1951 section
/// 3.2.4), at 5 bytes per 64 KiB and the cost of a CRC; all else is cut into pieces that are deflated each by itself, by several threads.
/// No time, no name: equal input gives equal output, however many threads there are.
///
/// Usually one member. Around \ref copy_members it ends one and begins another: concatenated members are one gzip file.
class gzip_sink final : public byte_sink {
 public:
  /// \param to receives the gzip file; must outlive the sink
  explicit gzip_sink(byte_sink& to, deflate_workers workers = {});
  ~gzip_sink() override;

  result<void> write(std::span<const std::byte> bytes) override;
  result<void> copy(model::blob_reader& from, std::uint64_t offset, std::uint64_t length, content_kind kind,
                    const byte_observer& seen) override;
  bool takes_members() const noexcept override { return true; }
  result<void> copy_members(model::blob_reader& from, std::uint64_t offset, std::uint64_t length, const byte_observer& seen) override;
  std::optional<failure> lost() const override;
  /// Ends the file and finishes the sink below.
  result<void> finish() override;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace gantry::archive
