#include "jobs/sync.hpp"

#include "base/redact.hpp"
#include "jobs/lookup.hpp"
#include "jobs/run_order.hpp"
#include "jobs/side_by_side.hpp"
#include "jobs/sync_directory.hpp"
#include "jobs/sync_image.hpp"
#include "jobs/sync_neighbours.hpp"
#include "jobs/sync_tags.hpp"
#include "runtime/file.hpp"
#include "runtime/task_group.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

namespace gantry::jobs {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t lock_size_limit = std::size_t{512} << 20;
// What a kill costs at most: choices of platforms that came since are looked at again.
constexpr std::chrono::seconds lock_interval{5};

/// errc::invalid_option for a file of another kind, which must not be written over; what else cannot be read is a damaged lock.
result<sync_lock> read_lock_file(const std::string& path) {
  const auto text = runtime::read_file(path, lock_size_limit);
  if (!text && text.error().code == errc::file_not_found) return sync_lock();
  if (!text) return text.error();
  auto lock = read_sync_lock(*text, path);
  if (lock || text->empty() || text->starts_with(sync_lock_front)) return lock;
  return failure(errc::invalid_option, path + " is no lock file of a sync, and would be written over; give the lock another name");
}

/// The lock \p text of one part, with what the file says of others by now: they may run at the same time and write it as well.
std::string with_other_parts(const std::string& path, const std::string& text, const sync_shard& shard) {
  auto mine = read_sync_lock(text, path);
  auto there = read_lock_file(path);
  if (!mine || !there) return text;
  const auto other = [&](const auto& one) { return !in_shard(one.first.substr(0, one.first.rfind(':')), shard); };
  std::erase_if(*mine, other);
  std::erase_if(*there, [&](const auto& one) { return !other(one); });
  mine->merge(*there);
  return write_sync_lock(*mine);
}

/// Carries out one list.
class list_sync {
 public:
  list_sync(transfer::context& shared, std::shared_ptr<transfer::operation> running, std::shared_ptr<store::content_store> store,
            upload_state kept, const sync_list& list, const sync_options& options, bool sync)
      : shared_(shared),
        running_(std::move(running)),
        list_(list),
        options_(options),
        images_(shared, *running_, options, lock_, std::move(kept)),
        order_([this](const std::string& registry) { return shared_.registry.last_answer(registry); }, shared_.jobs,
               shared_.retry.budget * 9 / 10) {
    if (store) directory_.emplace(shared_, running_, std::move(store), options_, sync);
  }

  task<result<sync_result>> run();

 private:
  task<> carry();
  run_order::ends ends_of(const planned_sync& one) const;
  task<result<void>> read_lock();
  task<> save_lock(bool due_only);
  void drop_unnamed();
  std::vector<synced_image> collect();
  void meet_neighbours();
  task<> find_unwanted(sync_result& done);
  /// \param why_not set when nothing of the repository \p name may be pruned
  task<> ask_unwanted(std::string name, std::vector<reference>& unwanted, std::string& why_not);

  transfer::context& shared_;
  std::shared_ptr<transfer::operation> running_;
  const sync_list& list_;
  const sync_options& options_;
  sync_lock lock_;
  image_sync images_;
  std::optional<directory_sync> directory_;
  std::optional<sync_neighbours> neighbours_;  ///< where something is to be written
  run_order order_;
  sync_plan plan_;
  std::set<std::string> unwritten_;    ///< target repositories of images that failed
  std::vector<synced_image> done_;     ///< of every target, in the order of the list
  std::vector<std::size_t> first_of_;  ///< like sync_plan::images: where in done_ their targets begin
  std::size_t saved_ = 0;              ///< hash_of what the lock file holds; 0: not known
  steady_clock::time_point saved_at_ = steady_clock::now();
  bool saving_ = false;
};

task<> list_sync::carry() {
  for (;;) {
    const std::optional<run_order::turn> mine = co_await order_.next(running_->stop);
    if (!mine) co_return;
    const std::size_t at = mine->index();
    image_sync::source_state source;
    // What is done is not kept twice.
    const planned_sync one = std::move(plan_.images[at]);
    const run_order::ends ends = ends_of(one);
    std::size_t place = first_of_[at];
    for (const reference& target : one.targets) {
      if (running_->stop.stop_requested()) break;
      synced_image& done = done_[place++];
      if (const std::optional<failure> gone = order_.given_up(ends)) {
        done.entry = one.entry->number;
        done.source = one.source;
        done.directory = one.entry->directory;
        done.target = target;
        note_failure(done, *gone);
        continue;
      }
      if (directory_) {
        done = co_await directory_->bring(one, target);
      } else {
        done = co_await images_.bring(one, target, source);
        const bool written = done.state == sync_state::copied || done.state == sync_state::partial;
        if (neighbours_ && written) neighbours_->know(done.target, done.top.digest);
      }
      if (done.state == sync_state::failed) {
        order_.failed(ends, (directory_ ? one.source : target).string(), failure(done.code, done.message), one.entry->timeout.has_value());
      } else {
        order_.succeeded(ends);
      }
    }
    co_await save_lock(true);
  }
}

/// The registries of all targets of \p one are the same: they are one repository.
run_order::ends list_sync::ends_of(const planned_sync& one) const {
  run_order::ends ends;
  if (!one.source.empty()) ends.source = shared_.registry.places_of(one.source);
  if (!directory_) ends.target = one.targets.front().registry();
  return ends;
}

task<result<void>> list_sync::read_lock() {
  if (options_.lock_file.empty()) co_return result<void>();
  auto read = [path = options_.lock_file] { return read_lock_file(path); };
  auto known = co_await runtime::offload(shared_.lanes, runtime::lane::files, std::move(read));
  if (known) {
    lock_ = std::move(*known);
    saved_ = hash_of(lock_);
  } else if (known.error().code == errc::invalid_option) {
    co_return known.error();
  } else {
    running_->events.emit(warning{fmt::format("{}; every choice of platforms is looked at again", known.error().text.message())});
  }
  co_return result<void>();
}

task<> list_sync::save_lock(bool due_only) {
  // A directory tells itself what it holds; the lock beside the list may be that of a registry.
  if (options_.lock_file.empty() || options_.dry_run || saving_ || directory_) co_return;
  const auto now = steady_clock::now();
  if (due_only && now - saved_at_ < lock_interval) co_return;
  saved_at_ = now;  // also when nothing has changed: to find that out takes as long as the list is
  const std::size_t hash = hash_of(lock_);
  if (hash == saved_) co_return;
  saving_ = true;
  saved_ = hash;
  auto write = [path = options_.lock_file, text = write_sync_lock(lock_), shard = options_.shard]() mutable {
    if (shard.count > 1) text = with_other_parts(path, text, shard);
    return runtime::atomic_write_file(path, text, {.sync = true, .permissions = 0644, .nameless = true});
  };
  const result<void> written = co_await runtime::offload(shared_.lanes, runtime::lane::files, std::move(write));
  saving_ = false;
  if (written) co_return;
  saved_ = 0;
  saved_at_ += std::chrono::hours(1);  // once at the end is enough to say it again
  if (!due_only) running_->events.emit(warning{fmt::format("the lock file is not written: {}", written.error().text.message())});
}

/// Forgets what the list does not name any more.
void list_sync::drop_unnamed() {
  std::erase_if(lock_, [this](const auto& one) {
    const std::size_t colon = one.first.rfind(':');
    if (colon == std::string::npos) return true;
    const std::string repository = one.first.substr(0, colon);
    // Of other parts, for which the same file may be given.
    if (!in_shard(repository, options_.shard)) return false;
    if (plan_.unknown.contains(repository)) return false;
    const auto named = plan_.named.find(repository);
    return named == plan_.named.end() || !named->second.contains(one.first.substr(colon + 1));
  });
}

void list_sync::meet_neighbours() {
  std::set<reference> repositories;
  for (const sync_entry& entry : list_.entries) {
    auto target = target_of(entry, options_);
    if (target && !in_shard(target->name(), options_.shard)) repositories.insert(std::move(*target));
  }
  neighbours_.emplace(shared_, lock_, std::vector<reference>(repositories.begin(), repositories.end()));
  images_.ask_elsewhere([this](transfer::operation& asking, planned_blob one, reference source) {
    return neighbours_->find(asking, std::move(one), std::move(source));
  });
}

task<> list_sync::ask_unwanted(std::string name, std::vector<reference>& unwanted, std::string& why_not) {
  if (plan_.unknown.contains(name)) {
    why_not = "not all of the tags that the list means are known";
    co_return;
  }
  if (unwritten_.contains(name)) {
    why_not = "not all that the list names there could be written";
    co_return;
  }
  error_code ec;
  const reference repository = reference::parse(name, ec).with_tag({});
  tags_options every;
  const auto there = co_await list_tags(shared_, running_, repository, std::move(every), registry::precedence::registry_alone);
  if (there) {
    for (const std::string& tag : unwanted_tags(there->tags, plan_.named.at(name))) unwanted.push_back(repository.with_tag(tag));
  } else if (there.error().code != errc::not_found) {
    why_not = there.error().text.message();
  }
}

task<> list_sync::find_unwanted(sync_result& done) {
  struct answer {
    std::string name;
    std::vector<reference> unwanted;
    std::string why_not;
  };
  std::vector<answer> answers;
  for (const auto& repository : plan_.named) {
    answers.emplace_back();
    answers.back().name = repository.first;
  }
  std::function<task<>(std::size_t)> ask = [this, &answers](std::size_t number) {
    answer& one = answers[number];
    return ask_unwanted(one.name, one.unwanted, one.why_not);
  };
  co_await side_by_side(shared_.executor, shared_.jobs, answers.size(), std::move(ask), running_->stop);
  if (running_->stop.stop_requested()) co_return;
  for (answer& one : answers) {
    if (!one.why_not.empty()) running_->events.emit(warning{fmt::format("nothing of {} is pruned: {}", one.name, one.why_not)});
    std::move(one.unwanted.begin(), one.unwanted.end(), std::back_inserter(done.unwanted));
  }
}

/// What became of all images, in the order of the list; nothing is kept twice.
std::vector<synced_image> list_sync::collect() {
  std::vector<synced_image> all = std::move(done_);
  std::move(plan_.failed.begin(), plan_.failed.end(), std::back_inserter(all));
  const auto before = [](const synced_image& a, const synced_image& b) { return a.entry < b.entry; };
  if (!std::is_sorted(all.begin(), all.end(), before)) std::stable_sort(all.begin(), all.end(), before);
  return all;
}

task<result<sync_result>> list_sync::run() {
  const auto started = steady_clock::now();
  auto planned = co_await plan_list(shared_, running_, list_, options_);
  if (!planned) co_return planned.error();
  plan_ = std::move(*planned);
  std::size_t targets = 0;
  for (const planned_sync& one : plan_.images) first_of_.push_back(std::exchange(targets, targets + one.targets.size()));
  done_.resize(targets);
  if (directory_) {
    const result<void> begun = co_await directory_->begin(plan_);
    if (!begun) co_return begun.error();
  } else {
    const result<void> read = co_await read_lock();
    if (!read) co_return read.error();
    drop_unnamed();
    if (!options_.dry_run) meet_neighbours();
  }
  {
    runtime::task_group group(shared_.executor);
    for (const planned_sync& one : plan_.images) order_.add(ends_of(one));
    for (std::size_t i = order_.workers(); i > 0; --i) group.spawn(carry());
    co_await group.join();
  }
  images_.flush();
  co_await save_lock(false);
  if (running_->stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
  sync_result done;
  done.images = collect();
  if (directory_) {
    const result<void> written = co_await directory_->finish(done.images);
    if (!written) co_return written.error();
    done.dropped = directory_->dropped();
  } else if (options_.find_unwanted) {
    // A slip or an outage is no order to delete what stands beside it.
    for (const synced_image& one : done.images) {
      if (one.state == sync_state::failed) unwritten_.insert(one.target.name());
    }
    co_await find_unwanted(done);
  }
  if (running_->stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
  add_counts(done, directory_ ? directory_->counts() : images_.counts());
  done.elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - started);
  running_->events.flush();
  co_return done;
}

}  // namespace

task<result<sync_result>> sync(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                               std::shared_ptr<store::content_store> store, upload_state kept, sync_list list, sync_options options,
                               bool sync) {
  if (options.shard.count == 0 || options.shard.number == 0 || options.shard.number > options.shard.count) {
    co_return failure(errc::invalid_option, fmt::format("there is no part {} of {}", options.shard.number, options.shard.count));
  }
  if (std::holds_alternative<std::string>(options.to)) {
    if (options.shard.count > 1) co_return failure(errc::invalid_option, "a directory is written as a whole, by one process");
    if (options.referrers) {
      co_return failure(errc::invalid_option,
                        "what refers to images goes from registry to registry, not into a directory; leave out --referrers");
    }
    for (const sync_entry& entry : list.entries) {
      if (entry.place)
        co_return failure(errc::invalid_option, fmt::format("{} names a registry, and the list goes into a directory", entry.label()));
      if (entry.source.empty())
        co_return failure(errc::invalid_option, fmt::format("{} is a directory itself; 'gantry convert' copies those", entry.label()));
    }
  }
  list_sync all(shared, std::move(running), std::move(store), std::move(kept), list, options, sync);
  co_return co_await all.run();
}

}  // namespace gantry::jobs
