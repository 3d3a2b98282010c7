#pragma once

#include "integration/shelf.hpp"
#include "integration/workplace.hpp"

#include "support/catch.hpp"
#include "support/servers.hpp"
#include "support/temp_dir.hpp"

#include <boost/json/parse.hpp>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace gantry::test {

inline registry_options locked_shelf() {
  registry_options options;
  options.storage = shelf();
  options.username = "alice";
  options.password = "first-secret";
  return options;
}

inline registry_options safe_target(const std::filesystem::path& storage) {
  registry_options options;
  options.storage = storage;
  options.tls = true;
  return options;
}

/// One registry with passwords to take from, one with TLS to bring to.
struct listed {
  listed() : from(directory / "from", locked_shelf()), to(directory / "to", safe_target(directory / "storage")) {}

  void write(std::string text) const {
    const std::string word = "SOURCE";
    for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos;) text.replace(at, word.size(), from.host());
    std::ofstream(place / "images.json") << text;
  }
  std::vector<std::string> words(std::vector<std::string> more = {}) const {
    std::vector<std::string> all{
        "sync",        "images.json",       "--to", to.host() + "/mirror", "--ca-cert", to.certificates().authority.string(),
        "--src-creds", "alice:first-secret"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  outcome sync(std::vector<std::string> more = {}) const { return place.run(words(std::move(more))); }
  std::string raw_source(const std::string& name) const {
    return run_or_throw(
        {{"skopeo", "inspect", "--raw", "--tls-verify=false", "--creds", "alice:first-secret", "docker://" + from.host() + "/" + name}});
  }
  std::string raw_target(const std::string& name) const {
    return run_or_throw({{"skopeo", "inspect", "--raw", "--tls-verify=false", "docker://" + to.host() + "/mirror/" + name}});
  }
  std::string tags(const std::string& name) const {
    return place.run({"tags", to.host() + "/mirror/" + name, "--ca-cert", to.certificates().authority.string()}).out;
  }

  temp_dir directory;
  docker_registry from;
  docker_registry to;
  workplace place;
};

inline boost::json::object json_of(const outcome& result) {
  INFO(result.err);
  return boost::json::parse(result.out).as_object();
}

inline std::string state_of(const boost::json::object& result, const std::string& name) {
  for (const auto& one : result.at("images").as_array()) {
    const std::string target(one.as_object().at("name").as_string());
    if (target.ends_with("/" + name)) return std::string(one.as_object().at("state").as_string());
  }
  return "absent";
}

}  // namespace gantry::test
