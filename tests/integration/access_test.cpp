// Credentials from where users keep them, against a real registry with passwords and one with tokens.
#include "integration/guarded.hpp"
#include "integration/terminal.hpp"
#include "integration/workplace.hpp"

#include "support/catch.hpp"

#include <boost/json/parse.hpp>

#include <chrono>
#include <csignal>
#include <thread>

#include <sys/stat.h>

using namespace gantry::test;
namespace fs = std::filesystem;

namespace {

constexpr const char* user = guarded_registry::user;
constexpr const char* password = guarded_registry::password;

outcome with_input(const workplace& place, std::vector<std::string> words, std::string input) {
  command what = place.gantry(std::move(words));
  what.input = std::move(input);
  return run(what);
}

outcome pull(const workplace& place, const guarded_registry& registry, std::vector<std::string> more = {}) {
  std::vector<std::string> words{"pull", "--store-only", registry.image()};
  words.insert(words.end(), more.begin(), more.end());
  return place.run(std::move(words));
}

/// Makes `docker-credential-<name>` in the workplace. \returns the PATH that has it
std::string install_helper(const workplace& place, const std::string& name, const std::string& body) {
  const fs::path file = place / ("home/bin/docker-credential-" + name);
  spill(file, "#!/bin/sh\nread -r server\n" + body + "\n");
  fs::permissions(file, fs::perms::owner_all);
  return (place / "home/bin").string() + ":/usr/bin:/bin";
}

}  // namespace

TEST_CASE("login keeps what the registry accepted, pull uses it, logout forgets it", "[integration]") {
  const guarded_registry registry;
  const workplace place;
  const fs::path file = place / "home/.docker/config.json";
  spill(file, R"({"HttpHeaders":{"x":"y"}})");

  const outcome before = pull(place, registry);
  CHECK(before.status == 3);
  CHECK(before.err.find("gantry login") != std::string::npos);

  const outcome in = with_input(place, {"login", registry.host(), "-u", user, "--password-stdin"}, std::string(password) + "\n");
  INFO(in.err);
  REQUIRE(in.status == 0);
  CHECK(in.out == "logged in to " + registry.host() + " as jane, kept in " + file.string() + "\n");
  CHECK(in.err.find("unencrypted") != std::string::npos);
  CHECK(slurp(file).find("HttpHeaders") != std::string::npos);
  struct stat status {};
  REQUIRE(::stat(file.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0600);
  CHECK(pull(place, registry).ok());

  const outcome out = place.run({"logout", registry.host()});
  CHECK(out.out == "logged out of " + registry.host() + ", removed from " + file.string() + "\n");
  CHECK(slurp(file).find(registry.host()) == std::string::npos);
  CHECK(place.run({"logout", registry.host()}).out == "not logged in to " + registry.host() + "\n");
}

TEST_CASE("login keeps nothing that the registry refuses", "[integration]") {
  const guarded_registry registry;
  const workplace place;
  const outcome in = with_input(place, {"login", registry.host(), "-u", user, "--password-stdin", "--debug"}, "wrong-canary\n");
  CHECK(in.status == 3);
  CHECK(in.err.find("wrong-canary") == std::string::npos);
  CHECK(in.err.find(registry.host() + " does not accept the user name " + user) != std::string::npos);
  CHECK(in.err.find("access token") != std::string::npos);
  CHECK(in.err.find("gantry login") == std::string::npos);
  CHECK_FALSE(fs::exists(place / "home/.docker/config.json"));
  const outcome unasked = place.run({"login", registry.host(), "-u", user});
  CHECK(unasked.status == 2);
  CHECK(unasked.err.find("there is no terminal to ask on for the password\n") != std::string::npos);
  CHECK(unasked.err.find("give --password-stdin") != std::string::npos);
}

TEST_CASE("login asks on the terminal and does not show the password", "[integration]") {
  const guarded_registry registry;
  const workplace place;
  const outcome in = run_on_terminal(place, {"login", registry.host()}, std::string(user) + "\n" + password + "\n");
  INFO(in.out);
  CHECK(in.status == 0);
  CHECK(in.out.find("logged in to") != std::string::npos);
  CHECK(pull(place, registry).ok());
}

TEST_CASE("credentials are taken from each place that others keep them in", "[integration]") {
  const guarded_registry registry;
  const workplace place;
  const std::string entry = R"({"auths":{")" + registry.host() + R"(/team":{"auth":"amFuZTpjb3JyZWN0IGhvcnNl"}}})";
  spill(place / "auth.json", entry);
  CHECK(pull(place, registry, {"--authfile", "auth.json"}).ok());
  const std::vector<std::string> words{"pull", "--store-only", registry.image()};
  CHECK(place.run(words, {{"REGISTRY_AUTH_FILE", "auth.json"}}).ok());
  CHECK(place.run(words, {{"DOCKER_AUTH_CONFIG", entry}}).ok());
  spill(place / "run/containers/auth.json", entry);
  CHECK(place.run(words, {{"XDG_RUNTIME_DIR", (place / "run").string()}}).ok());
  spill(place / "home/.config/containers/auth.json", entry);
  CHECK(place.run(words).ok());
}

TEST_CASE("a helper program gives the credentials, and its failure is an error", "[integration]") {
  const guarded_registry registry;
  const workplace place;
  spill(place / "home/.docker/config.json", R"({"credHelpers":{")" + registry.host() + R"(":"test"}})");
  const std::vector<std::string> words{"pull", "--store-only", registry.image()};

  const outcome missing = place.run(words);
  CHECK(missing.status == 3);
  CHECK(missing.err.find("warning: the credential helper docker-credential-test") != std::string::npos);
  CHECK(missing.err.find("docker-credential-test, which") != std::string::npos);

  std::string path = install_helper(place, "test", R"(echo '{"ServerURL":"x","Username":"jane","Secret":"correct horse"}')");
  const outcome good = place.run(words, {{"PATH", path}});
  INFO(good.err);
  CHECK(good.ok());

  path = install_helper(place, "test", "printf 'vault \\033[31mlocked'; exit 1");
  const outcome failed = place.run(words, {{"PATH", path}});
  CHECK(failed.status == 3);
  CHECK(failed.err.find("locked") != std::string::npos);
  CHECK(failed.err.find('\033') == std::string::npos);
}

TEST_CASE("tokens that a service signs open a registry that checks them", "[integration]") {
  token_rules rules;
  rules.rsa = GENERATE(false, true);
  rules.access_token = rules.rsa;
  rules.tells_life = !rules.rsa;
  const token_server tokens(rules);
  const guarded_registry registry(&tokens);
  const workplace place;
  const outcome in = with_input(place, {"pull", "--store-only", registry.image(), "-u", user, "--password-stdin"}, password);
  INFO(in.err);
  CHECK(in.ok());
  CHECK(tokens.requests().size() == 1);

  const outcome anonymous = pull(place, registry);
  CHECK(anonymous.status == 3);
  CHECK(anonymous.err.find("incorrect username or password") != std::string::npos);
  const outcome wrong = with_input(place, {"login", registry.host(), "-u", user, "--password-stdin"}, "wrong");
  CHECK(wrong.status == 3);
  CHECK(with_input(place, {"login", registry.host(), "-u", user, "--password-stdin"}, password).ok());
}

TEST_CASE("a token service that knows nobody lets everybody pull", "[integration]") {
  token_rules rules;
  rules.anonymous_may_pull = true;
  const token_server tokens(rules);
  const guarded_registry registry(&tokens);
  const workplace place;
  const outcome result = pull(place, registry);
  INFO(result.err);
  CHECK(result.ok());
}

TEST_CASE("an identity token is posted to the token service", "[integration]") {
  token_rules rules;
  rules.refresh_token = "refresh canary";
  const token_server tokens(rules);
  const guarded_registry registry(&tokens);
  const workplace place;
  spill(place / "auth.json", R"({"auths":{")" + registry.host() + R"(":{"auth":"amFuZTo=","identitytoken":"refresh canary"}}})");
  const outcome result = pull(place, registry, {"--authfile", "auth.json", "--debug"});
  INFO(result.err);
  CHECK(result.ok());
  REQUIRE(tokens.requests().size() == 1);
  CHECK(tokens.requests().front().method == "POST");
  CHECK(tokens.requests().front().target == "/token");
  CHECK(result.err.find("canary") == std::string::npos);
}

TEST_CASE("explain says which credentials an image gets, from where, and not the secret", "[integration]") {
  const workplace place;
  spill(place / "auth.json", R"({"auths":{"registry.test/team":{"auth":"amFuZTpjYW5hcnk="}}})");
  const outcome told = place.run({"explain", "registry.test/team/app:1", "--authfile", "auth.json", "--insecure", "--json"});
  INFO(told.err);
  REQUIRE(told.ok());
  CHECK(told.out.find("canary") == std::string::npos);
  const boost::json::value document = boost::json::parse(told.out);
  const boost::json::value& endpoint = document.at("endpoints").at(0);
  CHECK(endpoint.at("url").as_string() == "https://registry.test");
  CHECK(endpoint.at("credential").at("value").as_string() == "user jane");
  CHECK(endpoint.at("credential").at("origin").as_string() == "auth.json");
  CHECK(endpoint.at("certificate").at("value").as_string() == "not verified");
  CHECK(endpoint.at("certificate").at("origin").as_string() == "command line");
  CHECK(document.at("store").at("value").as_string() == place.store().string());
  CHECK(document.at("store").at("origin").as_string() == "GANTRY_CACHE_DIR");
  CHECK_FALSE(fs::exists(place.store()));
}

TEST_CASE("explain tells what was typed from what the environment says, and names whom --insecure is for", "[integration]") {
  const workplace place;
  for (const char* file : {"typed.pem", "variable.pem"}) spill(place / file, "");
  const auto told = [&](std::vector<std::string> more, std::map<std::string, std::optional<std::string>> env = {}) {
    std::vector<std::string> words{"explain", "registry.test/app:1", "--json"};
    words.insert(words.end(), more.begin(), more.end());
    const outcome result = place.run(std::move(words), std::move(env));
    INFO(result.err);
    REQUIRE(result.ok());
    return boost::json::parse(result.out);
  };
  const auto authorities = [](const boost::json::value& document) {
    return std::string(document.at("endpoints").at(0).at("ca").at("origin").as_string());
  };
  CHECK(authorities(told({})) == "default");
  CHECK(authorities(told({}, {{"CURL_CA_BUNDLE", "variable.pem"}})) == "CURL_CA_BUNDLE");
  CHECK(authorities(told({"--ca-cert", "typed.pem"})) == "command line");
  CHECK(authorities(told({"--ca-cert", "typed.pem"}, {{"CURL_CA_BUNDLE", "variable.pem"}})) == "command line, CURL_CA_BUNDLE");
  CHECK(authorities(told({}, {{"SSL_CERT_FILE", "variable.pem"}})) == "SSL_CERT_FILE");
  CHECK(authorities(told({}, {{"SSL_CERT_FILE", ""}, {"SSL_CERT_DIR", ""}})) == "default");
  const boost::json::value twice = told({}, {{"SSL_CERT_FILE", "variable.pem"}, {"REQUESTS_CA_BUNDLE", "variable.pem"}});
  const std::string named(twice.at("endpoints").at(0).at("ca").at("value").as_string());
  CHECK(named.find("variable.pem") == named.rfind("variable.pem"));
  CHECK(authorities(twice) == "REQUESTS_CA_BUNDLE, SSL_CERT_FILE");
  const boost::json::value both = told({"--ca-cert", "typed.pem"}, {{"SSL_CERT_FILE", "variable.pem"}, {"SSL_CERT_DIR", "/roots"}});
  CHECK(authorities(both) == "command line, SSL_CERT_FILE, SSL_CERT_DIR");
  CHECK(both.at("endpoints").at(0).at("ca").at("value").as_string() == "variable.pem and /roots, typed.pem");
  fs::create_directories(place / "home/.config/containers/certs.d/registry.test");
  spill(place / "home/.config/containers/certs.d/registry.test/ca.crt", "");
  CHECK(authorities(told({})) == "certs.d");

  const boost::json::value other = told({"--insecure=tokens.test:5001", "--plain-http=blobs.test"});
  CHECK(other.at("endpoints").at(0).at("certificate").at("value").as_string() == "verified");
  CHECK(other.at("not_verified").at("value").as_string() == "tokens.test:5001");
  CHECK(other.at("not_verified").at("origin").as_string() == "command line");
  CHECK(other.at("plain_http").at("value").as_string() == "blobs.test");
  CHECK(told({"--insecure"}).at("not_verified").at("value").as_string() == "registry.test");
}

TEST_CASE("copy and sync use what is kept for a mirror and for the place of a moved registry", "[integration]") {
  const guarded_registry registry;
  const guarded_registry target;
  const workplace place;
  const std::string entry = R"(":{"auth":"amFuZTpjb3JyZWN0IGhvcnNl"})";
  spill(place / "home/.docker/config.json", R"({"auths":{")" + registry.host() + entry + R"(,")" + target.host() + entry + "}}");
  // Nobody listens at the registry itself; the flags are for it alone.
  const std::string image = "localhost:1/team/app";
  const std::vector<std::string> mirror{"--mirror", "localhost:1=http://" + registry.host(), "--retries", "0"};
  const auto run = [&](std::vector<std::string> words, const std::vector<std::string>& more) {
    words.insert(words.end(), more.begin(), more.end());
    const outcome result = place.run(std::move(words));
    INFO(result.err);
    CHECK(result.status == 0);
    CHECK(result.err.find("passed over") == std::string::npos);
  };
  run({"copy", image + ":1.0", target.host() + "/mirrored:1.0"}, mirror);
  run({"copy", image + ":1.0", target.host() + "/typed:1.0", "--src-creds", "jane:wrong", "--dest-creds", std::string("jane:") + password},
      mirror);
  spill(place / "images.json", R"([{"source":")" + image + R"(","target":"app","tags":["1.0"]}])");
  run({"sync", "images.json", "--to", target.host() + "/synced"}, mirror);

  spill(place / "home/.config/containers/registries.conf",
        "[[registry]]\nprefix = \"moved.test\"\nlocation = \"" + registry.host() + "\"\n");
  run({"copy", "moved.test/team/app:1.0", target.host() + "/moved:1.0"}, {});
}

TEST_CASE("credentials of the command line are for the registry that is named, not for where it was moved to, which is said",
          "[integration]") {
  const guarded_registry registry;
  const workplace place;
  spill(place / "home/.config/containers/registries.conf",
        "[[registry]]\nprefix = \"moved.test\"\nlocation = \"" + registry.host() + "\"\n");
  const outcome asked = place.run({"digest", "moved.test/team/app:1.0", "-u", user, "-p", password});
  INFO(asked.err);
  CHECK(asked.status == 3);
  CHECK(asked.err.find("--username is for moved.test alone") != std::string::npos);
  CHECK(asked.err.find("'gantry login " + registry.host() + "'") != std::string::npos);
  CHECK(asked.err.find("or give --username") == std::string::npos);
  const outcome told = place.run({"explain", "moved.test/team/app:1.0", "-u", user, "-p", password});
  CHECK(told.out.find("--username is for moved.test alone") != std::string::npos);
}

TEST_CASE("Ctrl-C ends a credential helper that hangs, and none is left behind", "[integration]") {
  const guarded_registry registry;
  const workplace place;
  const fs::path noted = place / "helpers";
  fs::create_directories(noted);
  spill(place / "home/.docker/config.json", R"({"credHelpers":{")" + registry.host() + R"(":"test"}})");
  const std::string path = install_helper(place, "test", "touch " + noted.string() + "/$$\nexec sleep 1000");
  std::vector<std::vector<std::string>> commands{{"digest", registry.image()}, {"explain", registry.image()}, {"logout", registry.host()}};
  commands.push_back({"copy", registry.image(), registry.host() + "/team/copied:1.0"});
  commands.push_back({"login", registry.host(), "-u", user, "-p", password});
  for (const std::vector<std::string>& words : commands) {
    INFO(words.front());
    child asking(place.gantry(words, {{"PATH", path}}), place / "output");
    for (int looks = 0; looks < 6000 && asking.running() && fs::is_empty(noted); ++looks) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    REQUIRE_FALSE(fs::is_empty(noted));
    asking.signal(SIGINT);
    const auto ended = asking.wait(std::chrono::minutes(1));
    REQUIRE(ended);
    INFO(slurp(place / "output"));
    CHECK(ended->status == 130);
    CHECK(slurp(place / "output").find("did not end in time") == std::string::npos);
    for (const fs::directory_entry& one : fs::directory_iterator(noted)) {
      CHECK(::kill(std::stoi(one.path().filename().string()), 0) != 0);
      fs::remove(one.path());
    }
  }
}
