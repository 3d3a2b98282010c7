#include "prompt.hpp"

#include "progress/terminal.hpp"

#include <array>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

namespace gantry::app {
namespace {

constexpr std::size_t longest_line = 64 * 1024;
constexpr std::array<int, 4> stopping{SIGINT, SIGTERM, SIGHUP, SIGQUIT};

volatile std::sig_atomic_t caught = 0;
extern "C" void note_signal(int number) { caught = number; }

/// While it lives, signals that would end the process interrupt a read instead.
class signal_notes {
 public:
  signal_notes() {
    caught = 0;
    struct sigaction action {};
    action.sa_handler = note_signal;  // without SA_RESTART
    for (std::size_t i = 0; i < stopping.size(); ++i) ::sigaction(stopping[i], &action, &before_[i]);
  }
  ~signal_notes() {
    for (std::size_t i = 0; i < stopping.size(); ++i) ::sigaction(stopping[i], &before_[i], nullptr);
  }
  signal_notes(const signal_notes&) = delete;
  signal_notes& operator=(const signal_notes&) = delete;

 private:
  std::array<struct sigaction, stopping.size()> before_{};
};

/// While it lives, the terminal does not show what is typed.
class silence {
 public:
  silence(int terminal, bool wanted) : terminal_(terminal), active_(wanted && ::tcgetattr(terminal, &before_) == 0) {
    if (!active_) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    quiet.c_lflag |= ECHONL;
    ::tcsetattr(terminal_, TCSADRAIN, &quiet);
  }
  ~silence() {
    if (active_) ::tcsetattr(terminal_, TCSANOW, &before_);
  }
  silence(const silence&) = delete;
  silence& operator=(const silence&) = delete;

 private:
  int terminal_;
  termios before_{};
  bool active_;
};

std::optional<std::string> read_line(int terminal) {
  std::string line;
  for (char c = 0; line.size() < longest_line;) {
    const ssize_t count = ::read(terminal, &c, 1);
    if (count < 0 && errno == EINTR && caught == 0) continue;
    if (count < 0 || (count == 0 && line.empty())) return std::nullopt;
    if (count == 0 || c == '\n' || c == '\r') return line;
    line += c;
  }
  return line;
}

}  // namespace

bool can_prompt() {
  const int terminal = ::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
  if (terminal < 0) return false;
  ::close(terminal);
  return true;
}

typed prompt(const std::string& question, bool secret) {
  typed answer;
  const int terminal = ::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
  if (terminal < 0) return answer;
  {
    const signal_notes notes;
    const silence unseen(terminal, secret);
    write_all(terminal, question);
    answer.text = read_line(terminal);
    answer.signal = caught;
  }
  if (!answer.text) write_all(terminal, "\n");
  if (answer.signal != 0) answer.text.reset();
  ::close(terminal);
  return answer;
}

}  // namespace gantry::app
