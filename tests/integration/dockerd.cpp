#include "integration/dockerd.hpp"

#include "support/catch.hpp"

#include <chrono>
#include <csignal>
#include <thread>
#include <utility>

namespace gantry::test {

std::unique_ptr<docker_engine> docker_engine::start(const std::vector<std::string>& options) {
  if (!has_program("dockerd") || !has_program("docker")) {
    WARN("skipped: dockerd and docker are not installed");
    return nullptr;
  }
  std::unique_ptr<docker_engine> engine(new docker_engine);
  const auto at = [&](const char* name) { return (engine->directory_ / name).string(); };
  command daemon;
  daemon.argv = {"dockerd",
                 "--data-root",
                 at("root"),
                 "--exec-root",
                 at("exec"),
                 "--pidfile",
                 at("pid"),
                 "-H",
                 engine->host(),
                 "--bridge=none",
                 "--iptables=false",
                 "--ip6tables=false",
                 "--ip-forward=false",
                 "--ip-masq=false",
                 "--userland-proxy=false",
                 "--storage-driver=vfs"};
  daemon.argv.insert(daemon.argv.end(), options.begin(), options.end());
  engine->daemon_ = std::make_unique<child>(daemon, engine->directory_ / "log");
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(90);
  while (engine->daemon_->running() && std::chrono::steady_clock::now() < deadline) {
    if (engine->docker({"version"}).ok()) return engine;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  WARN("skipped: dockerd does not start here: " << slurp(engine->directory_ / "log"));
  return nullptr;
}

docker_engine::~docker_engine() {
  if (!daemon_ || !daemon_->running()) return;
  daemon_->signal(SIGTERM);
  daemon_->wait(std::chrono::seconds(30));
}

std::string docker_engine::host() const { return "unix://" + (directory_ / "docker.sock").string(); }

std::string docker_engine::containerd() const { return (directory_ / "exec/containerd/containerd.sock").string(); }

outcome docker_engine::docker(std::vector<std::string> words) const {
  words.insert(words.begin(), {"docker", "-H", host()});
  return run({.argv = std::move(words)});
}

std::string docker_engine::load(const std::filesystem::path& archive) const {
  return run_or_throw({.argv = {"docker", "-H", host(), "load", "-i", archive.string()}});
}

std::string docker_engine::id_of(const std::string& name) const {
  std::string id = docker({"image", "inspect", "--format", "{{.Id}}", name}).out;
  while (id.ends_with('\n')) id.pop_back();
  return id;
}

}  // namespace gantry::test
