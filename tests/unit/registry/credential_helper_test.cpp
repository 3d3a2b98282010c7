#include "registry/credential_helper.hpp"

#include "support/catch.hpp"
#include "support/result.hpp"
#include "support/temp_dir.hpp"
#include "support/vectors.hpp"

#include <chrono>
#include <filesystem>
#include <string>

using namespace gantry;
using namespace gantry::registry;
using namespace std::chrono_literals;

namespace {

/// docker-credential-test, made of a few lines of shell.
struct script {
  explicit script(const std::string& body, std::chrono::milliseconds limit = 10s) {
    const auto file = directory / "docker-credential-test";
    test::spill(file, "#!/bin/sh\ncd " + directory.path().string() + "\n" + body + "\n");
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
    helper = test::must(credential_helper::find("test", directory.path().string() + ":/usr/bin:/bin", limit));
  }
  std::string refusal() const {
    const auto got = helper->get("registry.test");
    REQUIRE_FALSE(got.has_value());
    CHECK(got.error().code == errc::bad_credentials);
    CHECK(got.error().text.message().find("docker-credential-test") != std::string::npos);
    return got.error().text.message();
  }
  test::temp_dir directory;
  std::optional<credential_helper> helper;
};

std::string answer(const std::string& user, const std::string& secret) {
  return "{\"ServerURL\":\"registry.test\",\"Username\":\"" + user + "\",\"Secret\":\"" + secret + "\"}";
}

runtime::program_end output(std::string text, int status = 0) {
  runtime::program_end end;
  end.output = std::move(text);
  end.status = status;
  return end;
}

}  // namespace

TEST_CASE("a helper is asked by the docker-credential protocol") {
  const script s("echo \"$@\" > argv; cat > input; echo '" + answer("jane", "s3cret") + "'");
  const auto found = test::must(s.helper->get("registry.test"));
  REQUIRE(found.has_value());
  CHECK(*found == credential{"jane", "s3cret", "", "docker-credential-test"});
  CHECK(test::slurp(s.directory / "argv") == "get\n");
  CHECK(test::slurp(s.directory / "input") == "registry.test");
}

TEST_CASE("a helper keeps and forgets credentials, with nothing secret among its arguments") {
  const script s("echo \"$@\" > argv; cat > input");
  CHECK(s.helper->store("registry.test", {"jane", "s3\"cret", "", ""}).has_value());
  CHECK(test::slurp(s.directory / "argv") == "store\n");
  CHECK(test::slurp(s.directory / "input") == R"({"ServerURL":"registry.test","Username":"jane","Secret":"s3\"cret"})");
  CHECK(s.helper->store("registry.test", {"", "", "refresh", ""}).has_value());
  CHECK(test::slurp(s.directory / "input") == R"({"ServerURL":"registry.test","Username":"<token>","Secret":"refresh"})");
  CHECK(s.helper->erase("registry.test").has_value());
  CHECK(test::slurp(s.directory / "argv") == "erase\n");
  CHECK(test::slurp(s.directory / "input") == "registry.test");
}

TEST_CASE("what a helper does not know is no error, to get and to erase") {
  const script s("echo 'credentials not found in native keychain'; exit 1");
  CHECK_FALSE(test::must(s.helper->get("registry.test")).has_value());
  CHECK(s.helper->erase("registry.test").has_value());
  CHECK_FALSE(s.helper->store("registry.test", {"a", "b", "", ""}).has_value());
}

TEST_CASE("a helper that fails is an error that says what it said") {
  CHECK(script("echo 'the keychain is locked'; exit 1").refusal().find("status 1; it said: the keychain is locked") != std::string::npos);
  CHECK(script("echo gone >&2; exit 4").refusal().find("status 4; it said: gone") != std::string::npos);
  CHECK(script("kill -9 $$").refusal().find("signal 9") != std::string::npos);
}

TEST_CASE("hostile helpers are ended, cut and cleaned") {
  CHECK(script("exec sleep 1000", 200ms).refusal().find("did not end in time") != std::string::npos);
  CHECK(script("yes").refusal().find("more than an answer can hold") != std::string::npos);
  const std::string said = script("printf 'bad\\033[2J\\nline\\007'; exit 1").refusal();
  CHECK(said.find('\033') == std::string::npos);
  CHECK(said.find('\n') == std::string::npos);
  CHECK(said.find("bad") != std::string::npos);
  CHECK(script("head -c 9000 /dev/zero | tr '\\0' z >&2; exit 1").refusal().size() < 500);
}

TEST_CASE("answers that are none are refused without repeating them") {
  for (const std::string& text :
       {std::string("hunter2"), std::string("[\"hunter2\"]"), answer("jane", "hunter2") + "x", answer("ja:ne", "hunter2"),
        answer("ja\\nne", "hunter2"), answer("", "hunter2"), answer("hunter2", ""), std::string(R"({"Username":1,"Secret":"hunter2"})"),
        std::string(R"({"Username":"a","Username":"b","Secret":"hunter2"})"), std::string()}) {
    INFO(text);
    const auto got = read_helper_answer(output(text), "docker-credential-test", "registry.test");
    REQUIRE_FALSE(got.has_value());
    CHECK(got.error().code == errc::bad_credentials);
    CHECK(got.error().text.message().find("hunter2") == std::string::npos);
  }
}

TEST_CASE("a helper that fails after its answer does not have it printed") {
  const auto got = read_helper_answer(output(answer("jane", "hunter2"), 1), "docker-credential-test", "registry.test");
  REQUIRE_FALSE(got.has_value());
  CHECK(got.error().text.message().find("hunter2") == std::string::npos);
}

TEST_CASE("only a file's name names a helper, and PATH has it or not") {
  for (const char* name : {"", "../x", "a/b", "a b", "a;b", "a\nb"}) CHECK_FALSE(credential_helper::find(name, "/usr/bin", 1s).has_value());
  const auto absent = test::must(credential_helper::find("surely-not-here", "/usr/bin", 1s));
  CHECK_FALSE(absent.installed());
  CHECK(absent.program_name() == "docker-credential-surely-not-here");
}

TEST_CASE("Docker Hub is known to helpers by its oldest address") {
  CHECK(helper_server("docker.io") == "https://index.docker.io/v1/");
  CHECK(helper_server("registry.test:5000") == "registry.test:5000");
}
