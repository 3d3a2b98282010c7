// Uploads that a later run takes up again.
#include "faults/alone.hpp"
#include "faults/uploaded.hpp"

#include "support/catch.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <chrono>
#include <filesystem>
#include <utility>
#include <vector>

using namespace gantry;
using namespace gantry::test;
using kind = gantry::test::upload_fault::kind;

namespace {

/// An image in the store, and pushes of it.
struct pushed : uploaded {
  pushed() {
    settings.attempts = 2;
    fetch();
  }
  error_code push() { return uploaded::push(fetched()); }
  std::vector<std::filesystem::path> kept() const {
    std::vector<std::filesystem::path> files;
    std::error_code none;
    for (std::filesystem::directory_iterator i(std::filesystem::path(settings.cache_dir) / "state" / "uploads", none), end; i != end; ++i)
      files.push_back(*i);
    return files;
  }
  /// A push that ends while the large layer is under way.
  void break_off() {
    target.fail("PUT blob", {kind::reset, 0, {}, 1'000'000});
    target.fail("GET session", {kind::answer, 503, {}, 0}, 1, 0);
    REQUIRE(push());
    REQUIRE(kept().size() == 1);
    target.heal();
  }
};

}  // namespace

TEST_CASE("a later run goes on with an upload", "[faults]") {
  pushed p;
  p.break_off();
  namespace fs = std::filesystem;
  CHECK((fs::status(p.kept().front()).permissions() & fs::perms(0777)) == fs::perms(0600));
  CHECK(p.text.message().find("/uploads/") == std::string::npos);
  CHECK_FALSE(p.push());
  INFO(p.text.message());
  CHECK(p.complete());
  CHECK(p.target.count("PATCH blob") == 1);
  CHECK(p.target.taken() == p.all_bytes());  // no byte was taken twice
  CHECK(p.kept().empty());
}

TEST_CASE("a session that has expired between two runs begins anew", "[faults]") {
  pushed p;
  p.break_off();
  p.target.forget_sessions();
  CHECK_FALSE(p.push());
  INFO(p.text.message());
  CHECK(p.complete());
  CHECK(p.kept().empty());
}

TEST_CASE("a session on another host is not kept", "[faults]") {
  pushed p;
  upload_registry other;
  const std::string location = "Location: http://" + other.host() + "/v2/x/blobs/uploads/1\r\n";
  p.target.fail("POST session", {kind::location, 202, location, 0}, 1, 0);
  // The run ends with the session open, as far as it knows.
  other.fail("PUT blob", {kind::reset, 0, {}, 1'000'000}, 1, 0);
  other.fail("GET session", {kind::answer, 503, {}, 0}, 1, 0);
  CHECK(p.push());
  CHECK(other.count("GET session") > 0);
  CHECK(p.kept().empty());
}

TEST_CASE("a push keeps to a limited rate", "[faults]") {
  pushed p;
  p.settings.limit_rate = 8'000'000;
  const std::uint64_t bytes = p.all_bytes();
  const auto start = std::chrono::steady_clock::now();
  CHECK_FALSE(p.push());
  INFO(p.text.message());
  // A twentieth of a second is free at the start, and the last grant of that size is used as soon as it is given.
  CHECK(std::chrono::steady_clock::now() - start >= std::chrono::milliseconds(bytes / 8'000 - 100));
  CHECK(p.complete());
}

TEST_CASE("a later copy goes on with an upload", "[faults]") {
  uploaded u;
  u.settings.attempts = 2;
  u.target.fail("PUT blob", {kind::reset, 0, {}, 1'000'000});
  u.target.fail("GET session", {kind::answer, 503, {}, 0}, 1, 0);
  REQUIRE(u.copy());
  u.target.heal();
  CHECK_FALSE(u.copy());
  INFO(u.text.message());
  CHECK(u.complete());
  CHECK(u.target.count("PATCH blob") == 1);
  CHECK(u.target.taken() == u.all_bytes());  // no byte was taken twice
}

TEST_CASE("sessions that nobody went on with are forgotten by a clean-up", "[faults]") {
  pushed p;
  p.break_off();
  const auto clean = [&] {
    clean_result made;
    CHECK_FALSE(run_alone(p.settings, made, [&](engine& one, auto done) { one.async_clean(clean_options(), p.text, std::move(done)); }));
    return made.uploads;
  };
  CHECK(clean() == 0);
  CHECK(p.kept().size() == 1);
  namespace fs = std::filesystem;
  fs::last_write_time(p.kept().front(), fs::last_write_time(p.kept().front()) - std::chrono::hours(8 * 24));
  CHECK(clean() == 1);
  CHECK(p.kept().empty());
}

TEST_CASE("a large upload that is stopped goes on where it was, also where a cut request loses everything", "[faults]") {
  uploaded u;
  image_recipe recipe;
  recipe.layers = {300, 24'000'000};
  u.image = build_image(recipe);
  u.source.hold("team/app", "1.0", u.image);
  u.target.drop_cut_sessions();
  // Stopped once some of the large layer is there.
  boost::asio::cancellation_signal stop;
  error_code ec;
  const reference from = u.fetched();
  const reference to = reference::parse(u.target.host() + "/copied/app:1.0", ec);
  copy_options stopping = u.options;
  stopping.on_event = [&](const event& what) {
    const auto* const progress = std::get_if<blob_progress>(&what);
    if (progress != nullptr && progress->done > 4'000'000) stop.emit(boost::asio::cancellation_type::terminal);
  };
  u.settings.limit_rate = 20'000'000;
  ec = run_alone<copy_result>(u.settings, [&](engine& one, auto done) {
    one.async_copy(from, to, stopping, u.text, boost::asio::bind_cancellation_slot(stop.slot(), std::move(done)));
  });
  CHECK(ec == errc::cancelled);
  const std::uint64_t before = u.target.taken();
  REQUIRE(before > 4'000'000);
  REQUIRE(before < u.all_bytes());
  CHECK_FALSE(u.copy());
  INFO(u.text.message());
  CHECK(u.complete());
  CHECK(u.target.taken() == u.all_bytes());  // no byte was taken twice
}
