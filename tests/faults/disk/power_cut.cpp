#include "faults/disk/power_cut.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <utility>

namespace gantry::test {
namespace {

std::string directory_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

std::string normal(const std::string& path) { return std::filesystem::path(path).lexically_normal().string(); }

std::string link_in_proc(int descriptor) { return "/proc/self/fd/" + std::to_string(descriptor); }

bool rename_past(const std::string& from, const std::string& to, unsigned flags) {
  return ::syscall(SYS_renameat2, AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags) == 0;
}

std::optional<struct stat> examine(const std::string& path) {
  struct stat about {};
  const int before = errno;
  if (::lstat(path.c_str(), &about) == 0) return about;
  errno = before;
  return std::nullopt;
}

}  // namespace

void power_cut::writes(int descriptor) {
  struct stat about {};
  if (::fstat(descriptor, &about) != 0 || !S_ISREG(about.st_mode)) return;
  const std::lock_guard guard(mutex_);
  if (dirty_.contains(about.st_ino)) return;
  // An own descriptor, which outlives close and rename.
  dirty_[about.st_ino] = static_cast<int>(::syscall(SYS_openat, AT_FDCWD, link_in_proc(descriptor).c_str(), O_RDWR | O_CLOEXEC));
}

std::size_t power_cut::now() {
  const std::lock_guard guard(mutex_);
  return count_;
}

void power_cut::synced(int descriptor, std::size_t since) {
  struct stat about {};
  if (::fstat(descriptor, &about) != 0) return;
  const std::lock_guard guard(mutex_);
  if (!S_ISDIR(about.st_mode)) {
    const auto found = dirty_.find(about.st_ino);
    if (found == dirty_.end()) return;
    ::close(found->second);
    dirty_.erase(found);
    return;
  }
  std::array<char, PATH_MAX> target{};
  const ssize_t length = ::readlink(link_in_proc(descriptor).c_str(), target.data(), target.size());
  if (length <= 0) return;
  const std::string directory(target.data(), static_cast<std::size_t>(length));
  std::erase_if(steps_, [&](const step& one) {
    const bool here = directory_of(one.path) == directory || (!one.to.empty() && directory_of(one.to) == directory);
    return here && one.number < since;
  });
}

int power_cut::makes(const std::string& path, const std::function<int()>& call) {
  const std::lock_guard guard(mutex_);
  const bool there = examine(path).has_value();
  const int outcome = call();
  if (outcome >= 0 && !there) note({.what = change::made, .path = normal(path)});
  return outcome;
}

int power_cut::removes(const std::string& path, const std::function<int()>& call) {
  const std::lock_guard guard(mutex_);
  const std::optional<struct stat> there = examine(path);
  const bool directory = there && S_ISDIR(there->st_mode);
  const std::string kept = there && !directory ? keep_link(path) : std::string();
  const int outcome = call();
  if (outcome == 0) {
    note({.what = change::removed, .path = normal(path), .kept = kept, .directory_mode = directory ? there->st_mode & 07777U : 0U});
  } else if (!kept.empty()) {
    const int reason = errno;
    ::syscall(SYS_unlinkat, AT_FDCWD, kept.c_str(), 0);
    errno = reason;
  }
  return outcome;
}

int power_cut::renames(const std::string& from, const std::string& to, bool exchange, const std::function<int()>& call) {
  const std::lock_guard guard(mutex_);
  const std::string kept = exchange ? std::string() : keep_link(to);
  const int outcome = call();
  if (outcome == 0) {
    note({.what = exchange ? change::exchanged : change::renamed, .path = normal(from), .to = normal(to), .kept = kept});
  } else if (!kept.empty()) {
    const int reason = errno;
    ::syscall(SYS_unlinkat, AT_FDCWD, kept.c_str(), 0);
    errno = reason;
  }
  return outcome;
}

void power_cut::lose(unsigned seed, bool names) {
  // For good: who waits here with a sync that is done must not go on to rename what is lost, until the kill takes effect.
  mutex_.lock();
  for (const auto& [inode, descriptor] : dirty_) {
    struct stat about {};
    if (descriptor < 0 || ::fstat(descriptor, &about) != 0) continue;
    const off_t rest = seed % 4 < 2 ? 0 : about.st_size / 2;
    // Delayed allocation: the length may be there with nothing behind it, or the length is lost, too.
    if (::syscall(SYS_ftruncate, descriptor, rest) == 0 && seed % 3 == 0) ::syscall(SYS_ftruncate, descriptor, about.st_size);
  }
  if (!names || keep_.empty()) return;
  // A journal that keeps the order may have reached the disk in part.
  const std::size_t stay = seed % 4 == 0 ? steps_.size() / 2 : 0;
  for (; steps_.size() > stay; steps_.pop_back()) undo(steps_.back());
}

void power_cut::note(step done) {
  done.number = count_++;
  steps_.push_back(std::move(done));
}

std::string power_cut::new_name() { return keep_ + "/" + std::to_string(kept_++) + "." + std::to_string(::getpid()); }

std::string power_cut::keep_link(const std::string& path) {
  if (keep_.empty()) return {};
  const int before = errno;
  std::string name = new_name();
  if (::syscall(SYS_linkat, AT_FDCWD, path.c_str(), AT_FDCWD, name.c_str(), 0) != 0) name.clear();
  errno = before;
  return name;
}

void power_cut::undo(const step& done) {
  // What comes back is moved and not linked: a second name is a difference that programs see.
  switch (done.what) {
    case change::made:
      rename_past(done.path, new_name(), 0);
      break;
    case change::removed:
      if (!done.kept.empty()) rename_past(done.kept, done.path, RENAME_NOREPLACE);
      if (done.directory_mode != 0) ::syscall(SYS_mkdirat, AT_FDCWD, done.path.c_str(), done.directory_mode);
      break;
    case change::renamed:
      if (rename_past(done.to, done.path, 0) && !done.kept.empty()) rename_past(done.kept, done.to, RENAME_NOREPLACE);
      break;
    case change::exchanged:
      rename_past(done.path, done.to, RENAME_EXCHANGE);
      break;
  }
}

}  // namespace gantry::test
