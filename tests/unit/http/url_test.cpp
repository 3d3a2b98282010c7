#include "http/url.hpp"

#include "support/catch.hpp"
#include "support/vectors.hpp"

#include <string>

using gantry::http::endpoint_of;
using gantry::http::origin;
using gantry::http::url;

namespace {

std::string parsed(std::string_view text) {
  const auto value = url::parse(text);
  return value ? value->string() : "refused";
}

std::string resolved(std::string_view base, std::string_view reference) {
  const auto value = url::resolve(url::parse(base).value(), reference);
  return value ? value->string() : "refused";
}

}  // namespace

TEST_CASE("vectors: canonical_host_port", "[vectors]") {
  gantry::test::for_each_row("canonical_host_port", [](const gantry::test::vector_row& row) {
    const auto endpoint = endpoint_of(row.in("host"), row.in("scheme"));
    CHECK(endpoint.has_value());
    if (endpoint) CHECK(endpoint->authority() == std::string(row.expected.as_string()));
  });
}

TEST_CASE("vectors: registry_scheme_heuristic", "[vectors]") {
  gantry::test::for_each_row("registry_scheme_heuristic", [](const gantry::test::vector_row& row) {
    const std::string registry(row.input.as_string());
    if (const std::string scheme = row.out("scheme"); !scheme.empty()) {
      CHECK(gantry::http::is_loopback_registry(registry) == (scheme == "http"));
    }
    if (!row.out("rfc1918").empty()) CHECK(gantry::http::is_private_network_registry(registry) == row.out_true("rfc1918"));
  });
}

TEST_CASE("a URL has its default port and a path") {
  const auto value = url::parse("HTTPS://Registry.Example").value();
  CHECK(value.origin == origin{"https", "registry.example", 443});
  CHECK(value.target == "/");
  CHECK(value.origin.host_header() == "registry.example");
  CHECK(value.origin.authority() == "registry.example:443");
}

TEST_CASE("a port is part of the Host header only when it is not the scheme's own") {
  CHECK(url::parse("http://h:80/").value().origin.host_header() == "h");
  CHECK(url::parse("https://h:80/").value().origin.host_header() == "h:80");
  CHECK(url::parse("http://[2001:DB8::1]:5000/").value().origin.host_header() == "[2001:db8::1]:5000");
}

TEST_CASE("path and query are kept as they are sent") {
  CHECK(parsed("https://h/a%2Fb/c?x=%20&y=+&sig=a%2Bb%3D") == "https://h/a%2Fb/c?x=%20&y=+&sig=a%2Bb%3D");
  CHECK(parsed("https://h?q=1") == "https://h/?q=1");
  CHECK(parsed("https://h/x#fragment") == "https://h/x");
}

TEST_CASE("URLs that no request should go to are refused") {
  for (const char* text : {"",
                           "h/x",
                           "//h/x",
                           "ftp://h/x",
                           "file:///etc/passwd",
                           "https://user@h/",
                           "https://user:pass@h/",
                           "https:///x",
                           "https://h:0/",
                           "https://h:65536/",
                           "https://h:x/",
                           "https://h /x",
                           "https://h/x y",
                           "https://h/x\r\nA: b",
                           "https://127.1/",
                           "https://2130706433/",
                           "https://0x7f000001/",
                           "https://0177.0.0.1/",
                           "https://1.2.3.4.5/",
                           "https://8.8.8.8.example.com/",
                           "https://8.8.8.8@h/",
                           "https://[fe80::1%25eth0]/",
                           "https://[v1.x]/",
                           "https://h%2eexample/",
                           "://bad",
                           "https://.example/",
                           "https://a..example/",
                           "https://localhost../",
                           "https://127.0.0.1../"}) {
    CAPTURE(text);
    CHECK(parsed(text) == "refused");
  }
}

TEST_CASE("a refused URL is shown without its secrets") {
  const auto refused = url::parse("https://user:hunter2@h/x?sig=hunter3");
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == gantry::errc::protocol_error);
  CHECK(refused.error().text.message().find("hunter") == std::string::npos);
}

TEST_CASE("the same host in other words is the same origin") {
  CHECK(url::parse("https://Example.COM:443/").value().origin == url::parse("https://example.com/").value().origin);
  CHECK(url::parse("https://example.com./").value().origin == url::parse("https://example.com/").value().origin);
  CHECK(url::parse("http://[0:0:0:0:0:0:0:1]/").value().origin == url::parse("http://[::1]/").value().origin);
  CHECK(url::parse("http://h/").value().origin != url::parse("https://h/").value().origin);
}

TEST_CASE("references are resolved as RFC 3986 says") {
  CHECK(resolved("https://h/v2/a/b?x=1", "/v2/c?y=2") == "https://h/v2/c?y=2");
  CHECK(resolved("https://h/v2/a/b?x=1", "c") == "https://h/v2/a/c");
  CHECK(resolved("https://h/v2/a/b?x=1", "../c") == "https://h/v2/c");
  CHECK(resolved("https://h/v2/a/b?x=1", "?y=2") == "https://h/v2/a/b?y=2");
  CHECK(resolved("https://h/v2/a", "//other:5000/x") == "https://other:5000/x");
  CHECK(resolved("https://h/v2/a", "http://other/x#f") == "http://other/x");
  CHECK(resolved("https://h/v2/a", "javascript:alert(1)") == "refused");
  CHECK(resolved("https://h/v2/a", "https://u:p@other/x") == "refused");
  CHECK(resolved("https://h/v2/a", "/x y") == "refused");
  CHECK(resolved("https://h/v2/a", "//other:x/y") == "refused");
  CHECK(resolved("https://h/v2/a", "//1.2.3.4.example/y") == "refused");
}

TEST_CASE("registries are named by host and port alone") {
  for (const char* name :
       {"", ":5000", "host:port", "host:99999", "host/path", "a:b:c", "[::1", "[::1]x", "[host]:1", "user@host", "127.1"}) {
    CAPTURE(name);
    const auto endpoint = endpoint_of(name, "https");
    REQUIRE_FALSE(endpoint.has_value());
    CHECK(endpoint.error().code == gantry::errc::invalid_reference);
  }
}

TEST_CASE("addresses that are not public are recognised in all their spellings") {
  for (const char* text : {"http://localhost/", "http://a.localhost/", "http://127.0.0.1/", "http://127.9.9.9/", "http://[::1]/",
                           "http://[::ffff:127.0.0.1]/"}) {
    CAPTURE(text);
    CHECK(url::parse(text).value().origin.is_loopback());
    CHECK(url::parse(text).value().origin.is_private());
  }
  for (const char* text :
       {"http://10.0.0.1/", "http://172.31.0.1/", "http://192.168.0.1/", "http://169.254.169.254/", "http://100.64.0.1/", "http://0.0.0.0/",
        "http://224.0.0.1/", "http://255.255.255.255/", "http://[::]/", "http://[fe80::1]/", "http://[fd00:ec2::254]/", "http://[ff02::1]/",
        "http://[::ffff:10.0.0.1]/", "http://[64:ff9b::a00:1]/", "http://[2002:a00:1::]/"}) {
    CAPTURE(text);
    CHECK_FALSE(url::parse(text).value().origin.is_loopback());
    CHECK(url::parse(text).value().origin.is_private());
  }
  for (const char* text :
       {"http://8.8.8.8/", "http://172.32.0.1/", "http://example.com/", "http://[2606:4700::1]/", "http://notlocalhost/"}) {
    CAPTURE(text);
    CHECK_FALSE(url::parse(text).value().origin.is_private());
  }
}
