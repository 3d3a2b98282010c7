#include "serve/htpasswd.hpp"

#include "base/redact.hpp"
#include "runtime/file.hpp"

#include <crypt.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace gantry::serve {
namespace {

constexpr std::size_t file_cap = std::size_t{1} << 20;
constexpr std::size_t bcrypt_length = 60;  ///< `$2y$10$`, 22 characters of salt, 31 of hash

bool is_bcrypt(std::string_view hash) {
  const bool scheme = hash.starts_with("$2y$") || hash.starts_with("$2b$") || hash.starts_with("$2a$");
  const auto is_text = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '/' || c == '$';
  };
  return scheme && hash.size() == bcrypt_length && hash[6] == '$' && std::all_of(hash.begin(), hash.end(), is_text);
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    difference |= static_cast<unsigned>(static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]));
  }
  return difference == 0;
}

}  // namespace

result<htpasswd> htpasswd::parse(std::string_view text, const std::string& file) {
  htpasswd users;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.front() == '#') continue;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) {
      return failure(errc::invalid_option, fmt::format("{} line {} is not of the form user:hash", file, number));
    }
    const std::string user(line.substr(0, colon));
    const std::string hash(line.substr(colon + 1));
    if (!is_bcrypt(hash)) {
      return failure(errc::invalid_option,
                     fmt::format("{} line {}: the password of {} is not hashed with bcrypt; make the file with 'htpasswd -B'", file, number,
                                 clean_text(user, 64)));
    }
    if (!users.hashes_.emplace(user, hash).second) {
      return failure(errc::invalid_option, fmt::format("{} line {}: {} stands there twice", file, number, clean_text(user, 64)));
    }
    // Of the highest cost, so that an unknown user takes no less time than a known one.
    if (users.nobody_.empty() || hash.substr(4, 2) > users.nobody_.substr(4, 2)) users.nobody_ = hash;
  }
  if (users.hashes_.empty()) return failure(errc::invalid_option, fmt::format("{} names no user", file));
  return users;
}

result<htpasswd> htpasswd::load(const std::filesystem::path& file) {
  const auto text = runtime::read_file(file, file_cap);
  if (!text) return text.error();
  return parse(*text, file.string());
}

bool htpasswd::matches(const std::string& user, const std::string& password) const {
  const auto known = hashes_.find(user);
  const std::string& hash = known != hashes_.end() ? known->second : nobody_;
  const auto room = std::make_unique<crypt_data>();
  // What lies behind a NUL would not count.
  const std::string given = password.find('\0') == std::string::npos ? password : std::string();
  const char* const computed = ::crypt_r(given.c_str(), hash.c_str(), room.get());
  const bool equal = computed != nullptr && equal_in_constant_time(computed, hash);
  return equal && known != hashes_.end() && given.size() == password.size();
}

}  // namespace gantry::serve
