// Answers that come while the body of their request is still written.
#include "http/client.hpp"

#include "support/catch.hpp"
#include "support/loop.hpp"
#include "support/result.hpp"
#include "support/scripted_server.hpp"
#include "support/temp_dir.hpp"
#include "support/tls_server.hpp"

#include <algorithm>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace gantry::http {
namespace {

using namespace std::chrono_literals;

// More than the system takes for a peer that does not read.
constexpr std::uint64_t large = std::uint64_t{64} << 20;
const std::string refusal = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 8\r\n\r\ntoo much";

/// \p size bytes, all alike.
class plain_body final : public body_source {
 public:
  plain_body(std::uint64_t size, bool told) : left_(size), told_(told) {}
  std::uint64_t size() const noexcept override { return told_ ? left_ : size_unknown; }
  runtime::task<result<std::span<const std::byte>>> next() override {
    const std::size_t count = static_cast<std::size_t>(std::min<std::uint64_t>(left_, piece_.size()));
    left_ -= count;
    co_return std::as_bytes(std::span(piece_.data(), count));
  }
  runtime::task<result<void>> rewind() override { co_return result<void>(); }
  std::uint64_t left() const noexcept { return left_; }

 private:
  std::string piece_ = std::string(256 * 1024, 'x');
  std::uint64_t left_;
  bool told_;
};

struct fixture {
  // Before the server waits for its threads.
  ~fixture() { done.set_value(); }

  void serve(std::vector<test::conversation> script) { server = std::make_unique<test::scripted_server>(std::move(script)); }
  request put(const std::string& scheme = "http") const {
    request message;
    message.verb = method::put;
    message.target = test::must(url::parse(scheme + "://127.0.0.1:" + std::to_string(server->port()) + "/upload"));
    return message;
  }
  std::string body_of(result<exchange> reply) {
    REQUIRE(reply);
    return test::must(loop.run(reply->read_all(100)));
  }

  std::promise<void> done;
  std::shared_future<void> end = done.get_future().share();  ///< what a server waits for that neither reads nor closes
  test::loop loop;
  net::tls_settings tls;
  runtime::lanes workers;
  net::connector connections{workers, net::connect_limits{15s, 15s}};
  client asking{connections, exchange_limits{30s, 30s}, [this](const origin&) { return tls; }};
  runtime::stop_source stop;
  std::unique_ptr<test::scripted_server> server;
};

/// Says no at the head, then neither reads nor closes.
test::conversation refuses_at_once(std::shared_future<void> end) {
  return [end = std::move(end)](test::socket_handle& connection) {
    if (test::receive_head(connection).empty()) return;
    connection.send(refusal);
    end.wait();
  };
}

/// Reads \p size bytes of a body behind \p head and answers 201.
test::conversation takes_after(std::string head, std::uint64_t size, std::string last) {
  return [head = std::move(head), size, last = std::move(last)](test::socket_handle& connection) {
    if (test::receive_head(connection).empty()) return;
    connection.send(head);
    for (std::uint64_t left = size; left > 0;) {
      const std::string more = connection.receive(65536);
      if (more.empty()) return;
      left -= more.size();
    }
    connection.send(last);
    test::await_end(connection);
  };
}

TEST_CASE("an error that is answered while a body is written ends it, although the server neither reads on nor closes") {
  const bool told = GENERATE(true, false);
  fixture f;
  f.serve({refuses_at_once(f.end), test::answers({"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"})});
  plain_body body(large, told);
  result<exchange> reply = f.loop.run(f.asking.send(f.put(), body, f.stop));
  REQUIRE(reply);
  CHECK(reply->head().status == 413);
  CHECK(f.body_of(std::move(reply)) == "too much");
  CHECK(body.left() > 0);
  // The rest of the body would be taken for the next request.
  f.body_of(f.loop.run(f.asking.send(f.put(), f.stop)));
  CHECK(f.server->connections() == 2);
}

TEST_CASE("an error that is answered over TLS ends the body too, and what TLS says for itself does not") {
  fixture f;
  const test::certificate_authority authority;
  const test::temp_dir directory;
  test::spill(directory / "ca.pem", authority.certificate());
  f.tls.ca_files = {directory / "ca.pem"};
  // Two tickets come behind the handshake.
  const auto refuse = [end = f.end](test::tls_session& session) {
    session.receive();
    session.send(refusal);
    end.wait();
  };
  const auto take = [](test::tls_session& session) {
    std::string unread;
    while (unread.find("\r\n\r\n") == std::string::npos) {
      const std::string more = session.receive();
      if (more.empty()) return;
      unread += more;
    }
    std::uint64_t got = unread.size() - unread.find("\r\n\r\n") - 4;
    session.update_keys();
    session.send("HTTP/1.1 100 Continue\r\n\r\n");
    while (got < large) {
      const std::string more = session.receive();
      if (more.empty()) return;
      got += more.size();
    }
    session.send("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
  };
  f.serve({test::over_tls(authority.issue(), take), test::over_tls(authority.issue(), refuse)});
  plain_body whole(large, true);
  const result<exchange> taken = f.loop.run(f.asking.send(f.put("https"), whole, f.stop));
  REQUIRE(taken);
  CHECK(taken->head().status == 201);
  CHECK(whole.left() == 0);
  f.asking.pool().clear();
  plain_body unwanted(large, true);
  result<exchange> reply = f.loop.run(f.asking.send(f.put("https"), unwanted, f.stop));
  REQUIRE(reply);
  CHECK(reply->head().status == 413);
  CHECK(f.body_of(std::move(reply)) == "too much");
  CHECK(unwanted.left() > 0);
}

TEST_CASE("an interim answer, and a success that comes early, do not keep the rest of the body back") {
  const std::string created = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
  const std::vector<std::pair<std::string, std::string>> words = {
      {"HTTP/1.1 100 Continue\r\n\r\n", created},
      {"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 10", "0 Continue\r\n\r\n" + created},
      {created, ""},
  };
  for (const auto& [first, last] : words) {
    INFO(first);
    fixture f;
    f.serve({takes_after(first, large, last)});
    plain_body body(large, true);
    const result<exchange> reply = f.loop.run(f.asking.send(f.put(), body, f.stop));
    REQUIRE(reply);
    CHECK(reply->head().status == 201);
    CHECK(body.left() == 0);
  }
}

TEST_CASE("an error that is answered to a long message ends it as well") {
  fixture f;
  f.serve({refuses_at_once(f.end)});
  request message = f.put();
  message.body = std::string(large, 'x');
  result<exchange> reply = f.loop.run(f.asking.send(std::move(message), f.stop));
  REQUIRE(reply);
  CHECK(reply->head().status == 413);
  CHECK(f.body_of(std::move(reply)) == "too much");
}

TEST_CASE("a connection that ends while a body is written is lost") {
  fixture f;
  f.serve({[](test::socket_handle& connection) { test::receive_head(connection); }});
  plain_body body(large, true);
  test::must_fail(f.loop.run(f.asking.send(f.put(), body, f.stop)), errc::connection_lost);
}

}  // namespace
}  // namespace gantry::http
