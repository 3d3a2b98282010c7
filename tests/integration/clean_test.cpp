// The question before everything goes.
#include "integration/shelf.hpp"
#include "integration/terminal.hpp"
#include "integration/workplace.hpp"

#include "support/catch.hpp"
#include "support/servers.hpp"

#include <string>
#include <vector>

using namespace gantry::test;

TEST_CASE("clean --all asks on a terminal, and only a yes removes anything", "[integration]") {
  const workplace place;
  const docker_registry registry(place / "registry", {shelf()});
  const auto fill = [&] { return place.run({"pull", "--store-only", registry.host() + "/team/classic:1.0"}).ok(); };
  REQUIRE(fill());
  const auto before = stored_bytes(place.store());
  for (const std::string typed : {"n\n", "\n", "perhaps\n", "\x04"}) {
    const outcome refused = run_on_terminal(place, {"clean", "--all"}, typed);
    INFO(refused.out);
    CHECK(refused.status == 1);
    CHECK(refused.out.find("remove everything, 1 name and 5 blobs") != std::string::npos);
    CHECK(refused.out.find("nothing was removed") != std::string::npos);
    CHECK(stored_bytes(place.store()) == before);
  }
  const outcome preview = run_on_terminal(place, {"clean", "--all", "--dry-run"}, "");
  CHECK(preview.status == 0);
  CHECK(preview.out.find("[y/N]") == std::string::npos);
  CHECK(stored_bytes(place.store()) == before);
  const outcome agreed = run_on_terminal(place, {"clean", "--all"}, "y\n");
  INFO(agreed.out);
  CHECK(agreed.status == 0);
  CHECK(stored_bytes(place.store()) == 0);

  REQUIRE(fill());
  const outcome forced = run_on_terminal(place, {"clean", "--all", "--force"}, "");
  INFO(forced.out);
  CHECK(forced.status == 0);
  CHECK(forced.out.find("[y/N]") == std::string::npos);
  CHECK(stored_bytes(place.store()) == 0);
  CHECK(store_problems(place.store()) == "");
}

TEST_CASE("clean --all removes nothing where nobody can be asked, unless it is told not to ask", "[integration]") {
  const workplace place;
  const docker_registry registry(place / "registry", {shelf()});
  const auto fill = [&] { return place.run({"pull", "--store-only", registry.host() + "/team/classic:1.0"}).ok(); };
  REQUIRE(fill());
  const auto before = stored_bytes(place.store());
  const outcome refused = place.run({"clean", "--all"});
  INFO(refused.err);
  CHECK(refused.status == 2);
  CHECK(refused.err.find("--all asks before it removes everything, and there is no terminal to ask on") != std::string::npos);
  CHECK(refused.err.find("--force removes without a question") != std::string::npos);
  CHECK(stored_bytes(place.store()) == before);
  for (const std::string agreed : {"--force", "--yes"}) {
    REQUIRE(fill());
    const outcome done = place.run({"clean", "--all", agreed});
    INFO(done.err);
    CHECK(done.status == 0);
    CHECK(stored_bytes(place.store()) == 0);
  }
}
