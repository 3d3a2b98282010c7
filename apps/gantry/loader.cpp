#include "loader.hpp"

#include "utf8.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <system_error>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace gantry::app {
namespace {

struct known_engine {
  std::string_view name;
  std::vector<const char*> words;
};

const std::vector<known_engine>& known_engines() {
  static const std::vector<known_engine> table{
      {"docker", {"docker", "load"}},
      {"podman", {"podman", "load"}},
      {"ctr", {"ctr", "images", "import", "-"}},
  };
  return table;
}

const known_engine* find_engine(std::string_view name) {
  const auto& table = known_engines();
  const auto found = std::find_if(table.begin(), table.end(), [&](const known_engine& one) { return one.name == name; });
  return found == table.end() ? nullptr : &*found;
}

std::string spelled(const known_engine& engine) {
  std::string text;
  for (const char* word : engine.words) text.append(text.empty() ? "" : " ").append(word);
  return text;
}

problem cannot_start(const std::string& command, int reason) {
  if (reason == ENOENT) return {exit_code::not_found, fmt::format("'{}' cannot be run: that program is not installed here", command)};
  return {exit_code::failed, fmt::format("'{}' cannot be run: {}", command, std::generic_category().message(reason))};
}

/// The other end of \p pipe for ourselves, opened without disturbing whoever reads there; negative where there is no such way to it.
int reading_end_of(int pipe) { return ::open(fmt::format("/proc/self/fd/{}", pipe).c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC); }

/// Whether more than zeros is left at \p end, whose writers are gone. Closes it.
bool has_content(int end) {
  if (end < 0) return false;
  bool found = false;
  std::array<char, 4096> block{};
  for (;;) {
    const ssize_t got = ::read(end, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    found = found || std::any_of(block.begin(), block.begin() + got, [](char one) { return one != 0; });
  }
  ::close(end);
  return found;
}

/// What a child starts with: the archive on its standard input, no signal ignored or blocked that this program deals with itself.
class spawn_settings {
 public:
  spawn_settings(int input, int output) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawn_file_actions_adddup2(&actions_, input, 0);
    ::posix_spawn_file_actions_adddup2(&actions_, output, 1);
    ::posix_spawn_file_actions_adddup2(&actions_, output, 2);
    ::posix_spawnattr_init(&attributes_);
    sigset_t defaults;
    ::sigemptyset(&defaults);
    for (const int number : {SIGPIPE, SIGINT, SIGTERM, SIGTSTP}) ::sigaddset(&defaults, number);
    sigset_t none;
    ::sigemptyset(&none);
    ::posix_spawnattr_setsigdefault(&attributes_, &defaults);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  }
  ~spawn_settings() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  spawn_settings(const spawn_settings&) = delete;
  spawn_settings& operator=(const spawn_settings&) = delete;

  int start(pid_t& child, const std::vector<const char*>& words) const {
    std::vector<char*> argv;
    for (const char* word : words) argv.push_back(const_cast<char*>(word));
    argv.push_back(nullptr);
    return ::posix_spawnp(&child, argv.front(), &actions_, &attributes_, argv.data(), environ);
  }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

}  // namespace

bool loader::knows(std::string_view engine) noexcept { return find_engine(engine) != nullptr; }

outcome<std::unique_ptr<loader>> loader::start(const std::string& engine) {
  const known_engine& known = *find_engine(engine);
  const std::string command = spelled(known);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return cannot_start(command, errno);
  const int said = ::memfd_create("words of the load command", MFD_CLOEXEC);
  const int reason = said < 0 ? errno : 0;
  pid_t child = -1;
  const int failed = reason != 0 ? reason : spawn_settings(ends[0], said).start(child, known.words);
  ::close(ends[0]);
  if (failed != 0) {
    ::close(ends[1]);
    if (said >= 0) ::close(said);
    return cannot_start(command, failed);
  }
  return std::unique_ptr<loader>(new loader(command, child, ends[1], said));
}

loader::~loader() {
  close_pipe();
  if (child_ > 0) {
    int status = 0;
    while (::waitpid(child_, &status, 0) < 0 && errno == EINTR) {
    }
  }
  ::close(said_);
}

void loader::close_pipe() noexcept {
  if (pipe_ >= 0) ::close(pipe_);
  pipe_ = -1;
}

bool loader::abandoned() const noexcept {
  pollfd pipe{pipe_, 0, 0};
  return ::poll(&pipe, 1, 0) > 0 && (pipe.revents & POLLERR) != 0;
}

std::string loader::words() const {
  constexpr std::size_t most = 2000;
  const off_t size = ::lseek(said_, 0, SEEK_END);
  std::string text(static_cast<std::size_t>(std::clamp<off_t>(size, 0, most)), '\0');
  const ssize_t got = ::pread(said_, text.data(), text.size(), std::max<off_t>(0, size - static_cast<off_t>(most)));
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  constexpr std::size_t shown = 500;
  return one_line(text, shown);
}

outcome<std::string> loader::finish(const std::function<bool()>& stopped) {
  // A short archive fits into the pipe whether somebody reads it or not.
  const int rest = reading_end_of(pipe_);
  close_pipe();
  int status = 0;
  for (;;) {
    const pid_t ended = ::waitpid(child_, &status, WNOHANG);
    if (ended == child_ || (ended < 0 && errno != EINTR)) break;
    if (stopped()) ::kill(child_, SIGTERM);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  child_ = -1;
  left_unread_ = has_content(rest);
  std::string said = words();
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return said;
  const std::string how = WIFSIGNALED(status) ? fmt::format("was ended by signal {}", WTERMSIG(status))
                                              : fmt::format("failed with status {}", WEXITSTATUS(status));
  return problem(exit_code::failed, fmt::format("'{}' {}: {}", command_, how, said.empty() ? "it said nothing" : said));
}

std::string one_line(std::string_view text, std::size_t limit) {
  if (text.size() > limit) text.remove_prefix(text.size() - limit);
  std::string line;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const auto first = static_cast<unsigned char>(text.front());
    // C0, DEL, C1 (which begin with 0xc2 and a byte below 0xa0) and what is no text at all.
    const bool control = length == 0 || first < 0x20 || first == 0x7f || (first == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0);
    if (!control) {
      line.append(text.substr(0, length));
    } else if (!line.empty() && line.back() != ' ') {
      line += ' ';
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  while (line.ends_with(' ')) line.pop_back();
  return line;
}

}  // namespace gantry::app
