#include "login_options.hpp"

#include "explain_options.hpp"
#include "settings/defaults.hpp"
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

TEST_CASE("explain takes what a pull would be told of platform and format, and says who chose it") {
  current_defaults() = [] {
    user_defaults read;
    read.file = "/c.json";
    setting one;
    one.name = "platform";
    one.values = {"linux/s390x"};
    read.settings.push_back(one);
    return outcome<user_defaults>(read);
  };
  const auto told = [](std::vector<std::string> words, const std::string& option) {
    const auto arguments = std::get<explain_arguments>(parse_explain(std::move(words)).value());
    for (const option_origin& one : arguments.common.origins) {
      if (one.option == option) return one;
    }
    return option_origin();
  };
  CHECK(told({"nginx"}, "platform").value == "linux/s390x");
  CHECK(told({"nginx"}, "platform").origin.find("/c.json") == 0);
  CHECK(told({"nginx", "-a", "arm64"}, "arch").value == "arm64");
  CHECK(told({"nginx", "-a", "arm64"}, "arch").origin == "command line");
  CHECK(told({"nginx", "-a", "arm64"}, "platform").origin == "default");
  CHECK(told({"nginx", "--platform", "linux/arm/v7"}, "platform").value == "linux/arm/v7");
  CHECK(told({"nginx", "-f", "synology"}, "format").value == "synology");
  CHECK(told({"nginx", "--gzip"}, "gzip").value == "true");
  current_defaults() = {};
  CHECK(parse_explain({"nginx", "-f", "zip"}).error().message.find("--format takes docker") == 0);
  CHECK(parse_explain({"nginx", "-a", "arm64", "--platform", "linux/amd64"}).error().message == "--platform and --arch exclude each other");
}
