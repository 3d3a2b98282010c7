#include "config/certs_d.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

namespace gantry::config {
namespace fs = std::filesystem;

host_certificates sort_certificates(const fs::path& directory, std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  const auto there = [&](const std::string& name) { return std::binary_search(names.begin(), names.end(), name); };
  const auto stem = [](const std::string& name) { return name.substr(0, name.rfind('.')); };
  host_certificates found;
  const auto lacks = [&](const std::string& one, const std::string& other) {
    found.problem = failure(errc::invalid_option,
                            fmt::format("{} has no {} beside it; a client certificate needs both", (directory / one).string(), other));
  };
  for (const std::string& name : names) {
    if (name.ends_with(".crt")) {
      found.authorities.push_back(directory / name);
    } else if (name.ends_with(".cert")) {
      const std::string key = stem(name) + ".key";
      if (!there(key)) {
        lacks(name, key);
      } else if (!found.client) {
        found.client.emplace(directory / name, directory / key);
      }
    } else if (name.ends_with(".key") && !there(stem(name) + ".cert")) {
      lacks(name, stem(name) + ".cert");
    }
  }
  return found;
}

certificate_directories read_certificates(const std::vector<fs::path>& roots) {
  certificate_directories all;
  for (const fs::path& root : roots) {
    std::error_code ec;
    for (fs::directory_iterator host(root, ec), end; !ec && host != end; host.increment(ec)) {
      std::error_code inner;
      if (!host->is_directory(inner)) continue;
      std::vector<std::string> names;
      for (fs::directory_iterator file(host->path(), inner), last; !inner && file != last; file.increment(inner)) {
        names.push_back(file->path().filename().string());
      }
      all.emplace(host->path().filename().string(), sort_certificates(host->path(), std::move(names)));
    }
  }
  return all;
}

const host_certificates* find_certificates(const certificate_directories& all, const std::string& host, std::uint16_t port) {
  const std::string shown = host.find(':') != std::string::npos ? fmt::format("[{}]", host) : host;
  auto found = all.find(fmt::format("{}:{}", shown, port));
  if (found == all.end() && port == 443) found = all.find(shown);
  return found == all.end() ? nullptr : &found->second;
}

}  // namespace gantry::config
