#include "jobs/referrers.hpp"

#include "model/manifest.hpp"
#include "registry/page_trail.hpp"
#include "registry/referrers.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace gantry::jobs {
namespace {

constexpr std::size_t most_referrers = 1'000;

/// What the tag lists that takes the place of the API.
task<result<std::vector<descriptor>>> read_list(transfer::context& shared, transfer::operation& running, reference list,
                                                registry::precedence whom, std::string what) {
  std::vector<descriptor> all;
  auto get = [&shared, &running, list, whom] { return shared.registry.get_manifest(list, running.stop, whom); };
  const auto tagged = co_await transfer::with_retry<registry::document>(shared, running, what, get, list.registry());
  if (!tagged && tagged.error().code == errc::not_found) co_return all;
  if (!tagged) co_return tagged.error();
  auto parsed = model::parse_document(tagged->bytes, tagged->top.media_type, list.string());
  if (!parsed) co_return parsed.error();
  if (auto* content = std::get_if<model::index>(&*parsed)) all = std::move(content->manifests);
  co_return all;
}

/// One page of the API, which is not asked again where it was found not to be.
task<result<registry::referrer_page>> read_page(transfer::context& shared, transfer::operation& running, reference repository,
                                                digest subject, registry::referrer_page before, registry::precedence whom,
                                                referrer_facts* facts, std::string what) {
  std::optional<referrer_facts::question> mine;
  if (facts != nullptr) {
    referrer_facts::question entered = co_await facts->enter(repository.registry(), running.stop);
    mine.emplace(std::move(entered));
    if (before.next.empty() && facts->lacks_api(repository.registry())) co_return registry::referrer_page();
  }
  auto ask = [&shared, &running, repository, subject, &before, whom] {
    return registry::list_referrers(shared.registry, repository, subject, before, running.stop, whom);
  };
  auto got = co_await transfer::with_retry<registry::referrer_page>(shared, running, what, ask, repository.registry());
  if (facts != nullptr && got && got->no_api) facts->note_lack(repository.registry());
  co_return got;
}

}  // namespace

task<result<std::vector<descriptor>>> find_referrers(transfer::context& shared, transfer::operation& running, reference repository,
                                                     digest subject, registry::precedence whom, referrer_facts* facts) {
  const std::string what = fmt::format("referrers of {}", subject.short_form());
  std::vector<descriptor> all;
  registry::referrer_page before;
  registry::page_trail trail;
  do {
    const bool first = before.next.empty();
    auto got = co_await read_page(shared, running, repository, subject, std::move(before), whom, facts, what);
    if (!got) co_return got.error();
    if (!got->known && first) {
      const reference list = repository.with_digest({}).with_tag(model::referrers_tag(subject.string()));
      // Of a repository that is written meanwhile a list of tags tells nothing.
      if (facts != nullptr && whom != registry::precedence::registry_alone && facts->lacks_tag(list)) co_return all;
      co_return co_await read_list(shared, running, list, whom, what);
    }
    all.insert(all.end(), std::make_move_iterator(got->manifests.begin()), std::make_move_iterator(got->manifests.end()));
    if (all.size() > most_referrers) {
      co_return failure(errc::limit_exceeded, fmt::format("the list of what refers to {} in {} does not end after {} manifests",
                                                          subject.string(), repository.name(), all.size()));
    }
    if (auto onward = trail.follow(got->next, got->manifests.empty(), what); !onward) co_return onward.error();
    got->manifests.clear();
    before = std::move(*got);
  } while (!before.next.empty());
  co_return all;
}

}  // namespace gantry::jobs
