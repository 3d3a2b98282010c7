// Bodies and their framing, as answers bring and requests send them.
#include "http/client.hpp"

#include "support/scripted_server.hpp"
#include "support/temp_dir.hpp"
#include "support/tls_server.hpp"
#include "unit/http/client_fixture.hpp"

#include <boost/asio/ssl/error.hpp>

#include <cstddef>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

namespace gantry::http {
namespace {

using fixture = client_fixture;

task<result<std::string>> read_in_blocks(exchange& reply, std::size_t size) {
  std::vector<std::byte> block(size);
  std::string body;
  for (;;) {
    const result<std::size_t> got = co_await reply.read(block);
    if (!got) co_return got.error();
    if (*got == 0) co_return body;
    body.append(reinterpret_cast<const char*>(block.data()), *got);
  }
}

TEST_CASE("a body with a length is read to its end, and its connection is kept") {
  fixture f;
  const auto first = f.keep(
      {scripted_stream::text(head("Content-Length: 5\r\n") + "hello"), scripted_stream::text(head("Content-Length: 3\r\n") + "two")});
  CHECK(test::must(f.fetch()) == "hello");
  CHECK_FALSE(first->closed);
  CHECK(test::must(f.fetch()) == "two");
  CHECK(first->written.find("GET /v2/ HTTP/1.1\r\n") == 0);
}

TEST_CASE("an exchange tells what its connection holds that nobody has read, read past the head or not") {
  fixture f;
  f.keep({scripted_stream::text(head("Content-Length: 12\r\n") + "hello"), scripted_stream::text(", world")});
  result<exchange> reply = f.send(f.get());
  REQUIRE(reply);
  CHECK(reply->unread() == 12);
  std::vector<std::byte> block(12);
  CHECK(test::must(f.loop.run(reply->read(block))) == 5);
  CHECK(reply->unread() == 7);
  CHECK(test::must(f.loop.run(reply->read(block))) == 7);
  CHECK(reply->unread() == 0);
}

TEST_CASE("head and body may come byte by byte") {
  fixture f;
  f.keep({scripted_stream::text(head("Content-Length: 5\r\n") + "hello", 1)});
  CHECK(test::must(f.fetch()) == "hello");
  f.keep({scripted_stream::text(head("Transfer-Encoding: chunked\r\n") + "2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nTrailer: dropped\r\n\r\n", 1)});
  CHECK(test::must(f.fetch()) == "hello");
}

TEST_CASE("a body whose end nobody knows before is sent in chunks") {
  fixture f;
  const auto record = f.keep({scripted_stream::text(head("Content-Length: 0\r\n", "202 Accepted"))});
  request message = f.get("/upload");
  message.verb = method::patch;
  endable body;
  const result<exchange> reply = f.loop.run(f.asking.send(std::move(message), body, f.stop));
  REQUIRE(reply);
  CHECK(reply->head().status == 202);
  CHECK(record->written.find("Transfer-Encoding: chunked\r\n") != std::string::npos);
  CHECK(record->written.find("Content-Length") == std::string::npos);
  CHECK(record->written.ends_with("\r\n\r\n7\r\nhello, \r\n9\r\nnine more\r\n0\r\n\r\n"));
}

TEST_CASE("an interim answer is skipped") {
  fixture f;
  f.keep({scripted_stream::text(head("", "103 Early Hints") + head("Content-Length: 2\r\n") + "ok")});
  CHECK(test::must(f.fetch()) == "ok");
}

TEST_CASE("answers without a body are complete at once") {
  fixture f;
  const auto record = f.keep({scripted_stream::text(head("Content-Length: 0\r\n")), scripted_stream::text(head("", "204 No Content")),
                              scripted_stream::text(head("Content-Length: 77\r\n"))});
  CHECK(test::must(f.fetch()).empty());
  CHECK(test::must(f.fetch()).empty());
  request only_head = f.get();
  only_head.verb = method::head;
  exchange reply = test::must(f.send(only_head));
  CHECK(reply.head().announced_content_length == 77);
  CHECK(test::must(f.loop.run(reply.read_all(10))).empty());
  CHECK_FALSE(record->closed);
}

TEST_CASE("an end before the end of the body is a lost connection, whatever the framing") {
  for (const char* cut : {"Content-Length: 9\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n9\r\nhello",
                          "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"}) {
    INFO(cut);
    fixture f;
    const auto record = f.keep({scripted_stream::text(std::string("HTTP/1.1 200 OK\r\n") + cut), scripted_stream::end()});
    test::must_fail(f.fetch(), errc::connection_lost);
    CHECK(record->closed);
  }
}

TEST_CASE("a chunked body is decoded in place, in blocks smaller and larger than its chunks") {
  std::string body;
  std::string coded;
  for (int i = 1; i <= 80; ++i) {
    const std::string chunk(static_cast<std::size_t>(i * 7 % 251 + 1), static_cast<char>('a' + i % 26));
    char size[16];
    std::snprintf(size, sizeof size, "%zx\r\n", chunk.size());
    body += chunk;
    coded += size + chunk + "\r\n";
  }
  coded += "0\r\n\r\n";
  for (const std::size_t block : {1U, 3U, 100U, 5000U, 100'000U}) {
    INFO(block);
    fixture f;
    const auto record = f.keep({scripted_stream::text(head("Transfer-Encoding: chunked\r\n") + coded)});
    exchange reply = test::must(f.send(f.get()));
    const std::string got = test::must(f.loop.run(read_in_blocks(reply, block)));
    CHECK(got == body);
    // The coding ended exactly with what was read, so that the connection may go on.
    CHECK_FALSE(record->closed);
  }
}

TEST_CASE("malformed framing ends the connection") {
  fixture f;
  const auto chunks = f.keep({scripted_stream::text(head("Transfer-Encoding: chunked\r\n") + "zz\r\nhello\r\n")});
  test::must_fail(f.fetch(), errc::protocol_error);
  CHECK(chunks->closed);
  const auto both =
      f.keep({scripted_stream::text(head("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n") + "5\r\nhello\r\n0\r\n\r\n")});
  test::must_fail(f.fetch(), errc::protocol_error);
  CHECK(both->closed);
  test::scripted_server other({[](test::socket_handle& connection) {
    test::receive_head(connection);
    connection.send("SSH-2.0-OpenSSH\r\n");
  }});
  f.port = other.port();
  const auto noise = f.keep({scripted_stream::text("SSH-2.0-OpenSSH\r\n")});
  test::must_fail(f.fetch(), errc::protocol_error);
  CHECK(noise->closed);
}

TEST_CASE("an exchange that failed stays failed") {
  fixture f;
  f.keep({scripted_stream::text(head("Content-Length: 9\r\n") + "hello"), scripted_stream::end()});
  exchange reply = test::must(f.send(f.get()));
  test::must_fail(f.loop.run(reply.read_all(100)), errc::connection_lost);
  test::must_fail(f.loop.run(reply.read_all(100)), errc::connection_lost);
}

TEST_CASE("a body that ends with its connection is complete only with a proper end") {
  fixture f;
  const auto proper = f.keep({scripted_stream::text(head("") + "hello"), scripted_stream::end()});
  CHECK(test::must(f.fetch()) == "hello");
  CHECK(proper->closed);
  f.keep({scripted_stream::text(head("") + "hello"), scripted_stream::fail(boost::asio::ssl::error::stream_truncated)});
  test::must_fail(f.fetch(), errc::connection_lost);
}

TEST_CASE("a truncated TLS stream does not pass for the end of a body") {
  fixture f;
  const test::certificate_authority authority;
  const test::temp_dir directory;
  test::spill(directory / "ca.pem", authority.certificate());
  f.tls.ca_files = {directory / "ca.pem"};
  const auto talk = [](bool goodbye) {
    return [goodbye](test::tls_session& session) {
      session.receive();
      session.send("HTTP/1.1 200 OK\r\n\r\nhello");
      if (goodbye) session.say_goodbye();
    };
  };
  test::scripted_server server({test::over_tls(authority.issue(), talk(false)), test::over_tls(authority.issue(), talk(true))});
  f.port = server.port();
  exchange cut = test::must(f.send(f.get("/v2/", "https")));
  test::must_fail(f.loop.run(cut.read_all(100)), errc::connection_lost);
  exchange whole = test::must(f.send(f.get("/v2/", "https")));
  CHECK(test::must(f.loop.run(whole.read_all(100))) == "hello");
}

TEST_CASE("bytes behind the end close the connection") {
  for (const char* text : {"Content-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n", "Content-Length: 0\r\n\r\nsurplus",
                           "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nsurplus"}) {
    INFO(text);
    fixture f;
    const auto record = f.keep({scripted_stream::text(std::string("HTTP/1.1 200 OK\r\n") + text)});
    test::must(f.fetch());
    CHECK(record->closed);
  }
}

TEST_CASE("a body longer than its cap is refused and its connection closed") {
  fixture f;
  const std::string body(20'000, 'x');
  const auto record = f.keep({scripted_stream::text(head("Content-Length: 20000\r\n") + body)});
  exchange reply = test::must(f.send(f.get()));
  test::must_fail(f.loop.run(reply.read_all(10)), errc::limit_exceeded);
  CHECK(record->closed);
}

}  // namespace
}  // namespace gantry::http
