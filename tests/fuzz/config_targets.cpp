// What other programs and people write into files of settings.

#include "config/docker_config.hpp"
#include "config/docker_config_edit.hpp"
#include "config/docker_daemon.hpp"
#include "config/hosts_toml.hpp"
#include "config/registries_conf.hpp"
#include "fuzz/targets.hpp"

#include <gantry/sync_list.hpp>

namespace gantry::fuzz {
namespace {

void read_docker_config(std::string_view text) {
  for (const auto& config : {config::docker_config::parse(text, "x"), config::docker_config::parse_legacy(text, "x")}) {
    if (!config) continue;
    (void)config->lookup("docker.io", "library/a");
    (void)config->lookup("registry.example:5000", "a/b/c");
    (void)config->helper_for("docker.io");
  }
  const std::string_view registry = "registry.example:5000";
  const auto edited = config::with_entry(text, "x", registry, {"me", "secret", {}, {}});
  if (!edited || edited->size() > config::docker_config::size_limit) return;
  const auto there = config::has_entry(*edited, "x", registry);
  expect(there && *there, "what login writes is there");
  const auto without = config::without_entry(*edited, "x", registry);
  expect(without && *without, "what login has written, logout finds");
  const auto left = config::has_entry(**without, "x", registry);
  expect(left && !*left, "what logout takes away is gone");
}

void read_docker_daemon(std::string_view text) {
  const auto daemon = config::docker_daemon::parse(text, "x");
  if (daemon) (void)daemon->is_insecure("10.0.0.1:5000");
}

void read_registries_conf(std::string_view text) {
  const auto conf = config::registries_conf::parse(text, "x");
  if (conf) (void)conf->find("registry.example/a/b");
}

void read_hosts_toml(std::string_view text) { (void)config::hosts_toml::parse(text, "/etc/x/hosts.toml"); }

void read_sync_list(std::string_view text) {
  error_code ec;
  diagnostics why;
  (void)parse_sync_list(text, "images.json", ec, why);
}

constexpr target all[] = {
    {"docker_config", read_docker_config}, {"docker_daemon", read_docker_daemon}, {"registries_conf", read_registries_conf},
    {"hosts_toml", read_hosts_toml},       {"sync_list", read_sync_list},
};

}  // namespace

std::span<const target> config_targets() noexcept { return all; }

}  // namespace gantry::fuzz
