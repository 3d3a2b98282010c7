#include "jobs/referrers_index.hpp"

#include "jobs/sync_plan.hpp"
#include "model/digester.hpp"
#include "model/manifest.hpp"
#include "model/media_type.hpp"
#include "registry/manifest_requests.hpp"
#include "registry/referrers_list.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::jobs {
namespace {

// Others may write the same list of referrers; each round adds what the last one lost.
constexpr unsigned list_rounds = 5;

/// What the text of a list becomes; nothing when it stays.
using list_change = std::function<result<std::optional<std::string>>(std::string_view present, std::string_view media_type)>;

/// Makes \p change to the list \p name of the referrers of \p subject, until it needs none. \param first what is written where there is no
/// list yet; without bytes: what \p change makes of nothing
task<result<merged_list>> change_list(transfer::context& shared, transfer::operation& running, upload_ledger& ledger, reference name,
                                      digest subject, list_change change, registry::document first) {
  const std::string what = "list of referrers " + name.familiar();
  // One writer of this process at a time.
  const upload_ledger::claim mine = co_await ledger.enter(name.name(), subject, running.stop);
  if (!mine) co_return failure(errc::cancelled, "stopped");
  merged_list done;
  for (unsigned round = 0; round < list_rounds; ++round) {
    auto ask = [&shared, &running, name] { return shared.registry.get_manifest(name, running.stop, registry::precedence::registry_alone); };
    const auto there = co_await transfer::with_retry<registry::document>(shared, running, what, ask, name.registry());
    if (!there && there.error().code != errc::not_found) co_return there.error();
    registry::document next = first;
    if (there || first.bytes.empty()) {
      const std::string present = there ? there->bytes : std::string();
      const std::string type = there ? there->top.media_type : std::string();
      auto changed = change(present, type);
      if (!changed) co_return changed.error();
      if (!*changed) {
        if (there) done.top = there->top;
        co_return done;
      }
      next.bytes = std::move(**changed);
      next.top.media_type = model::is_index(type) ? type : std::string(model::media_type::oci_index);
      next.top.digest = model::digest_of(next.bytes);
      next.top.size = next.bytes.size();
    }
    auto write = [&shared, &running, name, next] {
      return registry::put_manifest(shared.registry, name, next.top, next.bytes, running.stop);
    };
    const auto put = co_await transfer::with_retry<registry::stored_manifest>(shared, running, what, write, name.registry());
    if (!put) co_return put.error();
    done.written = true;
  }
  co_return failure(errc::server_error, name.string() + " does not keep what is written into it; others may be writing it all the time");
}

list_change adding(std::vector<registry::listed_referrer> entries, std::string name) {
  return [entries = std::move(entries), name = std::move(name)](std::string_view present, std::string_view type) {
    return registry::merge_referrers(present, type, entries, name);
  };
}

reference fallback_list(const reference& repository, const digest& subject) {
  return repository.with_digest({}).with_tag(model::referrers_tag(subject.string()));
}

}  // namespace

digest listed_subject(const reference& name) {
  const digest subject = tag_subject(name.tag());
  return subject && model::referrers_tag(subject.string()) == name.tag() ? subject : digest();
}

task<result<void>> list_as_referrer(transfer::context& shared, transfer::operation& running, upload_ledger& ledger, reference repository,
                                    digest subject, descriptor entry) {
  reference name = fallback_list(repository, subject);
  list_change change = adding(std::vector<registry::listed_referrer>(1, registry::listed(entry)), name.string());
  registry::document none;
  const auto listed =
      co_await change_list(shared, running, ledger, std::move(name), std::move(subject), std::move(change), std::move(none));
  if (!listed) co_return listed.error();
  co_return result<void>();
}

task<result<merged_list>> merge_list(transfer::context& shared, transfer::operation& running, upload_ledger& ledger, reference name,
                                     descriptor list, std::string bytes) {
  auto entries = registry::read_referrers(bytes, list.media_type, name.string());
  if (!entries) co_return entries.error();
  list_change change = adding(std::move(*entries), name.string());
  digest subject = listed_subject(name);
  registry::document first;
  first.top = std::move(list);
  first.bytes = std::move(bytes);
  co_return co_await change_list(shared, running, ledger, std::move(name), std::move(subject), std::move(change), std::move(first));
}

task<result<void>> unlist_referrer(transfer::context& shared, transfer::operation& running, upload_ledger& ledger, reference repository,
                                   digest subject, digest gone) {
  reference name = fallback_list(repository, subject);
  list_change change = [gone = std::move(gone), what = name.string()](std::string_view present,
                                                                      std::string_view type) -> result<std::optional<std::string>> {
    if (present.empty()) return std::optional<std::string>();
    return registry::remove_referrer(present, type, gone, what);
  };
  registry::document none;
  const auto left = co_await change_list(shared, running, ledger, std::move(name), std::move(subject), std::move(change), std::move(none));
  if (!left) co_return left.error();
  co_return result<void>();
}

}  // namespace gantry::jobs
