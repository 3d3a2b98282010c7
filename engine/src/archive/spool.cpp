#include "archive/spool.hpp"

#include "archive/sink.hpp"

namespace gantry::archive {

result<runtime::file> spool(byte_input& from, const std::filesystem::path& directory, const std::atomic<bool>& stop) {
  const std::filesystem::path name = directory / (".spool-" + runtime::random_suffix() + ".gantry-part");
  result<runtime::file> opened = runtime::file::open(name, runtime::open_mode::create_new, 0600);
  if (!opened) return opened.error();
  if (const result<void> removed = runtime::remove_file(name); !removed) return removed.error();
  const copy_buffer buffer(copy_buffer_size);
  for (std::uint64_t offset = 0;;) {
    if (stop.load(std::memory_order_relaxed)) return failure(errc::cancelled, "stopped while reading the archive");
    const result<std::size_t> got = from.read(buffer.bytes());
    if (!got) return got.error();
    if (const result<void> written = opened->write_at(offset, buffer.bytes().first(*got)); !written) return written.error();
    offset += *got;
    if (*got < buffer.bytes().size()) return opened;
  }
}

}  // namespace gantry::archive
