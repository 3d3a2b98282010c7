#include "transfer/relay.hpp"

#include "http/content_range.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace gantry::transfer {
namespace {

using runtime::lane;
using runtime::offload;

/// Part of the blob as the body of a request.
class relay_body final : public http::body_source {
 public:
  relay_body(std::shared_ptr<relay> from, context& shared, operation& running, std::uint64_t offset, std::uint64_t length,
             upload_body::progress_handler progress)
      : from_(std::move(from)), shared_(shared), running_(running), offset_(offset), length_(length), progress_(std::move(progress)) {}

  std::uint64_t size() const noexcept override { return length_; }

  task<result<std::span<const std::byte>>> next() override {
    if (done_ == length_) co_return std::span<const std::byte>();
    if (!block_) {
      std::vector<runtime::buffer_pool::buffer> taken = co_await shared_.buffers.acquire(1, running_.stop);
      if (taken.empty()) co_return failure(errc::cancelled, "stopped");
      block_ = std::make_shared<runtime::buffer_pool::buffer>(std::move(taken.front()));
    }
    const result<std::size_t> got = co_await from_->read(offset_ + done_, block_, length_ - done_);
    if (!got) co_return got.error();
    done_ += *got;
    if (progress_) progress_(static_cast<std::int64_t>(*got));
    co_return std::span<const std::byte>(block_->bytes().first(*got));
  }

  task<result<void>> rewind() override {
    if (progress_) progress_(-static_cast<std::int64_t>(done_));
    done_ = 0;
    co_return result<void>();
  }

 private:
  std::shared_ptr<relay> from_;
  context& shared_;
  operation& running_;
  std::uint64_t offset_;
  std::uint64_t length_;
  upload_body::progress_handler progress_;
  std::shared_ptr<runtime::buffer_pool::buffer> block_;
  std::uint64_t done_ = 0;
};

}  // namespace

relay::relay(context& shared, operation& running, reference image, descriptor blob)
    : shared_(shared),
      running_(running),
      blob_(std::move(blob)),
      sources_(shared.registry, std::move(image), blob_.digest, blob_.urls),
      policy_(shared.retry, jitter_seed()),
      hash_(std::make_shared<model::digester>(blob_.digest.algorithm())) {}

std::unique_ptr<http::body_source> relay::open(std::uint64_t offset, std::uint64_t length, upload_body::progress_handler progress) {
  return std::make_unique<relay_body>(shared_from_this(), shared_, running_, offset, length, std::move(progress));
}

void relay::end(bool failed) {
  if (!reply_) return;
  reply_.reset();
  sources_.ended(site_, received_, std::chrono::steady_clock::now() - asked_, failed);
}

void relay::rest() { end(false); }

bool relay::try_origin() {
  if (!broken_ || broken_->code != errc::digest_mismatch || origin_only_ || !sources_.has_mirrors()) return false;
  sources_.only_origin();
  origin_only_ = true;
  broken_.reset();
  hash_ = std::make_shared<model::digester>(blob_.digest.algorithm());
  hashed_ = 0;
  return true;
}

task<std::optional<failure>> relay::ask(std::uint64_t offset) {
  std::optional<http::byte_range> range;
  if (offset != 0) range = http::byte_range{offset, blob_.size - 1};
  auto answer = co_await sources_.get(range, running_.stop);
  if (!answer) co_return answer.error();
  site_ = answer->site;
  reply_.emplace(std::move(answer->reply));
  received_ = 0;
  asked_ = std::chrono::steady_clock::now();
  position_ = offset;
  running_.note_answer();
  const http::response_head& head = reply_->head();
  if (!range) {
    const bool other_size = head.framing == http::body_framing::length && head.content_length != blob_.size;
    if (head.status == 200 && !other_size) co_return std::nullopt;
    failure wrong(errc::range_refused,
                  fmt::format("{} does not offer the {} bytes of blob {}", reply_->where(), blob_.size, blob_.digest.short_form()));
    end(true);
    co_return wrong;
  }
  const auto judged = http::check_range_answer(*range, blob_.size, head);
  if (!judged) {
    end(true);
    co_return failure(errc::range_refused, judged.error().text.message());
  }
  if (judged->body == http::range_body::part) co_return std::nullopt;
  if (sources_.refused_range(site_)) {
    failure elsewhere(errc::range_refused, fmt::format("{} answers a request for a part of a blob with the whole", reply_->where()));
    end(false);
    co_return elsewhere;
  }
  position_ = 0;  // what the upload has is read and dropped
  co_return std::nullopt;
}

task<result<std::size_t>> relay::receive(std::span<std::byte> into) {
  std::size_t allowed = into.size();
  if (shared_.bandwidth.limits()) {
    allowed = co_await shared_.bandwidth.acquire(into.size(), running_.stop);
    if (allowed == 0) co_return failure(errc::cancelled, "stopped");
  }
  const result<std::size_t> got = co_await reply_->read(into.first(allowed));
  shared_.bandwidth.give_back(allowed - (got ? *got : 0));
  if (!got) co_return got.error();
  if (*got == 0) {
    co_return failure(errc::connection_lost,
                      fmt::format("{} ended at byte {} of blob {}", reply_->where(), position_, blob_.digest.short_form()));
  }
  received_ += *got;
  position_ += *got;
  co_return *got;
}

task<result<void>> relay::verify(std::uint64_t offset, std::shared_ptr<runtime::buffer_pool::buffer> bytes, std::size_t count) {
  const std::uint64_t end = offset + count;
  // An upload that goes on somewhere in the middle gets bytes again that were hashed before; the registry hashes what it has got.
  if (offset > hashed_ || end <= hashed_) co_return result<void>();
  auto add = [hash = hash_, bytes, from = static_cast<std::size_t>(hashed_ - offset), count] {
    hash->update(std::span<const std::byte>(bytes->bytes()).subspan(from, count - from));
    return true;
  };
  co_await offload(shared_.lanes, lane::cpu, std::move(add));
  hashed_ = end;
  if (hashed_ < blob_.size) co_return result<void>();
  const digest whole = hash_->finish();
  if (whole == blob_.digest) co_return result<void>();
  co_return failure(errc::digest_mismatch, fmt::format("{} sent a blob that hashes to {} in place of {}; the upload was not completed",
                                                       sources_.name_of(site_), whole.string(), blob_.digest.string()));
}

task<result<std::size_t>> relay::read(std::uint64_t offset, std::shared_ptr<runtime::buffer_pool::buffer> into, std::uint64_t limit) {
  if (broken_) co_return *broken_;
  const std::string object = "blob " + std::string(blob_.digest.short_form());
  for (;;) {
    if (reply_ && position_ != offset) end(false);
    std::optional<failure> failed;
    if (!reply_) failed = co_await ask(offset);
    while (!failed) {
      // What precedes goes through the same buffer and is overwritten.
      const std::uint64_t wanted = position_ < offset ? offset - position_ : limit;
      const std::uint64_t begin = position_;
      const std::size_t most = static_cast<std::size_t>(std::min<std::uint64_t>(wanted, into->bytes().size()));
      const result<std::size_t> got = co_await receive(into->bytes().first(most));
      if (!got) {
        failed = got.error();
        break;
      }
      if (begin < offset) continue;
      fresh_ += *got;
      running_.note_answer();
      const result<void> right = co_await verify(begin, into, *got);
      if (!right) {
        broken_ = right.error();
        end(true);
        co_return *broken_;
      }
      if (position_ == blob_.size) end(false);
      co_return *got;
    }
    end(true);
    const std::uint64_t fresh = std::exchange(fresh_, 0);
    const std::optional<failure> last = co_await back_off(running_, policy_, object, *failed, fresh);
    if (last) {
      broken_ = *last;
      co_return *broken_;
    }
  }
}

}  // namespace gantry::transfer
