#include <gantry/credentials.hpp>

#include "support/catch.hpp"
#include "support/vectors.hpp"
#include "unit/registry/household.hpp"

#include <boost/json/serialize.hpp>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

using namespace gantry;

namespace {

struct household : test::household {
  void config(const std::string& text) const { test::spill(docker_file(), text); }

  std::optional<credential> find(const std::string& registry, const std::string& repository = "team/app") {
    if (!source) source = usual_credentials(search, &trouble);
    return source->find(registry, repository, trouble);
  }

  std::shared_ptr<credential_source> source;
  diagnostics trouble;
};

/// An entry whose user name tells which file it stands in.
std::string auths(const std::string& registry, const std::string& user) {
  return R"({"auths":{")" + registry + R"(":{"username":")" + user + R"(","password":"secret"}}})";
}

std::string shell_answer(const std::string& user, const std::string& secret) {
  return R"(echo '{"ServerURL":"x","Username":")" + user + R"(","Secret":")" + secret + R"("}')";
}

}  // namespace

TEST_CASE("vectors: credential_helper", "[vectors]") {
  test::for_each_row("credential_helper", [](const test::vector_row& row) {
    household home;
    const std::string server = row.in("server") + row.in("lookup") + row.in("stdin");
    home.variables["DOCKER_AUTH_CONFIG"] = row.in("DOCKER_AUTH_CONFIG");
    std::string helper = "X";
    if (const std::string program = row.out("program"); !program.empty()) {
      helper = program.substr(std::string("docker-credential-").size());
      home.config(boost::json::serialize(row.input));
      home.helper(helper, shell_answer("user", "secret"));
      home.helper(row.out("not_consulted").substr(std::string("docker-credential-").size()), "exit 1");
    } else if (row.in("DOCKER_AUTH_CONFIG").empty()) {
      home.config(R"({"credsStore":"X"})");
      test::spill(home.directory / "answer", row.in("helper_stdout"));
      const std::string status = row.in("helper_exit").empty() ? "0" : row.in("helper_exit");
      home.helper("X", "cat " + (home.directory / "answer").string() + "; exit " + status);
    }
    const auto found = home.find(server);
    CHECK(home.trouble.message().empty());
    CHECK(found.has_value() == !row.out_true("none"));
    if (row.in("DOCKER_AUTH_CONFIG").empty()) CHECK(home.calls() == helper + " get " + server + "\n");
    if (!found || !row.out("program").empty()) return;
    CHECK(found->username == row.out("username"));
    CHECK(found->password == row.out("password"));
    CHECK(found->identity_token == row.out("identity_token"));
  });
}

TEST_CASE("the places are asked in one order and the first that knows wins") {
  household home;
  const std::string registry = "registry.test";
  test::spill(home.directory / "named.json", auths(registry, "authfile"));
  test::spill(home.directory / "variable.json", auths(registry, "REGISTRY_AUTH_FILE"));
  test::spill(home.directory / "run/containers/auth.json", auths(registry, "runtime"));
  test::spill(home.directory / "home/.config/containers/auth.json", auths(registry, "containers"));
  home.config(auths(registry, "docker"));
  test::spill(home.directory / "home/.dockercfg", R"({"registry.test":{"username":"legacy","password":"secret"}})");
  home.search.authfile = home.directory / "named.json";
  home.variables["REGISTRY_AUTH_FILE"] = (home.directory / "variable.json").string();
  home.variables["DOCKER_AUTH_CONFIG"] = auths(registry, "DOCKER_AUTH_CONFIG");

  const auto next = [&](const std::string& user, const std::string& origin) {
    home.source = nullptr;
    const auto found = home.find(registry);
    REQUIRE(found.has_value());
    CHECK(found->username == user);
    CHECK(found->origin == origin);
    CHECK_FALSE(home.find("other.test").has_value());
  };
  next("authfile", (home.directory / "named.json").string());
  home.search.authfile.clear();
  next("REGISTRY_AUTH_FILE", (home.directory / "variable.json").string());
  home.variables["REGISTRY_AUTH_FILE"] = "";
  next("DOCKER_AUTH_CONFIG", "DOCKER_AUTH_CONFIG");
  home.variables["DOCKER_AUTH_CONFIG"] = "";
  next("runtime", (home.directory / "run/containers/auth.json").string());
  std::filesystem::remove(home.directory / "run/containers/auth.json");
  next("containers", (home.directory / "home/.config/containers/auth.json").string());
  std::filesystem::remove_all(home.directory / "home/.config");
  next("docker", home.docker_file().string());
  std::filesystem::remove_all(home.directory / "home/.docker");
  next("legacy", (home.directory / "home/.dockercfg").string());
}

TEST_CASE("the longest key of a repository wins within a file") {
  household home;
  test::spill(home.directory / "run/containers/auth.json",
              R"({"auths":{"r.test":{"username":"host","password":"x"},"r.test/team":{"username":"team","password":"x"},)"
              R"("r.test/team/app":{"username":"app","password":"x"}}})");
  CHECK(home.find("r.test", "team/app")->username == "app");
  CHECK(home.find("r.test", "team/other")->username == "team");
  CHECK(home.find("r.test", "else")->username == "host");
}

TEST_CASE("a helper answers before the entries of its file, once for many repositories") {
  household home;
  home.helper("vault", shell_answer("helper", "secret"));
  home.config(R"({"credHelpers":{"r.test":"vault"},"auths":{"r.test":{"username":"plain","password":"x"}}})");
  CHECK(home.find("r.test", "a")->username == "helper");
  CHECK(home.find("r.test", "b")->username == "helper");
  CHECK(home.find("r.test", "a")->origin == "docker-credential-vault, named in " + home.docker_file().string());
  CHECK(home.calls() == "vault get r.test\n");
}

TEST_CASE("a helper that fails ends the search") {
  household home;
  home.helper("vault", "echo locked; exit 1");
  test::spill(home.directory / "run/containers/auth.json", R"({"credHelpers":{"r.test":"vault"}})");
  home.config(auths("r.test", "docker"));
  CHECK_FALSE(home.find("r.test").has_value());
  CHECK(home.trouble.message().find("docker-credential-vault") != std::string::npos);
  CHECK(home.trouble.message().find("locked") != std::string::npos);
  CHECK(home.trouble.message().find("auth.json") != std::string::npos);
}

TEST_CASE("a helper that is not installed is told once, passed over, and remembered for a refusal") {
  household home;
  home.config(R"({"credsStore":"desktop"})");
  CHECK_FALSE(home.find("r.test").has_value());
  CHECK_FALSE(home.find("docker.io").has_value());
  CHECK(home.trouble.message().empty());
  REQUIRE(home.warnings.size() == 1);
  CHECK(home.warnings[0].find("docker-credential-desktop") != std::string::npos);
  CHECK(home.source->absence("r.test").find("docker-credential-desktop") != std::string::npos);
}

TEST_CASE("no place knows, and nothing is to be said about it") {
  household home;
  CHECK_FALSE(home.find("r.test").has_value());
  CHECK(home.source->absence("r.test").empty());
  CHECK(home.warnings.empty());
}

TEST_CASE("what the user named must be readable, what lies about is passed over with a warning") {
  household home;
  home.config("no JSON");
  // Who asks no registry need not know.
  home.source = usual_credentials(home.search, &home.trouble);
  CHECK(home.warnings.empty());
  CHECK_FALSE(home.find("r.test").has_value());
  CHECK_FALSE(home.find("r.test").has_value());
  CHECK(home.trouble.message().empty());
  REQUIRE(home.warnings.size() == 1);
  CHECK(home.warnings[0].find("config.json") != std::string::npos);

  home.source = nullptr;
  home.variables["DOCKER_AUTH_CONFIG"] = "{";
  CHECK_FALSE(home.find("r.test").has_value());
  CHECK(home.trouble.message().find("DOCKER_AUTH_CONFIG") != std::string::npos);

  home.source = nullptr;
  home.variables["REGISTRY_AUTH_FILE"] = (home.directory / "absent.json").string();
  CHECK_FALSE(home.find("r.test").has_value());
  CHECK(home.trouble.message().find("absent.json does not exist") != std::string::npos);

  home.source = nullptr;
  home.variables["REGISTRY_AUTH_FILE"] = home.directory.path().string();
  CHECK_FALSE(home.find("r.test").has_value());
  CHECK(home.trouble.message().find("cannot be read: Is a directory") != std::string::npos);
}

TEST_CASE("a helper that hangs is ended when nobody waits for its answer, and is asked anew by the next") {
  household home;
  home.search.helper_limit = std::chrono::minutes(10);
  const auto noted = home.directory / "pid";
  home.helper("slow", "[ -e " + noted.string() + " ] && { " + shell_answer("jane", "secret") + "; exit; }\necho $$ > " + noted.string() +
                          ".new; mv " + noted.string() + ".new " + noted.string() + "; sleep 1000");
  home.config(R"({"credsStore":"slow"})");
  const auto source = usual_credentials(home.search, &home.trouble);
  std::stop_source asking;
  std::thread impatient([&] {
    while (!std::filesystem::exists(noted)) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    asking.request_stop();
  });
  CHECK_FALSE(source->find_until("registry.test", "team/app", home.trouble, asking.get_token()));
  impatient.join();
  CHECK(::kill(std::stoi(test::slurp(noted)), 0) != 0);
  home.trouble.clear();
  // Nobody is there who would wait: it is not even started.
  CHECK_FALSE(source->find_until("registry.test", "team/app", home.trouble, asking.get_token()));
  home.trouble.clear();
  CHECK(source->find("registry.test", "team/app", home.trouble)->username == "jane");
}
