#include "login_options.hpp"

#include "explain_options.hpp"
#include "support/catch.hpp"

#include <string>
#include <vector>

using namespace gantry::app;

namespace {

login_arguments login(std::vector<std::string> words) { return std::get<login_arguments>(parse_login(std::move(words)).value()); }
std::string refusal(std::vector<std::string> words) { return parse_login(std::move(words)).error().message; }

}  // namespace

TEST_CASE("login takes a registry as it is written anywhere") {
  CHECK(login({"quay.io"}).registry == "quay.io");
  CHECK(login({"localhost:5000"}).registry == "localhost:5000");
  CHECK(login({"https://index.docker.io/v1/"}).registry == "docker.io");
  CHECK(login({"http://r.test:5000"}).common.plain_http == std::vector<std::string>{named_registry});
}

TEST_CASE("login asks for what is left out, but not for a user name beside a password") {
  CHECK(login({"quay.io", "-u", "jane"}).common.username == "jane");
  CHECK_FALSE(login({"quay.io", "-u", "jane"}).common.password);
  CHECK(login({"quay.io", "-u", "jane", "--password-stdin"}).common.password_stdin);
  CHECK(refusal({"quay.io", "--password-stdin"}).find("needs a user name") != std::string::npos);
  CHECK(refusal({"quay.io", "-u", "a", "-p", "b", "--password-stdin"}).find("exclude") != std::string::npos);
}

TEST_CASE("login refuses what is no registry") {
  CHECK(refusal({}).find("no registry") != std::string::npos);
  // Nobody wrote --registry.
  CHECK(refusal({"nginx"}) == "'nginx' is no registry's name without a dot or a port: it reads as a user of docker.io");
  CHECK(refusal({"a b"}).starts_with("the registry takes a host name"));
  CHECK(refusal({"quay.io/team"}).find("repository") != std::string::npos);
  CHECK(refusal({"user:pass@quay.io"}).find("pass@") == std::string::npos);
  CHECK_FALSE(parse_login({"a.test", "b.test"}).has_value());
}

TEST_CASE("logout takes a registry and no user") {
  CHECK(std::get<login_arguments>(parse_logout({"quay.io"}).value()).registry == "quay.io");
  CHECK_FALSE(parse_logout({"quay.io", "-u", "jane", "-p", "x"}).has_value());
  CHECK_FALSE(parse_logout({}).has_value());
}

TEST_CASE("explain takes one image") {
  CHECK(std::get<explain_arguments>(parse_explain({"nginx:1.25", "--json"}).value()).image == "nginx:1.25");
  CHECK_FALSE(parse_explain({}).has_value());
  CHECK_FALSE(parse_explain({"a", "b"}).has_value());
}
