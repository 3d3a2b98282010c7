#include <gantry/credentials.hpp>

#include "support/catch.hpp"
#include "unit/registry/household.hpp"

#include <filesystem>
#include <string>
#include <vector>

#include <sys/stat.h>

using namespace gantry;
namespace fs = std::filesystem;

namespace {

struct household : test::household {
  /// One that keeps a credential in a file.
  void install_box() const {
    helper("box",
           "case $1 in\nstore) echo \"$input\" > $box;;\nerase) rm -f $box;;\n"
           "get) if [ -f $box ]; then cat $box; else echo 'credentials not found in native keychain'; exit 1; fi;;\nesac");
  }
  stored_credential store(const std::string& registry = "r.test") {
    stored_credential where;
    diagnostics problem;
    const error_code ec = store_credential(search, registry, {"jane", "secret", "", ""}, where, problem);
    INFO(problem.message());
    CHECK_FALSE(ec);
    return where;
  }
  std::vector<std::string> erase(const std::string& registry = "r.test") {
    std::vector<std::string> places;
    diagnostics problem;
    const error_code ec = erase_credential(search, registry, places, problem);
    INFO(problem.message());
    CHECK_FALSE(ec);
    return places;
  }
  std::optional<credential> find(const std::string& registry = "r.test") {
    diagnostics problem;
    auto found = usual_credentials(search)->find(registry, "a", problem);
    CHECK(problem.message().empty());
    return found;
  }
};

unsigned mode_of(const fs::path& path) {
  struct stat status {};
  CHECK(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 0777U;
}

}  // namespace

TEST_CASE("a credential is kept in docker's file, for its owner alone, and found again until it is erased") {
  household home;
  const stored_credential where = home.store();
  CHECK(where.place == home.docker_file().string());
  CHECK(where.plain_text);
  CHECK(mode_of(home.docker_file()) == 0600);
  CHECK(mode_of(home.docker_file().parent_path()) == 0700);
  CHECK(home.find()->password == "secret");
  CHECK(home.erase() == std::vector<std::string>{home.docker_file().string()});
  CHECK_FALSE(home.find().has_value());
  CHECK(home.erase().empty());
}

TEST_CASE("a file that the user named is the one that is written, and made when it is absent") {
  household home;
  const fs::path named = home.directory / "new/auth.json";
  SECTION("by option") { home.search.authfile = named; }
  SECTION("by variable") { home.variables["REGISTRY_AUTH_FILE"] = named.string(); }
  CHECK(home.store().place == named.string());
  CHECK_FALSE(fs::exists(home.docker_file()));
  CHECK(home.find()->username == "jane");
  CHECK(home.erase() == std::vector<std::string>{named.string()});
}

TEST_CASE("an entry that comes first in the order is the one that is renewed") {
  household home;
  const fs::path containers = home.directory / "home/.config/containers/auth.json";
  test::spill(containers, R"({"auths":{"r.test":{"auth":"eDp5"}}})");
  test::spill(home.docker_file(), R"({"auths":{"r.test":{"auth":"eDp5"}}})");
  CHECK(home.store().place == containers.string());
  CHECK(home.find()->username == "jane");
  CHECK(home.erase().size() == 2);
}

TEST_CASE("a helper that is configured keeps it, and clear text goes") {
  household home;
  home.install_box();
  test::spill(home.docker_file(), R"({"credsStore":"box","auths":{"r.test":{"auth":"eDp5"}},"x":1})");
  const stored_credential where = home.store();
  CHECK(where.place == "docker-credential-box, named in " + home.docker_file().string());
  CHECK_FALSE(where.plain_text);
  CHECK(test::slurp(home.docker_file()).find("eDp5") == std::string::npos);
  CHECK(test::slurp(home.docker_file()).find("\"x\": 1") != std::string::npos);
  CHECK(home.find()->password == "secret");
  CHECK(home.erase() == std::vector<std::string>{where.place});
  CHECK_FALSE(home.find().has_value());
}

TEST_CASE("a helper that is not installed is told, and the file takes its place") {
  household home;
  test::spill(home.docker_file(), R"({"credsStore":"desktop"})");
  CHECK(home.store().plain_text);
  REQUIRE(home.warnings.size() == 1);
  CHECK(home.warnings[0].find("docker-credential-desktop") != std::string::npos);
}

TEST_CASE("a helper that refuses is an error and nothing is written") {
  household home;
  home.helper("box", "echo locked; exit 1");
  const std::string before = R"({"credsStore":"box"})";
  test::spill(home.docker_file(), before);
  stored_credential where;
  diagnostics problem;
  CHECK(store_credential(home.search, "r.test", {"jane", "secret", "", ""}, where, problem) == make_error_code(errc::bad_credentials));
  CHECK(problem.message().find("locked") != std::string::npos);
  CHECK(problem.message().find("secret") == std::string::npos);
  CHECK(test::slurp(home.docker_file()) == before);
}

TEST_CASE("a file that cannot be read is left as it is") {
  household home;
  test::spill(home.docker_file(), "{ broken");
  stored_credential where;
  diagnostics problem;
  CHECK(store_credential(home.search, "r.test", {"jane", "secret", "", ""}, where, problem) == make_error_code(errc::bad_credentials));
  CHECK(test::slurp(home.docker_file()) == "{ broken");
}

TEST_CASE("the file behind a symbolic link is written and the link stays") {
  household home;
  test::spill(home.directory / "dotfiles/config.json", "{}");
  fs::create_directories(home.docker_file().parent_path());
  fs::create_symlink(home.directory / "dotfiles/config.json", home.docker_file());
  home.store();
  CHECK(fs::is_symlink(home.docker_file()));
  CHECK(test::slurp(home.directory / "dotfiles/config.json").find("r.test") != std::string::npos);
}
