#pragma once

#include "environment.hpp"

#include <string>
#include <vector>

namespace gantry::app {

/// What is wrong with the places of SSL_CERT_FILE and SSL_CERT_DIR, a sentence each with the variable and the path. OpenSSL passes over an
/// unusable one in silence, and every certificate is then one of an unknown authority. Empty variables are none; devices (`/dev/null`) and
/// pipes are taken as they are.
std::vector<std::string> problems_of_authorities(const environment& variables);

}  // namespace gantry::app
