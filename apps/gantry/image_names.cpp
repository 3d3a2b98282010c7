#include "image_names.hpp"

#include "file_words.hpp"
#include "utf8.hpp"
#include "values.hpp"

#include <gantry/sync_list.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <istream>
#include <iterator>
#include <sstream>
#include <system_error>
#include <utility>

namespace gantry::app {
namespace {

constexpr std::size_t list_limit = 1 << 20;
constexpr std::size_t json_limit = 8 << 20;

constexpr const char* ways_of_files = "'gantry extract' takes images of files into the store, 'gantry push' into a registry";

problem file_in_place_of_image(std::string_view word, std::string hint) {
  return usage_problem(fmt::format("'{}' names a file, and the name of an image is wanted here", word), std::move(hint));
}

/// Registries that are known by name: nobody means an image of docker.io's with them.
constexpr std::string_view known_registries[] = {
    "localhost", "docker.io",         "hub.docker.com", "ghcr.io",         "quay.io",
    "gcr.io",    "mcr.microsoft.com", "public.ecr.aws", "registry.k8s.io", "registry.gitlab.com"};

/// One of them, and a port behind a host name or address.
bool is_bare_registry(std::string_view word) {
  const std::size_t colon = word.rfind(':');
  const std::string_view host = word.substr(0, colon);
  if (colon == std::string_view::npos)
    return std::find(std::begin(known_registries), std::end(known_registries), host) != std::end(known_registries);
  const std::string_view port = word.substr(colon + 1);
  const bool is_port = !port.empty() && port.size() <= 5 && port.find_first_not_of("0123456789") == std::string_view::npos;
  const bool is_name = host == "localhost" || (host.find('.') != std::string_view::npos && host.find(':') == std::string_view::npos);
  return is_port && (is_name || host.starts_with('[')) && word.find_first_of("/@") == std::string_view::npos;
}

/// The image that a registry's web page is about, `https://hub.docker.com/_/nginx`; empty: \p word is no address of one.
std::string image_of_page(std::string_view word) {
  struct page {
    std::string_view address;
    std::string_view place;
    std::size_t parts;  ///< that are the repository's; behind it the page names a part of itself, `/tags`
  };
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (word.starts_with(scheme)) word.remove_prefix(scheme.size());
  }
  word = word.substr(0, word.find_first_of("?#"));
  std::string image;
  for (const page& one : {page{"hub.docker.com/_/", "docker.io/library/", 1}, page{"hub.docker.com/r/", "docker.io/", 2},
                          page{"quay.io/repository/", "quay.io/", 2}}) {
    if (!word.starts_with(one.address)) continue;
    word.remove_prefix(one.address.size());
    std::size_t end = word.find('/');
    for (std::size_t part = 1; part < one.parts && end != std::string_view::npos; ++part) end = word.find('/', end + 1);
    image = std::string(one.place) + std::string(word.substr(0, end));
    break;
  }
  // github.com/OWNER/REPOSITORY/pkgs/container/NAME
  constexpr std::string_view github = "github.com/", packages = "/pkgs/container/";
  const std::size_t behind = word.find(packages);
  if (word.starts_with(github) && behind != std::string_view::npos) {
    // Owners have capitals, and repositories none.
    std::string owner(word.substr(github.size(), word.find('/', github.size()) - github.size()));
    std::transform(owner.begin(), owner.end(), owner.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    const std::string_view name = word.substr(behind + packages.size());
    image = fmt::format("ghcr.io/{}/{}", owner, name.substr(0, name.find('/')));
  }
  error_code ec;
  reference::parse(image, ec);
  return ec ? std::string() : image;
}

/// Whether \p word is the address of a page at a host where no registry is, without a scheme before it.
bool is_page(std::string_view word) {
  return (word.starts_with("hub.docker.com/") || word.starts_with("github.com/")) && !image_of_page(word).empty();
}

/// `nginx@` and `nginx@latest`, a repository and no digest behind it; a user and a password before a host are something else.
bool lacks_digest(std::string_view word) {
  const std::size_t at = word.rfind('@');
  if (at == std::string_view::npos || word.find('/', at) != std::string_view::npos) return false;
  const std::string_view before = word.substr(0, at);
  const bool may_be_account = before.find(':') != std::string_view::npos && before.find('/') == std::string_view::npos;
  if (may_be_account && at + 1 < word.size()) return false;
  error_code ec;
  reference::parse(std::string(before), ec);
  return !ec;
}

/// \p word, in which nothing can be a secret but what stands alone before a name.
std::string shown_without_digest(std::string_view word) {
  const std::string_view before = word.substr(0, word.rfind('@'));
  const bool ends_there = before.size() + 1 == word.size() && before.find(':') == std::string_view::npos;
  return ends_there || before.find('/') != std::string_view::npos ? std::string(word) : reference::shown(word);
}

std::string advice(std::string_view word) {
  for (const std::string_view path : {"./", "../", "/", "~/"}) {
    if (word.starts_with(path)) return ways_of_files;
  }
  if (std::any_of(word.begin(), word.end(), [](char c) { return c == ' ' || c == '\t'; })) return "a reference has no blanks";
  const std::string_view name = word.substr(0, word.find_last_of(":@"));
  if (std::any_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; })) return "repository names are lower case";
  if (word.find('@') != std::string_view::npos) return "a digest is written NAME@sha256:<64 lower-case hex digits>";
  return "references are written [REGISTRY/]REPOSITORY[:TAG][@DIGEST], e.g. nginx:1.25";
}

/// \param word what was typed, of which \p text was made
outcome<reference> read(const std::string& text, std::string_view word) {
  error_code ec;
  reference image = reference::parse(text, ec);
  if (!ec) return image;
  if (lacks_digest(word)) {
    const bool nothing = word.ends_with('@');
    return usage_problem(
        fmt::format("'{}' is not an image reference: {} stands behind '@'", shown_without_digest(word), nothing ? "nothing" : "no digest"),
        fmt::format("a digest is written NAME@sha256:<64 lower-case hex digits>, a tag NAME:latest{}",
                    nothing ? "; is a variable empty?" : ""));
  }
  // What may be a password is not shown.
  const std::string shown = reference::shown(word);
  if (shown.find("***@") != std::string::npos) {
    return usage_problem(fmt::format("'{}' is not an image reference: it has something before the host", shown),
                         "credentials are given with -u USER --password-stdin");
  }
  const std::string page = image_of_page(word);
  return usage_problem(fmt::format("'{}' is not an image reference", shown), page.empty() ? advice(text) : "the image is called " + page);
}

}  // namespace

outcome<image_request> parse_image(std::string_view word, std::string_view registry) {
  // What may be a password is not shown.
  const std::string shown = reference::shown(word);
  if (word.starts_with("docker://")) {
    word.remove_prefix(std::string_view("docker://").size());
  } else {
    for (const std::string_view prefix : {"docker-archive:", "oci-archive:", "oci:"}) {
      if (!word.starts_with(prefix)) continue;
      // `oci:tag` may be meant as a name; two colons are none.
      const bool may_be_name = prefix == "oci:" && word.find(':', prefix.size()) == std::string_view::npos;
      return file_in_place_of_image(shown,
                                    may_be_name ? fmt::format("for a repository of that name write docker://{}", shown) : ways_of_files);
    }
    if (registry.empty() && looks_like_archive(word)) {
      std::string ways =
          fmt::format("'gantry extract {0}' takes its images into the store, 'gantry push {0} TARGET' into a registry", shown);
      error_code ec;
      // `./x.tar` is the name of no repository.
      if (reference::parse(std::string(word), ec); !ec) ways += fmt::format("; for a repository of that name write docker://{}", shown);
      return file_in_place_of_image(shown, std::move(ways));
    }
    if (word.starts_with("http://") || word.starts_with("https://")) {
      const std::string page = image_of_page(word);
      return usage_problem(fmt::format("'{}' is an address, not an image reference", shown),
                           page.empty() ? "leave out what stands before the host name" : "the image is called " + page);
    }
  }
  if (registry.empty()) {
    auto image = read(std::string(word), word);
    if (!image) return image.error();
    return image_request{std::move(*image), std::nullopt};
  }
  auto host = parse_registry(registry);
  if (!host) return host.error();
  const std::string prefix = host->path.empty() ? host->host : host->host + "/" + host->path;
  auto image = read(fmt::format("{}/{}", prefix, word), word);
  if (!image) return image.error();
  image_request request{std::move(*image), std::nullopt};
  const std::string_view repository = word.substr(0, word.find('@'));
  if (host->path.empty() && repository.find('/') == std::string_view::npos && request.image.registry() != "docker.io") {
    auto fallback = read(fmt::format("{}/library/{}", prefix, word), word);
    if (!fallback) return fallback.error();
    request.fallback = std::move(*fallback);
  }
  return request;
}

namespace {

/// Whether a registry may have the list that 'gantry repos' asks for: the large public ones are known not to.
bool lists_repositories(std::string_view host) {
  static constexpr std::string_view silent[] = {"docker.io", "index.docker.io", "registry-1.docker.io", "ghcr.io", "quay.io"};
  return std::find(std::begin(silent), std::end(silent), host) == std::end(silent);
}

}  // namespace

outcome<image_request> parse_remote_image(std::string_view word, std::string_view registry) {
  if (registry.empty() && is_bare_registry(word)) {
    return usage_problem(fmt::format("'{}' names a registry and no repository", word),
                         word == "hub.docker.com" ? "images of Docker Hub are called docker.io/library/nginx, or nginx for short"
                         : lists_repositories(word)
                             ? fmt::format("write {}/REPOSITORY[:TAG]; 'gantry repos {}' lists what it has", word, word)
                             : fmt::format("write {}/REPOSITORY[:TAG]; what it has is on its web pages", word));
  }
  if (registry.empty() && is_page(word))
    return usage_problem(fmt::format("'{}' is a web page, not an image reference", word), "the image is called " + image_of_page(word));
  return parse_image(word, registry);
}

bool names_one_image(std::string_view word) { return without_tag(word).size() != word.size(); }

std::string without_tag(std::string_view word) {
  const std::size_t slash = word.rfind('/', word.find('@'));
  return std::string(word.substr(0, word.find_first_of(":@", slash == std::string_view::npos ? 0 : slash)));
}

std::string join_repository(std::string_view repository, std::string_view tag_or_digest) {
  if (tag_or_digest.empty()) return std::string(repository);
  const bool is_digest = tag_or_digest.find(':') != std::string_view::npos;
  return fmt::format("{}{}{}", repository, is_digest ? '@' : ':', tag_or_digest);
}

problem lacks_repository(std::string_view name, std::string_view tag_or_digest) {
  const std::string whole = join_repository(name.empty() ? "NAME" : without_tag(name), tag_or_digest);
  return usage_problem("--reference needs --repository", fmt::format("behind a name it is written as part of it: {}", whole));
}

outcome<> open_list(std::ifstream& file, const std::string& path) {
  errno = 0;
  file.open(path);
  if (file) return {};
  const int reason = errno;
  return problem(reason == ENOENT || reason == ENOTDIR ? exit_code::not_found : exit_code::storage,
                 fmt::format("{} cannot be read: {}", path, std::generic_category().message(reason)));
}

outcome<std::string> read_text(std::istream& in, const std::string& name, std::size_t limit) {
  std::string text;
  std::array<char, 65'536> piece{};
  errno = 0;
  while (text.size() <= limit && in.read(piece.data(), piece.size()).gcount() > 0)
    text.append(piece.data(), static_cast<std::size_t>(in.gcount()));
  // A directory opens, and tells only here that it is one.
  if (in.bad())
    return problem(exit_code::storage,
                   fmt::format("{} cannot be read: {}", name, std::generic_category().message(errno != 0 ? errno : EIO)));
  if (text.size() > limit) return usage_problem(fmt::format("{} is longer than {} MiB, too long for a list of images", name, limit >> 20));
  text.erase(0, text.size() - without_byte_order_mark(text).size());
  return text;
}

bool looks_like_json(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return false;
  if (text[first] != '[') return text[first] == '{';
  // `[::1]:5000/app` is a reference.
  const std::size_t second = text.find_first_not_of(" \t\r\n", first + 1);
  return second == std::string_view::npos || text[second] == '{' || text[second] == ']' || text[second] == '"';
}

namespace {

outcome<image_list> read_json_list(const std::string& text, const std::string& name, const std::string& registry) {
  if (!registry.empty())
    return usage_problem(fmt::format("{} names its registries itself", name), "--registry is for lists of one reference a line");
  error_code ec;
  diagnostics why;
  const sync_list list = parse_sync_list(text, name, ec, why);
  if (ec) return usage_problem(why.message());
  image_list found;
  for (const sync_entry& entry : list.entries) {
    if (!entry.directory.empty())
      return usage_problem(fmt::format("{}: {} is a directory of this machine, and pull takes images of registries", name, entry.label()));
    if (entry.filter)
      return usage_problem(fmt::format("{}: {} chooses its tags with a filter, for which pull asks nobody", name, entry.label()),
                           "name its tags; 'gantry tags' lists them");
    const bool one_image = !entry.source.tag().empty() || entry.source.digest();
    if (one_image) found.images.push_back({entry.source, std::nullopt, entry.platforms});
    for (const std::string& tag : entry.tags) {
      if (!one_image) found.images.push_back({entry.source.with_tag(tag), std::nullopt, entry.platforms});
    }
  }
  found.mirrors = list.mirrors();
  return found;
}

}  // namespace

outcome<image_list> read_image_list(std::istream& in, const std::string& name, const std::string& registry) {
  auto text = read_text(in, name, json_limit);
  if (!text) return text.error();
  auto found = outcome<image_list>(image_list());
  if (looks_like_json(*text)) {
    found = read_json_list(*text, name, registry);
  } else {
    if (text->size() > list_limit) return usage_problem(fmt::format("{} is longer than 1 MiB, too long for a list of references", name));
    std::istringstream lines(*text);
    std::size_t number = 0;
    for (std::string line; std::getline(lines, line);) {
      ++number;
      const std::size_t begin = line.find_first_not_of(" \t\r");
      if (begin == std::string::npos || line[begin] == '#') continue;
      auto image = parse_image(line.substr(begin, line.find_last_not_of(" \t\r") - begin + 1), registry);
      if (!image) {
        problem why = image.error();
        why.message = fmt::format("{}, line {}: {}", name, number, why.message);
        return why;
      }
      found->images.push_back(std::move(*image));
    }
  }
  if (found && found->images.empty()) return usage_problem(fmt::format("{} names no image", name));
  return found;
}

}  // namespace gantry::app
