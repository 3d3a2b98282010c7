#include "registry/listing.hpp"

#include "http/redirect.hpp"
#include "model/json.hpp"
#include "model/manifest.hpp"
#include "model/reference_grammar.hpp"
#include "registry/ask_sites.hpp"

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
  const model::json::shape list = model::json::array(element, {}, listing_limit);
  const model::json::shape top = model::json::object({{member, list, model::json::need::present}});
  if (auto read = model::json::read(body, top, what); !read) {
    // Some leave an empty list out; the name of the repository then tells that it is one.
    names.clear();
    std::string name;
    const model::json::shape bare = model::json::object({{member, list}, {"name", model::json::string(name), model::json::need::required}});
    if (model::json::read(body, bare, what)) return names;
    // Nothing that a digest was wrong for: whoever answered is no registry, or has no such list.
    return failure(errc::protocol_error, read.error().text.message());
  }
  return names;
}

using page_parser = result<std::vector<std::string>> (*)(std::string_view, std::string_view);

/// What an answer to a question for a page holds. \param asked the URL that was answered
task<result<page>> read_page(http::exchange reply, http::url asked, std::string what, page_parser parse) {
  const auto next = http::next_page(asked, reply.head());
  if (!next) co_return next.error();
  const result<std::string> body = co_await reply.read_all(model::document_limit);
  if (!body) co_return body.error();
  auto names = parse(*body, what);
  if (!names) co_return names.error();
  page found;
  found.names = std::move(*names);
  if (*next) found.next = (*next)->target;
  co_return found;
}

failure no_such_repository(const reference& image, const failure& said) {
  return {errc::not_found,
          fmt::format("the repository {} was not found; check its spelling, and log in if it is a private one", image.name()),
          said.text.server_message()};
}

/// Few registries tell what they hold, and those that do not say so in many ways.
failure without_list(const std::string& registry, unsigned status, const failure& said) {
  constexpr std::string_view many = "many registries, Docker Hub, GHCR and Quay among them, offer no list of repositories";
  std::string message;
  if (status == 401 || status == 403) {
    message = fmt::format("{}; {}", said.text.message(), many);
  } else if (status == 404 || status == 405 || status == 410 || status == 501) {
    message = fmt::format("{} does not list its repositories ({}); {}", registry, http::describe_status(status), many);
  } else {
    return said;
  }
  failure explained(said.code, std::move(message), said.text.server_message());
  explained.retry_after = said.retry_after;
  return explained;
}

task<result<page>> list_tags_at(registry_client& from, site at, std::string target, std::string what, runtime::stop_source& stop) {
  api_call asking;
  if (target.empty()) asking.path = fmt::format("tags/list?n={}", page_size);
  asking.message.target.target = std::move(target);
  http::url asked;
  auto sending = co_await from.call_at(at, std::move(asking), stop, &asked);
  if (!sending) co_return sending.error();
  http::exchange reply = std::move(*sending);
  const unsigned status = reply.head().status;
  if (status != 200) {
    failure said = co_await from.refusal_at(at, what, std::move(reply));
    if (status == 404) co_return no_such_repository(at.image, said);
    co_return said;
  }
  auto found = co_await read_page(std::move(reply), std::move(asked), what, parse_tag_page);
  if (!found) co_return found.error();
  found->by = std::move(at);
  co_return found;
}

}  // namespace

result<std::vector<std::string>> parse_tag_page(std::string_view body, std::string_view what) {
  return parse_names(body, "tags", model::is_tag, what);
}

result<std::vector<std::string>> parse_repository_page(std::string_view body, std::string_view what) {
  return parse_names(body, "repositories", model::is_repository, what);
}

task<result<page>> list_tags(registry_client& from, reference repository, page before, runtime::stop_source& stop, precedence whom) {
  std::string what = fmt::format("the tags of {}", repository.name());
  // The next page is where the page before was.
  if (before.by) co_return co_await list_tags_at(from, std::move(*before.by), std::move(before.next), std::move(what), stop);
  std::function<task<result<page>>(site)> ask = [&from, &stop, what](site at) {
    return list_tags_at(from, std::move(at), std::string(), what, stop);
  };
  reference name = repository.with_digest({});
  co_return co_await ask_sites<page>(from, std::move(name), whom, std::move(ask), stop);
}

task<result<page>> list_repositories(registry_client& from, std::string registry, std::string target, runtime::stop_source& stop) {
  const std::string what = fmt::format("the repositories of {}", registry);
  api_call asking;
  asking.registry = registry;
  asking.scope = "registry:catalog:*";
  // Many a registry lists to nobody what is public, and says nothing of the rest.
  asking.depends_on_user = true;
  asking.message.target.target = target.empty() ? fmt::format("/v2/_catalog?n={}", page_size) : std::move(target);
  http::url asked;
  auto sending = co_await from.call(std::move(asking), stop, &asked);
  if (!sending) co_return sending.error();
  http::exchange reply = std::move(*sending);
  if (const unsigned status = reply.head().status; status != 200) {
    const std::string all;
    const failure said = co_await from.refusal(registry, all, what, std::move(reply));
    co_return without_list(registry, status, said);
  }
  co_return co_await read_page(std::move(reply), std::move(asked), what, parse_repository_page);
}

}  // namespace gantry::registry
