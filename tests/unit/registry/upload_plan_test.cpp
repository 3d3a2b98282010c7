#include "registry/upload_plan.hpp"

#include "support/catch.hpp"
#include "support/result.hpp"

#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace gantry::registry {
namespace {

const std::string hex(64, 'a');

struct upload {
  explicit upload(std::uint64_t size = 100, std::string mount_from = {}, std::optional<http::url> resume = {}, bool mount_first = false,
                  upload_refusals refused = {})
      : plan({blob(), size, std::move(mount_from), std::move(resume), mount_first, refused}) {}

  static digest blob() {
    error_code ec;
    return digest::parse("sha256:" + hex, ec);
  }
  static http::url at(const std::string& target) { return test::must(http::url::parse("https://registry.test" + target)); }

  upload& answer(unsigned status, std::vector<http::header> headers = {}) {
    http::response_head head;
    head.status = status;
    head.headers = std::move(headers);
    plan.answered(status, head, at("/v2/team/app/blobs/uploads/"));
    return *this;
  }
  upload_step step() const { return plan.next().step; }

  upload_plan plan;
};

http::header session(const std::string& where = "/v2/team/app/blobs/uploads/1?_state=x") { return {"Location", where}; }
http::header range(const std::string& text) { return {"Range", text}; }

TEST_CASE("a blob goes in one PUT to the session that was opened") {
  upload u;
  CHECK(u.step() == upload_step::open);
  u.answer(202, {session()});
  const upload_action action = u.plan.next();
  CHECK(action.step == upload_step::send_all);
  CHECK(action.length == 100);
  CHECK(action.where == upload::at("/v2/team/app/blobs/uploads/1?_state=x"));
  CHECK(with_digest(action.where, upload::blob()).target == "/v2/team/app/blobs/uploads/1?_state=x&digest=sha256%3A" + hex);
  u.answer(201);
  CHECK(u.step() == upload_step::done);
  CHECK_FALSE(u.plan.mounted());
}

TEST_CASE("a mount that succeeds sends nothing, one that does not becomes the session") {
  CHECK(upload(100, "team/base").answer(201).plan.mounted());
  CHECK(upload(100, "team/base").answer(202, {session()}).step() == upload_step::send_all);
  for (const unsigned status : {400U, 401U, 403U, 404U, 405U}) CHECK(upload(100, "team/base").answer(status).step() == upload_step::open);
  CHECK(upload(100, "team/base").answer(401).answer(401).step() == upload_step::failed);
}

TEST_CASE("after a break the registry is asked what it has, and only the rest is sent") {
  upload u;
  u.answer(202, {session()});
  u.plan.broke();
  CHECK(u.step() == upload_step::ask);
  u.answer(204, {session("/v2/team/app/blobs/uploads/1?_state=y"), range("0-39")});
  const upload_action action = u.plan.next();
  CHECK(action.step == upload_step::send);
  CHECK(action.offset == 40);
  CHECK(action.length == 60);
  CHECK(action.where.target == "/v2/team/app/blobs/uploads/1?_state=y");
  u.answer(202, {session(), range("0-99")});
  CHECK(u.step() == upload_step::close);
  u.answer(201);
  CHECK(u.step() == upload_step::done);
}

TEST_CASE("of nothing received the whole is sent again") {
  for (const auto& headers : {std::vector<http::header>{range("0-0")}, std::vector<http::header>{}}) {
    upload u;
    u.answer(202, {session()});
    u.plan.broke();
    CHECK(u.answer(204, headers).step() == upload_step::send_all);
  }
}

TEST_CASE("everything received needs only the end") {
  upload u;
  u.answer(202, {session()});
  u.plan.broke();
  CHECK(u.answer(204, {range("bytes=0-99")}).step() == upload_step::close);
}

TEST_CASE("a session that is gone begins anew, but not for ever") {
  upload u;
  for (int i = 0; i < 5; ++i) {
    u.answer(202, {session()});
    u.plan.broke();
    CHECK(u.answer(404).step() == upload_step::open);
  }
  u.answer(202, {session()});
  u.plan.broke();
  CHECK(u.answer(404).step() == upload_step::failed);
  // Another attempt would send nothing: it is the end.
  CHECK_FALSE(u.plan.error().code == condition::retryable);
  CHECK(u.plan.error().text.message().find("6 times") != std::string::npos);
}

TEST_CASE("a registry that refuses the whole gets pieces, one that refuses large pieces small ones") {
  upload u(std::uint64_t{10} << 20);
  u.answer(202, {session()}).answer(405);
  CHECK(u.step() == upload_step::open);
  u.answer(202, {session()});
  CHECK(u.step() == upload_step::send);
  CHECK(u.plan.next().length == std::uint64_t{10} << 20);
  u.answer(413);
  u.answer(202, {session(), {"OCI-Chunk-Min-Length", "5242880"}});
  CHECK(u.plan.next().length == 5242880);
  u.answer(202, {session(), range("0-5242879")});
  CHECK(u.plan.next().offset == 5242880);
  u.answer(202, {session(), range("0-10485759")});
  CHECK(u.step() == upload_step::close);
}

TEST_CASE("where the rest of a cut upload cannot be sent the whole goes again, not in pieces and not for ever") {
  const auto status = GENERATE(400U, 405U, 411U, 501U);
  upload u;
  for (int i = 0; i < 5; ++i) {
    u.answer(202, {session()});
    u.plan.broke();
    u.answer(204, {range("0-39")});
    CHECK(u.step() == upload_step::send);
    u.answer(status);
    CHECK(u.step() == upload_step::open);
  }
  CHECK(u.answer(202, {session()}).step() == upload_step::send_all);
}

TEST_CASE("a registry that has other bytes than we think is asked which") {
  upload u;
  u.answer(202, {session()});
  u.plan.broke();
  u.answer(204, {range("0-39")}).answer(416);
  CHECK(u.step() == upload_step::ask);
  u.answer(204, {range("0-19")});
  CHECK(u.plan.next().offset == 20);
}

TEST_CASE("too large is answered with small pieces at once") {
  upload u(std::uint64_t{10} << 20);
  u.answer(202, {session()}).answer(413).answer(202, {session()});
  CHECK(u.plan.next().length == std::uint64_t{4} << 20);
  // A proxy in front may take less than any registry.
  u.answer(413);
  CHECK(u.step() == upload_step::send);
  CHECK(u.plan.next().length == std::uint64_t{1} << 20);
  CHECK(u.plan.refusals().too_large == std::uint64_t{4} << 20);
  u.answer(413);
  CHECK(u.step() == upload_step::failed);
  CHECK(u.plan.refused());
}

TEST_CASE("sessions that are given up are told once, lost and finished ones are not") {
  upload u(std::uint64_t{10} << 20);
  u.answer(202, {session("/v2/u/1")}).answer(413);
  CHECK(u.plan.take_abandoned() == std::vector<http::url>{upload::at("/v2/u/1")});
  CHECK(u.plan.take_abandoned().empty());
  u.answer(202, {session("/v2/u/2")}).answer(404).answer(202, {session("/v2/u/3")});
  CHECK(u.plan.take_abandoned().empty());
  while (u.step() == upload_step::send) u.answer(202, {session("/v2/u/3")});
  CHECK(u.answer(201).step() == upload_step::done);
  CHECK(u.plan.take_abandoned().empty());
  upload refused;
  CHECK(refused.answer(202, {session("/v2/u/4")}).answer(403).step() == upload_step::failed);
  CHECK(refused.plan.take_abandoned().size() == 1);
  // A mount's own session, beside one that has bytes.
  upload resumed(100, "team/base", upload::at("/v2/u/old"), true);
  CHECK(resumed.answer(202, {session("/v2/u/5")}).step() == upload_step::ask);
  CHECK(resumed.plan.take_abandoned() == std::vector<http::url>{upload::at("/v2/u/5")});
}

TEST_CASE("a session may lie on a public host, never on one that only the client reaches") {
  upload u;
  CHECK(u.answer(202, {session("https://storage.test/put?signature=1")}).plan.next().where.origin.host == "storage.test");
  for (const std::string where :
       {"http://registry.test/v2/", "https://127.0.0.1/x", "https://169.254.169.254/latest", "file:///etc/passwd"}) {
    INFO(where);
    upload refused;
    CHECK(refused.answer(202, {session(where)}).step() == upload_step::failed);
  }
  CHECK(upload().answer(202).plan.error().code == errc::protocol_error);
}

TEST_CASE("a registry that keeps taking bytes and has none is not believed") {
  upload u(std::uint64_t{10} << 20);
  u.answer(202, {session()}).answer(405).answer(202, {session()});
  u.answer(202, {session(), range("0-0")});
  CHECK(u.step() == upload_step::failed);
}

TEST_CASE("a session of an earlier run is asked first") {
  upload u(100, {}, upload::at("/v2/team/app/blobs/uploads/old"));
  CHECK(u.step() == upload_step::ask);
  CHECK(u.answer(204, {range("0-9")}).plan.next().offset == 10);
  CHECK(upload(100, {}, upload::at("/v2/x")).answer(404).step() == upload_step::open);
}

TEST_CASE("a mount that is sure comes before a session of an earlier run, and the session after it") {
  const http::url old = upload::at("/v2/team/app/blobs/uploads/old");
  CHECK(upload(100, "team/base", old, true).step() == upload_step::mount);
  CHECK(upload(100, "team/base", old, true).answer(201).plan.mounted());
  for (const unsigned status : {202U, 405U}) {
    upload u(100, "team/base", old, true);
    u.answer(status, {session()});
    CHECK(u.step() == upload_step::ask);
    CHECK(u.plan.next().where == old);
    CHECK(u.answer(404).step() == upload_step::open);  // and not mount again
  }
}

TEST_CASE("a mount that may be comes after a session of an earlier run, before all bytes go again") {
  upload u(100, "team/base", upload::at("/v2/team/app/blobs/uploads/old"));
  CHECK(u.step() == upload_step::ask);
  CHECK(u.answer(404).step() == upload_step::mount);
  CHECK(u.answer(202, {session()}).step() == upload_step::send_all);
}

TEST_CASE("a large blob goes in a PATCH that may end at any byte") {
  constexpr std::uint64_t size = upload_plan::least_stream;
  upload u(size);
  u.answer(202, {session()});
  CHECK(u.plan.next().step == upload_step::send);
  CHECK(u.plan.next().open_ended);
  CHECK_FALSE(u.plan.next().ranged);
  u.plan.ended_early(1'000'000);
  u.answer(202, {session("/v2/team/app/blobs/uploads/1?_state=y")});
  CHECK(u.plan.next().offset == 1'000'000);
  CHECK(u.plan.next().open_ended);
  CHECK(u.plan.session()->target == "/v2/team/app/blobs/uploads/1?_state=y");
  u.answer(202, {session(), range("0-" + std::to_string(size - 1))});
  CHECK(u.step() == upload_step::close);
  CHECK(u.answer(201).step() == upload_step::done);
}

TEST_CASE("a registry that takes no body without a length gets a large blob whole") {
  for (const unsigned status : {400U, 404U, 405U, 411U, 501U}) {
    INFO(status);
    upload u(upload_plan::least_stream);
    u.answer(202, {session()}).answer(status).answer(202, {session()});
    CHECK(u.step() == upload_step::send_all);
  }
  upload u(upload_plan::least_stream);
  u.answer(202, {session()}).answer(413).answer(202, {session()});
  CHECK(u.plan.next().length == std::uint64_t{4} << 20);
}

TEST_CASE("a body without a length of which nothing arrives is sent with its length") {
  upload u(upload_plan::least_stream);
  u.answer(202, {session()});
  u.plan.ended_early(1'000'000);
  // Somebody on the way took it for no body at all.
  u.answer(202, {session(), range("0-0")});
  CHECK(u.step() == upload_step::open);
  u.answer(202, {session()});
  CHECK(u.step() == upload_step::send_all);
  CHECK(u.plan.next().length == upload_plan::least_stream);
  CHECK(u.plan.refusals().stream);
}

TEST_CASE("what a registry refused of one blob is not tried with another") {
  constexpr std::uint64_t large = upload_plan::least_stream;
  constexpr std::uint64_t chunk = std::uint64_t{4} << 20;
  struct row {
    const char* known;
    upload_refusals refused;
    std::uint64_t size;
    upload_step step;
    std::uint64_t length;
    bool open_ended;
  };
  upload_refusals no_stream;
  no_stream.stream = true;
  upload_refusals no_whole = no_stream;
  no_whole.whole = true;
  upload_refusals no_pieces = no_whole;
  no_pieces.pieces = true;
  upload_refusals limited;
  limited.too_large = large;
  const std::vector<row> rows{
      {"nothing", {}, large, upload_step::send, large, true},
      {"no stream", no_stream, large, upload_step::send_all, large, false},
      {"no whole", no_whole, large, upload_step::send, large, false},
      {"no whole, small", no_whole, 100, upload_step::send, 100, false},
      {"no pieces", no_pieces, large, upload_step::send, chunk, false},
      {"too large", limited, large, upload_step::send, chunk, false},
      {"too large, but this is smaller", limited, large - 1, upload_step::send_all, large - 1, false},
  };
  for (const row& one : rows) {
    INFO(one.known);
    upload u(one.size, {}, {}, false, one.refused);
    u.answer(202, {session()});
    CHECK(u.step() == one.step);
    CHECK(u.plan.next().length == one.length);
    CHECK(u.plan.next().open_ended == one.open_ended);
  }
}

TEST_CASE("what was refused is told once another way has succeeded") {
  constexpr std::uint64_t large = upload_plan::least_stream;
  upload u(large);
  u.answer(202, {session()}).answer(411).answer(202, {session()}).answer(400).answer(202, {session()});
  u.answer(202, {session(), range("0-" + std::to_string(large - 1))}).answer(201);
  REQUIRE(u.step() == upload_step::done);
  CHECK(u.plan.refusals().stream);
  CHECK(u.plan.refusals().whole);
  CHECK_FALSE(u.plan.refusals().pieces);
  upload limited(large);
  limited.answer(202, {session()}).answer(413);
  CHECK(limited.plan.refusals().too_large == large);
  CHECK_FALSE(limited.plan.refusals().stream);
  // A session that is lost in the middle says nothing about others.
  upload lost(large);
  lost.answer(202, {session()});
  lost.plan.ended_early(1'000'000);
  lost.answer(202, {session()}).answer(404);
  CHECK(lost.plan.refusals() == upload_refusals());
}

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;

/// A line that was cut while \p sent bytes of a request had gone out, and a registry that has lost the session with them.
void lose(upload& u, std::uint64_t sent) {
  u.plan.broke(sent);
  CHECK(u.step() == upload_step::ask);
  u.answer(404);
  if (u.step() == upload_step::open) u.answer(202, {session()});
}

/// Requests of the length that the plan wants, until \p bytes have arrived.
void send(upload& u, std::uint64_t bytes = std::numeric_limits<std::uint64_t>::max()) {
  while (u.step() == upload_step::send && u.plan.received() < bytes) {
    const upload_action action = u.plan.next();
    if (action.open_ended) u.plan.ended_early(action.length);
    u.answer(202, {session(), range("0-" + std::to_string(action.offset + action.length - 1))});
  }
}

TEST_CASE("where a cut request has lost everything the next ones are bounded, each over a connection of its own") {
  struct row {
    const char* what;
    std::vector<std::uint64_t> cuts;  ///< MiB sent by one request after another
    std::uint64_t bound;              ///< MiB of the next
  };
  const std::vector<row> rows{
      {"nothing went out", {0}, 1000},
      {"early", {1}, 16},
      {"half of what was carried", {90}, 45},
      {"late", {900}, 64},
      {"again", {900, 64}, 32},
      {"again, and early", {900, 2}, 4},
      {"to the least", {900, 64, 32, 16, 8}, 4},
  };
  for (const row& one : rows) {
    INFO(one.what);
    upload u(1000 * mebibyte);
    u.answer(202, {session()});
    CHECK_FALSE(u.plan.next().apart);
    for (const std::uint64_t sent : one.cuts) lose(u, sent * mebibyte);
    REQUIRE(u.step() == upload_step::send);
    const upload_action action = u.plan.next();
    CHECK(action.offset == 0);
    CHECK(action.length == one.bound * mebibyte);
    CHECK(action.open_ended);  // a stop still ends it at any byte
    CHECK(action.apart == (one.bound < 1000));
    send(u);
    CHECK(u.step() == upload_step::close);
  }
}

TEST_CASE("what is bounded is no shorter than the registry allows") {
  upload u(1000 * mebibyte);
  u.answer(202, {session(), {"OCI-Chunk-Min-Length", std::to_string(40 * mebibyte)}});
  lose(u, mebibyte);
  CHECK(u.plan.next().length == 40 * mebibyte);
}

TEST_CASE("sessions may be lost as often as more than before has arrived meanwhile") {
  upload u(4000 * mebibyte);
  u.answer(202, {session()});
  for (unsigned i = 1; i <= 20; ++i) {
    lose(u, 900 * mebibyte);
    REQUIRE(u.step() == upload_step::send);
    send(u, i * 100 * mebibyte);
  }
  for (unsigned i = 0; i < 5; ++i) lose(u, mebibyte);
  REQUIRE(u.step() == upload_step::send);
  lose(u, mebibyte);
  REQUIRE(u.step() == upload_step::failed);
  const std::string message = u.plan.error().text.message();
  CHECK(message.find("cut off 26 times, in the end in requests of 4 MiB") != std::string::npos);
  CHECK(message.find("servers") == std::string::npos);
}

TEST_CASE("where a proxy keeps what is cut to itself, requests are bounded too") {
  upload u(1000 * mebibyte);
  u.answer(202, {session()});
  u.plan.broke(100 * mebibyte);
  u.answer(204, {session(), range("0-0")});
  CHECK(u.plan.next().length == 50 * mebibyte);
  send(u, 50 * mebibyte);
  u.plan.broke(50 * mebibyte);
  u.answer(204, {session(), range("0-" + std::to_string(50 * mebibyte - 1))});
  CHECK(u.plan.next().offset == 50 * mebibyte);
  CHECK(u.plan.next().length == 25 * mebibyte);
  // What has arrived in part is no reason.
  u.plan.broke(20 * mebibyte);
  u.answer(204, {session(), range("0-" + std::to_string(60 * mebibyte - 1))});
  CHECK(u.plan.next().length == 25 * mebibyte);
}

TEST_CASE("after a run of which nothing is left requests are bounded from the begin") {
  upload gone(1000 * mebibyte, {}, upload::at("/v2/x"));
  gone.answer(404).answer(202, {session()});
  CHECK(gone.plan.next().length == 64 * mebibyte);
  upload empty(1000 * mebibyte, {}, upload::at("/v2/x"));
  empty.answer(204, {session(), range("0-0")});
  CHECK(empty.plan.next().length == 64 * mebibyte);
  upload some(1000 * mebibyte, {}, upload::at("/v2/x"));
  some.answer(204, {session(), range("0-9")});
  CHECK(some.plan.next().length == 1000 * mebibyte - 10);
}

TEST_CASE("what got through with one blob is the bound of the next") {
  upload u(100 * mebibyte);
  u.answer(202, {session()});
  lose(u, 60 * mebibyte);
  send(u);
  u.answer(201);
  REQUIRE(u.step() == upload_step::done);
  CHECK(u.plan.refusals().gets_through == 30 * mebibyte);
  upload next(100 * mebibyte, {}, {}, false, u.plan.refusals());
  next.answer(202, {session()});
  CHECK(next.plan.next().length == 30 * mebibyte);
  CHECK(next.plan.next().apart);
}

TEST_CASE("a blob that goes whole is cut into pieces after a loss, and goes whole again where those are refused") {
  upload_refusals no_stream;
  no_stream.stream = true;
  upload u(100 * mebibyte, {}, {}, false, no_stream);
  u.answer(202, {session()});
  REQUIRE(u.step() == upload_step::send_all);
  lose(u, 60 * mebibyte);
  REQUIRE(u.step() == upload_step::send);
  CHECK(u.plan.next().length == 30 * mebibyte);
  CHECK(u.plan.next().ranged);
  SECTION("taken") {
    send(u);
    CHECK(u.step() == upload_step::close);
  }
  SECTION("refused") {
    u.answer(405).answer(202, {session()});
    CHECK(u.step() == upload_step::send_all);
    lose(u, 60 * mebibyte);
    CHECK(u.step() == upload_step::send_all);
    u.answer(201);
    REQUIRE(u.step() == upload_step::done);
    CHECK(u.plan.refusals() == no_stream);
  }
}

TEST_CASE("what an earlier run has left wrong begins anew") {
  upload u(100, {}, upload::at("/v2/team/app/blobs/uploads/old"));
  u.answer(204, {range("0-9")}).answer(202, {session(), range("0-99")});
  CHECK(u.step() == upload_step::close);
  CHECK(u.answer(400).step() == upload_step::open);
  u.answer(202, {session()}).answer(400);
  CHECK(u.step() == upload_step::open);  // another manner, as ever
}

TEST_CASE("an empty blob is one PUT without bytes") {
  upload u(0);
  u.answer(202, {session()});
  CHECK(u.step() == upload_step::send_all);
  CHECK(u.plan.next().length == 0);
}

}  // namespace
}  // namespace gantry::registry
