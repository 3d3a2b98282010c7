// What a push of several images says of those that are refused.
#include "integration/workplace.hpp"

#include "support/catch.hpp"
#include "support/image_builder.hpp"
#include "support/upload_registry.hpp"

#include <boost/json/parse.hpp>

#include <cstdint>
#include <fstream>
#include <string>

using namespace gantry::test;

TEST_CASE("a push of which an image is refused tells what became of all", "[integration]") {
  upload_registry registry;
  const workplace place;
  std::string list;
  for (std::uint32_t i = 0; i < 3; ++i) {
    image_recipe recipe;
    recipe.layers = {300};
    recipe.seed = i;
    const std::string name = "team/app" + std::to_string(i);
    registry.hold(name, "1", build_image(recipe));
    list += (i == 0 ? R"([{"source": ")" : R"(,{"source": ")") + registry.host() + "/" + name + R"(:1"})";
  }
  std::ofstream(place / "images.json") << list << "]";
  const outcome written = place.run({"sync", "images.json", "--to", "oci:layout"});
  INFO(written.err);
  REQUIRE(written.status == 0);
  registry.fail("PUT manifest", {upload_fault::kind::answer, 403, {}, 0}, 2);
  const outcome some = place.run({"push", "oci:layout", registry.host() + "/many/", "--json", "-j", "1"});
  INFO(some.err);
  CHECK(some.status == 6);
  const auto told = boost::json::parse(some.out).as_object();
  CHECK(told.at("images").as_array().size() == 2);
  REQUIRE(told.at("failed").as_array().size() == 1);
  CHECK(told.at("failed").at(0).at("name").as_string() == registry.host() + "/many/team/app1:1");
  CHECK(some.err.find("/many/team/app1:1 is not written: ") != std::string::npos);
  CHECK(some.err.find("1 of 3 images are not written") != std::string::npos);
  CHECK(place.run({"push", "oci:layout", registry.host() + "/many/"}).status == 0);
  registry.fail("PUT manifest", {upload_fault::kind::answer, 403, {}, 0}, 1, 0);
  CHECK(place.run({"push", "oci:layout", registry.host() + "/none/"}).status == 3);
}
