#pragma once

#include "base/failure.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

namespace gantry::serve {

/// Users and bcrypt hashes of an htpasswd file, as `htpasswd -B` writes it.
class htpasswd {
 public:
  /// Reads the text of a file: `user:hash` lines, blank lines and `#` comments. errc::invalid_option for other hashes than bcrypt, users
  /// that stand twice, and files without a user. Messages name lines, never hashes.
  static result<htpasswd> parse(std::string_view text, const std::string& file);
  /// Blocking.
  static result<htpasswd> load(const std::filesystem::path& file);

  /// Whether \p password is that of \p user. Takes tenths of a second by design, and as long for a user that does not exist. Blocking.
  bool matches(const std::string& user, const std::string& password) const;

 private:
  std::map<std::string, std::string> hashes_;
  std::string nobody_;  ///< what is hashed for users that do not exist
};

}  // namespace gantry::serve
