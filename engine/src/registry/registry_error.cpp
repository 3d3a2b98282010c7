#include "registry/registry_error.hpp"

#include "base/redact.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>

namespace gantry::registry {
namespace {

constexpr std::size_t code_limit = 64;
constexpr std::size_t text_limit = 256;
constexpr std::size_t message_limit = 512;
constexpr std::size_t errors_limit = 8;

std::string text_of(const boost::json::object& object, std::string_view key, std::size_t limit = text_limit) {
  const boost::json::value* const value = object.if_contains(key);
  const boost::json::string* const text = value == nullptr ? nullptr : value->if_string();
  return text == nullptr ? std::string() : clean_text(std::string_view(text->data(), text->size()), limit);
}

std::string joined(std::string left, std::string_view separator, std::string_view right) {
  if (!left.empty() && !right.empty()) left += separator;
  return left += right;
}

void read_entry(const boost::json::object& entry, registry_error& into) {
  std::string code = text_of(entry, "code", code_limit);
  const std::string said = joined(text_of(entry, "message"), "; ", text_of(entry, "detail"));
  into.message = joined(std::move(into.message), "; ", joined(code, ": ", said));
  if (!code.empty()) into.codes.push_back(std::move(code));
}

void read_object(const boost::json::object& object, registry_error& into) {
  const boost::json::value* const errors = object.if_contains("errors");
  if (const boost::json::array* const list = errors == nullptr ? nullptr : errors->if_array()) {
    for (const boost::json::value& value : *list) {
      if (into.codes.size() >= errors_limit) break;
      if (const boost::json::object* const entry = value.if_object()) read_entry(*entry, into);
    }
  }
  if (!into.message.empty()) return;
  // OAuth2 token services, then what single registries write instead of the specified list.
  into.message = joined(text_of(object, "error", code_limit), ": ", text_of(object, "error_description"));
  for (const std::string_view key : {"details", "message", "detail", "title"}) {
    if (into.message.empty()) into.message = text_of(object, key);
  }
}

bool looks_like_markup(std::string_view body) {
  const std::size_t start = body.find_first_not_of(" \t\r\n");
  return start != std::string_view::npos && (body[start] == '<' || body[start] == '{' || body[start] == '[');
}

/// Text for people is short and has hardly anything in it that must be cleaned away.
bool looks_like_text(std::string_view body) {
  return body.size() <= 4096 && std::none_of(body.begin(), body.end(), [](char c) {
           const auto byte = static_cast<unsigned char>(c);
           return (byte < 0x20 && c != '\t' && c != '\r' && c != '\n') || byte == 0x7f;
         });
}

}  // namespace

bool registry_error::has(std::string_view code) const noexcept { return std::find(codes.begin(), codes.end(), code) != codes.end(); }

registry_error parse_registry_error(std::string_view body) {
  registry_error said;
  if (body.size() > error_body_limit) return said;
  // A document tree is harmless at this size, and duplicate keys are: whatever is read is only shown or compared with known codes.
  boost::system::error_code ec;
  const boost::json::value document = boost::json::parse(boost::json::string_view(body.data(), body.size()), ec);
  if (!ec) {
    if (const boost::json::object* const object = document.if_object()) read_object(*object, said);
  } else if (!looks_like_markup(body) && looks_like_text(body)) {
    said.message = clean_text(body, text_limit);
  }
  if (said.message.size() > message_limit) said.message = clean_text(said.message, message_limit);
  return said;
}

}  // namespace gantry::registry
