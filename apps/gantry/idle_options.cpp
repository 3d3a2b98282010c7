#include "idle_options.hpp"

#include <algorithm>
#include <iterator>

namespace gantry::app {
namespace {

struct idle {
  std::string_view command;
  std::string_view options;
};

// One request after another, a few kilobytes, nothing written that has to last.
constexpr std::string_view question = "jobs max-per-host limit-rate no-sync";

constexpr idle table[] = {
    // Out of the store, without a network.
    {"save",
     "jobs max-per-host limit-rate retries username password password-stdin authfile insecure plain-http ca-cert proxy mirror "
     "no-host-config"},
    {"convert", "cache-dir"},
    {"inspect", question},
    {"digest", question},
    {"tags", "jobs max-per-host limit-rate no-sync cache-dir"},
    {"repos", "jobs max-per-host limit-rate no-sync cache-dir"},
    // What is deleted is deleted in the registry that is named.
    {"delete", "jobs max-per-host limit-rate no-sync cache-dir mirror"},
    {"login", "jobs max-per-host limit-rate no-sync cache-dir mirror"},
    {"logout",
     "jobs max-per-host limit-rate retries no-sync cache-dir username password password-stdin insecure plain-http ca-cert proxy mirror "
     "no-host-config progress progress-fd"},
    // It tells what the others would do, and does nothing that goes on for a while.
    {"explain", "progress progress-fd"},
    {"list", "no-sync progress progress-fd"},
    {"completion", "no-sync progress progress-fd quiet verbose debug log-file"},
};

}  // namespace

std::string_view idle_options(std::string_view command) {
  const auto* const found = std::find_if(std::begin(table), std::end(table), [&](const idle& one) { return one.command == command; });
  return found == std::end(table) ? std::string_view() : found->options;
}

bool has_option(std::string_view options, std::string_view name) {
  while (!options.empty()) {
    const std::string_view one = options.substr(0, options.find(' '));
    if (one == name) return true;
    options.remove_prefix(std::min(options.size(), one.size() + 1));
  }
  return false;
}

}  // namespace gantry::app
