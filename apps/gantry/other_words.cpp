#include "other_words.hpp"

#include <gantry/words.hpp>

#include <algorithm>

namespace gantry::app {
namespace {

struct other_word {
  std::string_view theirs;
  const char* ours;
};

// Of docker, podman, skopeo, crane, regctl, oras, ctr and shells.
constexpr other_word commands_elsewhere[] = {{"version", "--version"}, {"-V", "--version"},
                                             {"-v", "--version"},      {"ls", "list"},
                                             {"images", "list"},       {"image", "list"},
                                             {"ps", "list"},           {"prune", "clean"},
                                             {"purge", "clean"},       {"gc", "clean"},
                                             {"rmi", "clean"},         {"load", "extract"},
                                             {"unpack", "extract"},    {"untar", "extract"},
                                             {"add", "extract"},       {"export", "save"},
                                             {"archive", "save"},      {"download", "pull"},
                                             {"fetch", "pull"},        {"get", "pull"},
                                             {"upload", "push"},       {"put", "push"},
                                             {"cp", "copy"},           {"mirror", "sync"},
                                             {"batch", "sync"},        {"show", "inspect"},
                                             {"info", "inspect"},      {"manifest", "inspect"},
                                             {"config", "inspect"},    {"history", "inspect"},
                                             {"catalog", "repos"},     {"search", "repos"},
                                             {"repo", "repos"},        {"list-tags", "tags"},
                                             {"tag", "tags"},          {"registry", "serve"},
                                             {"server", "serve"},      {"signin", "login"},
                                             {"auth", "login"},        {"signout", "logout"},
                                             {"check", "verify"},      {"fsck", "verify"},
                                             {"validate", "verify"},   {"benchmark", "bench"},
                                             {"why", "explain"},       {"completions", "completion"}};

constexpr const char* ways_to_remove = "'gantry clean NAME' removes an image from the store, 'gantry delete REFERENCE' from a registry";

constexpr other_word options_elsewhere[] = {{"--tag", "--reference"},
                                            {"--digest", "--reference"},
                                            {"--tls-verify", "--insecure"},
                                            {"--src-tls-verify", "--insecure"},
                                            {"--dest-tls-verify", "--insecure"},
                                            {"--no-verify", "--insecure"},
                                            {"--http", "--plain-http"},
                                            {"--creds", "--username"},
                                            {"--user", "--username"},
                                            {"--login", "--username"},
                                            {"--token", "--password-stdin"},
                                            {"--pass", "--password"},
                                            {"--src", "--source"},
                                            {"--input", "--file"},
                                            {"--input", "--from"},
                                            {"--list", "--from"},
                                            {"--out", "--output"},
                                            {"--dest", "--output"},
                                            {"--dest-dir", "--output"},
                                            {"--dir", "--output"},
                                            {"--dest", "--to"},
                                            {"--target", "--to"},
                                            {"--compress", "--gzip"},
                                            {"--override-arch", "--arch"},
                                            {"--architecture", "--arch"},
                                            {"--override-os", "--platform"},
                                            {"--os", "--platform"},
                                            {"--multi-arch", "--all-platforms"},
                                            {"--all", "--all-platforms"},
                                            {"--threads", "--jobs"},
                                            {"--parallel", "--jobs"},
                                            {"--concurrency", "--jobs"},
                                            {"--connections", "--jobs"},
                                            {"--retry", "--retries"},
                                            {"--retry-times", "--retries"},
                                            {"--cacert", "--ca-cert"},
                                            {"--cert-dir", "--ca-cert"},
                                            {"--cache", "--cache-dir"},
                                            {"--store", "--cache-dir"},
                                            {"--silent", "--quiet"},
                                            {"--log-level", "--debug"},
                                            {"--trace", "--debug"},
                                            {"--port", "--listen"},
                                            {"--address", "--listen"},
                                            {"--bind", "--listen"},
                                            {"--signatures", "--referrers"}};

}  // namespace

std::string hint_for_command(std::string_view word) {
  if (word == "rm" || word == "remove" || word == "del") return ways_to_remove;
  for (const other_word& one : commands_elsewhere) {
    if (one.theirs == word) return did_you_mean(one.ours);
  }
  return {};
}

std::string own_option(std::string_view word, const std::vector<std::string>& known) {
  for (const other_word& one : options_elsewhere) {
    if (one.theirs == word && std::find(known.begin(), known.end(), one.ours) != known.end()) return one.ours;
  }
  return {};
}

}  // namespace gantry::app
