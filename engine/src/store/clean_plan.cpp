#include "store/clean_plan.hpp"

#include <gantry/format.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace gantry::store {
namespace {

using named = clean_view::named;

std::vector<const stored_file*> oldest_first(const std::vector<stored_file>& files) {
  std::vector<const stored_file*> sorted;
  sorted.reserve(files.size());
  for (const stored_file& one : files) sorted.push_back(&one);
  std::stable_sort(sorted.begin(), sorted.end(), [](const stored_file* a, const stored_file* b) { return a->modified < b->modified; });
  return sorted;
}

/// One decision in the making.
class planner {
 public:
  planner(const clean_view& view, const clean_wish& wish, file_time now) : view_(view), wish_(wish), now_(now) {
    for (const stored_file& blob : view.files.blobs) blobs_.emplace(blob.digest, &blob);
    for (const named& one : view.references) {
      for (const digest& blob : one.blobs) ++needed_[blob];
      unreadable_ += one.readable ? 0 : 1;
      kept_.push_back(&one);
    }
    plan_.remaining = total_size(view.files.blobs) + total_size(view.files.partial);
  }

  clean_plan run() {
    drop_unwanted_references();
    drop_due_blobs();
    drop_due_partials();
    if (wish_.max_size) shrink(*wish_.max_size);
    drop_others();
    if (plan_.in_use > 0) {
      plan_.notes.push_back(fmt::format("{} stay: a running operation works with them", format_bytes(plan_.in_use)));
    }
    return std::move(plan_);
  }

 private:
  bool is_old(file_time modified, std::chrono::hours life) const { return now_ - modified >= life; }

  void forget(const named& one) {
    plan_.references.push_back(one.name);
    unreadable_ -= one.readable ? 0 : 1;
    for (const digest& blob : one.blobs) {
      --needed_[blob];
      condemned_.insert(blob);
    }
  }

  void drop_unwanted_references() {
    std::erase_if(kept_, [&](const named* one) {
      const bool asked =
          std::any_of(wish_.names.begin(), wish_.names.end(), [&](const reference& name) { return same_record(name, one->name); });
      const bool old = wish_.older_than && now_ - one->used > *wish_.older_than;
      if (!wish_.all && !asked && !old) return false;
      forget(*one);
      return true;
    });
  }

  bool is_needed(const digest& blob) const {
    const auto found = needed_.find(blob);
    return found != needed_.end() && found->second != 0;
  }

  /// Whether nobody can say that an unneeded blob is unneeded.
  bool blind() const { return unreadable_ != 0; }

  /// Of some of those that are to blame.
  std::string unreadable_names() const {
    constexpr std::size_t most = 3;
    std::string names;
    std::size_t seen = 0;
    for (const named* one : kept_) {
      if (one->readable) continue;
      if (seen++ < most) names += (names.empty() ? "" : ", ") + one->name.familiar();
    }
    return seen > most ? names + ", ..." : names;
  }

  void remove_blob(const stored_file& blob) {
    plan_.blobs.push_back(blob);
    plan_.remaining -= blob.size;
    blobs_.erase(blob.digest);
  }

  void drop_due_blobs() {
    std::uint64_t unsure = 0;
    for (const stored_file& blob : view_.files.blobs) {
      if (is_needed(blob.digest)) continue;
      const bool asked = wish_.all || condemned_.contains(blob.digest);
      const bool old = is_old(blob.modified, clean_grace);
      // Without locks, only age tells that nobody is at work with it.
      if (!old && !(asked && view_.locks)) continue;
      if (view_.leases.keeps(blob.digest)) {
        plan_.in_use += blob.size;
      } else if (blind()) {
        unsure += blob.size;
      } else {
        remove_blob(blob);
      }
    }
    if (unsure == 0) return;
    plan_.notes.push_back(fmt::format(
        "{} stay: records or manifests of {} reference{} are missing or damaged ({}), and with them the list of what is needed; "
        "'gantry verify --repair' mends them, and so does a new pull; 'gantry clean REF' removes them",
        format_bytes(unsure), unreadable_, unreadable_ == 1 ? "" : "s", unreadable_names()));
  }

  void remove_partial(const stored_file& part) {
    plan_.partial.push_back(part);
    plan_.remaining -= part.size;
  }

  void drop_due_partials() {
    for (const stored_file& part : view_.files.partial) {
      if (!part.abandoned && !is_old(part.modified, partial_life) && !(wish_.all && view_.locks)) continue;
      // What a killed process left says so itself, whoever else is at work.
      if (!part.abandoned && view_.leases.keeps_part_of(part.digest)) {
        plan_.in_use += part.size;
      } else {
        remove_partial(part);
      }
    }
  }

  /// Ends where a name would go for nothing: while one that stays cannot be read, the end of another frees nothing.
  void drop_least_used(std::uint64_t limit) {
    std::stable_sort(kept_.begin(), kept_.end(), [](const named* a, const named* b) { return a->used < b->used; });
    for (const named* one : kept_) {
      if (plan_.remaining <= limit || (blind() && one->readable)) break;
      forget(*one);
      if (blind()) continue;
      for (const digest& blob : one->blobs) {
        const auto file = blobs_.find(blob);
        if (is_needed(blob) || file == blobs_.end()) continue;
        if (view_.leases.keeps(blob) || !view_.locks) {
          plan_.in_use += file->second->size;
        } else {
          remove_blob(*file->second);
        }
      }
    }
  }

  /// Cheapest losses first: what no reference needs, what did not arrive whole, then whole references.
  void shrink(std::uint64_t limit) {
    if (plan_.remaining > limit && !blind() && view_.locks) {
      for (const stored_file* blob : oldest_first(view_.files.blobs)) {
        if (plan_.remaining <= limit) break;
        if (blobs_.contains(blob->digest) && !is_needed(blob->digest) && !view_.leases.keeps(blob->digest)) remove_blob(*blob);
      }
    }
    if (view_.locks) {
      for (const stored_file* part : oldest_first(view_.files.partial)) {
        if (plan_.remaining <= limit) break;
        const bool gone = std::find(plan_.partial.begin(), plan_.partial.end(), *part) != plan_.partial.end();
        if (!gone && !view_.leases.keeps_part_of(part->digest)) remove_partial(*part);
      }
    }
    drop_least_used(limit);
    if (plan_.remaining > limit) {
      plan_.notes.push_back(
          fmt::format("{} remain, more than the {} that were asked for", format_bytes(plan_.remaining), format_bytes(limit)));
      if (blind()) {
        plan_.notes.push_back(
            fmt::format("no other name is removed for the limit: records or manifests of {} are missing or damaged, and as "
                        "long as that is so the end of a name frees nothing",
                        unreadable_names()));
      }
    }
  }

  void drop_others() {
    for (const stored_file& facts : view_.files.meta) {
      if (!blobs_.contains(facts.digest) && (wish_.all || condemned_.contains(facts.digest) || is_old(facts.modified, clean_grace)))
        plan_.others.push_back(facts);
    }
    const bool all_now = wish_.all && view_.locks;
    for (const stored_file& one : view_.files.quarantined) {
      if (all_now || is_old(one.modified, partial_life)) plan_.others.push_back(one);
    }
    for (const stored_file& one : view_.files.temporary) {
      if ((all_now && !view_.leases.keeps_part_of(one.digest)) || is_old(one.modified, partial_life)) plan_.others.push_back(one);
    }
  }

  const clean_view& view_;
  const clean_wish& wish_;
  file_time now_;
  clean_plan plan_;
  std::vector<const named*> kept_;
  std::map<digest, const stored_file*> blobs_;  ///< that stay so far
  std::map<digest, std::size_t> needed_;        ///< by how many of the references that stay
  std::set<digest> condemned_;                  ///< were needed by references that go
  std::size_t unreadable_ = 0;                  ///< references that stay and do not tell all that they need
};

}  // namespace

bool same_record(const reference& a, const reference& b) {
  return a.name() == b.name() && a.manifest_reference() == b.manifest_reference();
}

clean_plan plan_clean(const clean_view& view, const clean_wish& wish, file_time now) { return planner(view, wish, now).run(); }

}  // namespace gantry::store
