#pragma once

#include <string>

namespace gantry::test {

/// Standard base64 with padding.
std::string base64(const std::string& bytes);
/// The alphabet for URLs, without padding, as in JSON Web Tokens.
std::string base64url(const std::string& bytes);

}  // namespace gantry::test
