#include "archive/directory_writer.hpp"

#include "archive/file_sink.hpp"
#include "runtime/file.hpp"
#include "runtime/kernel_copy.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace gantry::archive {
namespace {

namespace fs = std::filesystem;

/// \p path, when it is a plain file of ours with that size; its directory may be anybody's.
std::optional<runtime::file> own_file(const fs::path& path, std::uint64_t size) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (descriptor < 0) return std::nullopt;
  runtime::file opened(descriptor, path);
  struct stat about {};
  const bool fits = ::fstat(descriptor, &about) == 0 && S_ISREG(about.st_mode) && about.st_uid == ::geteuid() &&
                    static_cast<std::uint64_t>(about.st_size) == size;
  return fits ? std::optional(std::move(opened)) : std::nullopt;
}

/// What the store gives its blobs.
constexpr unsigned read_only = 0444;

class directory_writer {
 public:
  directory_writer(const layout& plan, model::blob_source& blobs, const output_directory& to, const archive_progress_handler& progress,
                   const std::atomic<bool>& stop, bool sync, bool takes_over)
      : blobs_(blobs), to_(to), progress_(progress), stop_(stop), sync_(sync), takes_over_(takes_over), entries_(plan.entries) {
    for (const entry& member : entries_) total_ += member.size;
  }

  result<std::uint64_t> run() {
    std::set<fs::path> directories{to_.part()};
    for (const entry& member : entries_) {
      if (stop_.load(std::memory_order_relaxed)) return cancelled();
      const fs::path path = to_.part() / member.name;
      if (member.name.ends_with('/')) {
        if (const result<void> made = runtime::make_directories(path); !made) return made.error();
        directories.insert(path);
        continue;
      }
      const auto* text = std::get_if<std::string>(&member.content);
      const result<void> done = text != nullptr ? put(path, *text) : put(path, member.name, std::get<descriptor>(member.content));
      if (!done) return done.error();
      report();
    }
    if (sync_) {
      for (const fs::path& directory : directories) {
        if (const result<void> synced = runtime::sync_directory(directory); !synced) return synced.error();
      }
    }
    return total_;
  }

 private:
  failure cancelled() const { return {errc::cancelled, fmt::format("stopped after {} of {} bytes of the OCI layout", done_, total_)}; }

  void report() const {
    if (progress_) progress_(done_, total_);
  }

  result<runtime::file> create(const fs::path& path) const { return runtime::file::open(path, runtime::open_mode::create_new); }

  result<void> complete(runtime::file& file) const {
    if (sync_) {
      if (const result<void> synced = file.sync_data(); !synced) return synced.error();
    }
    return file.close();
  }

  result<void> put(const fs::path& path, const std::string& text) {
    result<runtime::file> file = create(path);
    if (!file) return file.error();
    if (const result<void> written = file->write_at(0, std::as_bytes(std::span(text))); !written) return written.error();
    done_ += text.size();
    return complete(*file);
  }

  result<void> put(const fs::path& path, const std::string& name, const descriptor& blob) {
    const result<std::unique_ptr<model::blob_reader>> opened = blobs_.open(blob);
    if (!opened) return opened.error();
    model::blob_reader& reader = **opened;
    result<runtime::file> file = create(path);
    if (!file) return file.error();
    if (reader.native_handle() >= 0 && reader.size() == blob.size && blob.size > 0) {
      const runtime::kernel_copy cloned = runtime::clone_file(reader.native_handle(), file->descriptor());
      if (cloned.status == runtime::kernel_copy_status::failed) return system_failure(cloned.error, "cannot write", path.string());
      if (cloned.status == runtime::kernel_copy_status::copied) {
        done_ += blob.size;
        return complete(*file);
      }
      const result<bool> linked = link(path, reader.native_handle());
      if (!linked) return linked.error();
      if (*linked) {
        done_ += blob.size;
        return {};
      }
    }
    if (takes_over_) {
      // It has its permissions from when that directory was written, where it was as readable as here.
      const std::optional<runtime::file> before = own_file(to_.path() / name, blob.size);
      const result<bool> taken = before ? link_to(path, before->descriptor()) : result<bool>(false);
      if (!taken) return taken.error();
      if (*taken) {
        done_ += blob.size;
        return {};
      }
    }
    const result<void> copied = copy(*file, blob, reader);
    if (!copied) return copied.error();
    return complete(*file);
  }

  /// Puts a second name of the blob's file in place of the empty one. \returns false where that is not possible or not wise.
  result<bool> link(const fs::path& path, int handle) const {
    struct stat about {};
    if (::fstat(handle, &about) != 0 || about.st_uid != ::geteuid() || (about.st_mode & 07777u) != read_only) return false;
    // A link has the permissions of the store's file, whose directory keeps others out; here they must not see more than umask lets them.
    if ((read_only & ~to_.file_permissions()) != 0) return false;
    return link_to(path, handle);
  }

  static result<bool> link_to(const fs::path& path, int handle) {
    const fs::path temporary = path.string() + ".link";
    const runtime::kernel_copy linked = runtime::link_file(handle, temporary.c_str());
    if (linked.status == runtime::kernel_copy_status::failed) return system_failure(linked.error, "cannot write", path.string());
    if (linked.status != runtime::kernel_copy_status::copied) return false;
    if (const result<void> renamed = runtime::rename_file(temporary, path); !renamed) return renamed.error();
    return true;
  }

  result<void> copy(const runtime::file& file, const descriptor& blob, model::blob_reader& reader) {
    file_sink sink(file, 0, sync_);
    const auto moved = [this](std::uint64_t bytes) {
      done_ += bytes;
      report();
    };
    return copy_blob(blob, reader, sink, moved, stop_);
  }

  model::blob_source& blobs_;
  const output_directory& to_;
  const archive_progress_handler& progress_;
  const std::atomic<bool>& stop_;
  bool sync_;
  bool takes_over_;
  const std::vector<entry>& entries_;
  std::uint64_t total_ = 0;
  std::uint64_t done_ = 0;
};

}  // namespace

result<std::uint64_t> write_directory(const layout& plan, model::blob_source& blobs, const output_directory& to,
                                      const archive_progress_handler& progress, const std::atomic<bool>& stop, bool sync, bool takes_over) {
  return directory_writer(plan, blobs, to, progress, stop, sync, takes_over).run();
}

std::uint64_t bytes_beside(const layout& plan, const fs::path& directory) {
  std::uint64_t bytes = 0;
  for (const entry& member : plan.entries) {
    const bool there = std::holds_alternative<descriptor>(member.content) && own_file(directory / member.name, member.size);
    if (!there) bytes += member.size;
  }
  return bytes;
}

}  // namespace gantry::archive
