#include "jobs/referrers_index.hpp"

#include "jobs/sync_plan.hpp"
#include "model/digester.hpp"
#include "model/manifest.hpp"
#include "model/media_type.hpp"
#include "registry/manifest_requests.hpp"
#include "registry/referrers.hpp"

#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace gantry::jobs {
namespace {

// Others may write the same list of referrers; each round adds what the last one lost.
constexpr unsigned list_rounds = 5;

/// Adds \p entries to the list \p name of the referrers of \p subject. \param first what is written where there is no list yet; without
/// bytes: one that is made of the entries
task<result<merged_list>> add_to_list(transfer::context& shared, transfer::operation& running, upload_ledger& ledger, reference name,
                                      digest subject, std::vector<descriptor> entries, registry::document first) {
  const std::string what = "list of referrers " + name.familiar();
  // One writer of this process at a time.
  const upload_ledger::claim mine = co_await ledger.enter(name.name(), subject, running.stop);
  if (!mine) co_return failure(errc::cancelled, "stopped");
  merged_list done;
  for (unsigned round = 0; round < list_rounds; ++round) {
    auto ask = [&shared, &running, name] { return shared.registry.get_manifest(name, running.stop, registry::precedence::registry_alone); };
    const auto there = co_await transfer::with_retry<registry::document>(shared, running, what, ask);
    if (!there && there.error().code != errc::not_found) co_return there.error();
    registry::document next = first;
    if (there || first.bytes.empty()) {
      const std::string present = there ? there->bytes : std::string();
      const std::string type = there ? there->top.media_type : std::string();
      auto merged = registry::merge_referrers(present, type, entries, name.string());
      if (!merged) co_return merged.error();
      if (!*merged) {
        done.top = there->top;
        co_return done;
      }
      next.bytes = std::move(**merged);
      next.top.media_type = model::is_index(type) ? type : std::string(model::media_type::oci_index);
      next.top.digest = model::digest_of(next.bytes);
      next.top.size = next.bytes.size();
    }
    auto write = [&shared, &running, name, next] {
      return registry::put_manifest(shared.registry, name, next.top, next.bytes, running.stop);
    };
    const auto put = co_await transfer::with_retry<registry::stored_manifest>(shared, running, what, write);
    if (!put) co_return put.error();
    done.written = true;
  }
  co_return failure(errc::server_error, name.string() + " does not keep what is written into it; others may be writing it all the time");
}

}  // namespace

digest listed_subject(const reference& name) {
  const digest subject = tag_subject(name.tag());
  return subject && model::referrers_tag(subject.string()) == name.tag() ? subject : digest();
}

task<result<void>> list_as_referrer(transfer::context& shared, transfer::operation& running, upload_ledger& ledger, reference repository,
                                    digest subject, descriptor entry) {
  reference name = repository.with_digest({}).with_tag(model::referrers_tag(subject.string()));
  std::vector<descriptor> entries(1, std::move(entry));
  registry::document none;
  const auto listed =
      co_await add_to_list(shared, running, ledger, std::move(name), std::move(subject), std::move(entries), std::move(none));
  if (!listed) co_return listed.error();
  co_return result<void>();
}

task<result<merged_list>> merge_list(transfer::context& shared, transfer::operation& running, upload_ledger& ledger, reference name,
                                     descriptor list, std::string bytes) {
  auto parsed = model::parse_document(bytes, list.media_type, name.string());
  if (!parsed) co_return parsed.error();
  auto* const content = std::get_if<model::index>(&*parsed);
  if (content == nullptr) co_return failure(errc::unsupported_document, name.string() + " would get what is no list of referrers");
  digest subject = listed_subject(name);
  registry::document first;
  first.top = std::move(list);
  first.bytes = std::move(bytes);
  co_return co_await add_to_list(shared, running, ledger, std::move(name), std::move(subject), std::move(content->manifests),
                                 std::move(first));
}

}  // namespace gantry::jobs
