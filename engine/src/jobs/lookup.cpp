#include "jobs/lookup.hpp"

#include "base/redact.hpp"
#include "jobs/resolve.hpp"
#include "model/tag_selection.hpp"
#include "registry/listing.hpp"
#include "registry/manifest_requests.hpp"
#include "registry/page_trail.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::jobs {
namespace {

using fetch_page = std::function<task<result<registry::page>>(registry::page before)>;

/// Leaves those of \p names that are below a path of \p registry. \returns what there is to say when none is, else nothing
std::string keep_below(std::vector<std::string>& names, const std::string& registry, std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  if (path.empty() || names.empty()) return {};
  const std::size_t listed = names.size();
  const bool itself = std::find(names.begin(), names.end(), path) != names.end();
  const std::string below = std::string(path) + "/";
  std::erase_if(names, [&](const std::string& name) { return !name.starts_with(below); });
  if (!names.empty()) return {};
  const std::string place = clean_text(fmt::format("{}/{}", registry, path), 256);
  if (itself) return fmt::format("{0} is a repository, and none is below it; its tags are listed by 'gantry tags {0}'", place);
  return fmt::format("none of the {} repositories that {} lists is below {}/", listed, registry, place);
}

/// All pages, one after the other.
task<result<std::vector<std::string>>> collect(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                                               std::string registry, std::string what, fetch_page fetch) {
  std::vector<std::string> names;
  registry::page before;
  registry::page_trail trail;
  do {
    auto ask = [&fetch, &before] { return fetch(before); };
    auto got = co_await transfer::with_retry<registry::page>(shared, *running, what, ask, registry);
    if (!got) co_return got.error();
    names.insert(names.end(), std::make_move_iterator(got->names.begin()), std::make_move_iterator(got->names.end()));
    if (names.size() > registry::listing_limit) {
      co_return failure(errc::limit_exceeded, fmt::format("{}: the list does not end after {} names", what, names.size()));
    }
    if (auto onward = trail.follow(got->next, got->names.empty(), what); !onward) co_return onward.error();
    got->names.clear();
    before = std::move(*got);
  } while (!before.next.empty());
  co_return names;
}

}  // namespace

task<result<digest_result>> find_digest(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                                        std::shared_ptr<store::content_store> store, reference image, digest_options options) {
  digest_result done;
  if (options.platform) {
    resolver names(shared, *running, std::move(store));
    platform_choice choice;
    choice.platforms.push_back(*options.platform);
    auto resolved = co_await names.resolve(image, std::move(choice));
    if (!resolved) co_return resolved.error();
    done.resolved = resolved->manifests.front().entry;
    co_return done;
  }
  const std::string what = "manifest of " + image.familiar();
  auto head = [&shared, &running, image] { return registry::head_manifest(shared.registry, image, running->stop); };
  auto found = co_await transfer::with_retry<std::optional<descriptor>>(shared, *running, what, head, image.registry());
  if (!found) co_return found.error();
  if (*found) {
    done.resolved = std::move(**found);
    co_return done;
  }
  auto get = [&shared, &running, image] { return shared.registry.get_manifest(image, running->stop); };
  auto got = co_await transfer::with_retry<registry::document>(shared, *running, what, get, image.registry());
  if (!got) co_return got.error();
  done.resolved = std::move(got->top);
  co_return done;
}

task<result<tags_result>> list_tags(transfer::context& shared, std::shared_ptr<transfer::operation> running, reference repository,
                                    tags_options options, registry::precedence whom) {
  // A wrong expression is found before anything is asked.
  if (auto checked = model::select_tags(std::vector<std::string>(), options.filter); !checked) co_return checked.error();
  fetch_page page = [&shared, running, repository, whom](registry::page before) {
    return registry::list_tags(shared.registry, repository, std::move(before), running->stop, whom);
  };
  auto names = co_await collect(shared, running, repository.registry(), "tags of " + repository.familiar_name(), std::move(page));
  if (!names) co_return names.error();
  const std::size_t listed = names->size();
  auto chosen = model::select_tags(std::move(*names), options.filter);
  if (!chosen) co_return chosen.error();
  if (chosen->empty() && listed != 0 && !options.filter.regex.empty()) {
    running->events.emit(
        warning{fmt::format("none of the {} tags of {} matches the whole of '{}'; '.*' stands for any text, as in '1[.].*'", listed,
                            repository.familiar_name(), clean_text(options.filter.regex, 128))});
  }
  tags_result done;
  done.tags = std::move(*chosen);
  co_return done;
}

task<result<repositories_result>> list_repositories(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                                                    std::string registry, repositories_options options) {
  fetch_page page = [&shared, running, registry](registry::page before) {
    return registry::list_repositories(shared.registry, registry, std::move(before.next), running->stop);
  };
  auto names = co_await collect(shared, running, registry, "repositories of " + registry, std::move(page));
  if (!names) co_return names.error();
  if (std::string none = keep_below(*names, registry, options.below); !none.empty()) running->events.emit(warning{std::move(none)});
  repositories_result done;
  done.repositories = std::move(*names);
  co_return done;
}

}  // namespace gantry::jobs
