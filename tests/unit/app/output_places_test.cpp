#include "output_places.hpp"

#include "support/catch.hpp"
#include "support/temp_dir.hpp"

#include <filesystem>
#include <fstream>
#include <string>

using namespace gantry::app;
using gantry::test::temp_dir;

namespace fs = std::filesystem;

TEST_CASE("two outputs are one by whatever names they are called") {
  const temp_dir place;
  const fs::path& at = place.path();
  fs::create_directory(at / "real");
  fs::create_directory_symlink(at / "real", at / "link");
  for (const auto& other : {at / "real/x", at / "link/x", at / "real/../link/./x", at / "real//x"}) {
    INFO(other.string());
    const auto refused = check_distinct({{"the archive", at / "real/x"}, {"--report", other}});
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == exit_code::usage);
    CHECK(refused.error().message == "the archive and --report would both be " + other.string());
  }
  CHECK(check_distinct({{"the archive", at / "real/x"}, {"--report", at / "real/y"}, {"--digestfile", at / "x"}}).has_value());
  // A device takes everything.
  CHECK(check_distinct({{"--log-file", "/dev/null"}, {"--report", "/dev/null"}}).has_value());
}

TEST_CASE("a directory that is not there is told before the transfer") {
  const temp_dir place;
  const fs::path& at = place.path();
  std::ofstream(at / "file").put('x');
  CHECK(check_directory({"--report", at / "x.html"}).has_value());
  CHECK(check_directory({"--report", "x.html"}).has_value());
  const auto missing = check_directory({"--report", at / "none/x.html"});
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error().code == exit_code::storage);
  CHECK_THAT(missing.error().message, Catch::EndsWith("/none does not exist; create it first"));
  // One that the run will make will take it.
  CHECK(check_directory({"--report", at / "none/x.html"}, at / "none/").has_value());
  CHECK(check_directory({"--report", at / "none/x.html"}, at / "none/deeper").has_value());
  CHECK_FALSE(check_directory({"--report", at / "none/x.html"}, at / "nonesuch").has_value());
  CHECK_THAT(check_directory({"--report", at / "file/x.html"}).error().message, Catch::EndsWith("/file is not a directory"));
}
