#include "serve_options.hpp"

#include "access_log.hpp"
#include "support/catch.hpp"

#include <chrono>
#include <string>
#include <variant>
#include <vector>

using namespace gantry::app;
using namespace std::chrono_literals;

namespace {

serve_arguments parsed(std::vector<std::string> words) {
  auto outcome = parse_serve(std::move(words));
  if (!outcome) FAIL(outcome.error().message);
  REQUIRE(std::holds_alternative<serve_arguments>(*outcome));
  return std::get<serve_arguments>(*outcome);
}

bool refused(std::vector<std::string> words) {
  auto outcome = parse_serve(std::move(words));
  return !outcome && outcome.error().code == exit_code::usage;
}

}  // namespace

TEST_CASE("a server needs no options") {
  const auto arguments = parsed({});
  CHECK(arguments.listen == "127.0.0.1:5000");
  CHECK(arguments.limits.graceful == 30s);
  CHECK(arguments.access_log.empty());
}

TEST_CASE("a server's options are read and checked against each other") {
  const auto arguments = parsed({"--listen", "0.0.0.0:80", "--tls-cert", "c", "--tls-key", "k", "--htpasswd", "u", "--access-log", "-",
                                 "--upstream", "ghcr.io", "--max-connections", "10", "--stop-timeout", "5s"});
  CHECK(arguments.listen == "0.0.0.0:80");
  CHECK(arguments.tls_certificate == "c");
  CHECK(arguments.tls_key == "k");
  CHECK(arguments.htpasswd == "u");
  CHECK(arguments.access_log == "-");
  CHECK(arguments.upstream == "ghcr.io");
  CHECK(arguments.limits.connections == 10);
  CHECK(arguments.limits.graceful == 5s);
  CHECK(refused({"--tls-cert", "c"}));
  CHECK(refused({"--tls-key", "k"}));
  CHECK(refused({"--max-connections", "0"}));
  CHECK(refused({"--stop-timeout", "soon"}));
  CHECK(refused({"--json"}));
  CHECK(refused({"nginx"}));
  CHECK(refused({"-u", "me", "-p", "x"}));
}

TEST_CASE("a line of the access log has nothing that could end it") {
  gantry::served_request request;
  request.time = std::chrono::system_clock::time_point(1'700'000'000'123ms);
  request.client = "127.0.0.1:1";
  request.method = "GET";
  request.target = "/v2/\"x";
  request.status = 206;
  request.bytes = 7;
  request.elapsed = 1500us;
  CHECK(access_line(request) == "2023-11-14T22:13:20.123Z 127.0.0.1:1 - \"GET /v2/?x\" 206 7 0.001500\n");
  request.user = "a b\n";
  request.complete = false;
  CHECK(access_line(request) == "2023-11-14T22:13:20.123Z 127.0.0.1:1 a?b? \"GET /v2/?x\" 206 7 0.001500 cut\n");
}
