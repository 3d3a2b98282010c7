#pragma once

#include <gantry/options.hpp>
#include <gantry/reference.hpp>

#include <string>
#include <vector>

namespace gantry {

/// One decision and who made it. No secrets.
struct explained_fact {
  std::string name;   ///< snake_case and stable: `credential`, `transport`, `certificate`, `proxy` ...
  std::string value;  ///< for people: `jane`, `https`, `not verified`
  /// `option` (of the engine), `environment`, `default`, or the file, variable or program that said so; several are separated by commas.
  std::string origin;
};

/// One address that is asked for an image.
struct explained_endpoint {
  std::string url;                    ///< scheme, host and port
  std::string origin;                 ///< as in \ref explained_fact
  bool is_mirror = false;             ///< else the registry itself
  std::vector<explained_fact> facts;  ///< how it is spoken to: transport, certificate, proxy, credential
};

/// What an operation on an image would do, found out without a request.
struct explanation {
  gantry::reference reference;                ///< the image that was asked about
  std::vector<explained_endpoint> endpoints;  ///< in the order in which they are asked
  std::vector<explained_fact> settings;       ///< what does not depend on the endpoint: store, connections, weakened TLS
};

/// Settings of engine::async_explain.
struct explain_options : operation_options {};

/// Whether a registry lets the engine in.
struct ping_result {
  std::string endpoint;        ///< scheme, host and port that answered
  bool authenticated = false;  ///< the credentials were asked for and accepted; false: it lets everybody in
};

/// Settings of engine::async_ping.
struct ping_options : operation_options {};

}  // namespace gantry
