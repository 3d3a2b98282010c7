#include "jobs/relayed_feed.hpp"

#include "jobs/push.hpp"
#include "model/manifest.hpp"
#include "transfer/fan_out.hpp"
#include "transfer/fetcher.hpp"

#include <optional>
#include <utility>
#include <variant>
#include <vector>

namespace gantry::jobs {
namespace {

/// A blob that passes through memory.
class relayed_blob final : public blob_feed {
 public:
  /// \param fan may be null
  relayed_blob(std::shared_ptr<transfer::fan_reader> through, std::shared_ptr<fan_group> fan, std::string registry, descriptor blob)
      : through_(std::move(through)), fan_(std::move(fan)), registry_(std::move(registry)), blob_(std::move(blob)) {}

  task<result<void>> prepare() override {
    if (fan_) leave_ = co_await fan_->gather(registry_, blob_, through_);
    co_return result<void>();
  }
  transfer::connection_grant leave() override { return std::exchange(leave_, {}); }
  std::unique_ptr<http::body_source> open(std::uint64_t offset, std::uint64_t length,
                                          transfer::upload_body::progress_handler progress) override {
    return through_->open(offset, length, std::move(progress));
  }
  void rest() override { through_->rest(); }
  std::optional<failure> broken() const override { return through_->broken(); }
  bool try_elsewhere() override { return through_->try_elsewhere(); }

 private:
  std::shared_ptr<transfer::fan_reader> through_;
  std::shared_ptr<fan_group> fan_;
  std::string registry_;
  descriptor blob_;
  transfer::connection_grant leave_;
};

std::shared_ptr<upload_feed> feed_from(transfer::context& shared, transfer::operation& running,
                                       std::shared_ptr<store::content_store> store) {
  loaded_source held;
  held.blobs = std::move(store);
  return stored_feed(shared, running, held);
}

/// A blob that is fetched into the store first, and sent from there.
class cached_blob final : public blob_feed {
 public:
  cached_blob(transfer::context& shared, transfer::operation& running, reference source, std::shared_ptr<store::content_store> store,
              const planned_blob& one)
      : shared_(shared), running_(running), store_(std::move(store)), sent_(feed_from(shared, running, store_)->blob(one)) {
    wanted_.push_back({std::move(source), one.blob, one.role});
  }

  task<result<void>> prepare() override {
    // Of the two ways the blob takes the upload is the one that is shown.
    transfer::event_emitter quiet([this](const event& what) { pass_on(what); }, {});
    transfer::operation fetching(std::move(quiet), running_.moved());
    const runtime::stop_source::registration stopping(running_.stop, [&fetching] { fetching.request_stop(); });
    const auto fetched = co_await transfer::fetch_all(shared_, fetching, store_, wanted_);
    if (!fetched) co_return fetched.error();
    co_return result<void>();
  }
  std::unique_ptr<http::body_source> open(std::uint64_t offset, std::uint64_t length,
                                          transfer::upload_body::progress_handler progress) override {
    return sent_->open(offset, length, std::move(progress));
  }

 private:
  void pass_on(const event& what) {
    running_.note_answer();
    if (std::holds_alternative<retry_scheduled>(what) || std::holds_alternative<waiting>(what) || std::holds_alternative<warning>(what) ||
        std::holds_alternative<segment_finished>(what) || std::holds_alternative<concurrency_changed>(what) ||
        std::holds_alternative<transfer_progress>(what)) {
      running_.events.pass_on(what);
    }
  }

  transfer::context& shared_;
  transfer::operation& running_;
  std::shared_ptr<store::content_store> store_;
  std::unique_ptr<blob_feed> sent_;
  std::vector<transfer::wanted_blob> wanted_;
};

}  // namespace

std::unique_ptr<blob_feed> relayed_feed::blob(const planned_blob& one) {
  if (cache_) return std::make_unique<cached_blob>(shared_, running_, source_, cache_, one);
  auto through = std::make_shared<transfer::fan_reader>(shared_, running_, source_, one.blob);
  return std::make_unique<relayed_blob>(std::move(through), fan_, one.registry, one.blob);
}

void relayed_feed::settle(const planned_blob& one) {
  if (fan_) fan_->settle(one.registry, one.blob.digest);
}

task<result<std::string>> relayed_feed::document(descriptor one) { co_return documents_->read(one, model::document_limit); }

}  // namespace gantry::jobs
