#include "contacts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <variant>

namespace gantry::app {
namespace {

/// `GET https://host 200` of `GET https://host/v2/team/app/manifests/1.0 -> 200 OK`; other lines are what they say.
std::string kind_of(std::string_view line) {
  const std::size_t scheme = line.find("://");
  const std::size_t answer = line.rfind(" -> ");
  if (scheme == std::string_view::npos || answer == std::string_view::npos || answer < scheme) return std::string(line);
  const std::size_t path = line.find('/', scheme + 3);
  const std::string_view status = line.substr(answer + 4);
  return fmt::format("{} {}", line.substr(0, std::min(path, answer)), status.substr(0, status.find(' ')));
}

}  // namespace

bool contacts::is_first(const std::string& line) { return seen_.insert(kind_of(line)).second; }

std::optional<std::string> contacts::describe(const gantry::event& what) {
  const auto* const over = std::get_if<segment_finished>(&what);
  if (over == nullptr || over->host.empty() || over->received == 0) return std::nullopt;
  const bool sent = over->kind == segment_kind::upload;
  std::string words = fmt::format("blobs {} {}{}", sent ? "go to" : "come from", over->mirror ? "the mirror " : "", over->host);
  if (!seen_.insert(words).second) return std::nullopt;
  return words;
}

}  // namespace gantry::app
