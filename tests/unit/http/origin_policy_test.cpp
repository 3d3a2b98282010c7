#include "http/origin_policy.hpp"

#include "http/redirect.hpp"
#include "support/catch.hpp"
#include "support/vectors.hpp"

#include <string>

using namespace gantry::http;

namespace {

/// PORT1 stands for any port in rows that were recorded from a running server.
std::string with_port(std::string text) {
  for (std::size_t at = text.find("PORT1"); at != std::string::npos; at = text.find("PORT1")) text.replace(at, 5, "5000");
  return text;
}

origin origin_of(std::string_view absolute) { return url::parse(absolute).value().origin; }

/// Who sent the URL: an https registry unless the row says otherwise.
origin sender(const gantry::test::vector_row& row) {
  for (const char* key : {"registry_url", "from", "request_url"}) {
    if (const std::string text = with_port(row.in(key)); !text.empty()) return origin_of(text);
  }
  std::string host = row.in("registry_host");
  if (host.empty()) host = row.in("from_host");
  if (host.empty()) host = "registry.example.com";
  const bool clear = row.in("registry_is_http") == "true" || row.in("url").starts_with("http://" + host);
  return endpoint_of(host, clear ? "http" : "https").value();
}

url_channel channel_of(std::string_view name) {
  if (name.starts_with("foreign")) return url_channel::foreign_layer;
  if (name.starts_with("upload")) return url_channel::upload_location;
  if (name.starts_with("Link")) return url_channel::pagination;
  if (name.find("realm") != std::string_view::npos) return url_channel::token_realm;
  return url_channel::redirect;
}

bool allowed(url_channel channel, std::string_view from, std::string_view to) {
  return allow(channel, origin_of(from), url::parse(to).value()).has_value();
}

}  // namespace

TEST_CASE("vectors: realm_policy", "[vectors]") {
  gantry::test::for_each_row("realm_policy", [](const gantry::test::vector_row& row) {
    const auto target = url::parse(with_port(row.in("realm") + row.in("to")));
    for (const url_channel channel : {url_channel::token_realm, url_channel::token_redirect}) {
      const bool accepted = target && allow(channel, sender(row), *target);
      CHECK(accepted != row.out_true("rejected"));
    }
  });
}

TEST_CASE("vectors: server_supplied_urls", "[vectors]") {
  gantry::test::for_each_row("server_supplied_urls", [](const gantry::test::vector_row& row) {
    const url_channel channel = channel_of(row.in("channel"));
    const origin from = sender(row);
    if (channel == url_channel::pagination) {
      response_head head;
      head.headers = {{"Link", row.in("header")}};
      const auto next = next_page(url::parse(row.in("request_url")).value(), head);
      if (const std::string wanted = row.out("resolved"); !wanted.empty()) {
        CHECK((next && *next && (*next)->string() == wanted));
      } else if (row.out_true("rejected")) {
        CHECK_FALSE(next.has_value());
      } else {
        CHECK_FALSE((next && *next));
      }
      return;
    }
    const auto target = url::resolve({from, "/v2/"}, row.in("url"));
    const bool accepted = target && allow(channel, from, *target);
    if (const std::string wanted = row.out("resolved"); !wanted.empty()) {
      CHECK((accepted && target->string() == wanted));
    } else if (accepted && !row.out("or").empty()) {
      CHECK_FALSE(survives_redirect("Authorization", from, target->origin));
    } else {
      CHECK(accepted != row.out_true("rejected"));
    }
  });
}

TEST_CASE("vectors: redirect_credentials", "[vectors]") {
  gantry::test::for_each_row("redirect_credentials", [](const gantry::test::vector_row& row) {
    const auto from = url::parse(row.in("from"));
    const auto to = url::parse(row.in("to"));
    CHECK(from.has_value());
    if (!from) return;
    // A target that is no URL for us is never asked.
    const bool copied = to && survives_redirect(row.in("header"), from->origin, to->origin);
    CHECK(copied == row.out_true("same_origin_rule_copies_header"));
  });
}

TEST_CASE("a redirect never leads from https to http") {
  CHECK_FALSE(allowed(url_channel::redirect, "https://registry.example", "http://registry.example/x"));
  CHECK_FALSE(allowed(url_channel::redirect, "https://registry.example", "http://cdn.example/x"));
  CHECK(allowed(url_channel::redirect, "http://registry.example", "https://cdn.example/x"));
  CHECK(allowed(url_channel::redirect, "http://registry.example", "http://cdn.example/x"));
}

TEST_CASE("a registry on this machine may point to other ports of it under all its names") {
  for (const url_channel channel : {url_channel::redirect, url_channel::token_realm, url_channel::token_redirect,
                                    url_channel::upload_location, url_channel::foreign_layer}) {
    CHECK(allowed(channel, "http://127.0.0.1:5000", "http://127.0.0.1:5001/x"));
    CHECK(allowed(channel, "http://localhost:5000", "http://127.0.0.1:5001/x"));
    CHECK(allowed(channel, "http://[::1]:5000", "http://localhost:5001/x"));
    CHECK_FALSE(allowed(channel, "http://127.0.0.1:5000", "http://127.0.0.2:5001/x"));
    CHECK_FALSE(allowed(channel, "http://registry.example", "http://127.0.0.1/x"));
    CHECK_FALSE(allowed(channel, "http://10.0.0.1", "http://10.0.0.2/x"));
    CHECK(allowed(channel, "https://10.0.0.1", "https://10.0.0.1:8443/x"));
  }
}

TEST_CASE("credentials go in clear text to the registry's own host alone") {
  CHECK(allowed(url_channel::token_realm, "http://registry.example:5000", "http://registry.example:5001/token"));
  CHECK_FALSE(allowed(url_channel::token_realm, "http://registry.example:5000", "http://auth.example/token"));
  CHECK_FALSE(allowed(url_channel::token_redirect, "http://registry.example:5000", "http://auth.example/token"));
  CHECK(allowed(url_channel::token_realm, "http://registry.example:5000", "https://auth.example/token"));
}

TEST_CASE("lists are continued at their own origin alone") {
  CHECK(allowed(url_channel::pagination, "https://registry.example", "https://registry.example/v2/_catalog?last=a"));
  CHECK_FALSE(allowed(url_channel::pagination, "https://registry.example", "https://registry.example:8443/v2/_catalog?last=a"));
  CHECK_FALSE(allowed(url_channel::pagination, "http://registry.example", "https://registry.example/v2/_catalog?last=a"));
}

TEST_CASE("a refusal names the URL without its query") {
  const auto refused =
      allow(url_channel::redirect, origin_of("https://registry.example"), url::parse("http://10.0.0.1/x?sig=hunter2").value());
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == gantry::errc::redirect_refused);
  const std::string text = refused.error().text.message();
  CHECK(text.find("http://10.0.0.1/x") != std::string::npos);
  CHECK(text.find("registry.example") != std::string::npos);
  CHECK(text.find("hunter2") == std::string::npos);
}
