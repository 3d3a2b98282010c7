#include "image_names.hpp"

#include "values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <istream>

namespace gantry::app {
namespace {

constexpr std::size_t list_limit = 1 << 20;

std::string advice(std::string_view word) {
  if (std::any_of(word.begin(), word.end(), [](char c) { return c == ' ' || c == '\t'; })) return "a reference has no blanks";
  const std::string_view name = word.substr(0, word.find_last_of(":@"));
  if (std::any_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; })) return "repository names are lower case";
  if (word.find('@') != std::string_view::npos) return "a digest is written NAME@sha256:<64 lower-case hex digits>";
  return "references are written [REGISTRY/]REPOSITORY[:TAG][@DIGEST], e.g. nginx:1.25";
}

/// Where a user name and password stand before the host, as in a URL: the '@' behind them.
std::size_t end_of_credentials(std::string_view word) {
  const std::size_t at = word.find('@');
  return at != std::string_view::npos && at < word.find('/') && word.find('/') != std::string_view::npos ? at : std::string_view::npos;
}

outcome<reference> read(const std::string& text, std::string_view shown) {
  error_code ec;
  reference image = reference::parse(text, ec);
  if (ec && end_of_credentials(shown) != std::string_view::npos) {
    // What may be a password is not shown.
    return usage_problem(
        fmt::format("'***{}' is not an image reference: it has something before the host", shown.substr(end_of_credentials(shown))),
        "credentials are given with -u USER --password-stdin");
  }
  if (ec) return usage_problem(fmt::format("'{}' is not an image reference", shown), advice(text));
  return image;
}

}  // namespace

outcome<image_request> parse_image(std::string_view word, std::string_view registry) {
  const std::string_view shown = word;
  if (word.starts_with("docker://")) {
    word.remove_prefix(std::string_view("docker://").size());
  } else {
    for (const std::string_view prefix : {"docker-archive:", "oci-archive:", "oci:"}) {
      if (!word.starts_with(prefix)) continue;
      return usage_problem(fmt::format("'{}' names a local image, pull takes images of registries", shown),
                           prefix == "oci:" ? fmt::format("for a repository of that name write docker://{}", shown) : std::string());
    }
    if (word.starts_with("http://") || word.starts_with("https://")) {
      return usage_problem(fmt::format("'{}' is an address, not an image reference", shown), "leave out what stands before the host name");
    }
  }
  if (registry.empty()) {
    auto image = read(std::string(word), shown);
    if (!image) return image.error();
    return image_request{std::move(*image), std::nullopt};
  }
  auto host = parse_registry(registry);
  if (!host) return host.error();
  const std::string prefix = host->path.empty() ? host->host : host->host + "/" + host->path;
  auto image = read(fmt::format("{}/{}", prefix, word), shown);
  if (!image) return image.error();
  image_request request{std::move(*image), std::nullopt};
  const std::string_view repository = word.substr(0, word.find('@'));
  if (host->path.empty() && repository.find('/') == std::string_view::npos && request.image.registry() != "docker.io") {
    auto fallback = read(fmt::format("{}/library/{}", prefix, word), shown);
    if (!fallback) return fallback.error();
    request.fallback = std::move(*fallback);
  }
  return request;
}

std::string join_repository(std::string_view repository, std::string_view tag_or_digest) {
  if (tag_or_digest.empty()) return std::string(repository);
  const bool is_digest = tag_or_digest.find(':') != std::string_view::npos;
  return fmt::format("{}{}{}", repository, is_digest ? '@' : ':', tag_or_digest);
}

outcome<std::vector<std::string>> read_list(std::istream& in, const std::string& name) {
  std::vector<std::string> words;
  std::size_t total = 0;
  for (std::string line; std::getline(in, line);) {
    total += line.size() + 1;
    if (total > list_limit) return usage_problem(fmt::format("{} is longer than 1 MiB, too long for a list of references", name));
    const std::size_t begin = line.find_first_not_of(" \t\r");
    if (begin == std::string::npos || line[begin] == '#') continue;
    const std::size_t end = line.find_last_not_of(" \t\r");
    if (words.empty() && (line[begin] == '[' || line[begin] == '{')) {
      return usage_problem(fmt::format("{} looks like JSON", name), "--from reads one reference a line");
    }
    words.push_back(line.substr(begin, end - begin + 1));
  }
  if (in.bad()) return problem(exit_code::storage, fmt::format("{} cannot be read", name));
  if (words.empty()) return usage_problem(fmt::format("{} names no image", name));
  return words;
}

}  // namespace gantry::app
