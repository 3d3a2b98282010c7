#include "jobs/remove.hpp"

#include "jobs/referrers_index.hpp"
#include "model/manifest.hpp"
#include "registry/manifest_requests.hpp"
#include "registry/referrers.hpp"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>

namespace gantry::jobs {
namespace {

/// What \p manifest refers to; empty when it refers to nothing or cannot be read, which is no reason not to delete it.
task<digest> subject_of(transfer::context& shared, transfer::operation& running, reference manifest) {
  auto get = [&shared, &running, manifest] {
    return shared.registry.get_manifest(manifest, running.stop, registry::precedence::registry_alone);
  };
  const auto got =
      co_await transfer::with_retry<registry::document>(shared, running, "manifest of " + manifest.familiar(), get, manifest.registry());
  digest subject;
  if (got) registry::referrer_of(got->top, got->bytes, subject);
  co_return subject;
}

/// distribution-spec, "Deleting Manifests": where the registry does not keep the list itself, its clients do.
task<> take_off_list(transfer::context& shared, transfer::operation& running, upload_ledger& ledger, reference manifest, digest subject) {
  auto ask = [&shared, &running, manifest, subject] {
    registry::referrer_page first;
    return registry::list_referrers(shared.registry, manifest, subject, std::move(first), running.stop,
                                    registry::precedence::registry_alone);
  };
  const std::string what = fmt::format("referrers of {}", subject.short_form());
  const auto page = co_await transfer::with_retry<registry::referrer_page>(shared, running, what, ask, manifest.registry());
  std::optional<failure> why;
  if (!page) {
    why = page.error();
  } else if (!page->known) {
    const result<void> left = co_await unlist_referrer(shared, running, ledger, manifest, subject, manifest.digest());
    if (!left) why = left.error();
  }
  if (!why) co_return;
  running.events.emit(warning{fmt::format("{} is deleted, and the list {} of what refers to its subject may still name it: {}",
                                          manifest.string(), model::referrers_tag(subject.string()), why->text.message())});
}

}  // namespace

task<result<delete_result>> remove_reference(transfer::context& shared, std::shared_ptr<transfer::operation> running, reference image,
                                             std::shared_ptr<upload_ledger> ledger) {
  digest subject;
  if (image.digest()) subject = co_await subject_of(shared, *running, image);
  auto ask = [&shared, &running, image]() -> task<result<delete_result>> {
    const result<void> gone = co_await registry::delete_manifest(shared.registry, image, running->stop);
    if (!gone) co_return gone.error();
    co_return delete_result();
  };
  auto gone = co_await transfer::with_retry<delete_result>(shared, *running, image.familiar(), ask, image.registry());
  if (gone && subject) {
    if (!ledger) ledger = std::make_shared<upload_ledger>();
    co_await take_off_list(shared, *running, *ledger, image, std::move(subject));
  }
  // Where tags are not deleted at all, one that is not there is refused like any other.
  if (gone || gone.error().code != errc::unexpected_status || image.digest()) co_return gone;
  auto look = [&shared, &running, image] {
    return registry::head_manifest(shared.registry, image, running->stop, registry::precedence::registry_alone);
  };
  const auto there =
      co_await transfer::with_retry<std::optional<descriptor>>(shared, *running, "manifest of " + image.familiar(), look, image.registry());
  if (!there && there.error().code == errc::not_found) co_return there.error();
  co_return gone;
}

}  // namespace gantry::jobs
