#include "transfer/segment_stream.hpp"

#include "http/content_range.hpp"
#include "transfer/segment_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace gantry::transfer {
namespace {

using clock = std::chrono::steady_clock;

// For a grant of the limiter; what the queue of the strand takes is less.
constexpr std::chrono::milliseconds noticeable_wait{1};

/// Lists a line for as long as its request lasts, and ends the assignment.
class listed {
 public:
  listed(line_map& open, planner& plan, stream_id stream, line_keeper::line& line) : open_(open), plan_(plan), stream_(stream) {
    open_.emplace(stream, &line);
  }
  ~listed() {
    open_.erase(stream_);
    plan_.ended(stream_);
  }
  listed(const listed&) = delete;
  listed& operator=(const listed&) = delete;

 private:
  line_map& open_;
  planner& plan_;
  stream_id stream_;
};

/// Lets a line tell what its connection holds for as long as \p reply, which outlives this, is read.
class gauge {
 public:
  gauge(line_keeper::line& line, const http::exchange& reply) : line_(line) {
    line_.measure([&reply] { return reply.unread(); });
  }
  ~gauge() { line_.measure({}); }
  gauge(const gauge&) = delete;
  gauge& operator=(const gauge&) = delete;

 private:
  line_keeper::line& line_;
};

/// Whether that is \p registry itself, and not where it has led.
bool is_api_of(const std::string& registry, const http::origin& where) {
  const auto api = http::endpoint_of(registry::api_address(registry), where.scheme);
  return api && *api == where;
}

}  // namespace

task<stream_outcome> segment_stream::run(assignment given) {
  stream_outcome outcome;
  const auto begun = clock::now();
  line_keeper::line line(lines_, running_.stop, !given.ahead);
  const listed entry(open_, plan_, given.stream, line);
  awaited_answer awaited(plan_, given.stream);
  outcome.error = co_await exchange_bytes(given, line, awaited);
  outcome.received = received_;
  outcome.fresh = fresh_;
  // The stream's own line was neither cut nor stopped.
  outcome.postponed = given.ahead && outcome.error && outcome.error->code == errc::cancelled && !line.stop().stop_requested();
  if (outcome.postponed) outcome.error.reset();
  // Cut on purpose: because it crawled, or because another has brought the bytes.
  if (line.dropped() && !running_.stop.stop_requested() && outcome.error && outcome.error->code == errc::cancelled) {
    outcome.error.reset();
    if (asking_ && !site_ && plan_.unanswered(given.stream)) {
      outcome.error = no_answer(awaited);
      job_.sources().unanswered(*asking_, *outcome.error);
      outcome.elsewhere = job_.sources().has_alternative(*asking_);
    }
  }
  outcome.overloaded =
      outcome.error && (outcome.error->code == errc::rate_limited || (outcome.error->code == errc::server_error && status_ == 503));
  if (site_) {
    // What this machine has done wrong is nobody's fault elsewhere.
    const bool failed = outcome.error && (outcome.error->code == condition::retryable || outcome.error->code == errc::protocol_error);
    job_.sources().ended(*site_, received_, clock::now() - answered_, failed ? &*outcome.error : nullptr);
    outcome.elsewhere = failed && job_.sources().has_alternative(*site_);
  }
  if (running_.events.heard() && !outcome.postponed) report(given, outcome, line, begun);
  co_return outcome;
}

failure segment_stream::no_answer(const awaited_answer& awaited) const {
  const auto waited = std::chrono::duration_cast<std::chrono::seconds>(clock::now() - awaited.since());
  const std::string registry = job_.sources().name_of(*asking_);
  const std::string_view blob = job_.wanted().blob.digest.short_form();
  const std::optional<http::origin>& of = awaited.of();
  if (!of || is_api_of(registry, *of)) {
    return {errc::timed_out, fmt::format("{} has not answered a request for blob {} within {} s", registry, blob, waited.count())};
  }
  return {errc::timed_out,
          fmt::format("{}, where {} keeps blob {}, has not answered within {} s", of->string(), registry, blob, waited.count())};
}

void segment_stream::report(const assignment& given, const stream_outcome& outcome, const line_keeper::line& line,
                            clock::time_point begun) {
  const auto since = [begun](clock::time_point then) { return std::chrono::duration_cast<std::chrono::milliseconds>(then - begun); };
  segment_finished told;
  told.digest = job_.wanted().blob.digest;
  told.kind = given.kind;
  told.connection = connection_;
  told.offset = given.range.offset;
  told.length = given.range.length;
  told.received = outcome.received;
  told.begun = begun;
  told.elapsed = since(clock::now());
  if (site_) {
    told.host = job_.sources().name_of(*site_);
    told.mirror = job_.sources().is_mirror(*site_);
    told.answered = since(answered_);
  }
  if (running_.stop.stop_requested()) {
    told.end = segment_end::stopped;
  } else if (outcome.error) {
    told.end = segment_end::failed;
    told.message = outcome.error->text.message();
  } else if (line.dropped()) {
    told.end = line.overtaken() ? segment_end::overtaken : segment_end::slow;
  } else if (plan_.position(given.stream) < std::min(answer_end_, given.range.end())) {
    told.end = segment_end::overtaken;
  }
  running_.events.emit(std::move(told));
}

task<std::optional<failure>> segment_stream::exchange_bytes(assignment given, line_keeper::line& line, awaited_answer& awaited) {
  registry::blob_request part;
  // Whoever asks for the whole does so plainly, whatever the origin knows of ranges.
  if (given.range.length != job_.wanted().blob.size) part.range = http::byte_range{given.range.offset, given.range.end() - 1};
  part.how.expects = given.range.length;
  // Behind a request that nobody answers a hedge would have no answer either.
  part.how.behind = given.kind == segment_kind::hedge ? 0 : plan_.brief();
  part.how.connections = plan_.connections_for(given.blob);
  part.how.ahead = given.ahead;
  part.how.watch = &awaited;
  part.answered_with = &status_;
  part.size = job_.wanted().blob.size;
  auto asking = co_await job_.sources().get(part, line.stop(), &asking_);
  if (!asking) co_return refused(given, part, asking.error());
  site_ = asking->site;
  answered_ = clock::now();
  plan_.asked(given.stream, std::max(asking->asked, awaited.since()));
  http::exchange reply = std::move(asking->reply);
  connection_ = reply.connection_number();
  if (reply.went_behind()) plan_.went_behind(given.stream);
  running_.note_contact();
  std::optional<failure> refused = judge(given, part.range, reply);
  if (refused) co_return refused;
  co_return co_await receive(given.stream, line, reply);
}

std::optional<failure> segment_stream::refused(const assignment& given, const registry::blob_request& part, failure error) {
  // Of another size is the blob of another server, or that is a passing fault: it costs an attempt.
  if (error.code == errc::size_mismatch) {
    error.code = make_error_code(errc::range_refused);
    return error;
  }
  if (error.code != errc::range_refused || status_ != 416 || !part.range) return error;
  if (plan_.unsatisfied(given.stream, clock::now())) return std::nullopt;
  return error;
}

std::optional<failure> segment_stream::judge(const assignment& given, const std::optional<http::byte_range>& range,
                                             const http::exchange& reply) {
  const std::uint64_t size = job_.wanted().blob.size;
  const auto now = clock::now();
  const http::response_head& head = reply.head();
  if (!range) {
    if (head.status != 200) {
      return failure(errc::range_refused, fmt::format("{} answered a request for the whole of a blob with a part of it", reply.where()));
    }
    if (head.framing == http::body_framing::length && head.content_length != size) {
      return failure(errc::range_refused, fmt::format("{} offers {} bytes for blob {}, whose size is {}", reply.where(),
                                                      head.content_length, job_.wanted().blob.digest.short_form(), size));
    }
    answer_end_ = size;
    plan_.header(given.stream, now, range_support::unknown, 0);
    return std::nullopt;
  }
  const result<http::range_answer> judged = http::check_range_answer(*range, size, head);
  if (!judged) {
    // A wrong length may be another server's, or a passing fault: it costs an attempt.
    error_code code = judged.error().code;
    if (code == errc::size_mismatch) code = errc::range_refused;
    return failure(code,
                   fmt::format("{}, blob {}: {}", reply.where(), job_.wanted().blob.digest.short_form(), judged.error().text.message()));
  }
  if (judged->body == http::range_body::part) {
    answer_end_ = judged->range.last + 1;
    plan_.header(given.stream, now, range_support::yes, judged->range.first, judged->range.last + 1);
    return std::nullopt;
  }
  if (range->first != 0 && job_.sources().refused_range(*site_)) {
    return failure(errc::range_refused, fmt::format("{} answers a request for a part of a blob with the whole", reply.where()));
  }
  // One of several servers behind a name may know no ranges.
  if (plan_.whole_by_mistake(given.stream)) {
    return failure(errc::range_refused, fmt::format("{} answers a request for a part of blob {} with the whole, and others with parts",
                                                    reply.where(), job_.wanted().blob.digest.short_form()));
  }
  // The whole instead of a part. As the only stream of its blob it is as good as the next one would be; what is held is read and dropped.
  if (plan_.streams_of(given.blob) == 1) {
    answer_end_ = size;
    plan_.header(given.stream, now, range_support::no, 0);
  } else {
    plan_.refused(given.stream);
  }
  return std::nullopt;
}

task<std::optional<failure>> segment_stream::fill(stream_id stream, line_keeper::line& line, http::exchange& reply,
                                                  std::span<std::byte> block, std::vector<byte_range>& parts) {
  const blob_job& job = job_;
  filled_ = 0;
  while (filled_ < block.size()) {
    std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(block.size() - filled_, plan_.remaining(stream)));
    if (wanted == 0) co_return std::nullopt;
    std::size_t allowed = wanted;
    if (shared_.bandwidth.limits()) {
      const clock::time_point asked = clock::now();
      plan_.held_up(stream, asked, true);
      allowed = co_await shared_.bandwidth.acquire(wanted, line.stop());
      const clock::time_point had = clock::now();
      plan_.held_up(stream, had, false);
      if (had - asked > noticeable_wait) plan_.limited(had);
      if (allowed == 0) co_return failure(errc::cancelled, "stopped");
      // Somebody may have taken a part meanwhile.
      wanted = static_cast<std::size_t>(std::min<std::uint64_t>(allowed, plan_.remaining(stream)));
    }
    const result<std::size_t> got = co_await reply.read(block.subspan(filled_, wanted));
    shared_.bandwidth.give_back(allowed - (got ? *got : 0));
    if (wanted == 0) co_return std::nullopt;
    if (!got) co_return got.error();
    if (*got == 0) {
      co_return failure(errc::connection_lost, fmt::format("{} ended at byte {} of blob {}", reply.where(), plan_.position(stream),
                                                           job.wanted().blob.digest.short_form()));
    }
    filled_ += *got;
    received_ += *got;
    line.received(*got);
    std::uint64_t fresh = 0;
    for (const byte_range& mine : plan_.received(stream, clock::now(), *got)) {
      fresh += mine.length;
      if (!parts.empty() && parts.back().end() == mine.offset) {
        parts.back().length += mine.length;
      } else {
        parts.push_back(mine);
      }
    }
    fresh_ += fresh;
    running_.received(*got, fresh);
    running_.tell_traffic(line.active());
    running_.events.progress(job.wanted().blob.digest, plan_.claimed(job.id()));
  }
  co_return std::nullopt;
}

task<std::optional<failure>> segment_stream::receive(stream_id stream, line_keeper::line& line, http::exchange& reply) {
  plan_.held_up(stream, clock::now(), true);
  std::vector<runtime::buffer_pool::buffer> taken = co_await shared_.buffers.acquire(1, line.stop());
  plan_.held_up(stream, clock::now(), false);
  if (taken.empty()) co_return failure(errc::cancelled, "stopped");
  segment_writer::shared_buffer receiving = std::make_shared<runtime::buffer_pool::buffer>(std::move(taken[0]));

  line.begin();
  const gauge told(line, reply);
  const auto writer = std::make_shared<segment_writer>(shared_, job_, *site_);
  std::optional<failure> broken;
  std::optional<failure> unwritten;
  while (!broken && plan_.remaining(stream) != 0) {
    // One block is received while those before are written, where there is another; else one of them comes back when it is.
    if (!receiving) {
      if (runtime::buffer_pool::buffer spare = shared_.buffers.try_spare()) {
        receiving = std::make_shared<runtime::buffer_pool::buffer>(std::move(spare));
      } else {
        plan_.held_up(stream, clock::now(), true);
        result<segment_writer::shared_buffer> back = co_await writer->reclaim();
        plan_.held_up(stream, clock::now(), false);
        if (!back) {
          unwritten = back.error();
          break;
        }
        receiving = std::move(*back);
        continue;
      }
    }
    const std::uint64_t base = plan_.position(stream);
    std::vector<byte_range> parts;
    broken = co_await fill(stream, line, reply, receiving->bytes(), parts);
    if (parts.empty()) continue;
    const bool last = plan_.remaining(stream) == 0;
    // Where the disk is slower than the line, nothing is read for a while, and the line is not to blame.
    plan_.storing(stream, clock::now(), true);
    result<segment_writer::shared_buffer> free = co_await writer->store(std::move(receiving), base, std::move(parts), last);
    plan_.storing(stream, clock::now(), false);
    if (!free) {
      unwritten = free.error();
      break;
    }
    receiving = std::move(*free);
  }
  if (broken || unwritten) {
    const result<void> finished = co_await segment_writer::finish(writer);
    // A disk that fails outweighs a network that does.
    if (unwritten) co_return unwritten;
    if (!finished) co_return finished.error();
    co_return broken;
  }
  // The connection can ask for more while the last bytes are being written.
  taken.clear();
  receiving.reset();
  broken = co_await close_answer(stream, reply);
  job_.finish_later(segment_writer::finish(writer));
  co_return broken;
}

task<std::optional<failure>> segment_stream::close_answer(stream_id stream, http::exchange& reply) {
  // The rest belongs to others, or the answer is of no use: the connection is given up.
  if (answer_end_ == 0 || plan_.position(stream) != answer_end_) co_return std::nullopt;
  // The end is read too: it shows that nothing follows and gives the connection back.
  std::byte extra;
  const result<std::size_t> end = co_await reply.read(std::span(&extra, 1));
  if (!end) co_return end.error();
  if (*end != 0) {
    co_return failure(errc::range_refused,
                      fmt::format("{} sends more bytes than blob {} has", reply.where(), job_.wanted().blob.digest.short_form()));
  }
  co_return std::nullopt;
}

}  // namespace gantry::transfer
