#include "jobs/delivery.hpp"

#include "archive/descriptor_sink.hpp"
#include "archive/in_place.hpp"
#include "jobs/early_facts.hpp"
#include "runtime/signal.hpp"
#include "runtime/task_group.hpp"

#include <fmt/format.h>

#include <chrono>
#include <exception>
#include <optional>
#include <utility>

namespace gantry::jobs {
namespace {

using runtime::lane;
using runtime::offload;

/// A plain archive of known layout. What is fetched is written to its place as it comes, what the store has is copied meanwhile.
class planned_delivery final : public delivery {
 public:
  planned_delivery(delivery_setup setup, std::shared_ptr<archive::planned_file> file, std::shared_ptr<store::blob_target> target)
      : setup_(std::move(setup)), file_(std::move(file)), target_(std::move(target)), beside_(setup_.shared.executor) {}

  std::shared_ptr<store::blob_target> target() override { return target_; }
  transfer::fetch_options how() override { return {}; }

  void start(std::vector<descriptor> held, const std::vector<descriptor>& /*missing*/) override {
    beside_.spawn(copy_held(std::move(held)));
  }

  task<result<std::uint64_t>> finish(bool all_arrived) override {
    co_await beside_.join();
    std::shared_ptr<archive::planned_file> file = std::move(file_);
    // In this order: the target decides what becomes of an unfinished file.
    std::shared_ptr<store::blob_target> target = std::move(target_);
    result<std::uint64_t> size = failure(errc::cancelled, "stopped");
    if (error_) size = *error_;
    if (!error_ && all_arrived) {
      auto call = [file, documents = setup_.documents, running = setup_.running, progress = report_through(setup_.shared, setup_.running),
                   sync = setup_.sync, finished = setup_.finished]() -> result<std::uint64_t> {
        result<std::uint64_t> written = file->complete(*documents, progress, running->stop_flag(), sync);
        if (written && finished) finished->add(file->output().path(), file->plan());
        return written;
      };
      size = co_await offload(setup_.shared.lanes, lane::apart, std::move(call));
    }
    auto release = [file = std::move(file), target = std::move(target)]() mutable {
      target.reset();
      file.reset();
      return true;
    };
    co_await offload(setup_.shared.lanes, lane::files, std::move(release));
    co_return size;
  }

 private:
  task<> copy_held(std::vector<descriptor> held) {
    auto call = [file = file_, documents = setup_.documents, running = setup_.running, held = std::move(held),
                 sync = setup_.sync]() -> result<void> {
      for (const descriptor& blob : held) {
        if (!file->place_of(blob.digest)) continue;
        const auto filled = file->fill(
            blob, *documents, [](std::uint64_t) {}, running->stop_flag(), sync);
        if (!filled) return filled.error();
      }
      return {};
    };
    const result<void> copied = co_await offload(setup_.shared.lanes, lane::apart, std::move(call));
    if (copied || setup_.running->stop.stop_requested()) co_return;
    error_ = copied.error();
    setup_.running->give_up();
  }

  delivery_setup setup_;
  std::shared_ptr<archive::planned_file> file_;
  std::shared_ptr<store::blob_target> target_;
  runtime::task_group beside_;
  std::optional<failure> error_;
};

/// Stops \p running when the reader of a stream leaves before anything is written. Until \p until stops.
task<> watch_reader(int stream, std::shared_ptr<transfer::operation> running, std::shared_ptr<runtime::stop_source> until) {
  constexpr std::chrono::milliseconds pause{250};
  for (;;) {
    const bool slept = co_await runtime::sleep_for(pause, *until);
    if (!slept) co_return;
    if (!archive::reader_is_gone(stream)) continue;
    running->request_stop();
    co_return;
  }
}

/// An archive that is written when everything is in the store. What has to be known of its layers is learnt while others arrive.
class late_delivery final : public delivery {
 public:
  late_delivery(delivery_setup setup, archive_export prepared)
      : setup_(std::move(setup)),
        export_(std::move(prepared)),
        stream_(export_.stream()),
        facts_(setup_.shared, setup_.running, setup_.store, export_.inflated()),
        beside_(setup_.shared.executor) {}
  ~late_delivery() override { watched_->request_stop(); }

  std::shared_ptr<store::blob_target> target() override { return setup_.store; }
  transfer::fetch_options how() override {
    setup_.running->read_again = true;
    transfer::fetch_options options;
    options.arrived = [this](const descriptor& blob) { facts_.arrived(blob.digest); };
    return options;
  }
  void start(std::vector<descriptor> held, const std::vector<descriptor>& /*missing*/) override {
    for (const descriptor& blob : held) facts_.arrived(blob.digest);
    if (stream_) beside_.spawn(watch_reader(*stream_, setup_.running, watched_));
  }

  task<result<std::uint64_t>> finish(bool all_arrived) override {
    result<std::uint64_t> size = failure(errc::cancelled, "stopped");
    // A layer that nobody will take need not be inflated to its end.
    if (!all_arrived) setup_.running->give_up();
    std::exception_ptr thrown;
    try {
      co_await facts_.join();
      if (all_arrived) {
        archive_export out = std::move(export_);
        out.know(facts_.take());
        size = co_await archive_export::write(setup_.shared, setup_.running, setup_.store, std::move(out), setup_.sync);
      }
    } catch (...) {
      thrown = std::current_exception();
    }
    // On every way out: who watches the reader works with what goes with us.
    watched_->request_stop();
    co_await beside_.join();
    if (thrown) std::rethrow_exception(thrown);
    // The writer counts what was taken; one that had not begun has nothing to count.
    if (!size && size.error().code == errc::cancelled && stream_ && archive::reader_is_gone(*stream_)) {
      co_return failure(errc::storage_error,
                        fmt::format("cannot write the archive to {}: its reader went away after taking 0 bytes", stream_name(*stream_)));
    }
    co_return size;
  }

 private:
  delivery_setup setup_;
  archive_export export_;
  std::optional<int> stream_;
  early_facts facts_;
  std::shared_ptr<runtime::stop_source> watched_ = std::make_shared<runtime::stop_source>();
  runtime::task_group beside_;
};

/// Writes an archive.
class archive_taker final : public blob_taker {
 public:
  explicit archive_taker(archive_export out) : export_(std::move(out)) {}

  task<result<std::uint64_t>> take(delivery_setup setup, std::shared_ptr<model::blob_source> blobs) override {
    archive_export out = std::move(export_);
    co_return co_await archive_export::write_from(setup.shared, setup.running, std::move(blobs), std::move(out), setup.sync);
  }
  std::function<bool()> pointless() const override {
    // A reader that leaves while a blob is on its way would be noticed only when that is here.
    const std::optional<int> stream = export_.stream();
    if (!stream) return {};
    return [to = *stream] { return archive::reader_is_gone(to); };
  }
  std::filesystem::path directory() const override { return export_.directory().value_or(std::filesystem::path()); }

 private:
  archive_export export_;
};

}  // namespace

task<result<std::unique_ptr<delivery>>> open_delivery(delivery_setup setup, archive_export prepared, bool needs_store) {
  if (!prepared.is_planned_file() && !needs_store) {
    std::unique_ptr<blob_taker> taker = std::make_unique<archive_taker>(std::move(prepared));
    co_return make_stream_delivery(std::move(setup), std::move(taker));
  }
  if (needs_store) {
    std::unique_ptr<delivery> late = std::make_unique<late_delivery>(std::move(setup), std::move(prepared));
    co_return late;
  }
  std::shared_ptr<archive::planned_file> file = prepared.take_planned_file();
  std::shared_ptr<store::blob_target> target;
  if (setup.store) {
    target = std::make_shared<archive::teed_target>(setup.store, file, setup.sync);
  } else {
    auto call = [file, sync = setup.sync, finished = setup.finished] { return archive::in_place_target::open(file, sync, finished); };
    auto opened = co_await offload(setup.shared.lanes, lane::files, std::move(call));
    if (!opened) co_return opened.error();
    target = std::move(*opened);
  }
  std::unique_ptr<delivery> made = std::make_unique<planned_delivery>(std::move(setup), std::move(file), std::move(target));
  co_return made;
}

}  // namespace gantry::jobs
