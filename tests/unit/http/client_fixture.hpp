#pragma once

#include "http/body_source.hpp"
#include "http/client.hpp"

#include "support/loop.hpp"
#include "support/result.hpp"
#include "support/scripted_stream.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <utility>

namespace gantry::http {

using namespace std::chrono_literals;
using test::scripted_stream;
using script = std::deque<scripted_stream::step>;

/// A client whose next connection plays a script, as one that was kept from an earlier exchange.
struct client_fixture {
  explicit client_fixture(exchange_limits limits = {10s, 10s}) : asking(connections, limits, [this](const origin&) { return tls; }) {}

  test::loop loop;  // outlives the connections that are kept
  net::tls_settings tls;
  runtime::lanes workers;
  net::connector connections{workers, net::connect_limits{10s, 10s}};
  client asking;
  runtime::stop_source stop;
  std::uint16_t port = 1;  // nobody listens there

  url target(std::string path = "/v2/", std::string scheme = "http") const {
    return test::must(url::parse(scheme + "://127.0.0.1:" + std::to_string(port) + path));
  }
  std::shared_ptr<test::stream_record> keep(script steps, error_code write_code = {}) {
    net::endpoint where;
    where.host = "127.0.0.1";
    where.port = port;
    where.secure = false;
    auto record = std::make_shared<test::stream_record>();
    auto stream = std::make_unique<scripted_stream>(loop.executor, std::move(steps), record);
    stream->write_code = write_code;
    asking.pool().give_back(std::make_unique<connection>(where, std::move(stream)));
    return record;
  }
  request get(std::string path = "/v2/", std::string scheme = "http") const {
    request message;
    message.target = target(std::move(path), std::move(scheme));
    return message;
  }
  result<exchange> send(request message) { return loop.run(asking.send(std::move(message), stop)); }
  /// Sends a GET and reads the whole answer.
  result<std::string> fetch() {
    result<exchange> reply = send(get());
    if (!reply) return reply.error();
    return loop.run(reply->read_all(1 << 20));
  }
};

/// A body that ends when it has no more, in two pieces.
class endable final : public body_source {
 public:
  std::uint64_t size() const noexcept override { return size_unknown; }
  runtime::task<result<std::span<const std::byte>>> next() override {
    if (pieces.empty()) co_return std::span<const std::byte>();
    now = pieces.front();
    pieces.pop_front();
    co_return std::as_bytes(std::span(now.data(), now.size()));
  }
  runtime::task<result<void>> rewind() override { co_return result<void>(); }

  std::deque<std::string> pieces{"hello, ", "nine more"};
  std::string now;
};

/// The head of an answer.
inline std::string head(const std::string& fields, const std::string& status = "200 OK") {
  return "HTTP/1.1 " + status + "\r\n" + fields + "\r\n";
}

}  // namespace gantry::http
