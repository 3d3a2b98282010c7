#include "archive/file_sink.hpp"

#include "runtime/kernel_copy.hpp"

namespace gantry::archive {
namespace {

/// Long enough for the disk to work in large requests, short enough that little is left for the sync.
constexpr std::uint64_t write_back_step = std::uint64_t{8} << 20;

}  // namespace

result<void> file_sink::write(std::span<const std::byte> bytes) {
  if (const result<void> written = file_.write_at(position_, bytes); !written) return written.error();
  advance(bytes.size());
  return {};
}

result<void> file_sink::copy(model::blob_reader& from, std::uint64_t offset, std::uint64_t length, content_kind kind,
                             const byte_observer& seen) {
  const int handle = from.native_handle();
  while (length > 0 && kernel_copies_ && handle >= 0) {
    const runtime::kernel_copy step = runtime::copy_between_files(handle, offset, file_.descriptor(), position_, length);
    if (step.status == runtime::kernel_copy_status::failed) return system_failure(step.error, "cannot write", file_.path().string());
    if (step.status != runtime::kernel_copy_status::copied) {
      kernel_copies_ = false;
      break;
    }
    // Some file systems answer 0 to what they cannot copy; reading tells that from the end of the blob.
    if (step.bytes == 0) break;
    offset += step.bytes;
    length -= step.bytes;
    advance(step.bytes);
  }
  return byte_sink::copy(from, offset, length, kind, seen);
}

void file_sink::advance(std::uint64_t bytes) {
  position_ += bytes;
  if (!write_back_ || position_ - written_back_ < write_back_step) return;
  file_.start_writeback(written_back_, position_ - written_back_);
  written_back_ = position_;
}

}  // namespace gantry::archive
