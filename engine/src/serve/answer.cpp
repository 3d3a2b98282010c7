#include "serve/answer.hpp"

#include "base/redact.hpp"
#include "http/grammar.hpp"
#include "model/json_writer.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <type_traits>

namespace gantry::serve {

std::string_view answer::header(std::string_view name) const {
  for (const http::header& field : headers) {
    if (http::iequals(field.name, name)) return field.value;
  }
  return {};
}

std::uint64_t answer::length() const {
  return std::visit(
      [](const auto& part) -> std::uint64_t {
        if constexpr (std::is_same_v<std::decay_t<decltype(part)>, std::string>) {
          return part.size();
        } else {
          return part.length;
        }
      },
      body);
}

answer error_answer(unsigned status, std::string_view code, std::string_view message) {
  model::json_writer out;
  out.begin_object().key("errors").begin_array().begin_object();
  out.member("code", code).member("message", message);
  out.end_object().end_array().end_object();
  answer value = json_answer(out.take() + "\n");
  value.status = status;
  return value;
}

answer unknown_name(std::string_view name) {
  return error_answer(404, "NAME_UNKNOWN", fmt::format("the repository {} is not here", clean_text(name, 256)));
}

answer json_answer(std::string body, std::string_view media_type) {
  answer value;
  value.add("Content-Type", std::string(media_type));
  value.body = std::move(body);
  return value;
}

std::string serialize_head(const answer& value, bool keep_alive, std::string_view date) {
  std::string text = fmt::format("HTTP/1.1 {}\r\nDate: {}\r\nServer: gantry\r\nDocker-Distribution-Api-Version: registry/2.0\r\n",
                                 http::describe_status(value.status), date);
  text += "X-Content-Type-Options: nosniff\r\n";
  for (const http::header& field : value.headers) {
    if (http::is_token(field.name) && http::is_field_text(field.value)) text += fmt::format("{}: {}\r\n", field.name, field.value);
  }
  if (value.status != 304) text += fmt::format("Content-Length: {}\r\n", value.length());
  if (!keep_alive) text += "Connection: close\r\n";
  return text + "\r\n";
}

std::string http_date(std::int64_t seconds_since_epoch) {
  return fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", fmt::gmtime(static_cast<std::time_t>(seconds_since_epoch)));
}

}  // namespace gantry::serve
