#include "serve/arriving_blob.hpp"

#include "store/paths.hpp"

#include <fmt/format.h>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace gantry::serve {
namespace {

constexpr std::uint64_t withheld_bytes = 64 * 1024;
constexpr std::uint64_t small_bytes = std::uint64_t{4} << 20;

/// Tells a blob's readers what is written, on the strand.
class watched_part final : public store::blob_part {
 public:
  watched_part(std::unique_ptr<store::blob_part> inner, runtime::executor where, std::weak_ptr<arriving_blob> watched)
      : inner_(std::move(inner)), where_(std::move(where)), watched_(std::move(watched)) {}

  const descriptor& blob() const noexcept override { return inner_->blob(); }
  const store::byte_ranges& held() const noexcept override { return inner_->held(); }

  result<void> write(std::uint64_t offset, std::span<const std::byte> bytes) override {
    auto done = inner_->write(offset, bytes);
    if (!done) return done;
    const store::byte_range range{offset, bytes.size()};
    boost::asio::post(where_, [watched = watched_, range] {
      if (const auto alive = watched.lock()) alive->written(range);
    });
    return done;
  }

  result<void> record(const store::journal_record& piece) override { return inner_->record(piece); }
  result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) const override { return inner_->read_at(offset, into); }
  void start_writeback(std::uint64_t offset, std::uint64_t length) const noexcept override { inner_->start_writeback(offset, length); }
  result<void> commit(const digest& computed) override { return inner_->commit(computed); }
  void discard() noexcept override { inner_->discard(); }

 private:
  std::unique_ptr<store::blob_part> inner_;
  runtime::executor where_;
  std::weak_ptr<arriving_blob> watched_;
};

}  // namespace

std::uint64_t releasable(std::uint64_t frontier, std::uint64_t size) noexcept {
  return size <= small_bytes ? 0 : std::min(frontier, size - withheld_bytes);
}

class arriving_blob::feed final : public blob_feed {
 public:
  explicit feed(std::shared_ptr<arriving_blob> all) : all_(std::move(all)), attempt_(all_->attempt_) { all_->count_reader(true); }
  feed(const feed&) = delete;
  feed& operator=(const feed&) = delete;
  ~feed() override { all_->count_reader(false); }

  std::uint64_t size() const noexcept override { return all_->blob_.size; }

  task<result<std::uint64_t>> available(std::uint64_t offset, runtime::stop_source& stop) override {
    for (;;) {
      if (all_->error_) co_return *all_->error_;
      if (all_->attempt_ != attempt_ && given_) {
        co_return failure(errc::digest_mismatch,
                          fmt::format("blob {} turned out to be wrong and is fetched anew", all_->blob_.digest.string()));
      }
      attempt_ = all_->attempt_;
      const std::uint64_t end = all_->released();
      if (end > offset) {
        given_ = true;
        co_return end;
      }
      if (stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
      co_await all_->changed_.wait(stop);
    }
  }

  task<result<std::size_t>> read(std::uint64_t offset, std::span<std::byte> into, std::shared_ptr<const void> owner) override {
    if (all_->stored_) {
      auto call = [stored = all_->stored_, offset, into, owner] { return stored->read_at(offset, into); };
      co_return co_await runtime::offload(all_->workers_, runtime::lane::files, std::move(call));
    }
    if (!all_->data_) co_return failure(errc::cancelled, "stopped");
    auto call = [data = all_->data_, offset, into, owner] { return data->read_at(offset, into); };
    co_return co_await runtime::offload(all_->workers_, runtime::lane::files, std::move(call));
  }

 private:
  std::shared_ptr<arriving_blob> all_;
  unsigned attempt_;
  bool given_ = false;
};

std::shared_ptr<blob_feed> arriving_blob::reader(const std::string& repository) {
  asked_.try_emplace(repository, std::chrono::steady_clock::now());
  return std::make_shared<feed>(shared_from_this());
}

void arriving_blob::count_reader(bool came) {
  const bool before = has_readers();
  if (came) ++readers_;
  if (!came) --readers_;
  if (has_readers() != before && readers_changed_) readers_changed_();
}

std::uint64_t arriving_blob::released() const noexcept {
  if (stored_) return blob_.size;
  const auto& ranges = arrived_.list();
  if (!data_ || ranges.empty() || ranges.front().offset != 0) return 0;
  return releasable(ranges.front().end(), blob_.size);
}

void arriving_blob::opened(std::shared_ptr<const runtime::file> data, store::byte_ranges held) {
  ++attempt_;
  data_ = std::move(data);
  arrived_ = std::move(held);
  changed_.notify_all();
}

void arriving_blob::written(store::byte_range range) {
  const std::uint64_t before = released();
  arrived_.add(range);
  if (released() != before) changed_.notify_all();
}

void arriving_blob::finished(std::shared_ptr<model::blob_reader> stored) {
  stored_ = std::move(stored);
  data_.reset();
  changed_.notify_all();
}

void arriving_blob::failed(failure why) {
  error_ = std::move(why);
  data_.reset();
  changed_.notify_all();
}

watched_target::watched_target(std::shared_ptr<store::blob_target> into, opener data, runtime::executor where,
                               std::shared_ptr<arriving_blob> watched)
    : into_(std::move(into)), data_(std::move(data)), where_(std::move(where)), watched_(std::move(watched)) {}

result<store::claim_attempt> watched_target::claim(const descriptor& blob) { return into_->claim(blob); }

result<std::unique_ptr<store::blob_part>> watched_target::begin(const descriptor& blob, store::ingest_options options) {
  auto begun = into_->begin(blob, options);
  if (!begun) return begun.error();
  std::shared_ptr<const runtime::file> data = data_(blob, options);
  const std::weak_ptr<arriving_blob> watched = watched_;
  boost::asio::post(where_, [watched, data = std::move(data), held = (*begun)->held()] {
    if (const auto alive = watched.lock()) alive->opened(data, held);
  });
  return std::unique_ptr<store::blob_part>(std::make_unique<watched_part>(std::move(*begun), where_, watched));
}

std::shared_ptr<watched_target> watch_store(std::shared_ptr<store::content_store> store, runtime::executor where,
                                            std::shared_ptr<arriving_blob> watched) {
  auto open = [root = store->root()](const descriptor& blob, const store::ingest_options& options) {
    std::shared_ptr<const runtime::file> data;
    if (options.place != store::ingest_place::shared) return data;
    // A descriptor of its own: it stays good when the part is committed or given up in the middle of a read.
    auto opened = runtime::file::open(store::paths{root}.ingest(blob.digest) / "data", runtime::open_mode::read);
    if (opened) data = std::make_shared<const runtime::file>(std::move(*opened));
    return data;
  };
  return std::make_shared<watched_target>(std::move(store), std::move(open), std::move(where), std::move(watched));
}

std::shared_ptr<watched_target> watch_passing(std::shared_ptr<passing_target> passing, runtime::executor where,
                                              std::shared_ptr<arriving_blob> watched) {
  auto open = [passing](const descriptor&, const store::ingest_options&) { return passing->data(); };
  return std::make_shared<watched_target>(std::move(passing), std::move(open), std::move(where), std::move(watched));
}

}  // namespace gantry::serve
