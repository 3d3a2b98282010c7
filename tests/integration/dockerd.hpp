#pragma once

#include "support/process.hpp"
#include "support/temp_dir.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace gantry::test {

/// A docker engine of this test alone: no network, storage driver vfs, its own containerd. Needs root. Stopped with the object.
class docker_engine {
 public:
  /// Lets it end by itself: who is killed leaves the mount of its data behind.
  ~docker_engine();
  docker_engine(const docker_engine&) = delete;
  docker_engine& operator=(const docker_engine&) = delete;

  /// Starts one. \returns null after printing why, where it cannot start: the test then has nothing to say.
  /// \param options further ones of dockerd
  static std::unique_ptr<docker_engine> start(const std::vector<std::string>& options = {});

  /// `unix://...`, the value of DOCKER_HOST.
  std::string host() const;
  /// The value of CONTAINERD_ADDRESS.
  std::string containerd() const;
  /// `docker WORDS...`
  outcome docker(std::vector<std::string> words) const;
  /// `docker load -i`. \throws std::runtime_error with its output when it fails.
  std::string load(const std::filesystem::path& archive) const;
  /// The image ID of a name; empty when there is none.
  std::string id_of(const std::string& name) const;

 private:
  docker_engine() = default;
  // Before the process, so that it goes after it.
  temp_dir directory_;
  std::unique_ptr<child> daemon_;
};

}  // namespace gantry::test
