#include "jobs/delivery.hpp"

#include "jobs/throwaway_store.hpp"
#include "runtime/arrivals.hpp"
#include "runtime/semaphore.hpp"
#include "runtime/task_group.hpp"
#include "store/spool.hpp"

#include <fmt/format.h>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace gantry::jobs {
namespace {

/// The blobs of the store, those that are still being fetched included: to open one of them is to wait for it.
class awaited_blobs final : public model::blob_source {
 public:
  awaited_blobs(std::shared_ptr<model::blob_source> store, std::set<digest> missing, std::function<bool()> pointless)
      : store_(std::move(store)), missing_(std::move(missing)), pointless_(std::move(pointless)) {}

  void arrived(const digest& blob) { arrived_.put(blob, true); }
  void close() { arrived_.close(); }

  result<std::unique_ptr<model::blob_reader>> open(const descriptor& blob) override {
    if (missing_.contains(blob.digest)) {
      if (!arrived_.take(blob.digest, pointless_))
        return failure(errc::cancelled, fmt::format("blob {} did not arrive", blob.digest.string()));
      missing_.erase(blob.digest);
    }
    return store_->open(blob);
  }

 private:
  std::shared_ptr<model::blob_source> store_;
  std::set<digest> missing_;  ///< used by the reader alone
  std::function<bool()> pointless_;
  runtime::arrivals<digest, bool> arrived_;
};

/// What is held, and what passes through the spool.
class passing_blobs final : public model::blob_source {
 public:
  passing_blobs(std::shared_ptr<store::document_store> held, std::shared_ptr<store::spool> passing)
      : held_(std::move(held)), passing_(std::move(passing)) {}

  result<std::unique_ptr<model::blob_reader>> open(const descriptor& blob) override {
    return held_->holds(blob) ? held_->open(blob) : passing_->open(blob);
  }

 private:
  std::shared_ptr<store::document_store> held_;
  std::shared_ptr<store::spool> passing_;
};

/// Bounds what the spool holds at a time: blobs come in archive order, and the next is let in when it fits beside what has not been read.
/// Used on the strand.
class spool_room {
 public:
  explicit spool_room(std::uint64_t bytes) : bytes_(bytes), room_(bytes) {}

  task<bool> admit(descriptor blob, runtime::stop_source& stop) {
    const std::uint64_t wanted = std::clamp<std::uint64_t>(blob.size, 1, bytes_);
    runtime::semaphore::permit permit = co_await room_.acquire(wanted, stop);
    if (!permit) co_return false;
    inside_.insert_or_assign(blob.digest, std::move(permit));
    co_return true;
  }
  void leave(const digest& blob) { inside_.erase(blob); }

 private:
  std::uint64_t bytes_;
  runtime::semaphore room_;
  std::map<digest, runtime::semaphore::permit> inside_;
};

// Many small layers come side by side; of larger ones there is one at a time.
constexpr std::uint64_t least_room = std::uint64_t{64} << 20;

/// Blobs that are taken from front to back by a thread of its own, which waits for those that are on their way.
class stream_delivery final : public delivery {
 public:
  stream_delivery(delivery_setup setup, std::unique_ptr<blob_taker> taker)
      : setup_(std::move(setup)), taker_(std::move(taker)), beside_(setup_.shared.executor) {}

  // On every way out: a writer that waits for ever would keep its thread.
  ~stream_delivery() override { close(); }

  std::shared_ptr<store::blob_target> target() override {
    if (setup_.store) return setup_.store;
    return spool_;
  }

  transfer::fetch_options how() override {
    // By the writer, as soon as a blob is complete.
    setup_.running->read_again = true;
    transfer::fetch_options options;
    options.in_order = true;
    if (setup_.store) {
      options.arrived = [blobs = awaited_](const descriptor& blob) { blobs->arrived(blob.digest); };
    } else {
      options.admit = [room = room_, running = setup_.running](const descriptor& blob) { return room->admit(blob, running->stop); };
    }
    return options;
  }

  void start(std::vector<descriptor> /*held*/, const std::vector<descriptor>& missing) override {
    std::function<bool()> pointless = taker_->pointless();
    if (setup_.store) {
      std::set<digest> digests;
      for (const descriptor& blob : missing) digests.insert(blob.digest);
      awaited_ = std::make_shared<awaited_blobs>(setup_.store, std::move(digests), std::move(pointless));
      beside_.spawn(write(awaited_));
      return;
    }
    std::uint64_t largest = least_room;
    for (const descriptor& blob : missing) largest = std::max(largest, blob.size);
    room_ = std::make_shared<spool_room>(largest);
    auto read = [room = room_, strand = setup_.shared.executor](const descriptor& blob) {
      boost::asio::post(strand, [room, value = blob.digest] { room->leave(value); });
    };
    std::filesystem::path where = taker_->directory();
    if (where.empty()) where = temporary_directory();
    spool_ = std::make_shared<store::spool>(std::move(where), std::move(read), std::move(pointless));
    beside_.spawn(write(std::make_shared<passing_blobs>(setup_.documents, spool_)));
  }

  task<result<std::uint64_t>> finish(bool all_arrived) override {
    if (!all_arrived) close();
    co_await beside_.join();
    if (!outcome_) co_return failure(errc::cancelled, "stopped");
    co_return *outcome_;
  }

 private:
  void close() {
    if (awaited_) awaited_->close();
    if (spool_) spool_->close();
  }

  task<> write(std::shared_ptr<model::blob_source> blobs) {
    outcome_ = co_await taker_->take(setup_, std::move(blobs));
    // Nobody takes the rest: what is fetched so far can be resumed.
    if (!*outcome_) setup_.running->give_up();
  }

  delivery_setup setup_;
  std::unique_ptr<blob_taker> taker_;
  std::shared_ptr<awaited_blobs> awaited_;
  std::shared_ptr<spool_room> room_;
  std::shared_ptr<store::spool> spool_;
  runtime::task_group beside_;
  std::optional<result<std::uint64_t>> outcome_;
};

}  // namespace

std::unique_ptr<delivery> make_stream_delivery(delivery_setup setup, std::unique_ptr<blob_taker> taker) {
  return std::make_unique<stream_delivery>(std::move(setup), std::move(taker));
}

}  // namespace gantry::jobs
