#include "serve/server.hpp"

#include "support/catch.hpp"
#include "support/socket.hpp"
#include "unit/serve/running_server.hpp"

#include <chrono>
#include <future>
#include <string>
#include <vector>

using namespace gantry::test;
using namespace std::chrono_literals;

namespace {

/// An image below docker.io, with layers of some size.
struct shop {
  shop() {
    image_recipe recipe;
    recipe.layers = {3000, 2'000'000};
    image = build_image(recipe);
    content.put(image);
    content.name("docker.io/team/app:1.0", image.manifest, {filled_store::descriptor_of(image.manifest)});
  }
  filled_store content;
  test_image image;
  std::string big() const { return "/v2/team/app/blobs/" + image.layers.back().digest; }
};

std::string read_to_end(socket_handle& socket, std::chrono::milliseconds patience = 20s) {
  std::string all;
  for (std::string piece = socket.receive(65536, patience); !piece.empty(); piece = socket.receive(65536, patience)) all += piece;
  return all;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

constexpr const char* ping = "GET /v2/ HTTP/1.1\r\nHost: h\r\n\r\n";

}  // namespace

TEST_CASE("addresses to listen on are read") {
  using gantry::serve::parse_listen;
  using gantry::serve::to_string;
  CHECK(to_string(must(parse_listen("127.0.0.1:5000"))) == "127.0.0.1:5000");
  CHECK(to_string(must(parse_listen("localhost:0"))) == "127.0.0.1:0");
  CHECK(to_string(must(parse_listen("[::1]:80"))) == "[::1]:80");
  for (const char* text :
       {"", "5000", ":5000", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:x", "::1:80", "example.com:80", "[127.0.0.1]:80"}) {
    CAPTURE(text);
    must_fail(parse_listen(text), gantry::errc::invalid_option);
  }
}

TEST_CASE("a request waits for a clean-up, and a client that reads keeps none out") {
  shop shop;
  running_server server(shop.content);
  auto cleaning = must(shop.content.store->try_lock_gc());
  REQUIRE(cleaning);
  auto asked = std::async(std::launch::async, [&] { return http_client(server.port()).get(shop.big()).status; });
  // It can never be ready while the lock is held, however long one looks.
  CHECK(asked.wait_for(200ms) == std::future_status::timeout);
  cleaning.reset();
  CHECK(asked.get() == 200);

  socket_handle slow = connect_to_loopback(server.port());
  slow.send("GET " + shop.big() + " HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK_FALSE(slow.receive(100, 20s).empty());
  CHECK(must(shop.content.store->try_lock_gc()));
}

TEST_CASE("an address that is taken is named with its remedy") {
  shop shop;
  running_server first(shop.content);
  const std::string taken = "127.0.0.1:" + std::to_string(first.port());
  boost::asio::io_context context;
  gantry::runtime::lanes lanes;
  gantry::runtime::buffer_pool buffers(context.get_executor(), 1);
  gantry::serve::library content(lanes, shop.content.store);
  gantry::serve::handler answers(content, nullptr, nullptr, {});
  gantry::serve::server second(context.get_executor(), lanes, buffers, answers, nullptr, {}, {});
  const auto listening = second.listen(must(gantry::serve::parse_listen(taken)));
  REQUIRE_FALSE(listening.has_value());
  const gantry::failure& refused = listening.error();
  CHECK(refused.code == boost::system::errc::address_in_use);
  CHECK_FALSE(refused.code == gantry::make_error_condition(gantry::condition::usage));
  CHECK(refused.text.message().find(taken) != std::string::npos);
  CHECK(refused.text.message().find("choose another port") != std::string::npos);
}

TEST_CASE("one connection serves many requests, also when they are sent at once") {
  shop shop;
  running_server server(shop.content);
  socket_handle socket = connect_to_loopback(server.port());
  const std::string head = "HEAD " + shop.big() + " HTTP/1.1\r\nHost: h\r\n\r\n";
  const std::string last = "GET /v2/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
  CHECK(socket.send(std::string(ping) + head + ping + last));
  const std::string answers = read_to_end(socket);
  CHECK(count(answers, "HTTP/1.1 200 OK\r\n") == 4);
  CHECK(count(answers, "Connection: close") == 1);
  CHECK(server.stop().connections == 1);
}

TEST_CASE("a body is never taken for the next request") {
  shop shop;
  running_server server(shop.content);
  const std::string hidden = "GET /v2/_catalog HTTP/1.1\r\nHost: h\r\n\r\n";
  for (const std::string& text :
       {"POST /v2/team/app/blobs/uploads/ HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(hidden.size()) + "\r\n\r\n" + hidden,
        "GET /v2/ HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(hidden.size()) + "\r\n\r\n" + hidden,
        "PUT /v2/a/manifests/b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
        "GET /v2/ HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden}) {
    CAPTURE(text);
    socket_handle socket = connect_to_loopback(server.port());
    CHECK(socket.send(text));
    ::shutdown(socket.fd(), SHUT_WR);
    const std::string answers = read_to_end(socket);
    CHECK(count(answers, "HTTP/1.1 ") == 1);
    CHECK(count(answers, "Connection: close") == 1);
    CHECK(answers.find("repositories") == std::string::npos);
  }
}

TEST_CASE("blobs are served whole and in parts") {
  shop shop;
  running_server server(shop.content);
  http_client client(server.port());
  const test_blob& layer = shop.image.layers.back();
  const http_reply whole = client.get(shop.big());
  CHECK(whole.status == 200);
  CHECK(whole.body == layer.bytes);
  CHECK(whole.header("Docker-Content-Digest") == layer.digest);
  CHECK(whole.header("Accept-Ranges") == "bytes");
  const std::string etag = whole.header("ETag");

  const http_reply part = client.get(shop.big(), {{"Range", "bytes=1000000-1000009"}});
  CHECK(part.status == 206);
  CHECK(part.body == layer.bytes.substr(1'000'000, 10));
  CHECK(part.header("Content-Range") == "bytes 1000000-1000009/" + std::to_string(layer.bytes.size()));
  CHECK(client.get(shop.big(), {{"Range", "bytes=1-2"}, {"If-Range", etag}}).status == 206);
  CHECK(client.get(shop.big(), {{"Range", "bytes=1-2"}, {"If-Range", "\"other\""}}).status == 200);
  const http_reply beyond = client.get(shop.big(), {{"Range", "bytes=99999999-"}});
  CHECK(beyond.status == 416);
  CHECK(beyond.header("Content-Range") == "bytes */" + std::to_string(layer.bytes.size()));
  // Without a length the client reads to the end of the connection.
  const http_reply same = client.get(shop.big(), {{"If-None-Match", etag}, {"Connection", "close"}});
  CHECK(same.status == 304);
  CHECK(same.body.empty());
  CHECK(client.head(shop.big()).status == 200);
}

TEST_CASE("a thousand overlapping ranges cost no more than the blob") {
  shop shop;
  running_server server(shop.content);
  std::string ranges = "bytes=0-";
  for (int i = 0; i < 1000; ++i) ranges += ",0-";
  const http_reply reply = http_client(server.port()).get(shop.big(), {{"Range", ranges}});
  CHECK(reply.status == 200);
  CHECK(reply.body.size() == shop.image.layers.back().bytes.size());
}

TEST_CASE("a request that trickles in is cut at its deadline") {
  shop shop;
  gantry::serve_limits limits;
  limits.head = 300ms;
  running_server server(shop.content, limits);
  socket_handle slow = connect_to_loopback(server.port());
  // Each byte comes in good time; the whole does not.
  bool open = true;
  for (int i = 0; i < 200 && open; ++i) {
    open = slow.send("G") && slow.receive(1, 20ms).empty();
    char byte = 0;
    open = open && !(::recv(slow.fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0);
  }
  CHECK_FALSE(open);
  CHECK(http_client(server.port()).get("/v2/").status == 200);
}

TEST_CASE("a client that takes nothing is cut, others go on") {
  shop shop;
  image_recipe recipe;
  recipe.layers = {40'000'000};
  recipe.seed = 7;
  const test_image big = build_image(recipe);
  shop.content.put(big);
  shop.content.name("docker.io/team/big:1.0", big.manifest, {filled_store::descriptor_of(big.manifest)});
  gantry::serve_limits limits;
  limits.stall = 300ms;
  running_server server(shop.content, limits);
  std::vector<socket_handle> lazy;
  for (int i = 0; i < 8; ++i) {
    lazy.push_back(connect_to_loopback(server.port()));
    CHECK(lazy.back().send("GET /v2/team/big/blobs/" + big.layers.front().digest + " HTTP/1.1\r\nHost: h\r\n\r\n"));
  }
  CHECK(http_client(server.port()).get(shop.big()).body.size() == shop.image.layers.back().bytes.size());
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  std::size_t cut = 0;
  while (cut < lazy.size() && std::chrono::steady_clock::now() < deadline) {
    cut = 0;
    for (const auto& entry : server.log()) cut += entry.complete ? 0 : 1;
    std::this_thread::sleep_for(20ms);
  }
  CHECK(cut == lazy.size());
}

TEST_CASE("the longest idle connections make room for those who ask") {
  shop shop;
  gantry::serve_limits limits;
  limits.connections = 100;
  running_server server(shop.content, limits);
  std::vector<socket_handle> idle;
  for (int i = 0; i < 400; ++i) idle.push_back(connect_to_loopback(server.port()));
  http_client client(server.port());
  CHECK(client.get("/v2/").status == 200);
  CHECK(client.get(shop.big()).complete);
  idle.clear();
  CHECK(http_client(server.port()).get("/v2/").status == 200);
}

namespace {

/// An image that takes longer to send than what the system's buffers hold, now in the shop.
test_image large_image_of(shop& shop) {
  image_recipe recipe;
  recipe.layers = {40'000'000};
  test_image big = build_image(recipe);
  shop.content.put(big);
  shop.content.name("docker.io/team/big:1.0", big.manifest, {filled_store::descriptor_of(big.manifest)});
  return big;
}

}  // namespace

TEST_CASE("a graceful stop closes who waits and finishes who is served") {
  shop shop;
  const test_image big = large_image_of(shop);
  running_server server(shop.content);
  socket_handle waiting = connect_to_loopback(server.port());
  CHECK(waiting.send(ping));
  CHECK_FALSE(waiting.receive(1000).empty());
  socket_handle busy = connect_to_loopback(server.port());
  CHECK(busy.send("GET /v2/team/big/blobs/" + big.layers.front().digest + " HTTP/1.1\r\nHost: h\r\n\r\n"));
  std::string got = busy.receive(1000);
  CHECK(got.starts_with("HTTP/1.1 200 OK"));
  server.begin_stop();
  read_to_end(waiting);
  got += read_to_end(busy);
  CHECK(got.size() > big.layers.front().bytes.size());
  CHECK(got.ends_with(big.layers.front().bytes.substr(big.layers.front().bytes.size() - 100)));
  CHECK(server.stop().cut == 0);
}

TEST_CASE("a graceful stop has an end") {
  shop shop;
  const test_image big = large_image_of(shop);
  gantry::serve_limits limits;
  limits.graceful = 200ms;
  running_server server(shop.content, limits);
  socket_handle lazy = connect_to_loopback(server.port());
  CHECK(lazy.send("GET /v2/team/big/blobs/" + big.layers.front().digest + " HTTP/1.1\r\nHost: h\r\n\r\n"));
  CHECK_FALSE(lazy.receive(100).empty());
  CHECK(server.stop().cut == 1);
}

TEST_CASE("the log tells who asked for what, and hides what a query may hold") {
  shop shop;
  running_server server(shop.content);
  http_client client(server.port());
  client.get("/v2/?token=hush");
  client.get("/v2/team/app/manifests/1.0");
  server.stop();
  const auto log = server.log();
  REQUIRE(log.size() == 2);
  CHECK(log[0].target.find("hush") == std::string::npos);
  CHECK(log[1].method == "GET");
  CHECK(log[1].status == 200);
  CHECK(log[1].bytes == shop.image.manifest.bytes.size());
  CHECK(log[1].complete);
}
