#include "access_log.hpp"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

namespace gantry::app {
namespace {

/// Bytes of lines that may wait for a slow reader: some 30,000 lines.
constexpr std::size_t most_waiting = std::size_t{4} << 20;
/// What the end waits for them.
constexpr std::chrono::seconds patience{1};

/// A word of its own in the line: whatever could end it or the line is replaced.
std::string word(std::string text) {
  if (text.empty()) return "-";
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == '"'; }, '?');
  return text;
}

}  // namespace

std::string access_line(const served_request& request) {
  const auto time = std::chrono::floor<std::chrono::milliseconds>(request.time);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z {} {} \"{} {}\" {} {} {:.6f}{}\n",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)), (time - seconds).count(), word(request.client),
                     word(request.user), word(request.method), word(request.target), request.status, request.bytes,
                     std::chrono::duration<double>(request.elapsed).count(), request.complete ? "" : " cut");
}

/// What the log and its thread share.
struct access_log::shared {
  explicit shared(int opened) : descriptor(opened) {}
  shared(const shared&) = delete;
  shared& operator=(const shared&) = delete;
  ~shared() {
    if (descriptor != STDOUT_FILENO) ::close(descriptor);
  }

  const int descriptor;
  std::mutex mutex;
  std::condition_variable changed;
  std::string waiting;      ///< whole lines
  std::uint64_t lines = 0;  ///< not written yet: those that wait, and those that the thread has taken
  std::uint64_t lost = 0;
  bool closed = false;    ///< the thread ends when nothing waits
  bool given_up = false;  ///< the thread ends now
};

namespace {

/// \returns the bytes that could be written
std::size_t write_all(int descriptor, std::string_view text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t got = ::write(descriptor, text.data() + done, text.size() - done);
    if (got > 0) done += static_cast<std::size_t>(got);
    if (got > 0 || (got < 0 && errno == EINTR)) continue;
    // An inherited pipe may be non-blocking.
    pollfd ready{descriptor, POLLOUT, 0};
    if (got < 0 && errno == EAGAIN && ::poll(&ready, 1, -1) >= 0) continue;
    break;
  }
  return done;
}

std::uint64_t lines_in(std::string_view text) { return static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n')); }

/// The body of the thread.
template <class Shared>
void write_lines(const std::shared_ptr<Shared>& state) {
  // Signals are for the main thread, and a reader that has gone is EPIPE.
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
  std::unique_lock hold(state->mutex);
  while (!state->given_up) {
    if (state->waiting.empty() && state->closed) return;
    if (state->waiting.empty()) {
      state->changed.wait(hold);
      continue;
    }
    const std::string taken = std::exchange(state->waiting, {});
    hold.unlock();
    const std::size_t done = write_all(state->descriptor, taken);
    hold.lock();
    if (state->given_up) return;
    state->lines -= lines_in(taken);
    state->lost += lines_in(std::string_view(taken).substr(done));
    state->changed.notify_all();
  }
}

}  // namespace

outcome<std::unique_ptr<access_log>> access_log::open(const std::string& path) {
  const auto refused = [&path](int why) {
    return problem(exit_code::storage, fmt::format("the access log {} cannot be opened: {}", path, std::generic_category().message(why)));
  };
  const int descriptor = path == "-" ? STDOUT_FILENO : ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (descriptor < 0) return refused(errno);
  auto state = std::make_shared<shared>(descriptor);
  try {
    std::thread([state] { write_lines(state); }).detach();
  } catch (const std::system_error& why) {
    return refused(why.code().value());
  }
  return std::unique_ptr<access_log>(new access_log(std::move(state)));
}

bool access_log::write(const served_request& request) {
  const std::string line = access_line(request);
  const std::lock_guard hold(state_->mutex);
  if (state_->closed || state_->waiting.size() + line.size() > most_waiting) {
    ++state_->lost;
  } else {
    state_->waiting += line;
    ++state_->lines;
    state_->changed.notify_all();
  }
  return state_->lost == 0;
}

std::uint64_t access_log::close() noexcept {
  std::unique_lock hold(state_->mutex);
  state_->closed = true;
  state_->changed.notify_all();
  state_->changed.wait_for(hold, patience, [this] { return state_->lines == 0; });
  state_->given_up = true;
  state_->lost += std::exchange(state_->lines, 0);
  state_->changed.notify_all();
  return state_->lost;
}

}  // namespace gantry::app
