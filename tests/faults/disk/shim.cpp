// A library to preload (LD_PRELOAD): counts the calls with which a program changes files below one directory, and lets one of them go
// wrong.
//
// GANTRY_FAULT_BELOW   calls on paths and descriptors below this directory count, all others pass
// GANTRY_FAULT_LOG     one line for each call that counts: number, name, path, and " <- " with what goes wrong, where it does
// GANTRY_FAULT_AT      the number, from 1, of the call that goes wrong
// GANTRY_FAULT_HOW     an error: ENOSPC EIO EDQUOT EACCES EMFILE EINTR; KILL: SIGKILL before the call; LATE: SIGKILL after it;
//                      SHORT: half of the bytes are written, and only calls count that write two or more; CUT: as KILL, and bytes that
//                      were not forced to disk are lost as well; CUTALL: and names, too (power_cut.hpp); SLOW: the call takes
//                      GANTRY_FAULT_DELAY milliseconds longer
// GANTRY_FAULT_KEEP    for CUTALL: an empty directory beside the one that is watched, on the same file system
// GANTRY_FAULT_CLOCK   seconds by which the clock on the wall is ahead and behind in turn, every 100 ms
// GANTRY_FAULT_COUNT   how many calls from there on go wrong, 1 when absent, 0 for all
//
// Calls that the C library makes inside itself, and direct system calls, pass unseen; the engine has none of the latter.

#include "faults/disk/power_cut.hpp"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <optional>
#include <string>
#include <utility>

namespace {

using gantry::test::power_cut;

enum class fate { pass, fail, cut_short, kill_after };

/// The next definition of a function, the one that this library stands before.
template <class Function>
Function* next_of(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

std::string setting(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

int errno_of(const std::string& name) {
  static constexpr std::pair<const char*, int> known[] = {{"ENOSPC", ENOSPC}, {"EIO", EIO},       {"EDQUOT", EDQUOT},
                                                          {"EACCES", EACCES}, {"EMFILE", EMFILE}, {"EINTR", EINTR}};
  for (const auto& [text, value] : known) {
    if (name == text) return value;
  }
  return 0;
}

std::string path_of(int descriptor) {
  std::array<char, 64> link{};
  std::snprintf(link.data(), link.size(), "/proc/self/fd/%d", descriptor);
  std::array<char, PATH_MAX> target{};
  const ssize_t length = ::readlink(link.data(), target.data(), target.size() - 1);
  return length > 0 ? std::string(target.data(), static_cast<std::size_t>(length)) : std::string();
}

std::string absolute(int directory, const char* path) {
  if (path == nullptr) return {};
  if (*path == '/') return path;
  std::array<char, PATH_MAX> here{};
  const std::string base = directory != AT_FDCWD ? path_of(directory) : ::getcwd(here.data(), here.size()) != nullptr ? here.data() : "";
  return base + "/" + path;
}

/// What the environment asks for, and the count so far.
class plan {
 public:
  static plan& here() {
    static plan* const one = new plan;  // never destroyed: calls may come after the end of main
    return *one;
  }

  /// \param bytes that the call would write
  fate meet(const char* name, const std::string& path, std::size_t bytes = 0) {
    if (!watches(path) || (how_ == "SHORT" && bytes < 2)) return fate::pass;
    const unsigned number = ++count_;
    const bool hit = at_ != 0 && number >= at_ && (times_ == 0 || number < at_ + times_);
    note(number, name, path, hit);
    if (!hit) return fate::pass;
    if (how_ == "KILL") die();
    if (lost_) {
      lost_->lose(number, how_ == "CUTALL");
      die();
    }
    if (how_ == "LATE") return fate::kill_after;
    if (how_ == "SHORT") return fate::cut_short;
    if (how_ == "SLOW") ::usleep(delay_us_);
    errno = error_;
    return error_ != 0 ? fate::fail : fate::pass;
  }

  [[noreturn]] static void die() {
    ::kill(::getpid(), SIGKILL);
    for (;;) ::pause();
  }

  /// Who has to know what happens to \p path, if anybody.
  power_cut* lost(const std::string& path) { return lost_ && watches(path) ? &*lost_ : nullptr; }

 private:
  plan() : below_(setting("GANTRY_FAULT_BELOW")), how_(setting("GANTRY_FAULT_HOW")), error_(errno_of(how_)) {
    at_ = static_cast<unsigned>(std::strtoul(setting("GANTRY_FAULT_AT").c_str(), nullptr, 10));
    const std::string times = setting("GANTRY_FAULT_COUNT");
    times_ = times.empty() ? 1 : static_cast<unsigned>(std::strtoul(times.c_str(), nullptr, 10));
    if (const std::string log = setting("GANTRY_FAULT_LOG"); !log.empty()) {
      static const auto real = next_of<int(const char*, int, ...)>("open");
      log_ = real(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    }
    if (how_ == "CUT" || how_ == "CUTALL") lost_.emplace(setting("GANTRY_FAULT_KEEP"));
    delay_us_ = 1000 * static_cast<useconds_t>(std::strtoul(setting("GANTRY_FAULT_DELAY").c_str(), nullptr, 10));
  }

  bool watches(const std::string& path) const { return !below_.empty() && path.starts_with(below_); }

  void note(unsigned number, const char* name, const std::string& path, bool hit) const {
    if (log_ < 0) return;
    const std::string line = std::to_string(number) + " " + name + " " + path + (hit ? " <- " + how_ : "") + "\n";
    static const auto real = next_of<ssize_t(int, const void*, std::size_t)>("write");
    if (real(log_, line.data(), line.size()) < 0) return;
  }

  std::string below_;
  std::string how_;
  int error_;
  unsigned at_ = 0;
  unsigned times_ = 1;
  useconds_t delay_us_ = 0;
  int log_ = -1;
  std::atomic<unsigned> count_{0};
  std::optional<power_cut> lost_;
};

/// The call, or what becomes of it. \p real makes it.
template <class Real>
auto through(const char* name, const std::string& path, Real real) -> decltype(real()) {
  const fate met = plan::here().meet(name, path);
  if (met == fate::fail) return -1;
  const auto outcome = real();
  if (met == fate::kill_after) plan::die();
  return outcome;
}

/// A call that writes \p size bytes; \p real is given how many of them.
template <class Real>
ssize_t through_write(const char* name, int descriptor, std::size_t size, Real real) {
  const std::string path = path_of(descriptor);
  const fate met = plan::here().meet(name, path, size);
  if (met == fate::fail) return -1;
  if (power_cut* const lost = plan::here().lost(path)) lost->writes(descriptor);
  const ssize_t outcome = real(met == fate::cut_short ? size / 2 : size);
  if (met == fate::kill_after) plan::die();
  return outcome;
}

/// Seconds by which the clock on the wall is wrong: by so much ahead and behind in turn, every 100 ms.
time_t clock_error(const timespec& steady) {
  static const long jump = std::strtol(setting("GANTRY_FAULT_CLOCK").c_str(), nullptr, 10);
  return steady.tv_nsec / 100'000'000 % 2 == 0 ? jump : -jump;
}

bool may_create(int flags) { return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE; }

/// A call after which \p path is there.
template <class Real>
int make_through(const char* name, const std::string& path, Real real) {
  return through(name, path, [&] {
    power_cut* const lost = plan::here().lost(path);
    return lost != nullptr ? lost->makes(path, real) : real();
  });
}

int open_through(const char* name, int directory, const char* path, int flags, mode_t mode) {
  static const auto real = next_of<int(int, const char*, int, ...)>("openat");
  const std::string whole = absolute(directory, path);
  const auto call = [&] { return real(directory, path, flags, mode); };
  return (flags & O_CREAT) != 0 ? make_through(name, whole, call) : through(name, whole, call);
}

int sync_through(const char* name, int descriptor, int (*real)(int)) {
  const std::string path = path_of(descriptor);
  power_cut* const lost = plan::here().lost(path);
  return through(name, path, [&] {
    const std::size_t since = lost != nullptr ? lost->now() : 0;
    const int outcome = real(descriptor);
    if (outcome == 0 && lost != nullptr) lost->synced(descriptor, since);
    return outcome;
  });
}

}  // namespace

// The declarations of the C library say noexcept or not as it pleases; these are found by their names alone.
// NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)
#define SHIM_OPEN(name)                                                \
  int shim_##name(const char* path, int flags, ...) asm(#name);        \
  int shim_##name(const char* path, int flags, ...) {                  \
    va_list rest;                                                      \
    va_start(rest, flags);                                             \
    const mode_t mode = may_create(flags) ? va_arg(rest, mode_t) : 0u; \
    va_end(rest);                                                      \
    return open_through("open", AT_FDCWD, path, flags, mode);          \
  }
#define SHIM_OPENAT(name)                                                      \
  int shim_##name(int directory, const char* path, int flags, ...) asm(#name); \
  int shim_##name(int directory, const char* path, int flags, ...) {           \
    va_list rest;                                                              \
    va_start(rest, flags);                                                     \
    const mode_t mode = may_create(flags) ? va_arg(rest, mode_t) : 0u;         \
    va_end(rest);                                                              \
    return open_through("openat", directory, path, flags, mode);               \
  }

extern "C" {
// Visible by default, whatever the flags of the build.
#pragma GCC visibility push(default)
SHIM_OPEN(open)
SHIM_OPEN(open64)
SHIM_OPEN(__open_2)
SHIM_OPEN(__open64_2)
SHIM_OPENAT(openat)
SHIM_OPENAT(openat64)
SHIM_OPENAT(__openat_2)
SHIM_OPENAT(__openat64_2)

int shim_clock_gettime(clockid_t which, timespec* now) asm("clock_gettime");
int shim_clock_gettime(clockid_t which, timespec* now) {
  static const auto real = next_of<int(clockid_t, timespec*)>("clock_gettime");
  const int outcome = real(which, now);
  timespec steady{};
  if (outcome == 0 && which == CLOCK_REALTIME && real(CLOCK_MONOTONIC, &steady) == 0) now->tv_sec += clock_error(steady);
  return outcome;
}
time_t shim_time(time_t* into) asm("time");
time_t shim_time(time_t* into) {
  timespec now{};
  shim_clock_gettime(CLOCK_REALTIME, &now);
  if (into != nullptr) *into = now.tv_sec;
  return now.tv_sec;
}

ssize_t shim_write(int descriptor, const void* bytes, std::size_t size) asm("write");
ssize_t shim_write(int descriptor, const void* bytes, std::size_t size) {
  static const auto real = next_of<ssize_t(int, const void*, std::size_t)>("write");
  return through_write("write", descriptor, size, [&](std::size_t some) { return real(descriptor, bytes, some); });
}

#define SHIM_PWRITE(name)                                                                                                      \
  ssize_t shim_##name(int descriptor, const void* bytes, std::size_t size, off64_t offset) asm(#name);                         \
  ssize_t shim_##name(int descriptor, const void* bytes, std::size_t size, off64_t offset) {                                   \
    static const auto real = next_of<ssize_t(int, const void*, std::size_t, off64_t)>("pwrite64");                             \
    return through_write("pwrite", descriptor, size, [&](std::size_t some) { return real(descriptor, bytes, some, offset); }); \
  }
SHIM_PWRITE(pwrite)
SHIM_PWRITE(pwrite64)

#define SHIM_PWRITEV2(name)                                                                                  \
  ssize_t shim_##name(int descriptor, const iovec* blocks, int count, off64_t offset, int flags) asm(#name); \
  ssize_t shim_##name(int descriptor, const iovec* blocks, int count, off64_t offset, int flags) {           \
    static const auto real = next_of<ssize_t(int, const iovec*, int, off64_t, int)>("pwritev64v2");          \
    if (count != 1) return real(descriptor, blocks, count, offset, flags);                                   \
    return through_write("pwritev2", descriptor, blocks->iov_len, [&](std::size_t some) {                    \
      const iovec part{blocks->iov_base, some};                                                              \
      return real(descriptor, &part, 1, offset, flags);                                                      \
    });                                                                                                      \
  }
SHIM_PWRITEV2(pwritev2)
SHIM_PWRITEV2(pwritev64v2)

ssize_t shim_copy_file_range(int from, off64_t* in, int to, off64_t* out, std::size_t size, unsigned flags) asm("copy_file_range");
ssize_t shim_copy_file_range(int from, off64_t* in, int to, off64_t* out, std::size_t size, unsigned flags) {
  static const auto real = next_of<ssize_t(int, off64_t*, int, off64_t*, std::size_t, unsigned)>("copy_file_range");
  return through_write("copy_file_range", to, size, [&](std::size_t some) { return real(from, in, to, out, some, flags); });
}

#define SHIM_SYNC(name)                                \
  int shim_##name(int descriptor) asm(#name);          \
  int shim_##name(int descriptor) {                    \
    static const auto real = next_of<int(int)>(#name); \
    return sync_through(#name, descriptor, real);      \
  }
SHIM_SYNC(fdatasync)
SHIM_SYNC(fsync)

#define SHIM_TRUNCATE(name)                                                                   \
  int shim_##name(int descriptor, off64_t size) asm(#name);                                   \
  int shim_##name(int descriptor, off64_t size) {                                             \
    static const auto real = next_of<int(int, off64_t)>("ftruncate64");                       \
    return through("ftruncate", path_of(descriptor), [&] { return real(descriptor, size); }); \
  }
SHIM_TRUNCATE(ftruncate)
SHIM_TRUNCATE(ftruncate64)

#define SHIM_FALLOCATE(name)                                                                                \
  int shim_##name(int descriptor, int mode, off64_t offset, off64_t size) asm(#name);                       \
  int shim_##name(int descriptor, int mode, off64_t offset, off64_t size) {                                 \
    static const auto real = next_of<int(int, int, off64_t, off64_t)>("fallocate64");                       \
    return through("fallocate", path_of(descriptor), [&] { return real(descriptor, mode, offset, size); }); \
  }
SHIM_FALLOCATE(fallocate)
SHIM_FALLOCATE(fallocate64)

int shim_renameat2(int from_in, const char* from, int to_in, const char* to, unsigned flags) asm("renameat2");
int shim_renameat2(int from_in, const char* from, int to_in, const char* to, unsigned flags) {
  static const auto real = next_of<int(int, const char*, int, const char*, unsigned)>("renameat2");
  const std::string target = absolute(to_in, to);
  return through("rename", target, [&] {
    const auto call = [&] { return real(from_in, from, to_in, to, flags); };
    power_cut* const lost = plan::here().lost(target);
    return lost != nullptr ? lost->renames(absolute(from_in, from), target, (flags & RENAME_EXCHANGE) != 0, call) : call();
  });
}
int shim_renameat(int from_in, const char* from, int to_in, const char* to) asm("renameat");
int shim_renameat(int from_in, const char* from, int to_in, const char* to) { return shim_renameat2(from_in, from, to_in, to, 0); }
int shim_rename(const char* from, const char* to) asm("rename");
int shim_rename(const char* from, const char* to) { return shim_renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

int shim_linkat(int from_in, const char* from, int to_in, const char* to, int flags) asm("linkat");
int shim_linkat(int from_in, const char* from, int to_in, const char* to, int flags) {
  static const auto real = next_of<int(int, const char*, int, const char*, int)>("linkat");
  return make_through("link", absolute(to_in, to), [&] { return real(from_in, from, to_in, to, flags); });
}
int shim_link(const char* from, const char* to) asm("link");
int shim_link(const char* from, const char* to) { return shim_linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }

int shim_mkdirat(int directory, const char* path, mode_t mode) asm("mkdirat");
int shim_mkdirat(int directory, const char* path, mode_t mode) {
  static const auto real = next_of<int(int, const char*, mode_t)>("mkdirat");
  return make_through("mkdir", absolute(directory, path), [&] { return real(directory, path, mode); });
}
int shim_mkdir(const char* path, mode_t mode) asm("mkdir");
int shim_mkdir(const char* path, mode_t mode) { return shim_mkdirat(AT_FDCWD, path, mode); }

DIR* shim_opendir(const char* path) asm("opendir");
DIR* shim_opendir(const char* path) {
  static const auto real = next_of<DIR*(const char*)>("opendir");
  const fate met = plan::here().meet("opendir", absolute(AT_FDCWD, path));
  if (met == fate::fail) return nullptr;
  DIR* const opened = real(path);
  if (met == fate::kill_after) plan::die();
  return opened;
}

int shim_unlinkat(int directory, const char* path, int flags) asm("unlinkat");
int shim_unlinkat(int directory, const char* path, int flags) {
  static const auto real = next_of<int(int, const char*, int)>("unlinkat");
  const std::string whole = absolute(directory, path);
  return through("unlink", whole, [&] {
    const auto call = [&] { return real(directory, path, flags); };
    power_cut* const lost = plan::here().lost(whole);
    return lost != nullptr ? lost->removes(whole, call) : call();
  });
}
int shim_unlink(const char* path) asm("unlink");
int shim_unlink(const char* path) { return shim_unlinkat(AT_FDCWD, path, 0); }
int shim_rmdir(const char* path) asm("rmdir");
int shim_rmdir(const char* path) { return shim_unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }
int shim_remove(const char* path) asm("remove");
int shim_remove(const char* path) {
  const int outcome = shim_unlinkat(AT_FDCWD, path, 0);
  return outcome != 0 && (errno == EISDIR || errno == EPERM) ? shim_rmdir(path) : outcome;
}
}
#pragma GCC visibility pop
// NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)
