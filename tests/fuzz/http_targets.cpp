// What servers and proxies say below the registry's own words.

#include "fuzz/targets.hpp"
#include "http/chunked.hpp"
#include "http/content_range.hpp"
#include "http/head_parser.hpp"
#include "http/redirect.hpp"
#include "http/retry_after.hpp"
#include "http/url.hpp"
#include "http/warning.hpp"
#include "net/connect_answer.hpp"
#include "net/socks5.hpp"
#include "registry/listing.hpp"
#include "serve/answer.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

namespace gantry::fuzz {
namespace {

/// The answer to a request, whole and byte by byte.
void read_head(std::string_view text) {
  http::head_parser whole(http::method::get);
  const auto taken = whole.feed(bytes_of(text));
  http::head_parser pieces(http::method::get);
  bool refused = false;
  std::size_t used = 0;
  for (; used < text.size() && !pieces.done() && !refused; ++used) refused = !pieces.feed(bytes_of(text.substr(used, 1)));
  expect(refused == !taken, "a head is refused in pieces as in one");
  expect(refused || pieces.done() == whole.done(), "a head ends in pieces where it ends in one");
  if (taken && whole.done()) expect(used == *taken, "a head has one length");
}

void read_chunked(std::string_view text) {
  const auto decode = [&](std::size_t in_step, std::size_t out_step, std::string& body) {
    http::chunked_decoder decoder;
    std::vector<std::byte> out(out_step);
    std::size_t at = 0;
    while (at < text.size() && !decoder.done()) {
      const auto step = decoder.decode(bytes_of(text.substr(at, in_step)), out);
      if (!step) return false;
      expect(step->consumed != 0 || step->produced != 0, "a decoder goes on");
      body.append(reinterpret_cast<const char*>(out.data()), step->produced);
      at += step->consumed;
    }
    return true;
  };
  std::string whole;
  std::string pieces;
  const bool a = decode(text.size(), 4096, whole);
  const bool b = decode(1, 7, pieces);
  expect(a == b && (!a || whole == pieces), "a chunked body is the same in pieces");
}

void read_content_range(std::string_view text) {
  const auto found = http::parse_content_range({text});
  if (found)
    expect(found->range.first <= found->range.last && (!found->total || found->range.last < *found->total), "a range is inside its total");
}

void read_link(std::string_view text) {
  const auto asked = http::url::parse("https://registry.example/v2/a/tags/list");
  http::response_head answer;
  answer.headers.push_back({"Link", std::string(text)});
  const auto next = http::next_page(*asked, answer);
  if (next && *next) expect((*next)->origin == asked->origin, "a list goes on where it began");
}

void read_url(std::string_view text) {
  const auto absolute = http::url::parse(text);
  if (absolute) {
    const auto again = http::url::parse(absolute->string());
    expect(again && *again == *absolute, "a URL is read back from what it is printed as");
    for (const char c : absolute->target) expect(c > ' ' && c != '\x7f', "no blank or control character is in a target");
  }
  const auto base = http::url::parse("https://registry.example/v2/a/blobs/uploads/1?state=x");
  (void)http::url::resolve(*base, text);
}

void read_connect(std::string_view text) {
  net::connect_answer answer;
  (void)answer.feed(bytes_of(text));
  expect(is_shown_safely(answer.offered()), "what a proxy offers can be shown");
}

/// What a SOCKS5 proxy answers; an odd first byte stands for a proxy that was given a user name and password.
void read_socks5(std::string_view text) {
  const bool known = !text.empty() && (text.front() & 1) != 0;
  if (!text.empty()) text.remove_prefix(1);
  const auto feed = [&](std::size_t step, std::size_t& used) {
    net::socks5_client client("registry.example", 443, known ? "me" : "", known ? "secret" : "");
    std::string sent = client.take_output();
    for (used = 0; used < text.size() && !client.done();) {
      const std::size_t wanted = client.wanted();
      expect(wanted != 0 && wanted <= 262, "until the way is open the proxy has to say something, and never much");
      const std::string_view given = text.substr(used, std::min(step, wanted));
      used += given.size();
      const auto taken = client.feed(bytes_of(given));
      sent += client.take_output();
      if (!taken) return sent + taken.error().text.message();
    }
    return sent + (client.done() ? " open" : " waits");
  };
  std::size_t at_once = 0;
  std::size_t in_pieces = 0;
  const std::string whole = feed(text.size(), at_once);
  expect(whole == feed(1, in_pieces) && at_once == in_pieces, "a proxy is understood in pieces as at once, and to the same byte");
}

void read_retry_after(std::string_view text) {
  using namespace std::chrono;
  const system_clock::time_point now(seconds(1'780'000'000));
  // A leap second may lead into a year that is none any more.
  const auto date = http::parse_http_date(text, now);
  if (date && *date < sys_days(year(2262) / 1 / 1)) {
    const auto since = floor<seconds>(date->time_since_epoch());
    expect(http::parse_http_date(serve::http_date(since.count()), now) == date, "a date is read back from what it is printed as");
  }
  if (const auto wait = http::parse_retry_after(text, now)) {
    expect(*wait > seconds(0) && *wait <= hours(24 * 365), "a wait is one, and of a year at most");
    expect(is_shown_safely(http::describe_wait(*wait, now)), "a wait can be shown");
  }
}

void read_warning(std::string_view text) {
  const auto said = http::parse_warning(text);
  expect(!said || (said->size() <= text.size() && said->find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos),
         "a warning is one line of what the server sent");
}

constexpr target all[] = {
    {"head", read_head},
    {"chunked", read_chunked},
    {"content_range", read_content_range},
    {"link", read_link},
    {"url", read_url},
    {"connect", read_connect},
    {"socks5", read_socks5},
    {"retry_after", read_retry_after},
    {"warning", read_warning},
};

}  // namespace

std::span<const target> http_targets() noexcept { return all; }

}  // namespace gantry::fuzz
