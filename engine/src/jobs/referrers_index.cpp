#include "jobs/referrers_index.hpp"

#include "model/digester.hpp"
#include "model/manifest.hpp"
#include "model/media_type.hpp"
#include "registry/manifest_requests.hpp"
#include "registry/referrers.hpp"

#include <string>
#include <utility>

namespace gantry::jobs {
namespace {

// Others may write the same list of referrers; each round adds what the last one lost.
constexpr unsigned list_rounds = 5;

}  // namespace

task<result<void>> list_as_referrer(transfer::context& shared, transfer::operation& running, upload_ledger& ledger, reference repository,
                                    digest subject, descriptor entry) {
  const reference name = repository.with_digest({}).with_tag(model::referrers_tag(subject.string()));
  const std::string what = "list of referrers " + name.familiar();
  // One writer of this process at a time.
  const upload_ledger::claim mine = co_await ledger.enter(name.name(), subject, running.stop);
  if (!mine) co_return failure(errc::cancelled, "stopped");
  for (unsigned round = 0; round < list_rounds; ++round) {
    auto ask = [&shared, &running, name] { return shared.registry.get_manifest(name, running.stop, registry::precedence::registry_alone); };
    const auto there = co_await transfer::with_retry<registry::document>(shared, running, what, ask);
    if (!there && there.error().code != errc::not_found) co_return there.error();
    const std::string present = there ? there->bytes : std::string();
    const std::string type = there ? there->top.media_type : std::string();
    auto merged = registry::merge_referrer(present, type, entry, name.string());
    if (!merged) co_return merged.error();
    if (!*merged) co_return result<void>();
    const std::string bytes = std::move(**merged);
    descriptor index;
    index.media_type = model::is_index(type) ? type : std::string(model::media_type::oci_index);
    index.digest = model::digest_of(bytes);
    index.size = bytes.size();
    auto write = [&shared, &running, name, index, bytes] {
      return registry::put_manifest(shared.registry, name, index, bytes, running.stop);
    };
    const auto put = co_await transfer::with_retry<registry::stored_manifest>(shared, running, what, write);
    if (!put) co_return put.error();
  }
  co_return failure(errc::server_error, name.string() + " does not keep what is written into it; others may be writing it all the time");
}

}  // namespace gantry::jobs
