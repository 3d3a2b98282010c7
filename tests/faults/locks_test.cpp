// What an operation that failed leaves to the next one of the same engine. A process that is no more holds no lock; one that lives on may.
#include "faults/puller.hpp"

#include "support/catch.hpp"
#include "support/store_check.hpp"

#include <boost/asio/use_future.hpp>
#include <boost/system/system_error.hpp>

using namespace gantry;
using namespace gantry::test;
namespace asio = boost::asio;

TEST_CASE("a pull that failed holds no lock, and the next operations of its engine find none in their way", "[faults]") {
  fake_registry registry;
  const test_image image = app_image();
  registry.hold("team/app", "1.0", image);
  puller pulls(registry);
  const std::string& layer = image.layers[1].digest;
  SECTION("a blob is not there") { registry.drop_blob(layer); }
  SECTION("a blob has another content") { registry.inject(layer, wrong_byte_at(1'000'000), 1, 0); }
  SECTION("a blob breaks off again and again") { registry.inject(layer, truncate_after(0), 1, 0); }
  SECTION("a manifest is refused") { registry.inject("/manifests/", answer_with(403), 1, 0); }
  pulls.settings.budget = std::chrono::seconds(2);
  engine one(pulls.settings);
  error_code ec;
  const reference name = reference::parse(registry.host() + "/team/app:1.0", ec);
  pull_options options;
  options.platforms = {platform::parse("linux/amd64", ec)};
  CHECK_THROWS_AS(one.async_pull(name, options, asio::use_future).get(), boost::system::system_error);
  CHECK(store_problems(pulls.store(), true) == "");

  // Takes what nobody has a lock or a lease on, which is all.
  clean_options everything;
  everything.all = true;
  CHECK_NOTHROW(one.async_clean(everything, asio::use_future).get());
  CHECK(store_problems(pulls.store()) == "");
  CHECK(stored_bytes(pulls.store()) == 0);
  registry.heal();
  registry.hold_blob(image.layers[1]);
  CHECK(one.async_pull(name, options, asio::use_future).get().images.size() == 1);
  CHECK(store_problems(pulls.store()) == "");
}
