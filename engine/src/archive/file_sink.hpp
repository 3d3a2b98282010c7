#pragma once

#include "archive/sink.hpp"

#include <string>

namespace gantry::archive {

/// Writes into a regular file at a known offset; blobs with a descriptor of their own are copied inside the kernel where the file systems
/// can.
class file_sink final : public byte_sink {
 public:
  /// \param descriptor open for writing, without O_APPEND; stays the caller's and must outlive the sink
  /// \param name the file in messages
  /// \param offset where the first byte goes
  file_sink(int descriptor, std::string name, std::uint64_t offset = 0);

  result<void> write(std::span<const std::byte> bytes) override;
  result<void> copy(model::blob_reader& from, std::uint64_t offset, std::uint64_t length, content_kind kind,
                    const byte_observer& seen) override;
  result<void> finish() override;

  /// Where the next byte goes.
  std::uint64_t position() const noexcept { return position_; }

 private:
  void start_writeback();

  int descriptor_;
  std::string name_;
  std::uint64_t position_;
  std::uint64_t written_back_;
  bool kernel_copies_ = true;
};

}  // namespace gantry::archive
