#include "integration/workplace.hpp"

#include "support/finding.hpp"
#include "support/sha256.hpp"

#include <boost/json/parse.hpp>

#include <cstdlib>
#include <stdexcept>
#include <utility>

namespace gantry::test {
namespace fs = std::filesystem;

fs::path gantry_binary() {
  const char* named = std::getenv("GANTRY_BINARY");
  return named != nullptr ? named : GANTRY_BUILT_BINARY;
}

command workplace::gantry(std::vector<std::string> words, std::map<std::string, std::optional<std::string>> env) const {
  command result;
  result.argv = std::move(words);
  result.argv.insert(result.argv.begin(), gantry_binary().string());
  for (const char* name : {"IMAGE_REF",        "PLATFORM",           "GANTRY_OUTPUT",      "DOCKER_HUB_USERNAME",
                           "DOCKER_HUB_TOKEN", "REGISTRY_USERNAME",  "REGISTRY_PASSWORD",  "GITHUB_OUTPUT",
                           "DOCKER_CONFIG",    "REGISTRY_AUTH_FILE", "DOCKER_AUTH_CONFIG", "XDG_RUNTIME_DIR",
                           "XDG_CACHE_HOME",   "XDG_CONFIG_HOME",    "http_proxy",         "https_proxy",
                           "all_proxy",        "no_proxy",           "HTTP_PROXY",         "HTTPS_PROXY",
                           "ALL_PROXY",        "NO_PROXY",           "REQUEST_METHOD",     "SSL_CERT_FILE",
                           "SSL_CERT_DIR",     "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",     "CONTAINERS_REGISTRIES_CONF"}) {
    result.env[name] = std::nullopt;
  }
  fs::create_directories(path() / "home");
  result.env["HOME"] = (path() / "home").string();
  result.env["GANTRY_CACHE_DIR"] = store().string();
  for (auto& [name, value] : env) result.env[name] = std::move(value);
  result.directory = path();
  return result;
}

outcome workplace::run(std::vector<std::string> words, std::map<std::string, std::optional<std::string>> env) const {
  return gantry::test::run(gantry(std::move(words), std::move(env)));
}

std::string workplace::problems_after_clean() const {
  const outcome cleaned = run({"clean", "--all", "--force", "--progress", "none"});
  if (!cleaned.ok()) return finding("clean --all fails: " + cleaned.err);
  std::string problems = store_problems(store());
  if (stored_bytes(store()) != 0) problems += "blobs are left behind\n";
  return finding(std::move(problems));
}

std::set<std::string> workplace::files() const {
  std::set<std::string> result;
  for (const fs::directory_entry& entry : fs::directory_iterator(path())) {
    const std::string name = entry.path().filename().string();
    if (name != "home" && name != "store") result.insert(name);
  }
  return result;
}

skopeo_facts ask_skopeo(const std::string& image, std::vector<std::string> options, const std::string& architecture) {
  const auto skopeo = [&](std::vector<std::string> words) {
    words.insert(words.end(), options.begin(), options.end());
    words.push_back(image);
    words.insert(words.begin(), {"skopeo", "--override-os", "linux", "--override-arch", architecture});
    return run_or_throw(command{std::move(words)});
  };
  skopeo_facts facts;
  const std::string top = skopeo({"inspect", "--raw"});
  facts.digest = sha256_of(top);
  const boost::json::value document = boost::json::parse(top);
  std::string manifest = top;
  if (const boost::json::value* manifests = document.as_object().if_contains("manifests")) {
    for (const boost::json::value& entry : manifests->as_array()) {
      if (entry.at("platform").at("architecture").as_string() != architecture) continue;
      const std::string digest(entry.at("digest").as_string());
      const std::string name = image.substr(0, image.rfind(':'));
      std::vector<std::string> words{"skopeo", "inspect", "--raw"};
      words.insert(words.end(), options.begin(), options.end());
      words.push_back(name + "@" + digest);
      manifest = run_or_throw(command{std::move(words)});
      break;
    }
  }
  facts.manifest_digest = sha256_of(manifest);
  facts.config_digest = std::string(boost::json::parse(manifest).at("config").at("digest").as_string());
  return facts;
}

boost::json::object only_image(const outcome& result) {
  const boost::json::value document = boost::json::parse(result.out);
  const boost::json::array& images = document.at("images").as_array();
  if (images.size() != 1) throw std::runtime_error("not one image: " + result.out);
  return images.front().as_object();
}

}  // namespace gantry::test
