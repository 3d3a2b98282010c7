#include "config/docker_daemon.hpp"

#include "base/byte_order_mark.hpp"
#include "config/address.hpp"
#include "model/json.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gantry::config {

result<docker_daemon> docker_daemon::parse(std::string_view text, const std::string& name) {
  namespace json = model::json;
  docker_daemon made;
  made.file = name;
  const json::shape top =
      json::object({{"registry-mirrors", json::strings(made.mirrors)}, {"insecure-registries", json::strings(made.insecure)}});
  // An empty file is what a package leaves.
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return made;
  json::position where;
  if (const auto read = json::read(without_byte_order_mark(text), top, name, {}, &where); !read) {
    return failure(errc::invalid_option,
                   fmt::format("{} (line {}); --no-host-config leaves it aside", read.error().text.message(), where.line));
  }
  return made;
}

bool docker_daemon::is_insecure(std::string_view registry) const {
  const auto parts = split_host_and_port(registry);
  const auto address = parts ? as_address(parts->host) : std::nullopt;
  return std::any_of(insecure.begin(), insecure.end(), [&](const std::string& entry) {
    return entry == registry || (address && entry.find('/') != std::string::npos && in_network(entry, *address));
  });
}

}  // namespace gantry::config
