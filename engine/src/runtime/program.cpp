#include "runtime/program.hpp"

#include "runtime/broken_pipe_guard.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

extern char** environ;

namespace gantry::runtime {
namespace {

using clock = std::chrono::steady_clock;

constexpr std::size_t errors_limit = 16 * 1024;
// How often a program that closed its output, or left a child that keeps it open, is looked after.
constexpr std::chrono::milliseconds look{20};

class pipe_ends {
 public:
  pipe_ends() = default;
  pipe_ends(const pipe_ends&) = delete;
  pipe_ends& operator=(const pipe_ends&) = delete;
  ~pipe_ends() {
    close_reader();
    close_writer();
  }
  bool open() { return ::pipe2(ends_.data(), O_CLOEXEC) == 0; }
  int reader() const noexcept { return ends_[0]; }
  int writer() const noexcept { return ends_[1]; }
  void close_reader() noexcept { close_end(ends_[0]); }
  void close_writer() noexcept { close_end(ends_[1]); }

 private:
  static void close_end(int& end) noexcept {
    if (end >= 0) ::close(end);
    end = -1;
  }
  std::array<int, 2> ends_{-1, -1};
};

void set_nonblocking(int descriptor) noexcept { ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK); }

struct spawn_actions {
  spawn_actions() { ::posix_spawn_file_actions_init(&value); }
  ~spawn_actions() { ::posix_spawn_file_actions_destroy(&value); }
  spawn_actions(const spawn_actions&) = delete;
  spawn_actions& operator=(const spawn_actions&) = delete;
  posix_spawn_file_actions_t value{};
};

struct spawn_attributes {
  spawn_attributes() { ::posix_spawnattr_init(&value); }
  ~spawn_attributes() { ::posix_spawnattr_destroy(&value); }
  spawn_attributes(const spawn_attributes&) = delete;
  spawn_attributes& operator=(const spawn_attributes&) = delete;
  posix_spawnattr_t value{};
};

/// \returns 0 or errno
int spawn(const program& what, int input, int output, int errors, pid_t& child) {
  spawn_actions actions;
  ::posix_spawn_file_actions_adddup2(&actions.value, input, 0);
  ::posix_spawn_file_actions_adddup2(&actions.value, output, 1);
  ::posix_spawn_file_actions_adddup2(&actions.value, errors, 2);
#if defined(__GLIBC__) && (__GLIBC__ > 2 || (__GLIBC__ == 2 && __GLIBC_MINOR__ >= 34))
  // Sockets of the caller's libraries are seldom close-on-exec.
  ::posix_spawn_file_actions_addclosefrom_np(&actions.value, 3);
#endif
  spawn_attributes attributes;
  sigset_t none;
  sigset_t usual;
  sigemptyset(&none);
  sigemptyset(&usual);
  for (const int number : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD}) sigaddset(&usual, number);
  ::posix_spawnattr_setsigmask(&attributes.value, &none);
  ::posix_spawnattr_setsigdefault(&attributes.value, &usual);
  ::posix_spawnattr_setpgroup(&attributes.value, 0);
  ::posix_spawnattr_setflags(&attributes.value, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);

  std::string name = what.file.string();
  std::vector<std::string> words = what.arguments;
  std::vector<char*> argv{name.data()};
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  return ::posix_spawn(&child, name.c_str(), &actions.value, &attributes.value, argv.data(), environ);
}

/// Reads what there is, without waiting. \returns false when no more will come.
bool drain(int descriptor, std::string& into, std::size_t most, bool& overflow) {
  std::array<char, 16 * 1024> buffer;
  while (true) {
    const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
    if (count == 0) return false;
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    const std::size_t room = most - std::min(most, into.size());
    into.append(buffer.data(), std::min(room, static_cast<std::size_t>(count)));
    if (static_cast<std::size_t>(count) > room) {
      overflow = true;
      return true;
    }
  }
}

/// A running program and the ends of its pipes that are ours.
class running {
 public:
  running(const program& what, pid_t child, pipe_ends& in, pipe_ends& out, pipe_ends& err)
      : what_(what), child_(child), in_(in), out_(out), err_(err), deadline_(clock::now() + what.limit) {
    set_nonblocking(in_.writer());
    set_nonblocking(out_.reader());
    set_nonblocking(err_.reader());
    if (what_.input.empty()) in_.close_writer();
  }

  program_end finish(const std::stop_token& stop) {
    while (!ended_) {
      exchange(std::min(left(), look));
      // Its exit counts, not the end of its output: a background child may hold on to that for ever.
      if (has_exited()) break;
      if (end_.too_much || stop.stop_requested() || left().count() == 0) {
        end_.stopped = !end_.too_much && stop.stop_requested();
        end_.timed_out = !end_.too_much && !end_.stopped;
        end_now();
      }
    }
    exchange(std::chrono::milliseconds(0));
    return std::move(end_);
  }

 private:
  std::chrono::milliseconds left() const {
    const auto rest = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - clock::now());
    return std::max(rest, std::chrono::milliseconds(0));
  }

  void exchange(std::chrono::milliseconds patience) {
    std::array<pollfd, 3> waits{pollfd{out_.reader(), POLLIN, 0}, pollfd{err_.reader(), POLLIN, 0}, pollfd{in_.writer(), POLLOUT, 0}};
    ::poll(waits.data(), waits.size(), static_cast<int>(patience.count()));
    if (waits[0].revents != 0 && !drain(out_.reader(), end_.output, what_.output_limit, end_.too_much)) out_.close_reader();
    bool beyond = false;  // what does not fit of its messages is dropped
    if (waits[1].revents != 0 && !drain(err_.reader(), end_.errors, errors_limit, beyond)) err_.close_reader();
    if (waits[2].revents != 0) write_some();
  }

  void write_some() {
    const broken_pipe_guard quiet;
    const ssize_t count = ::write(in_.writer(), what_.input.data() + written_, what_.input.size() - written_);
    if (count > 0) written_ += static_cast<std::size_t>(count);
    const bool gone = count < 0 && errno != EAGAIN && errno != EINTR;
    if (gone || written_ == what_.input.size()) in_.close_writer();
  }

  bool has_exited() {
    int status = 0;
    const pid_t got = ::waitpid(child_, &status, WNOHANG);
    if (got == child_) note(status);
    // Where SIGCHLD is ignored the system keeps no status: the end is known, its kind is not.
    if (got < 0 && errno != EINTR) ended_ = true;
    return ended_;
  }

  void end_now() {
    ::kill(-child_, SIGKILL);
    ::kill(child_, SIGKILL);
    int status = 0;
    while (::waitpid(child_, &status, 0) < 0) {
      if (errno != EINTR) break;
    }
    note(status);
  }

  void note(int status) {
    ended_ = true;
    if (WIFEXITED(status)) end_.status = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) end_.signal = WTERMSIG(status);
  }

  const program& what_;
  pid_t child_;
  pipe_ends& in_;
  pipe_ends& out_;
  pipe_ends& err_;
  clock::time_point deadline_;
  std::size_t written_ = 0;
  bool ended_ = false;
  program_end end_;
};

}  // namespace

std::optional<std::filesystem::path> find_program(std::string_view name, std::string_view path) {
  while (!path.empty()) {
    const std::size_t end = std::min(path.find(':'), path.size());
    const std::filesystem::path directory(path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
    if (!directory.is_absolute()) continue;
    const std::filesystem::path candidate = directory / name;
    std::error_code unknown;
    if (std::filesystem::is_regular_file(candidate, unknown) && ::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return std::nullopt;
}

result<program_end> run_program(const program& what, const std::stop_token& stop) {
  pipe_ends in;
  pipe_ends out;
  pipe_ends err;
  if (!in.open() || !out.open() || !err.open()) return system_failure(errno, "cannot make a pipe for", what.file.string());
  pid_t child = -1;
  if (const int error = spawn(what, in.reader(), out.writer(), err.writer(), child); error != 0) {
    return system_failure(error, "cannot start", what.file.string());
  }
  in.close_reader();
  out.close_writer();
  err.close_writer();
  return running(what, child, in, out, err).finish(stop);
}

}  // namespace gantry::runtime
