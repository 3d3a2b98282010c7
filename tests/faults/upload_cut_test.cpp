// Uploads over lines that cut each connection, to registries that keep nothing of a request that was cut.
#include "faults/uploaded.hpp"

#include "support/catch.hpp"

#include <cstdint>
#include <string>
#include <variant>

using namespace gantry;
using namespace gantry::test;

namespace {

/// A copy of one large layer to a registry that drops what is cut.
struct cut_line : uploaded {
  cut_line() {
    image_recipe recipe;
    recipe.layers = {60'000'000};
    image = build_image(recipe);
    source.hold("team/app", "1.0", image);
    target.drop_cut_sessions();
    options.on_event = [this](const event& what) {
      if (const auto* const again = std::get_if<retry_scheduled>(&what)) said += again->message + "\n";
      if (const auto* const over = std::get_if<segment_finished>(&what)) said += over->message + "\n";
    };
  }
  std::string said;  ///< of what went wrong
};

}  // namespace

TEST_CASE("a layer gets through that is longer than what a connection survives", "[faults]") {
  const std::uint64_t lasts = GENERATE(std::uint64_t{6'000'000}, std::uint64_t{20'000'000});
  cut_line c;
  c.target.cut_connections_after(lasts);
  CHECK_FALSE(c.copy());
  INFO(c.text.message());
  CHECK(c.complete());
  // Sent in vain are the first request and those that were still too long: of what is carried the client knows what it gave to the system.
  CHECK(c.target.taken() <= c.all_bytes() + 4 * lasts);
}

TEST_CASE("an upload that no request survives ends and says why", "[faults]") {
  cut_line c;
  c.target.cut_connections_after(1'000'000);
  CHECK(c.copy() == errc::retries_exhausted);
  const std::string message = c.text.message();
  INFO(message);
  CHECK(message.find("was cut off 6 times, in the end in requests of 4 MiB") != std::string::npos);
  CHECK(message.find("attempts)") == std::string::npos);
  CHECK(c.target.taken() <= 6'000'000);
}

TEST_CASE("the address of an upload is not told", "[faults]") {
  cut_line c;
  c.target.cut_connections_after(20'000'000);
  CHECK_FALSE(c.copy());
  INFO(c.said);
  CHECK(c.said.find("the upload of blob " + std::string(c.image.layers.front().digest.substr(7, 12)) + " to " + c.target.host() + ": ") !=
        std::string::npos);
  CHECK(c.said.find("/uploads/") == std::string::npos);
}

TEST_CASE("who may not write is told so", "[faults]") {
  for (const char* request : {"POST session", "PUT blob", "PUT manifest"}) {
    INFO(request);
    uploaded u;
    upload_fault denied;
    denied.status = 403;
    u.target.fail(request, denied, 1, 0);
    CHECK(u.copy() == errc::forbidden);
    CHECK(u.text.message().find("/copied/app may not be written: ") != std::string::npos);
  }
}
