#include "jobs/pull.hpp"

#include "jobs/damaged_blobs.hpp"
#include "jobs/delivery.hpp"
#include "jobs/early_connections.hpp"
#include "jobs/have.hpp"
#include "jobs/keep.hpp"
#include "jobs/layer_handover.hpp"
#include "jobs/pull_plan.hpp"
#include "jobs/record.hpp"
#include "jobs/stored_size.hpp"
#include "jobs/throwaway_store.hpp"
#include "jobs/wanted_blobs.hpp"
#include "store/memory_documents.hpp"
#include "transfer/fetcher.hpp"

#include <chrono>
#include <exception>
#include <optional>
#include <set>
#include <utility>
#include <variant>

namespace gantry::jobs {
namespace {

using runtime::lane;
using runtime::offload;

std::vector<pulled_image> describe(const std::vector<resolved_image>& images) {
  std::vector<pulled_image> described;
  for (const resolved_image& image : images) {
    for (const resolved_manifest& one : image.manifests) {
      if (one.attestation) continue;
      described.push_back({image.known_as, image.top, one.entry, one.content.config, one.image_platform});
    }
  }
  return described;
}

struct pull_setup {
  transfer::context& shared;
  std::shared_ptr<transfer::operation> running;
  std::shared_ptr<store::content_store> store;       ///< null: nothing goes into a store
  std::shared_ptr<store::document_store> documents;  ///< the store, or memory
  std::shared_ptr<store::lease> lease;               ///< of the store
  early_connections& early;
  bool sync = true;
  bool records = true;  ///< whether the images get their names in the store
  bool beside = false;  ///< whether the documents know of more than the store
  std::shared_ptr<archive::finished_archives> finished{};
};

task<result<std::unique_ptr<delivery>>> prepare_archive(pull_setup& with, const pull_options& options,
                                                        const std::vector<resolved_image>& images, const std::set<digest>& have) {
  delivery_setup setup{with.shared, with.running, with.store, with.documents, with.sync, with.finished};
  if (const auto* layers = std::get_if<layer_stream>(&options.output)) {
    co_return make_stream_delivery(std::move(setup), make_layer_taker(*layers, images));
  }
  auto prepare = [&options, &images, &have, store = with.store] {
    return archive_export::prepare(options.output, images, store.get(), have, {options.recompress, options.attestations});
  };
  result<archive_export> prepared = co_await offload(with.shared.lanes, lane::files, std::move(prepare));
  if (!prepared) co_return prepared.error();
  for (const std::string& note : prepared->notes()) with.running->events.emit(warning{note});
  const bool needs_store = archive_export::needs_store(options.output) || prepared->deferred();
  co_return co_await open_delivery(std::move(setup), std::move(*prepared), needs_store);
}

/// Gives the images their names in the store: those all of whose blobs are there.
task<result<void>> record_complete(pull_setup& with, const std::vector<resolved_image>& images, const std::set<digest>& have,
                                   bool exporting) {
  if (!with.records) co_return result<void>();
  auto select = [&images, &have, beside = with.beside, store = with.store] { return held_completely(images, have, beside, *store); };
  const std::vector<resolved_image> complete = co_await offload(with.shared.lanes, lane::files, std::move(select));
  std::vector<store::reference_record> records = records_of(complete);
  const result<void> recorded = co_await record(with.shared, *with.running, with.store, std::move(records));
  if (recorded) co_return recorded;
  // A store that can only be read gives what it has.
  if (!exporting || recorded.error().code != errc::access_denied) co_return recorded.error();
  with.running->events.emit(warning{"the store does not learn the name: " + recorded.error().text.message()});
  co_return result<void>();
}

/// What was taken out of the store under its own name stands there already; that it was of use counts when space has to be made.
task<> note_use(pull_setup& with, const std::vector<resolved_image>& images) {
  auto call = [store = with.store, &images] {
    for (const resolved_image& image : images) store->note_use(image.stored_as.empty() ? image.known_as : image.stored_as);
    return true;
  };
  co_await offload(with.shared.lanes, lane::files, std::move(call));
}

std::vector<descriptor> descriptors_of(const std::vector<transfer::wanted_blob>& blobs) {
  std::vector<descriptor> plain;
  plain.reserve(blobs.size());
  for (const transfer::wanted_blob& one : blobs) plain.push_back(one.blob);
  return plain;
}

struct delivered {
  transfer::fetch_summary fetched;
  std::uint64_t archive_size = 0;
};

/// Brings what \p made says is missing, into \p archive if there is one.
task<result<delivered>> deliver(pull_setup& with, pull_plan made, delivery* archive, const std::vector<resolved_image>& images,
                                const std::set<digest>& have) {
  std::exception_ptr thrown;
  result<transfer::fetch_summary> fetched = failure(errc::cancelled, "stopped");
  try {
    std::shared_ptr<store::blob_target> target = with.store;
    transfer::fetch_options how;
    if (archive != nullptr) {
      archive->start(descriptors_of(made.held), descriptors_of(made.missing));
      how = archive->how();
      target = archive->target();
    }
    fetched = co_await transfer::fetch_all(with.shared, *with.running, std::move(target), std::move(made.missing), std::move(how));
    if (fetched) {
      const result<void> recorded = co_await record_complete(with, images, have, archive != nullptr);
      if (!recorded) fetched = recorded.error();
    }
  } catch (...) {
    thrown = std::current_exception();
  }
  result<std::uint64_t> size = std::uint64_t{0};
  if (archive != nullptr) size = co_await archive->finish(fetched.has_value());
  if (thrown) std::rethrow_exception(thrown);
  // What fails first stops the other, which then says no more than that it was stopped.
  if (!fetched && fetched.error().code != errc::cancelled) co_return fetched.error();
  if (!size && (fetched || size.error().code != errc::cancelled)) {
    co_return co_await set_damaged_aside(with.shared, *with.running, with.store, descriptors_of(made.held), size.error());
  }
  if (!fetched) co_return fetched.error();
  delivered all{*fetched, *size};
  co_return all;
}

task<result<pull_result>> pull_images(pull_setup with, std::vector<reference> images, pull_options options) {
  const auto started = std::chrono::steady_clock::now();
  transfer::operation& now = *with.running;
  platform_choice choice{options.platforms, options.all_platforms};
  // A list that cannot be read is no reason to ask a registry.
  auto read = [&options, running = with.running] { return held_there(options.have, running->stop_flag()); };
  result<std::set<digest>> have = co_await offload(with.shared.lanes, lane::files, std::move(read));
  if (!have) co_return have.error();

  std::vector<resolved_image> resolved;
  auto on_new_content = [&with](const reference& image) { with.early.open(image.registry()); };
  resolver names(with.shared, now, with.documents, std::move(on_new_content), options.offline);
  for (const reference& image : images) {
    result<resolved_image> one = co_await names.resolve(image, choice);
    if (!one) co_return one.error();
    if (!options.name.empty()) one->known_as = options.name;
    now.events.emit(image_resolved{with.beside ? one->known_as : image, one->top, one->manifests.size()});
    resolved.push_back(std::move(*one));
  }

  // What is compressed anew has a digest that nobody knows yet.
  if (with.lease && !options.recompress) co_await keep_only(with.shared, std::move(with.lease), digests_of(resolved));
  // Configurations travel all the same: they are small, and say what an image runs on.
  for (const resolved_image& image : resolved) {
    for (const resolved_manifest& one : image.manifests) have->erase(one.content.config.digest);
  }

  now.read_again = false;
  std::unique_ptr<delivery> archive;
  if (!std::holds_alternative<store_only>(options.output)) {
    auto prepared = co_await prepare_archive(with, options, resolved, *have);
    if (!prepared) co_return prepared.error();
    archive = std::move(*prepared);
  }

  result<std::vector<transfer::wanted_blob>> wanted = blobs_of(resolved);
  if (!wanted) co_return wanted.error();
  std::erase_if(*wanted, [&have](const transfer::wanted_blob& one) { return have->contains(one.blob.digest); });
  auto compare = [documents = with.documents, blobs = std::move(*wanted), fetched = names.fetched()] {
    return plan_pull(*documents, blobs, fetched);
  };
  result<pull_plan> compared = co_await offload(with.shared.lanes, lane::files, std::move(compare));
  if (!compared) co_return compared.error();
  const pull_plan made = std::move(*compared);
  now.events.emit(made.summary);
  for (const transfer::wanted_blob& one : made.held)
    now.events.emit(blob_finished{one.blob.digest, one.blob.size, !names.fetched().contains(one.blob.digest), one.role});

  if (options.offline && !made.missing.empty()) co_return not_held(made.missing);
  const result<delivered> brought = co_await deliver(with, made, archive.get(), resolved, *have);
  if (!brought) co_return brought.error();

  if (options.offline && with.store && options.name.empty()) co_await note_use(with, resolved);

  pull_result done;
  done.archive_size = brought->archive_size;
  done.images = describe(resolved);
  done.layers = made.layers;
  done.layers_reused = made.layers_held + brought->fetched.layers_reused;
  done.blobs = made.summary.blobs;
  done.bytes = made.summary.bytes;
  done.blobs_reused = made.summary.blobs_held + brought->fetched.reused;
  done.bytes_reused = made.summary.bytes_held + brought->fetched.bytes_reused;
  done.bytes_resumed = brought->fetched.bytes_resumed;
  done.bytes_received = now.bytes_received();
  if (!options.no_cache) done.store_size = co_await stored_size(with.shared, with.store);
  done.elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started);
  now.events.flush();
  co_return done;
}

}  // namespace

task<result<pull_result>> pull(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                               std::shared_ptr<store::content_store> store, std::vector<reference> images, pull_options options, bool sync,
                               std::shared_ptr<store::document_store> documents, std::shared_ptr<archive::finished_archives> finished) {
  std::shared_ptr<throwaway_store> own;
  if (!store && (archive_export::needs_store(options.output) || options.recompress)) {
    auto make = [where = options.output] { return throwaway_store::open(where); };
    auto made = co_await offload(shared.lanes, lane::files, std::move(make));
    if (!made) co_return made.error();
    own = std::move(*made);
    store = own->store();
  }
  std::shared_ptr<store::lease> lease;
  if (store && !own) {
    const result<std::shared_ptr<store::lease>> had = co_await keep_all(shared, *running, store);
    if (!had) co_return had.error();
    lease = *had;
  }
  early_connections early(shared, *running);
  std::exception_ptr thrown;
  std::optional<result<pull_result>> outcome;
  try {
    const bool beside = documents != nullptr;
    if (!documents) documents = store;
    if (!documents) documents = std::make_shared<store::memory_documents>();
    // What came out of the store under its own name stands there already.
    const bool records = store && !own && (!options.offline || !options.name.empty());
    if (store) finished = nullptr;
    pull_setup with{shared, running, std::move(store), std::move(documents), lease, early, sync, records, beside, std::move(finished)};
    outcome = co_await pull_images(std::move(with), std::move(images), std::move(options));
  } catch (...) {
    thrown = std::current_exception();
  }
  co_await early.close();
  if (lease) co_await keep_no_longer(shared, std::move(lease));
  auto release = [own = std::move(own)]() mutable {
    own.reset();
    return true;
  };
  co_await offload(shared.lanes, lane::files, std::move(release));
  if (thrown) std::rethrow_exception(thrown);
  co_return std::move(*outcome);
}

}  // namespace gantry::jobs
