#pragma once

#include "archive/sink.hpp"
#include "runtime/file.hpp"

namespace gantry::archive {

/// Writes into a regular file at a known offset; blobs with a descriptor of their own are copied inside the kernel where the file systems
/// can.
class file_sink final : public byte_sink {
 public:
  /// \param to open for writing; must outlive the sink
  /// \param offset where the first byte goes
  /// \param write_back whether the kernel is asked to write early, so that a later sync waits less
  explicit file_sink(const runtime::file& to, std::uint64_t offset = 0, bool write_back = true)
      : file_(to), position_(offset), written_back_(offset), write_back_(write_back) {}

  result<void> write(std::span<const std::byte> bytes) override;
  result<void> copy(model::blob_reader& from, std::uint64_t offset, std::uint64_t length, content_kind kind,
                    const byte_observer& seen) override;
  result<void> finish() override { return {}; }

  /// Where the next byte goes.
  std::uint64_t position() const noexcept { return position_; }

 private:
  void advance(std::uint64_t bytes);

  const runtime::file& file_;
  std::uint64_t position_;
  std::uint64_t written_back_;
  bool write_back_;
  bool kernel_copies_ = true;
};

}  // namespace gantry::archive
