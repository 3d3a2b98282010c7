#include "archive/output_directory.hpp"

#include "archive/output_paths.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <optional>
#include <string>
#include <system_error>

namespace gantry::archive {
namespace {

namespace fs = std::filesystem;

/// The lock stands beside the part and not in it: parts and targets change places.
fs::path lock_of(const fs::path& part) { return part.string() + ".lock"; }

/// Where what is replaced stays meanwhile, on file systems that cannot exchange two names.
fs::path aside_of(const fs::path& part) { return part.string() + ".old"; }

/// Whether everything in \p directory belongs to an OCI image layout, or there is nothing in it. What tools leave beside it may be
/// somebody's work: it is not for us to remove.
result<bool> replaceable(const fs::path& directory) {
  std::error_code ec;
  bool anything = false;
  bool marker = false;
  bool foreign = false;
  for (fs::directory_iterator one(directory, ec); !ec && one != fs::directory_iterator(); one.increment(ec)) {
    const std::string name = one->path().filename().string();
    anything = true;
    marker = marker || name == "oci-layout";
    foreign = foreign || (name != "oci-layout" && name != "index.json" && name != "blobs");
  }
  if (ec) return system_failure(ec.value(), "cannot list", directory.string());
  return !anything || (marker && !foreign);
}

/// The final name; what is there is not looked into yet.
result<fs::path> named_directory(const fs::path& given) {
  fs::path path = given.lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  // Before links are followed: those of /proc/self/fd need not name a path.
  std::error_code ec;
  const fs::file_status present = fs::status(path, ec);
  if (fs::exists(present) && !fs::is_directory(present)) {
    return failure(
        errc::invalid_option,
        fmt::format("cannot write {}: a file of that name is there; an OCI layout is a directory; give it a new name", given.string()));
  }
  return resolve_output(path);
}

/// Refuses to replace what may be somebody's work. \param given as the user has named it
result<void> check_content(const fs::path& target, const fs::path& given) {
  std::error_code ec;
  if (!fs::exists(target, ec)) return {};
  const result<bool> fine = replaceable(target);
  if (!fine) return fine.error();
  if (*fine) return {};
  return failure(errc::invalid_option,
                 fmt::format("cannot write {}: the directory holds other things than an OCI layout; give it a new name", given.string()));
}

/// Whether what has the name of a part is a directory that this user has left there: all that is in it will be removed.
bool is_own_directory(const fs::path& part) {
  struct stat about {};
  return ::lstat(part.c_str(), &about) == 0 && S_ISDIR(about.st_mode) && about.st_uid == ::geteuid();
}

/// The lock of a part, held.
result<runtime::file> lock_part(const fs::path& target, const fs::path& part) {
  const fs::path lock = lock_of(part);
  for (int round = 0; round < claim_rounds; ++round) {
    const int descriptor = ::open(lock.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (descriptor < 0) return system_failure(errno, "cannot write", target.string());
    runtime::file opened(descriptor, target);
    if (const result<void> ours = claim_part(opened, target); !ours) return ours.error();
    if (names_it(lock, descriptor)) return opened;
  }
  return never_claimed(target);
}

/// What was set aside by a process that died before it gave the new content its name has its own name again. Only for the holder of the
/// lock.
result<void> put_back(const fs::path& part, const fs::path& target) {
  std::error_code ec;
  if (!is_own_directory(aside_of(part))) return {};
  if (fs::symlink_status(target, ec).type() == fs::file_type::not_found) return runtime::rename_file(aside_of(part), target);
  fs::remove_all(aside_of(part), ec);
  return {};
}

/// An empty part; what a process that died left in it goes. Only for the holder of the lock.
result<void> make_part(const fs::path& target, const fs::path& part) {
  if (::mkdir(part.c_str(), 0777) == 0) return {};
  if (errno != EEXIST) return system_failure(errno, "cannot write", target.string());
  if (!is_own_directory(part)) {
    return failure(errc::access_denied,
                   fmt::format("cannot write {}: {} is there and no directory of yours; remove it", target.string(), part.string()));
  }
  std::error_code ec;
  fs::remove_all(part, ec);
  if (ec) return system_failure(ec.value(), "cannot replace the unfinished", part.string());
  if (::mkdir(part.c_str(), 0777) != 0) return system_failure(errno, "cannot write", target.string());
  return {};
}

/// Lets \p part and \p target, which is there, change places in one step, or where the file system cannot, in two: what is replaced is gone
/// in no case before the new content has its name.
result<void> exchange(const fs::path& part, const fs::path& target) {
#ifdef RENAME_EXCHANGE
  if (::renameat2(AT_FDCWD, part.c_str(), AT_FDCWD, target.c_str(), RENAME_EXCHANGE) == 0) return {};
  if (errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP) return system_failure(errno, "cannot replace", target.string());
#endif
  const fs::path aside = aside_of(part);
  if (const result<void> moved = runtime::rename_file(target, aside); !moved) return moved.error();
  if (const result<void> renamed = runtime::rename_file(part, target); !renamed) {
    const result<void> back = runtime::rename_file(aside, target);
    return back ? renamed.error() : back.error();
  }
  std::error_code untidy;
  fs::remove_all(aside, untidy);
  return {};
}

}  // namespace

result<output_directory> output_directory::create(const fs::path& path, std::uint64_t expected_size) {
  result<fs::path> target = named_directory(path);
  if (!target) return target.error();
  const fs::path part = part_of(*target);
  result<runtime::file> lock = lock_part(*target, part);
  if (!lock) return lock.error();
  struct stat about {};
  const unsigned permissions = ::fstat(lock->descriptor(), &about) == 0 ? about.st_mode & 0777u : 0u;
  output_directory created(std::move(*target), part, std::move(*lock), permissions);
  // Under the lock: what another process replaces just now is half of what it was.
  result<void> ready = check_content(created.path(), path);
  if (ready) ready = put_back(part, created.path());
  if (ready) ready = make_part(created.path(), part);
  if (!ready) {
    created.leave_part();
    return ready.error();
  }
  if (std::optional<failure> lack = lack_of_space(created.path(), expected_size)) return std::move(*lack);
  return created;
}

result<void> output_directory::check(const fs::path& path) {
  const result<fs::path> target = named_directory(path);
  return target ? check_content(*target, path) : target.error();
}

output_directory& output_directory::operator=(output_directory&& other) noexcept {
  if (this != &other) {
    abandon();
    path_ = std::move(other.path_);
    part_ = std::move(other.part_);
    lock_ = std::move(other.lock_);
    permissions_ = other.permissions_;
  }
  return *this;
}

output_directory::~output_directory() { abandon(); }

result<void> output_directory::commit(bool sync) {
  // Somebody may have put something there meanwhile.
  std::error_code ec;
  const bool present = fs::exists(path_, ec);
  if (present) {
    const result<fs::path> still = named_directory(path_);
    if (!still) return still.error();
    if (const result<void> replaceable_still = check_content(path_, path_); !replaceable_still) return replaceable_still.error();
  }
  const result<void> named = present ? exchange(part_, path_) : runtime::rename_file(part_, path_);
  if (!named) return named.error();
  // With the part goes what was replaced; that it is still there afterwards would be untidy, not wrong.
  abandon();
  if (sync) return runtime::sync_directory(directory_of(path_));
  return {};
}

void output_directory::abandon() noexcept {
  if (!lock_.is_open()) return;
  std::error_code ignored;
  // Before the descriptor closes and with it the lock: afterwards the names may be somebody else's.
  fs::remove_all(part_, ignored);
  leave_part();
}

void output_directory::leave_part() noexcept {
  std::error_code ignored;
  if (names_it(lock_of(part_), lock_.descriptor())) fs::remove(lock_of(part_), ignored);
  lock_ = runtime::file();
}

}  // namespace gantry::archive
