#include "jobs/manifest_writer.hpp"

#include "jobs/referrers_index.hpp"
#include "jobs/side_by_side.hpp"
#include "jobs/upload_settings.hpp"
#include "model/media_type.hpp"
#include "registry/manifest_requests.hpp"
#include "registry/referrers.hpp"
#include "runtime/signal.hpp"

#include <algorithm>
#include <chrono>
#include <functional>

namespace gantry::jobs {
namespace {

// What a process that writes the same manifest needs at most.
constexpr std::chrono::milliseconds other_writer{500};

}  // namespace

task<result<std::optional<digest>>> manifest_writer::put(const planned_manifest& one, std::string bytes) {
  // One at a time, and by digest once: tags of one index share their children, and docker-registry 2.8 truncates what it writes again, so
  // that an index which names it is refused at that moment.
  const std::string registry = one.name.registry();
  const upload_ledger::claim mine = co_await ledger_.enter(registry, one.document.digest, running_.stop);
  if (!mine) co_return failure(errc::cancelled, "stopped");
  const bool by_digest = one.name.tag().empty();
  if (by_digest && ledger_.has(registry, one.document.digest, one.name.repository())) co_return std::optional<digest>();
  auto ask = [this, &one, &bytes] { return registry::put_manifest(shared_.registry, one.name, one.document, bytes, running_.stop); };
  auto stored =
      co_await transfer::with_retry<registry::stored_manifest>(shared_, running_, "manifest of " + one.name.familiar(), ask, registry);
  if (!stored && stored.error().code == errc::unexpected_status) {
    // Another process may be writing it, or one that it names, at this moment.
    co_await runtime::sleep_for(other_writer, running_.stop);
    stored =
        co_await transfer::with_retry<registry::stored_manifest>(shared_, running_, "manifest of " + one.name.familiar(), ask, registry);
  }
  if (!stored) co_return stored.error();
  ledger_.add(registry, one.document.digest, one.name.repository(), true);
  co_return std::optional<digest>(stored->subject);
}

task<result<std::string>> manifest_writer::bytes_of(const planned_manifest& one) {
  if (!one.bytes.empty()) co_return one.bytes;
  const descriptor document = one.document;
  co_return co_await feed_->document(document);
}

task<result<void>> manifest_writer::write_one(const planned_image& image, const planned_manifest& one, std::string bytes,
                                              const digest& lists) {
  const result<std::optional<digest>> confirmed = co_await put(one, bytes);
  if (!confirmed) co_return confirmed.error();
  if (!*confirmed) co_return result<void>();
  digest subject;
  std::optional<descriptor> entry = registry::referrer_of(one.document, bytes, subject);
  if (!entry || **confirmed == subject || subject == lists) co_return result<void>();
  co_return co_await list_as_referrer(shared_, running_, ledger_, image.target, subject, std::move(*entry));
}

task<> manifest_writer::write_child(const planned_image& image, std::size_t number, const digest& lists, std::optional<failure>& broken) {
  if (broken) co_return;
  const planned_manifest& one = image.manifests[number];
  auto bytes = co_await bytes_of(one);
  if (!bytes && !broken) broken = bytes.error();
  if (!bytes) co_return;
  const result<void> written = co_await write_one(image, one, std::move(*bytes), lists);
  if (!written && !broken) broken = written.error();
}

task<result<void>> manifest_writer::write(const planned_image& image, pushed_image& told) {
  // A list of referrers is merged, never replaced: the target's may have entries of its own.
  const digest lists = model::is_index(image.top.media_type) ? listed_subject(image.target) : digest();
  if (image.manifests.empty()) co_return result<void>();
  const std::size_t last = image.manifests.size() - 1;
  for (std::size_t begin = 0; begin < last;) {
    // What an index is made of is there before it.
    std::size_t end = begin;
    while (end < last && !model::is_index(image.manifests[end].document.media_type)) ++end;
    if (end == begin) ++end;
    std::optional<failure> broken;
    std::function<task<>(std::size_t)> one = [this, &image, &lists, &broken, begin](std::size_t number) {
      return write_child(image, begin + number, lists, broken);
    };
    const std::size_t most = std::min(usual_uploads, shared_.jobs);  // bytes wait for permits
    co_await side_by_side(shared_.executor, most, end - begin, std::move(one), running_.stop);
    if (running_.stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
    if (broken) co_return *broken;
    begin = end;
  }
  const planned_manifest& top = image.manifests.back();
  auto bytes = co_await bytes_of(top);
  if (!bytes) co_return bytes.error();
  if (!lists) co_return co_await write_one(image, top, std::move(*bytes), lists);
  const auto merged = co_await merge_list(shared_, running_, ledger_, top.name, top.document, std::move(*bytes));
  if (!merged) co_return merged.error();
  told.top = merged->top;
  told.unchanged = !merged->written;
  co_return result<void>();
}

}  // namespace gantry::jobs
