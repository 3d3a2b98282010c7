#pragma once

#include <gantry/credentials.hpp>

#include "support/temp_dir.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace gantry::test {

/// A home directory, an environment, and credential helpers of a few lines of shell.
struct household {
  household() {
    variables["HOME"] = (directory / "home").string();
    variables["XDG_RUNTIME_DIR"] = (directory / "run").string();
    variables["PATH"] = (directory / "bin").string() + ":/usr/bin:/bin";
    search.variables = [this](const char* name) { return variables[name]; };
    search.warn = [this](const std::string& text) { warnings.push_back(text); };
  }

  /// Makes `docker-credential-<name>`, which notes each call in \ref calls.
  void helper(const std::string& name, const std::string& body) const {
    const auto file = directory / ("bin/docker-credential-" + name);
    spill(file, "#!/bin/sh\nbox=" + (directory / "box").string() + "\ninput=$(cat)\necho \"" + name + " $1 $input\" >> " +
                    (directory / "calls").string() + "\n" + body + "\n");
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  }
  std::string calls() const { return std::filesystem::exists(directory / "calls") ? slurp(directory / "calls") : std::string(); }

  std::filesystem::path docker_file() const { return directory / "home/.docker/config.json"; }

  temp_dir directory;
  std::map<std::string, std::string> variables;
  std::vector<std::string> warnings;
  credential_search search;
};

}  // namespace gantry::test
