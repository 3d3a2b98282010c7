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

// As in a pull: who takes so long for his first byte may never have got the request.
constexpr std::chrono::seconds source_patience{8};
// Two attempts in which a range is refused are no accident, unless a range has brought something between them.
constexpr unsigned refusals_in_earnest = 2;

}  // namespace

relay::relay(context& shared, operation& running, reference image, descriptor blob)
    : shared_(shared),
      running_(running),
      blob_(std::move(blob)),
      sources_(shared.registry, std::move(image), blob_.digest, blob_.urls),
      policy_(shared.retry, jitter_seed()),
      hash_(std::make_shared<model::digester>(blob_.digest.algorithm())) {}

void relay::end(const failure* why) {
  if (!reply_) return;
  tell(why);
  reply_.reset();
  counted_.reset();
  sources_.ended(site_, received_, std::chrono::steady_clock::now() - asked_, why);
}

void relay::tell(const failure* why) {
  if (!running_.events.heard()) return;
  const auto since = [this](std::chrono::steady_clock::time_point then) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(then - begun_);
  };
  segment_finished told;
  told.digest = blob_.digest;
  told.kind = begin_ == 0 ? segment_kind::whole : segment_kind::segment;
  told.offset = begin_;
  told.length = blob_.size - begin_;
  told.begun = begun_;
  told.elapsed = since(std::chrono::steady_clock::now());
  if (reply_) {
    told.connection = reply_->connection_number();
    told.host = sources_.name_of(site_);
    told.mirror = sources_.is_mirror(site_);
    told.answered = since(asked_);
    told.received = received_;
  }
  const bool stopped = running_.stop.stop_requested();
  if (why != nullptr && !stopped) {
    told.end = segment_end::failed;
    told.message = why->text.message();
  } else if (stopped || position_ != blob_.size) {
    told.end = segment_end::stopped;
  }
  running_.events.emit(std::move(told));
}

void relay::rest() { end(nullptr); }

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
  registry::blob_request rest;
  const bool part = offset != 0 && refusals_ < refusals_in_earnest;
  begun_ = std::chrono::steady_clock::now();
  begin_ = part ? offset : 0;
  if (part) rest.range = http::byte_range{offset, blob_.size - 1};
  rest.size = blob_.size;
  rest.how.repeat_after = source_patience;
  unsigned status = 0;
  rest.answered_with = &status;
  auto answer = co_await sources_.get(rest, running_.stop);
  if (!answer) {
    failure why = answer.error();
    // Of another size is the blob of another server, or that is a passing fault: it costs an attempt.
    if (why.code == errc::size_mismatch) {
      why.code = make_error_code(errc::range_refused);
    } else if (part && status == 416) {
      ++refusals_;
    }
    tell(&why);
    co_return why;
  }
  site_ = answer->site;
  reply_.emplace(std::move(answer->reply));
  counted_.emplace(running_.moved());
  received_ = 0;
  asked_ = std::chrono::steady_clock::now();
  position_ = begin_;  // what the upload has is read and dropped
  running_.note_contact();
  const http::response_head& head = reply_->head();
  if (!rest.range) {
    const bool other_size = head.framing == http::body_framing::length && head.content_length != blob_.size;
    if (head.status == 200 && !other_size) co_return std::nullopt;
    failure wrong(errc::range_refused,
                  fmt::format("{} does not offer the {} bytes of blob {}", reply_->where(), blob_.size, blob_.digest.short_form()));
    end(&wrong);
    co_return wrong;
  }
  const auto judged = http::check_range_answer(*rest.range, blob_.size, head);
  if (!judged) {
    failure wrong(errc::range_refused,
                  fmt::format("{}, blob {}: {}", reply_->where(), blob_.digest.short_form(), judged.error().text.message()));
    end(&wrong);
    co_return wrong;
  }
  if (judged->body == http::range_body::part) co_return std::nullopt;
  if (sources_.refused_range(site_)) {
    failure elsewhere(errc::range_refused, fmt::format("{} answers a request for a part of a blob with the whole", reply_->where()));
    end(nullptr);
    co_return elsewhere;
  }
  position_ = 0;
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
  if (begin_ != 0 && received_ >= retry_policy::progress_that_counts) refusals_ = 0;
  running_.received(*got);
  running_.tell_traffic();
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
    if (reply_ && position_ != offset) end(nullptr);
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
      const result<void> right = co_await verify(begin, into, *got);
      if (!right) {
        broken_ = right.error();
        end(&*broken_);
        co_return *broken_;
      }
      if (position_ == blob_.size) end(nullptr);
      co_return *got;
    }
    end(&*failed);
    const std::uint64_t fresh = std::exchange(fresh_, 0);
    const std::optional<failure> last = co_await back_off(running_, policy_, object, *failed, fresh);
    if (last) {
      broken_ = *last;
      co_return *broken_;
    }
  }
}

}  // namespace gantry::transfer
