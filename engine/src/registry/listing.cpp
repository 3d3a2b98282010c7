#include "registry/listing.hpp"

#include "http/redirect.hpp"
#include "model/json.hpp"
#include "model/manifest.hpp"
#include "model/reference_grammar.hpp"

#include <fmt/format.h>

#include <functional>
#include <utility>

namespace gantry::registry {
namespace {

// What the registries cap a page at, or below.
constexpr unsigned page_size = 1000;

result<std::vector<std::string>> parse_names(std::string_view body, const char* member, bool (*is_valid)(std::string_view),
                                             std::string_view what) {
  std::vector<std::string> names;
  const auto take = [&](std::string_view name) -> model::json::check {
    if (is_valid(name)) names.emplace_back(name);
    return {};
  };
  const model::json::shape element = model::json::string(take);
  const model::json::shape top =
      model::json::object({{member, model::json::array(element, {}, listing_limit), model::json::need::present}});
  if (auto read = model::json::read(body, top, what); !read) return read.error();
  return names;
}

task<result<page>> fetch_page(registry_client& from, api_call asking, std::string what,
                              result<std::vector<std::string>> (*parse)(std::string_view, std::string_view), runtime::stop_source& stop) {
  const std::string registry = asking.registry;
  const std::string repository = asking.repository;
  http::url asked;
  auto sending = co_await from.call(std::move(asking), stop, &asked);
  if (!sending) co_return sending.error();
  http::exchange reply = std::move(*sending);
  if (reply.head().status != 200) co_return co_await from.refusal(registry, repository, what, std::move(reply));
  const auto next = http::next_page(asked, reply.head());
  if (!next) co_return next.error();
  const result<std::string> body = co_await reply.read_all(model::document_limit);
  if (!body) co_return body.error();
  auto names = parse(*body, what);
  if (!names) co_return names.error();
  page found;
  found.names = std::move(*names);
  if (*next) found.next = (*next)->target;
  if (found.next == asked.target) {
    co_return failure(errc::protocol_error, fmt::format("{}: the registry names a page as its own next page", what));
  }
  co_return found;
}

}  // namespace

result<std::vector<std::string>> parse_tag_page(std::string_view body, std::string_view what) {
  return parse_names(body, "tags", model::is_tag, what);
}

result<std::vector<std::string>> parse_repository_page(std::string_view body, std::string_view what) {
  return parse_names(body, "repositories", model::is_repository, what);
}

task<result<page>> list_tags(registry_client& from, std::string registry, std::string repository, std::string target,
                             runtime::stop_source& stop) {
  api_call asking;
  asking.registry = registry;
  asking.repository = repository;
  if (target.empty()) asking.path = fmt::format("tags/list?n={}", page_size);
  asking.message.target.target = std::move(target);
  co_return co_await fetch_page(from, std::move(asking), fmt::format("the tags of {}/{}", registry, repository), parse_tag_page, stop);
}

task<result<page>> list_repositories(registry_client& from, std::string registry, std::string target, runtime::stop_source& stop) {
  api_call asking;
  asking.registry = registry;
  asking.scope = "registry:catalog:*";
  asking.message.target.target = target.empty() ? fmt::format("/v2/_catalog?n={}", page_size) : std::move(target);
  co_return co_await fetch_page(from, std::move(asking), fmt::format("the repositories of {}", registry), parse_repository_page, stop);
}

}  // namespace gantry::registry
