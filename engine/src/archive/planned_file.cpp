#include "archive/planned_file.hpp"

#include "archive/file_sink.hpp"
#include "archive/tar.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace gantry::archive {
namespace {

result<void> write_text(const runtime::file& to, std::uint64_t offset, std::string_view text) {
  if (text.empty()) return {};
  return to.write_at(offset, std::as_bytes(std::span(text.data(), text.size())));
}

}  // namespace

planned_file::planned_file(output_file file, layout plan) : output_(std::move(file)), plan_(std::move(plan)) {
  for (const entry& member : plan_.entries) {
    if (const auto* blob = std::get_if<descriptor>(&member.content)) slots_[blob->digest].offset = member.data_offset;
  }
}

std::optional<std::uint64_t> planned_file::place_of(const digest& blob) const {
  const auto found = slots_.find(blob);
  if (found == slots_.end()) return std::nullopt;
  return found->second.offset;
}

result<void> planned_file::fill(const descriptor& blob, model::blob_source& blobs, const std::function<void(std::uint64_t)>& moved,
                                const std::atomic<bool>& stop, bool sync) {
  slot& where = slots_.at(blob.digest);
  if (where.filled) return {};
  result<std::unique_ptr<model::blob_reader>> opened = blobs.open(blob);
  if (!opened) return opened.error();
  file_sink sink(file(), where.offset, sync);
  if (const result<void> copied = copy_blob(blob, **opened, sink, moved, stop); !copied) return copied.error();
  where.filled = true;
  return {};
}

result<std::uint64_t> planned_file::complete(model::blob_source& blobs, const archive_progress_handler& progress,
                                             const std::atomic<bool>& stop, bool sync) {
  std::uint64_t done = 0;
  for (const entry& member : plan_.entries) {
    if (const auto* blob = std::get_if<descriptor>(&member.content)) {
      const auto moved = [&, before = done](std::uint64_t bytes) mutable {
        before += bytes;
        if (progress) progress(before, plan_.size);
      };
      if (const result<void> present = fill(*blob, blobs, moved, stop, sync); !present) return present.error();
    } else if (const result<void> written = write_text(file(), member.data_offset, std::get<std::string>(member.content)); !written) {
      return written.error();
    }
    if (const result<void> written = write_text(file(), member.header_offset, header_of(member)); !written) return written.error();
    const std::uint64_t end = member.data_offset + member.size;
    if (const result<void> padded = write_text(file(), end, std::string(tar_padding(member.size), '\0')); !padded) return padded.error();
    done = end + tar_padding(member.size);
  }
  if (const result<void> ended = write_text(file(), done, std::string(tar_end_size, '\0')); !ended) return ended.error();
  // Longer only if the part of another archive was taken over.
  if (const result<void> cut = file().truncate(plan_.size); !cut) return cut.error();
  if (const result<void> committed = output_.commit(sync); !committed) return committed.error();
  if (progress) progress(plan_.size, plan_.size);
  return plan_.size;
}

}  // namespace gantry::archive
