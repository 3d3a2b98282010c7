#include "http/redirect.hpp"

#include "support/catch.hpp"

#include <string>

using namespace gantry::http;

namespace {

request get(std::string_view absolute) {
  request message;
  message.target = url::parse(absolute).value();
  message.set("Authorization", "Bearer abc");
  message.set("Range", "bytes=0-99");
  return message;
}

response_head redirect(unsigned status, std::string location) {
  response_head head;
  head.status = status;
  head.headers = {{"Location", std::move(location)}};
  return head;
}

gantry::error_code refusal(const request& sent, const response_head& answer, unsigned followed = 0) {
  const auto next = follow_redirect(sent, answer, url_channel::redirect, followed);
  return next ? gantry::error_code() : next.error().code;
}

response_head linked(std::string value) {
  response_head head;
  head.headers = {{"Link", std::move(value)}};
  return head;
}

}  // namespace

TEST_CASE("five statuses are redirects") {
  for (unsigned status = 100; status < 600; ++status) {
    const bool wanted = status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
    CHECK(is_redirect(status) == wanted);
  }
}

TEST_CASE("a redirect to another origin loses the credentials and keeps the range") {
  const auto next =
      follow_redirect(get("https://registry.example/v2/a/blobs/x"), redirect(307, "https://cdn.example/b?sig=1"), url_channel::redirect, 0)
          .value();
  CHECK(next.target.string() == "https://cdn.example/b?sig=1");
  CHECK(next.find("Authorization") == nullptr);
  CHECK(*next.find("Range") == "bytes=0-99");
}

TEST_CASE("a field that is meant for one origin stays there") {
  request asked = get("https://registry.example/v2/a/blobs/x");
  asked.headers.push_back({"X-Team", "blue", true});
  const auto away = follow_redirect(asked, redirect(307, "https://cdn.example/b"), url_channel::redirect, 0).value();
  CHECK(away.find("X-Team") == nullptr);
  CHECK(*away.find("Range") == "bytes=0-99");
  CHECK(*follow_redirect(asked, redirect(307, "/b"), url_channel::redirect, 0).value().find("X-Team") == "blue");
}

TEST_CASE("a redirect within its origin keeps the credentials") {
  const auto next =
      follow_redirect(get("https://registry.example/v2/a/blobs/x"), redirect(302, "/other"), url_channel::redirect, 0).value();
  CHECK(next.target.string() == "https://registry.example/other");
  CHECK(*next.find("Authorization") == "Bearer abc");
}

TEST_CASE("methods change as browsers and the standard agreed") {
  request post = get("https://auth.example/token");
  post.verb = method::post;
  post.body = "a=b";
  post.set("Content-Type", "application/x-www-form-urlencoded");
  for (const unsigned status : {301U, 302U, 303U}) {
    const auto next = follow_redirect(post, redirect(status, "/t"), url_channel::token_redirect, 0).value();
    CHECK(next.verb == method::get);
    CHECK(next.body.empty());
    CHECK(next.find("Content-Type") == nullptr);
  }
  for (const unsigned status : {307U, 308U}) {
    const auto next = follow_redirect(post, redirect(status, "/t"), url_channel::token_redirect, 0).value();
    CHECK(next.verb == method::post);
    CHECK(next.body == "a=b");
  }
  request head = get("https://registry.example/");
  head.verb = method::head;
  CHECK(follow_redirect(head, redirect(303, "/t"), url_channel::redirect, 0).value().verb == method::head);
}

TEST_CASE("redirects end after ten") {
  const request sent = get("https://registry.example/");
  CHECK_FALSE(refusal(sent, redirect(302, "/next"), 9));
  CHECK(refusal(sent, redirect(302, "/next"), 10) == gantry::errc::redirect_refused);
}

TEST_CASE("redirects without one usable Location are refused") {
  const request sent = get("https://registry.example/");
  response_head twice = redirect(302, "/a");
  twice.headers.push_back({"Location", "/b"});
  response_head none;
  none.status = 302;
  CHECK(refusal(sent, none) == gantry::errc::redirect_refused);
  CHECK(refusal(sent, twice) == gantry::errc::redirect_refused);
  CHECK(refusal(sent, redirect(302, "ftp://x/")) == gantry::errc::redirect_refused);
  CHECK(refusal(sent, redirect(302, "https://u:p@x/")) == gantry::errc::redirect_refused);
  CHECK(refusal(sent, redirect(302, "http://169.254.169.254/")) == gantry::errc::redirect_refused);
}

TEST_CASE("the next page is the link of that relation") {
  const url asked = url::parse("https://registry.example/v2/_catalog").value();
  const auto page = [&](std::string value) {
    const auto next = next_page(asked, linked(std::move(value)));
    return !next ? "refused" : *next ? (*next)->target : "none";
  };
  CHECK(page("</v2/_catalog?last=a&n=1>; rel=\"next\"") == "/v2/_catalog?last=a&n=1");
  CHECK(page("</v2/_catalog?last=a>") == "/v2/_catalog?last=a");
  CHECK(page("</a>; rel=prev, </b>; title=\"x, y\"; rel=\"last next\"") == "/b");
  CHECK(page("</a>; rel=prev") == "none");
  CHECK(page("") == "none");
  CHECK(page("</a>; rel=\"next") == "refused");
  CHECK(page("</a") == "refused");
  CHECK(page("/a>") == "refused");
  CHECK(page("<//other.example/a>; rel=next") == "refused");
  CHECK_FALSE(next_page(asked, response_head()).value().has_value());
}
