// Runs a command and writes what it cost. A program of its own because the peak memory that the kernel reports for a process includes what
// its parent had at the time of the fork: this parent is small.

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>

namespace {

double seconds(const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; }

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) {
    std::fputs(
        "usage: gantry-cost FILE COMMAND [ARGUMENT...]\nWrites {\"wall\": s, \"cpu\": s, \"rss\": bytes} to FILE; the status is the "
        "command's.\n",
        stderr);
    return 2;
  }
  const auto start = std::chrono::steady_clock::now();
  const pid_t child = ::fork();
  if (child < 0) {
    std::perror("gantry-cost: fork");
    return 1;
  }
  if (child == 0) {
    ::execvp(arguments[2], arguments + 2);
    std::fprintf(stderr, "gantry-cost: %s: %s\n", arguments[2], std::strerror(errno));
    ::_exit(127);
  }
  int status = 0;
  rusage usage{};
  while (::wait4(child, &status, 0, &usage) < 0) {
    if (errno == EINTR) continue;
    std::perror("gantry-cost: wait4");
    return 1;
  }
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;

  std::FILE* file = std::fopen(arguments[1], "w");
  if (file == nullptr) {
    std::perror("gantry-cost: cannot write the file");
    return 1;
  }
  std::fprintf(file, "{\"wall\": %.6f, \"cpu\": %.6f, \"rss\": %ld}\n", wall.count(), seconds(usage.ru_utime) + seconds(usage.ru_stime),
               usage.ru_maxrss * 1024);
  if (std::fclose(file) != 0) {
    std::perror("gantry-cost: cannot write the file");
    return 1;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
