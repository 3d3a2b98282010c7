#pragma once

#include "options.hpp"
#include "outcome.hpp"

#include <gantry/serve.hpp>

#include <string>
#include <variant>
#include <vector>

namespace gantry::app {

/// The command line of `gantry serve`.
struct serve_arguments {
  common_options common;
  std::string listen = "127.0.0.1:5000";
  std::string tls_certificate;  ///< beside \ref tls_key, or both empty
  std::string tls_key;
  std::string htpasswd;
  std::string upstream;    ///< registry as typed; empty: none
  std::string access_log;  ///< `-` is standard output; empty: none
  serve_limits limits;
};

/// Reads the words behind `gantry serve`. Pure: touches neither files nor environment.
outcome<std::variant<serve_arguments, help_text>> parse_serve(std::vector<std::string> words);

}  // namespace gantry::app
