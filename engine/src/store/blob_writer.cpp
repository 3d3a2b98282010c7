#include "store/blob_writer.hpp"

#include "store/presence.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

namespace gantry::store {
namespace {

/// Bytes after which the kernel is asked to begin writing, so that the sync at the end waits little.
constexpr std::uint64_t writeback_step = std::uint64_t{8} << 20;

}  // namespace

bool blob_writer::is_incoming(const std::filesystem::path& path) { return path.filename().native().starts_with(incoming_prefix); }

bool blob_writer::is_abandoned(const std::filesystem::path& path) {
  if (!is_incoming(path)) return false;
  const auto opened = runtime::file::open(path, runtime::open_mode::update);
  if (!opened) return false;
  const auto locked = opened->try_lock();
  return locked && *locked == runtime::lock_outcome::acquired;
}

result<bool> blob_writer::remove_unless_written(const std::filesystem::path& path) {
  const auto opened = runtime::file::open(path, runtime::open_mode::update);
  if (opened) {
    const auto locked = opened->try_lock();
    if (!locked) return locked.error();
    if (*locked == runtime::lock_outcome::busy) return false;
  }
  // The lock is held over this: a writer that comes to it only now sees that its name is gone, and takes another.
  if (auto removed = runtime::remove_file(path); !removed) return removed.error();
  return true;
}

result<runtime::file> blob_writer::claim_file(const std::filesystem::path& directory) {
  constexpr int rounds = 16;
  for (int round = 0; round < rounds; ++round) {
    const std::filesystem::path path = directory / (std::string(incoming_prefix) + runtime::random_suffix());
    auto opened = runtime::file::open(path, runtime::open_mode::create_new, 0600);
    if (!opened) return opened;
    const auto locked = opened->try_lock();
    if (!locked) return locked.error();
    // Somebody who cleans up may have come between the last two, and the name is nobody else's.
    if (*locked != runtime::lock_outcome::busy && ::access(path.c_str(), F_OK) == 0) return opened;
    if (auto removed = runtime::remove_file(path); !removed) return removed.error();
  }
  return failure(errc::in_use, fmt::format("cannot write into {}: somebody keeps cleaning it up", directory.string()));
}

blob_writer::~blob_writer() {
  if (path_.empty()) return;
  // What cannot be removed is what a crash would leave, and is cleaned up like that.
  [[maybe_unused]] const auto removed = runtime::remove_file(path_);
}

result<void> blob_writer::write(std::span<const std::byte> bytes) {
  if (auto written = file_.write_at(size_, bytes); !written) return written;
  hash_.update(bytes);
  size_ += bytes.size();
  if (sync_ && size_ - written_back_ >= writeback_step) {
    file_.start_writeback(written_back_, size_ - written_back_);
    written_back_ = size_;
  }
  return {};
}

result<digest> blob_writer::commit(const digest& expected) {
  digest computed = hash_.finish();
  if (expected && computed != expected) {
    return failure(errc::digest_mismatch,
                   fmt::format("blob {} is damaged: its {} bytes hash to {}", expected.string(), size_, computed.string()));
  }
  if (auto published = publish(computed); !published) {
    descriptor blob;
    blob.digest = computed;
    blob.size = size_;
    return inside_store(where_, blob, published.error());
  }
  return computed;
}

result<void> blob_writer::publish(const digest& name) {
  if (auto present = check_presence(where_); !present) return present;
  if (sync_) {
    if (auto synced = file_.sync_data(); !synced) return synced;
  }
  // Network file systems report late write errors on close, yet a real close would give the lock away before the rename.
  const int twin = ::dup(file_.descriptor());
  if (twin < 0 || (::close(twin) != 0 && errno != EINTR)) return system_failure(errno, "cannot write", path_.string());
  const std::filesystem::path target = where_.blob(name);
  const std::filesystem::path directory = target.parent_path();
  if (auto made = runtime::make_directories(directory, 0777, sync_); !made) return made;
  std::error_code ec;
  const bool there = std::filesystem::exists(target, ec) || ec;
  if (auto renamed = runtime::rename_file(path_, target); !renamed) return renamed;
  path_.clear();
  // Not before: what a crash leaves under the other name is opened for writing by whoever looks whether it is locked.
  file_.set_permissions(0444);
  if (auto closed = file_.close(); !closed) return closed;
  added_ = !there;
  if (sync_) {
    if (auto synced = runtime::sync_directory(directory); !synced) return synced;
  }
  return {};
}

}  // namespace gantry::store
