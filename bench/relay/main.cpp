#include "relay.hpp"

#include <csignal>
#include <cstdio>
#include <exception>

int main(int count, char** arguments) {
  std::string problem;
  const auto values = gantry::relay::parse_options(count, arguments, problem);
  if (!values) {
    std::fprintf(stderr, "gantry-relay: %s\n%s", problem.c_str(), gantry::relay::usage);
    return 2;
  }
  sigset_t handled;
  sigemptyset(&handled);
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) sigaddset(&handled, signal);
  pthread_sigmask(SIG_BLOCK, &handled, nullptr);
  try {
    gantry::relay::relay relay(*values);
    std::fputs("listening", stdout);
    for (const auto port : relay.ports()) std::printf(" %u", unsigned{port});
    std::puts("");
    std::fflush(stdout);
    relay.run();
    std::puts(relay.counters().c_str());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "gantry-relay: %s\n", error.what());
    return 1;
  }
  return 0;
}
