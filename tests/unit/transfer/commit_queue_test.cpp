#include "transfer/commit_queue.hpp"

#include "support/loop.hpp"
#include "support/result.hpp"

#include <algorithm>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace gantry::transfer {
namespace {

/// What the workers did, in order.
struct diary {
  void note(std::string what) {
    const std::lock_guard guard(mutex);
    lines.push_back(std::move(what));
  }
  std::size_t count(const std::string& what) const { return static_cast<std::size_t>(std::count(lines.begin(), lines.end(), what)); }
  std::mutex mutex;
  std::vector<std::string> lines;
};

class fake_part final : public store::blob_part {
 public:
  fake_part(diary& into, bool sound) : into_(into), sound_(sound) {}
  ~fake_part() override { into_.note("gone"); }

  const descriptor& blob() const noexcept override { return blob_; }
  const store::byte_ranges& held() const noexcept override { return held_; }
  result<void> write(std::uint64_t, std::span<const std::byte>) override { return {}; }
  result<void> record(const store::journal_record&) override { return {}; }
  result<std::size_t> read_at(std::uint64_t, std::span<std::byte>) const override { return std::size_t{0}; }
  void start_writeback(std::uint64_t, std::uint64_t) const noexcept override {}
  result<void> commit(const digest&) override {
    into_.note("commit");
    if (!sound_) return failure(errc::digest_mismatch, "wrong");
    return {};
  }
  void discard() noexcept override {}

 private:
  diary& into_;
  bool sound_;
  descriptor blob_;
  store::byte_ranges held_;
};

class fake_target final : public store::blob_target {
 public:
  fake_target(diary& into, bool names) : into_(into), names_(names) {}
  result<store::claim_attempt> claim(const descriptor&) override { return store::claim_attempt(); }
  result<std::unique_ptr<store::blob_part>> begin(const descriptor&, store::ingest_options) override {
    return failure(errc::internal_error, "not asked for");
  }
  result<void> sync_names() override {
    into_.note("names");
    if (!names_) return failure(errc::storage_error, "no names");
    return {};
  }

 private:
  diary& into_;
  bool names_;
};

struct fixture {
  test::loop loop;
  runtime::lanes workers;
  diary told;

  std::vector<std::optional<result<void>>> commit(std::vector<bool> sound, bool names = true) {
    commit_queue queue(loop.executor, workers, std::make_shared<fake_target>(told, names));
    std::vector<std::optional<result<void>>> outcomes(sound.size());
    for (std::size_t i = 0; i < sound.size(); ++i) {
      loop.spawn(queue.commit(std::make_shared<fake_part>(told, sound[i]), digest()), outcomes[i]);
    }
    loop.drain();
    return outcomes;
  }
};

TEST_CASE("blobs that are complete together share a sync of their names") {
  fixture f;
  for (const auto& outcome : f.commit(std::vector<bool>(60, true))) test::must(*outcome);
  CHECK(f.told.count("commit") == 60);
  CHECK(f.told.count("gone") == 60);
  CHECK(f.told.count("names") <= 6);
  // Every name was synced behind its commit.
  CHECK(f.told.lines.back() != "commit");
}

TEST_CASE("a blob that cannot be committed fails alone") {
  fixture f;
  const auto outcomes = f.commit({true, false, true, false});
  test::must(*outcomes[0]);
  test::must_fail(*outcomes[1], errc::digest_mismatch);
  test::must(*outcomes[2]);
  test::must_fail(*outcomes[3], errc::digest_mismatch);
}

TEST_CASE("names that cannot be synced fail all that were committed with them") {
  fixture f;
  const auto outcomes = f.commit({true, false}, false);
  test::must_fail(*outcomes[0], errc::storage_error);
  test::must_fail(*outcomes[1], errc::digest_mismatch);
}

}  // namespace
}  // namespace gantry::transfer
