#include "http/message.hpp"

#include <fmt/format.h>
#include "http/grammar.hpp"

#include <boost/beast/http/status.hpp>

#include <algorithm>
#include <charconv>
#include <optional>

namespace gantry::http {
namespace {

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// What a field may hold; blanks around it would not arrive.
bool is_field_value(std::string_view text) { return is_field_text(text) && trim(text).size() == text.size(); }

bool is_target(std::string_view text) {
  return !text.empty() && text.front() == '/' && std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte < 0x7f && c != '#';
  });
}

bool wants_length(method verb) { return verb == method::post || verb == method::put || verb == method::patch; }

}  // namespace

std::string_view to_string(method verb) noexcept {
  switch (verb) {
    case method::get:
      return "GET";
    case method::head:
      return "HEAD";
    case method::post:
      return "POST";
    case method::put:
      return "PUT";
    case method::patch:
      return "PATCH";
    case method::delete_:
      return "DELETE";
  }
  return "GET";
}

bool iequals(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

void request::set(std::string_view name, std::string value) {
  for (header& field : headers) {
    if (!iequals(field.name, name)) continue;
    field.value = std::move(value);
    return;
  }
  headers.push_back(header{std::string(name), std::move(value)});
}

void request::erase(std::string_view name) {
  std::erase_if(headers, [&](const header& field) { return iequals(field.name, name); });
}

const std::string* request::find(std::string_view name) const {
  const auto found = std::find_if(headers.begin(), headers.end(), [&](const header& field) { return iequals(field.name, name); });
  return found == headers.end() ? nullptr : &found->value;
}

namespace {

result<std::string> serialize(const request& message, const std::string& before_target, std::string_view proxy_authorization) {
  if (!is_target(message.target.target)) {
    return failure(errc::internal_error,
                   fmt::format("a request to {} was not sent: its target holds characters that no request line may hold",
                               message.target.origin.string()));
  }
  std::string text = fmt::format("{} {}{} HTTP/1.1\r\nHost: {}\r\n", to_string(message.verb), before_target, message.target.target,
                                 message.target.origin.host_header());
  if (!proxy_authorization.empty()) text += fmt::format("Proxy-Authorization: {}\r\n", proxy_authorization);
  for (const header& field : message.headers) {
    const bool ours = iequals(field.name, "Host") || iequals(field.name, "Content-Length") || iequals(field.name, "Transfer-Encoding") ||
                      iequals(field.name, "Proxy-Authorization");
    if (ours || !is_token(field.name) || !is_field_value(field.value)) {
      return failure(errc::internal_error, fmt::format("a request to {} was not sent: its field {} is one that it may not hold",
                                                       message.target.origin.string(), is_token(field.name) ? field.name : "name"));
    }
    text += fmt::format("{}: {}\r\n", field.name, field.value);
  }
  if (message.find("User-Agent") == nullptr) text += "User-Agent: gantry\r\n";
  if (message.find("Accept") == nullptr) text += "Accept: */*\r\n";
  const std::uint64_t size = message.body.empty() ? message.body_size : message.body.size();
  if (size == size_unknown) {
    text += "Transfer-Encoding: chunked\r\n";
  } else if (size > 0 || wants_length(message.verb)) {
    text += fmt::format("Content-Length: {}\r\n", size);
  }
  text += "\r\n";
  text += message.body;
  return text;
}

}  // namespace

result<std::string> serialize(const request& message) { return serialize(message, {}, {}); }

result<std::string> serialize_for_proxy(const request& message, std::string_view authorization) {
  return serialize(message, message.target.origin.string(), authorization);
}

const std::string* response_head::find(std::string_view name) const {
  const auto found = std::find_if(headers.begin(), headers.end(), [&](const header& field) { return iequals(field.name, name); });
  return found == headers.end() ? nullptr : &found->value;
}

std::vector<std::string_view> response_head::all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const header& field : headers) {
    if (iequals(field.name, name)) values.push_back(field.value);
  }
  return values;
}

std::string describe_status(unsigned status) {
  namespace beast = boost::beast::http;
  const auto known = beast::int_to_status(status);
  if (known == beast::status::unknown) return std::to_string(status);
  const auto reason = beast::obsolete_reason(known);
  return fmt::format("{} {}", status, std::string_view(reason.data(), reason.size()));
}

result<std::uint64_t> parse_content_length(const std::vector<std::string_view>& values) {
  std::optional<std::uint64_t> length;
  for (std::string_view list : values) {
    for (bool more = true; more;) {
      const std::size_t comma = list.find(',');
      const std::string_view item = trim(list.substr(0, comma));
      more = comma != std::string_view::npos;
      if (more) list.remove_prefix(comma + 1);

      std::uint64_t value = 0;
      const char* const end = item.data() + item.size();
      const auto [stop, ec] = std::from_chars(item.data(), end, value);
      if (item.empty() || stop != end || ec != std::errc()) {
        return failure(errc::protocol_error, "the answer has a Content-Length that is no number");
      }
      if (length.has_value() && *length != value) return failure(errc::protocol_error, "the answer has two Content-Lengths that differ");
      length = value;
    }
  }
  if (!length.has_value()) return failure(errc::protocol_error, "the answer has no Content-Length");
  return *length;
}

}  // namespace gantry::http
