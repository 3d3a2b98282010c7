#include "jobs/referrers.hpp"

#include "model/manifest.hpp"
#include "registry/page_trail.hpp"
#include "registry/referrers.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <iterator>
#include <string>
#include <utility>
#include <variant>

namespace gantry::jobs {
namespace {

constexpr std::size_t most_referrers = 1'000;

}  // namespace

task<result<std::vector<descriptor>>> find_referrers(transfer::context& shared, transfer::operation& running, reference repository,
                                                     digest subject, registry::precedence whom) {
  const std::string what = fmt::format("referrers of {}", subject.short_form());
  std::vector<descriptor> all;
  registry::referrer_page before;
  registry::page_trail trail;
  do {
    auto ask = [&shared, &running, repository, subject, &before, whom] {
      return registry::list_referrers(shared.registry, repository, subject, before, running.stop, whom);
    };
    auto got = co_await transfer::with_retry<registry::referrer_page>(shared, running, what, ask);
    if (!got) co_return got.error();
    if (!got->known && before.next.empty()) {
      const reference list = repository.with_digest({}).with_tag(model::referrers_tag(subject.string()));
      auto get = [&shared, &running, list, whom] { return shared.registry.get_manifest(list, running.stop, whom); };
      const auto tagged = co_await transfer::with_retry<registry::document>(shared, running, what, get);
      if (!tagged && tagged.error().code == errc::not_found) co_return all;
      if (!tagged) co_return tagged.error();
      auto parsed = model::parse_document(tagged->bytes, tagged->top.media_type, list.string());
      if (!parsed) co_return parsed.error();
      if (auto* content = std::get_if<model::index>(&*parsed)) all = std::move(content->manifests);
      co_return all;
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
