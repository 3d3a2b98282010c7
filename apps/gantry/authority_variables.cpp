#include "authority_variables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace gantry::app {
namespace {

namespace fs = std::filesystem;

std::optional<std::string> unreadable(const char* name, const std::string& path) {
  if (::faccessat(AT_FDCWD, path.c_str(), R_OK, AT_EACCESS) == 0) return std::nullopt;
  return fmt::format("{}: {} cannot be read: {}; its authorities are not trusted", name, path, std::generic_category().message(errno));
}

/// Whether a line of the file begins a certificate in PEM form, of whichever of OpenSSL's kinds.
bool holds_certificate(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("-----BEGIN ") && line.find("CERTIFICATE-----") != std::string::npos) return true;
  }
  return false;
}

/// `9d66eef0.0`: under these names OpenSSL looks for authorities.
bool is_hash_name(std::string_view name) {
  constexpr std::size_t digits = 8;
  return name.size() > digits + 1 && name[digits] == '.' &&
         std::all_of(name.begin(), name.begin() + digits, [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; });
}

bool holds_hashed(const std::string& path) {
  std::error_code ec;
  for (fs::directory_iterator one(path, ec), end; !ec && one != end; one.increment(ec)) {
    if (is_hash_name(one->path().filename().native())) return true;
  }
  return false;
}

std::optional<std::string> problem_of_file(const std::string& path) {
  constexpr const char* name = "SSL_CERT_FILE";
  if (auto problem = unreadable(name, path)) return problem;
  std::error_code ec;
  if (fs::is_directory(path, ec)) return fmt::format("{}: {} is a directory; SSL_CERT_DIR takes those", name, path);
  if (!fs::is_regular_file(path, ec) || holds_certificate(path)) return std::nullopt;
  return fmt::format("{}: {} holds no certificate in PEM form; nobody is trusted for it", name, path);
}

std::optional<std::string> problem_of_directory(const std::string& path) {
  constexpr const char* name = "SSL_CERT_DIR";
  if (auto problem = unreadable(name, path)) return problem;
  std::error_code ec;
  if (!fs::is_directory(path, ec)) return fmt::format("{}: {} is no directory; SSL_CERT_FILE takes a bundle", name, path);
  if (holds_hashed(path)) return std::nullopt;
  return fmt::format("{0}: {1} holds no certificate under its hash, where it would be looked for; 'openssl rehash {1}' makes the links",
                     name, path);
}

}  // namespace

std::vector<std::string> problems_of_authorities(const environment& variables) {
  std::vector<std::string> found;
  const auto note = [&found](std::optional<std::string> problem) {
    if (problem) found.push_back(std::move(*problem));
  };
  if (const std::string file = variables("SSL_CERT_FILE"); !file.empty()) note(problem_of_file(file));
  const std::string list = variables("SSL_CERT_DIR");
  for (std::size_t begin = 0; begin < list.size();) {
    const std::size_t end = std::min(list.find(':', begin), list.size());
    if (end != begin) note(problem_of_directory(list.substr(begin, end - begin)));
    begin = end + 1;
  }
  return found;
}

}  // namespace gantry::app
