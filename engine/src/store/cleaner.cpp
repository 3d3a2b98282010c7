#include "store/cleaner.hpp"

#include "store/image_tree.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <set>
#include <system_error>
#include <utility>

namespace gantry::store {
namespace {

failure stopped() { return {errc::cancelled, "stopped; what was to be removed and is still there goes with the next 'gantry clean'"}; }

/// Every name of the wish must be there: a typing error is no reason to remove half of a list.
result<void> check_names(const clean_view& view, const clean_wish& wish) {
  for (const reference& name : wish.names) {
    std::string others;
    bool known = false;
    for (const clean_view::named& one : view.references) {
      known = known || same_record(one.name, name);
      if (one.name.name() == name.name()) others += (others.empty() ? "" : ", ") + one.name.familiar();
    }
    if (known) continue;
    const std::string there = others.empty() ? "'gantry list' shows what is" : "there is " + others;
    return failure(errc::not_found, fmt::format("{} is not in the store; {}", name.string(), there));
  }
  return {};
}

clean_outcome outcome_of(clean_plan plan) {
  clean_outcome done;
  for (const auto* files : {&plan.blobs, &plan.partial, &plan.others}) {
    for (const stored_file& one : *files) done.freed += one.linked ? 0 : one.size;
  }
  done.references = std::move(plan.references);
  done.blobs = std::move(plan.blobs);
  done.partial = std::move(plan.partial);
  done.remaining = plan.remaining;
  done.notes = std::move(plan.notes);
  return done;
}

result<clean_plan> plan_of(const content_store& store, bool locks, bool look_only, const clean_wish& wish, file_time now,
                           const std::atomic<bool>& stop) {
  const auto view = view_of(store, locks, look_only, stop);
  if (!view) return view.error();
  if (auto known = check_names(*view, wish); !known) return known.error();
  return plan_clean(*view, wish, now);
}

result<void> remove_tree(const std::filesystem::path& path) {
  std::error_code ec;
  std::filesystem::remove_all(path, ec);
  if (ec) return system_failure(ec.value(), "cannot remove", path.string());
  return {};
}

/// Removes partial data; what its owner still works on is taken out of the plan.
result<void> remove_partial(const content_store& store, clean_plan& plan, const std::atomic<bool>& stop) {
  std::vector<stored_file> removed;
  for (stored_file& one : std::exchange(plan.partial, {})) {
    if (stop) return stopped();
    std::optional<digest_lock> owned;
    if (one.digest) {
      auto had = store.try_lock(one.digest);
      if (!had) return had.error();
      owned = std::move(*had);
      if (!owned) plan.remaining += one.size;
      if (!owned) continue;
    }
    if (blob_writer::is_incoming(one.path)) {
      const auto gone = blob_writer::remove_unless_written(one.path);
      if (!gone) return gone.error();
      if (!*gone) plan.remaining += one.size;
      if (!*gone) continue;
    } else if (auto gone = remove_tree(one.path); !gone) {
      return gone.error();
    }
    removed.push_back(std::move(one));
  }
  plan.partial = std::move(removed);
  return {};
}

}  // namespace

result<clean_view> view_of(const content_store& store, bool locks, bool look_only, const std::atomic<bool>& stop) {
  clean_view view;
  view.locks = locks;
  // References before leases: who ends meanwhile was seen as one or the other.
  auto references = store.held_references();
  if (!references) return references.error();
  auto leases = store.leases(look_only);
  if (!leases) return leases.error();
  view.leases = std::move(*leases);
  for (damaged_record& one : references->damaged) {
    clean_view::named entry;
    entry.readable = false;
    entry.used = one.used;
    entry.name = std::move(one.name);
    view.references.push_back(std::move(entry));
  }
  for (held_reference& one : references->sound) {
    if (stop) return stopped();
    clean_view::named entry;
    const image_tree tree = walk(store, one.record);
    tree.for_each_blob([&](const descriptor& blob, blob_role, bool) { entry.blobs.insert(blob.digest); });
    entry.blobs.insert(one.record.top.digest);
    entry.readable = tree.unreadable.empty();
    entry.used = one.used;
    entry.name = std::move(one.record.name);
    view.references.push_back(std::move(entry));
  }
  auto files = store.files();
  if (!files) return files.error();
  view.files = std::move(*files);
  for (stored_file& one : view.files.partial) one.abandoned = blob_writer::is_abandoned(one.path);
  return view;
}

result<clean_outcome> clean(const content_store& store, const gc_lock& lock, const clean_wish& wish, file_time now,
                            const std::atomic<bool>& stop) {
  auto plan = plan_of(store, lock.held(), false, wish, now, stop);
  if (!plan) return plan.error();
  return carry_out(store, lock, std::move(*plan), stop);
}

result<clean_outcome> carry_out(const content_store& store, const gc_lock& lock, clean_plan plan, const std::atomic<bool>& stop) {
  const bool writable = ::access(store.root().c_str(), W_OK) == 0;
  if (!writable) {
    plan.notes.push_back(fmt::format("the store {} cannot be written: nothing can be removed there", store.root().string()));
  } else if (!lock.held()) {
    plan.notes.emplace_back("the store's file system has no locks: what is younger than a day stays");
  }
  for (const reference& name : plan.references) {
    if (auto removed = store.remove_reference(name, lock); !removed) return removed.error();
  }
  if (auto rebuilt = store.rebuild_index(lock.index()); !rebuilt) return rebuilt.error();
  for (const stored_file& one : plan.blobs) {
    if (stop) return stopped();
    if (auto removed = runtime::remove_file(one.path); !removed) return removed.error();
  }
  if (auto removed = remove_partial(store, plan, stop); !removed) return removed.error();
  for (const stored_file& one : plan.others) {
    if (auto removed = remove_tree(one.path); !removed) return removed.error();
  }
  return outcome_of(std::move(plan));
}

result<unneeded_rest> remove_unneeded(const content_store& store, const gc_lock& lock, std::set<digest> blobs,
                                      const std::atomic<bool>& stop) {
  const auto view = view_of(store, lock.held(), false, stop);
  if (!view) return view.error();
  unneeded_rest left;
  for (const clean_view::named& one : view->references) {
    left.unsure = left.unsure || !one.readable;
    for (const digest& needed : one.blobs) blobs.erase(needed);
  }
  if (left.unsure || !lock.held()) {
    left.blobs = std::move(blobs);
    return left;
  }
  for (const digest& one : blobs) {
    if (stop) return stopped();
    if (view->leases.keeps(one)) {
      left.blobs.insert(one);
    } else if (auto removed = runtime::remove_file(store.path_of(one)); !removed) {
      return removed.error();
    }
  }
  return left;
}

result<clean_outcome> preview_clean(const content_store& store, const clean_wish& wish, file_time now, const std::atomic<bool>& stop) {
  auto plan = plan_of(store, true, true, wish, now, stop);
  if (!plan) return plan.error();
  return outcome_of(std::move(*plan));
}

}  // namespace gantry::store
