#include "support/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <stdexcept>
#include <system_error>
#include <thread>

extern char** environ;

namespace gantry::test {
namespace {

using clock = std::chrono::steady_clock;

[[noreturn]] void fail(int error, const std::string& what) { throw std::system_error(error, std::generic_category(), what); }

class pipe_pair {
 public:
  pipe_pair() {
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0) fail(errno, "pipe2");
  }
  pipe_pair(const pipe_pair&) = delete;
  pipe_pair& operator=(const pipe_pair&) = delete;
  ~pipe_pair() {
    close_end(0);
    close_end(1);
  }
  int read_end() const { return ends_[0]; }
  int write_end() const { return ends_[1]; }
  void close_end(std::size_t which) {
    if (ends_.at(which) >= 0) ::close(ends_.at(which));
    ends_.at(which) = -1;
  }

 private:
  std::array<int, 2> ends_{-1, -1};
};

std::vector<std::string> environment_of(const command& what) {
  std::vector<std::string> result;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!what.env.contains(text.substr(0, text.find('=')))) result.push_back(text);
  }
  for (const auto& [name, value] : what.env) {
    if (value) result.push_back(name + "=" + *value);
  }
  return result;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

pid_t spawn(const command& what, int input, int output, int error) {
  std::vector<std::string> argv = what.argv;
  std::vector<std::string> env = environment_of(what);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input, 0);
  posix_spawn_file_actions_adddup2(&actions, output, 1);
  posix_spawn_file_actions_adddup2(&actions, error, 2);
  if (!what.directory.empty()) posix_spawn_file_actions_addchdir_np(&actions, what.directory.c_str());

  // A test that ignores or blocks a signal must not make its children do so.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigset_t defaults;
  sigemptyset(&none);
  sigemptyset(&defaults);
  for (const int number : {SIGPIPE, SIGINT, SIGTERM}) sigaddset(&defaults, number);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

  pid_t pid = -1;
  const int rc = ::posix_spawnp(&pid, argv.at(0).c_str(), &actions, &attributes, pointers(argv).data(), pointers(env).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (rc != 0) fail(rc, "start " + what.argv.at(0));
  return pid;
}

outcome ended(int status, const rusage& usage) {
  outcome result;
  if (WIFEXITED(status)) result.status = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  result.max_rss_kib = usage.ru_maxrss;
  return result;
}

int left_until(clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - clock::now()).count();
  return left <= 0 ? 0 : static_cast<int>(left) + 1;
}

/// Reads what is there. \returns false at the end of the pipe.
bool drain(int fd, std::string& into) {
  std::array<char, 65536> buffer;
  const ssize_t n = ::read(fd, buffer.data(), buffer.size());
  if (n > 0) into.append(buffer.data(), static_cast<std::size_t>(n));
  return n > 0 || (n < 0 && errno == EINTR);
}

}  // namespace

outcome run(const command& what, std::chrono::milliseconds limit) {
  pipe_pair in;
  pipe_pair out;
  pipe_pair err;
  const pid_t pid = spawn(what, in.read_end(), out.write_end(), err.write_end());
  in.close_end(0);
  out.close_end(1);
  err.close_end(1);

  // A program that does not read its input must not end the test with SIGPIPE.
  sigset_t pipe_signal;
  sigset_t before;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);

  const clock::time_point deadline = clock::now() + limit;
  std::string stdout_text;
  std::string stderr_text;
  std::size_t written = 0;
  bool timed_out = false;
  if (what.input.empty()) in.close_end(1);
  while (out.read_end() >= 0 || err.read_end() >= 0) {
    std::array<pollfd, 3> waits{pollfd{out.read_end(), POLLIN, 0}, pollfd{err.read_end(), POLLIN, 0}, pollfd{in.write_end(), POLLOUT, 0}};
    const int ready = ::poll(waits.data(), waits.size(), left_until(deadline));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) {
      timed_out = true;
      ::kill(pid, SIGKILL);
      break;
    }
    if (waits[0].revents != 0 && !drain(out.read_end(), stdout_text)) out.close_end(0);
    if (waits[1].revents != 0 && !drain(err.read_end(), stderr_text)) err.close_end(0);
    if (waits[2].revents != 0) {
      // One page at a time never blocks on a pipe that poll calls writable.
      const ssize_t n = ::write(in.write_end(), what.input.data() + written, std::min<std::size_t>(4096, what.input.size() - written));
      if (n > 0) written += static_cast<std::size_t>(n);
      if (n < 0 || written == what.input.size()) in.close_end(1);
    }
  }
  const timespec no_wait{};
  while (::sigtimedwait(&pipe_signal, nullptr, &no_wait) > 0) {
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);

  int status = 0;
  rusage usage{};
  while (::wait4(pid, &status, 0, &usage) < 0 && errno == EINTR) {
  }
  outcome result = ended(status, usage);
  result.timed_out = timed_out;
  result.out = std::move(stdout_text);
  result.err = std::move(stderr_text);
  return result;
}

std::string run_or_throw(const command& what, std::chrono::milliseconds limit) {
  const outcome result = run(what, limit);
  if (result.ok()) return result.out;
  std::string line;
  for (const std::string& word : what.argv) line += word + " ";
  throw std::runtime_error(line + "failed with status " + std::to_string(result.status) + ": " + result.err + result.out);
}

child::child(const command& what, const std::filesystem::path& output) {
  command wrapped = what;
  // Bound to the life of this thread, which is the test's main thread: a test that is killed leaves no server behind.
  wrapped.argv.insert(wrapped.argv.begin(), {"setpriv", "--pdeathsig", "KILL", "--"});
  const std::string path = output.empty() ? "/dev/null" : output.string();
  const int in = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const int out = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (in < 0 || out < 0) fail(errno, "open " + path);
  pid_ = spawn(wrapped, in, out, out);
  ::close(in);
  ::close(out);
}

child::~child() {
  if (!running()) return;
  signal(SIGKILL);
  wait(std::chrono::seconds(30));
}

bool child::running() { return !wait(std::chrono::milliseconds(0)); }

void child::signal(int number) noexcept {
  // After the end the number may belong to another process.
  if (!ended_) ::kill(pid_, number);
}

std::optional<outcome> child::wait(std::chrono::milliseconds limit) {
  const clock::time_point deadline = clock::now() + limit;
  while (!ended_) {
    int status = 0;
    rusage usage{};
    const pid_t got = ::wait4(pid_, &status, WNOHANG, &usage);
    if (got == pid_) ended_ = ended(status, usage);
    if (got != 0 && got != pid_ && errno != EINTR) fail(errno, "wait4");
    if (ended_ || clock::now() >= deadline) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return ended_;
}

bool has_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::string rest = path == nullptr ? "" : path;
  while (!rest.empty()) {
    const std::size_t colon = rest.find(':');
    const std::filesystem::path candidate = std::filesystem::path(rest.substr(0, colon)) / name;
    if (::access(candidate.c_str(), X_OK) == 0) return true;
    rest = colon == std::string::npos ? "" : rest.substr(colon + 1);
  }
  return false;
}

}  // namespace gantry::test
