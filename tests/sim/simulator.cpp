#include "sim/simulator.hpp"

#include <algorithm>
#include <utility>

namespace gantry::test::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using transfer::range_support;

constexpr milliseconds tick_length{100};
constexpr std::uint64_t buffer = 256 * 1024;
constexpr std::size_t opened_ahead = 4;
constexpr std::size_t most_followers = 2;

std::vector<std::uint64_t> in_order(std::vector<std::uint64_t> sizes) {
  const auto rank = [](std::uint64_t size) { return size <= 64 * 1024 ? std::pair(false, size) : std::pair(true, ~size); };
  std::stable_sort(sizes.begin(), sizes.end(), [&](std::uint64_t a, std::uint64_t b) { return rank(a) < rank(b); });
  return sizes;
}

duration of_seconds(double value) { return std::chrono::duration_cast<duration>(std::chrono::duration<double>(value)); }

}  // namespace

simulator::simulator(network path, workload work)
    : path_(std::move(path)),
      work_(std::move(work)),
      random_(work_.seed),
      plan_({work_.connections, work_.adaptive && work_.connections > 1}),
      controller_({std::min(work_.connections, 4u), work_.connections}, now_),
      target_(work_.adaptive ? controller_.target() : work_.connections) {
  std::minstd_rand jitter(work_.seed);
  for (const std::uint64_t size : in_order(work_.blobs)) {
    plan_.add(size);
    blobs_.emplace_back(size, transfer::retry_policy({}, static_cast<std::uint32_t>(jitter())));
    result_.useful += size;
  }
}

void simulator::after(duration delay, std::function<void()> action) {
  // A nanosecond at the least, so that nothing can stand still for ever.
  events_.push({now_ + std::max(delay, duration(1)), order_++, std::move(action)});
}

void simulator::later(worker& who, duration delay, void (simulator::*action)(worker&)) {
  after(delay, [this, &who, action, generation = who.generation] {
    if (who.generation == generation) (this->*action)(who);
  });
}

void simulator::notify() {
  for (const auto& one : workers_) {
    if (!one->waiting) continue;
    one->waiting = false;
    later(*one, duration(0), &simulator::step);
  }
}

void simulator::open_next() {
  while (opened_blobs_ < blobs_.size() && opened_blobs_ < ended_ + work_.connections + opened_ahead) plan_.open(opened_blobs_++, {});
  notify();
}

void simulator::spawn() {
  const auto add = [this](unsigned rank, bool ahead) {
    workers_.push_back(std::make_unique<worker>(static_cast<unsigned>(workers_.size()), rank, ahead));
    later(*workers_.back(), duration(0), &simulator::step);
  };
  for (; started_ < target_; ++started_) add(started_, false);
  // Where blobs lie on another host the model has no requests ahead.
  if (blobs_.size() <= work_.connections || path_.redirects) return;
  for (; started_ahead_ < target_ * transfer::planner::settings().ahead; ++started_ahead_) add(started_ahead_, true);
}

outcome simulator::run(duration limit) {
  const time_point begin = now_;
  open_next();
  plan_.set_connections(target_);
  spawn();
  after(tick_length, [this] { tick(); });
  while (!over() && !events_.empty()) {
    event next = events_.top();
    events_.pop();
    now_ = next.at;
    if (now_ - begin > limit) {
      result_.error = "does not come to an end";
      break;
    }
    next.action();
  }
  result_.finished = ended_ == blobs_.size() && result_.error.empty();
  result_.hedged = plan_.hedged();
  result_.seconds = std::chrono::duration<double>(now_ - begin).count();
  return result_;
}

void simulator::tick() {
  std::vector<transfer::stream_id> ends = plan_.laggards(now_);
  for (const auto& one : workers_) {
    if (one->given && plan_.overtaken(one->given->stream)) ends.push_back(one->given->stream);
  }
  for (const transfer::stream_id stream : ends) drop(stream);
  if (++ticks_ % 50 == 0) {
    for (const auto id : pace_.judge(now_)) {
      for (const auto& one : workers_) {
        if (one->given && one->pace == id) {
          drop(one->given->stream);
          break;
        }
      }
    }
  }
  if (work_.adaptive) {
    controller_.serving(now_, plan_.served());
    controller_.sample(now_, received_, plan_.round_trip(), static_cast<unsigned>(plan_.at_work(now_)));
    target_ = controller_.target();
    plan_.set_connections(target_);
    spawn();
    result_.targets.push_back(target_);
  }
  notify();
  after(tick_length, [this] { tick(); });
}

void simulator::step(worker& who) {
  if (over()) return;
  std::optional<transfer::assignment> given;
  if (who.ahead) {
    given = plan_.next_ahead(now_);
  } else if (who.rank < target_) {
    given = plan_.next(now_, who.last);
  }
  if (!given) {
    who.waiting = true;
    return;
  }
  who.last = given->blob;
  who.given = given;
  who.got = 0;
  ++result_.requests;
  blob& state = blobs_[given->blob];
  // Who asks again for what a probe asked for is one, too.
  if (given->range.offset != 0 && !state.answered && !ranges_seen_ && plan_.streams_of(given->blob) > 1) ++result_.early_ranges;
  if (given->range.length == 0 && state.size != 0) result_.error = "an empty range was asked for";
  locate(who);
}

void simulator::locate(worker& who) {
  blob& state = blobs_[who.given->blob];
  if (!path_.redirects || state.located) return request(who);
  if (state.asking) {
    state.waiters.emplace_back(who.number, who.generation);
    return;
  }
  state.asking = true;
  duration wait = path_.round_trip;
  if (idle_to_registry_ > 0) {
    --idle_to_registry_;
  } else {
    wait += path_.round_trip * path_.handshake;
  }
  // The answer is the location's, whoever asked for it.
  after(wait, [this, &who, blob = who.given->blob, generation = who.generation] {
    ++idle_to_registry_;
    blobs_[blob].located = true;
    if (who.generation == generation) request(who);
    for (const auto& [other, began] : std::exchange(blobs_[blob].waiters, {})) {
      worker& waiter = *workers_[other];
      if (waiter.generation == began) request(waiter);
    }
  });
}

duration simulator::service_of(const worker& who) const {
  return blobs_[who.given->blob].size <= path_.served_at_once ? duration(0) : path_.service;
}

void simulator::request(worker& who) {
  who.out_of_turn = false;
  const http::governor::advice advice = governor_.ask(now_, std::chrono::hours(1));
  switch (advice.what) {
    case http::governor::advice::kind::go:
      who.counted = true;
      plan_.asks(who.given->stream, now_);
      return send(who);
    case http::governor::advice::kind::wait_turn:
      who.out_of_turn = true;
      return;
    default:
      return later(who, advice.pause, &simulator::request);
  }
}

void simulator::let_go(worker& who, std::optional<unsigned> status) {
  if (!std::exchange(who.counted, false)) return;
  if (status) {
    const auto pause = path_.retry_after ? std::optional(std::chrono::duration_cast<seconds>(*path_.retry_after)) : std::nullopt;
    governor_.answered(now_, *status, *status == 429 ? pause : std::nullopt);
  } else {
    governor_.lost();
  }
  for (const auto& one : workers_) {
    if (std::exchange(one->out_of_turn, false)) later(*one, duration(0), &simulator::request);
  }
}

unsigned simulator::status_of(std::optional<errc> error) {
  if (!error) return 206;
  return *error == errc::rate_limited ? 429 : *error == errc::range_refused ? 416 : 500;
}

void simulator::send(worker& who) {
  who.asked = now_;
  duration wait = path_.round_trip + service_of(who);
  if (!who.ahead && !idle_.empty()) {
    who.line = std::move(idle_.back());
    idle_.pop_back();
  } else {
    if (who.ahead || open_ >= target_) {
      if (std::shared_ptr<connection> line = room_behind()) return go_behind(who, std::move(line));
    }
    if (who.ahead || open_ >= work_.connections) {
      // No room after all: the blob is for whoever comes next.
      --result_.requests;
      let_go(who, std::nullopt);
      plan_.ended(who.given->stream);
      who.given.reset();
      who.waiting = true;
      return;
    }
    who.line = std::make_shared<connection>();
    if (path_.fate) who.line->fate = path_.fate(result_.opened, random_);
    ++result_.opened;
    result_.most_open = std::max(result_.most_open, ++open_);
    wait += path_.round_trip * path_.handshake;
  }
  await_header(who, wait);
}

void simulator::await_header(worker& who, duration wait) {
  if (who.line->stalled()) return later(who, seconds(180), &simulator::time_out);
  if (who.line->broken()) return later(who, wait, &simulator::break_off);
  if (path_.most_connections == 0) return later(who, wait, &simulator::header);
  // The host has the request before its work and the way back.
  who.to_header = std::min(wait, path_.round_trip / 2 + service_of(who));
  later(who, wait - who.to_header, &simulator::arrive);
}

void simulator::arrive(worker& who) {
  const auto busy = std::count_if(workers_.begin(), workers_.end(), [](const auto& one) { return one->at_host; });
  who.crowded = busy >= path_.most_connections;
  who.at_host = !who.crowded;
  // To refuse is no work.
  later(who, who.crowded ? std::min(who.to_header, path_.round_trip / 2) : who.to_header, &simulator::header);
}

std::shared_ptr<connection> simulator::room_behind() const {
  std::shared_ptr<connection> best;
  for (const auto& one : workers_) {
    if (!one->line || one->line->spoilt || one->given->range.length > plan_.brief()) continue;
    if (one->line->followers.size() >= most_followers) continue;
    if (!best || one->line->followers.size() < best->followers.size()) best = one->line;
  }
  return best;
}

void simulator::go_behind(worker& who, std::shared_ptr<connection> line) {
  ++result_.followed;
  line->followers.push_back(who.number);
  who.behind = std::move(line);
}

void simulator::pass_on(std::shared_ptr<connection> line) {
  if (line->spoilt) return close(line);
  if (line->followers.empty()) {
    idle_.push_back(std::move(line));
    return;
  }
  worker& next = *workers_[line->followers.front()];
  line->followers.pop_front();
  next.behind.reset();
  next.line = std::move(line);
  plan_.went_behind(next.given->stream);
  // The origin answers one after the other, each as soon as it can.
  await_header(next, std::max<duration>(next.asked + path_.round_trip + service_of(next) - now_, duration(0)));
}

void simulator::close(const std::shared_ptr<connection>& line) {
  --open_;
  for (const unsigned number : std::exchange(line->followers, {})) {
    worker& waiter = *workers_[number];
    waiter.behind.reset();
    later(waiter, duration(0), &simulator::send);
  }
}

void simulator::header(worker& who) {
  answered_ = true;
  std::optional<errc> said;
  if (std::exchange(who.crowded, false)) {
    said = errc::rate_limited;
  } else if (path_.error_answer) {
    said = path_.error_answer(heads_++);
  }
  let_go(who, status_of(said));
  if (said == errc::rate_limited) {
    ++result_.refusals;
    // A host that counts connections would go on refusing.
    for (const auto& line : std::exchange(idle_, {})) close(line);
    return finish(who, said, false);
  }
  if (said) return finish(who, said, true);
  plan_.asked(who.given->stream, who.asked);
  judge(who);
}

void simulator::judge(worker& who) {
  const transfer::assignment given = *who.given;
  blob& state = blobs_[given.blob];
  state.answered = true;
  who.answer = state.size;
  if (given.range.length == state.size) {
    plan_.header(given.stream, now_, range_support::unknown, 0);
  } else if (path_.ranges) {
    ranges_seen_ = true;
    who.answer = given.range.length;
    if (path_.longest_answer != 0) who.answer = std::min(who.answer, path_.longest_answer);
    plan_.header(given.stream, now_, range_support::yes, given.range.offset, given.range.offset + who.answer);
  } else if (plan_.streams_of(given.blob) == 1) {
    plan_.header(given.stream, now_, range_support::no, 0);
  } else {
    plan_.refused(given.stream);
  }
  if (path_.silence) {
    const std::optional<std::uint64_t> bytes = path_.silence(answers_++, who.answer, random_);
    if (bytes) who.line->fate.stalls_after = who.line->carried + *bytes;
  }
  // A wait for a header is no crawl.
  who.pace = pace_.add(now_);
  who.receiving = true;
  notify();
  read(who);
}

double simulator::rate_of(const worker& who) const {
  std::vector<const connection*> receiving;
  for (const auto& one : workers_) {
    if (one->receiving && !one->line->stalled()) receiving.push_back(one->line.get());
  }
  return share(path_, *who.line, receiving);
}

void simulator::read(worker& who) {
  const std::uint64_t remaining = plan_.remaining(who.given->stream);
  if (remaining == 0) return finish(who, std::nullopt, who.answer == 0);
  if (who.answer == 0) return finish(who, errc::connection_lost, false);
  if (who.line->stalled()) return later(who, seconds(30), &simulator::time_out);
  if (who.line->broken()) return later(who, duration(0), &simulator::break_off);
  const double rate = rate_of(who);
  const auto lately = static_cast<std::uint64_t>(std::min(rate * 0.02, 1e12));
  const std::uint64_t bytes = std::min({std::clamp<std::uint64_t>(lately, 4096, buffer), remaining, who.answer, who.line->until_fate()});
  after(of_seconds(static_cast<double>(bytes) / rate), [this, &who, bytes, generation = who.generation] {
    if (who.generation == generation) deliver(who, bytes);
  });
}

void simulator::deliver(worker& who, std::uint64_t bytes) {
  const transfer::assignment given = *who.given;
  who.line->carry(bytes, path_, random_);
  who.answer -= bytes;
  received_ += bytes;
  result_.wire += bytes;
  pace_.received(who.pace, bytes);
  blob& state = blobs_[given.blob];
  std::uint64_t granted = 0;
  for (const transfer::byte_range& mine : plan_.received(given.stream, now_, bytes)) {
    granted += mine.length;
    last_byte_ = now_;
    if (mine.end() > state.size) result_.error = "a byte behind the end was granted";
    const std::vector<transfer::byte_range> fresh = transfer::subtract(mine, state.seen);
    if (fresh.size() != 1 || fresh.front() != mine) result_.error = "a byte was granted twice";
    state.seen.add(mine);
    result_.ahead = std::max(result_.ahead, mine.end() - std::min(mine.end(), plan_.map(given.blob).frontier()));
    if (work_.disk == duration(0)) {
      written(given.blob, mine);
    } else {
      after(work_.disk, [this, blob = given.blob, mine] { written(blob, mine); });
    }
  }
  who.got += granted;
  // What is read again because there is no other way is no waste.
  if (path_.ranges) result_.wasted += bytes - granted;
  if (work_.pause_every == 0 || received_ / work_.pause_every == (received_ - bytes) / work_.pause_every) return read(who);
  who.paused = now_;
  plan_.held_up(given.stream, now_, true);
  later(who, work_.pause, &simulator::resume);
}

void simulator::resume(worker& who) {
  who.paused.reset();
  plan_.held_up(who.given->stream, now_, false);
  read(who);
}

void simulator::written(transfer::blob_id which, transfer::byte_range range) {
  plan_.written(which, range);
  settle(which);
}

void simulator::settle(transfer::blob_id which) {
  blob& state = blobs_[which];
  // A blob is committed when nobody writes to it any more.
  if (state.ended || !plan_.map(which).complete() || plan_.streams_of(which) != 0) return;
  state.ended = true;
  after(duration(0), [this, which] {
    plan_.drop(which);
    ++ended_;
    open_next();
  });
}

void simulator::drop(transfer::stream_id stream) {
  for (const auto& one : workers_) {
    if (!one->given || one->given->stream != stream) continue;
    const std::optional<errc> why = plan_.unanswered(stream) ? std::optional(errc::timed_out) : std::nullopt;
    finish(*one, why, false);
    return;
  }
}

void simulator::finish(worker& who, std::optional<errc> error, bool keep) {
  const transfer::assignment given = *who.given;
  ++who.generation;
  if (!keep && who.line && who.receiving && !who.line->stalled()) {
    // What is on its way when a connection is closed crosses the network for nothing.
    duration underway = path_.round_trip;
    if (who.paused) underway += now_ - *who.paused;
    const double flying = std::min(rate_of(who) * std::chrono::duration<double>(underway).count(), 1e9);
    const std::uint64_t lost = std::min(who.answer, static_cast<std::uint64_t>(flying) + path_.buffers);
    result_.wire += lost;
    if (!error) result_.wasted += lost;
  }
  if (const std::shared_ptr<connection> before = std::exchange(who.behind, nullptr)) {
    before->spoilt = true;
    std::erase(before->followers, who.number);
  }
  const std::shared_ptr<connection> line = std::exchange(who.line, nullptr);
  who.receiving = false;
  who.at_host = who.crowded = false;
  who.out_of_turn = false;
  who.paused.reset();
  who.given.reset();
  if (line && keep) pass_on(line);
  if (line && !keep) close(line);
  pace_.remove(std::exchange(who.pace, 0));
  plan_.ended(given.stream);
  settle(given.blob);
  notify();
  let_go(who, std::nullopt);
  blob& state = blobs_[given.blob];
  if (!error) {
    if (who.got != 0) state.policy.progressed();
    return later(who, duration(0), &simulator::step);
  }
  failure why(*error, "simulated");
  if (*error == errc::rate_limited) {
    if (path_.retry_after) why.retry_after = std::chrono::duration_cast<seconds>(*path_.retry_after);
    controller_.pushed_back(now_, plan_.served_at_most(given.blob));
  }
  if (who.got >= transfer::retry_policy::progress_that_counts) state.policy.progressed();
  plan_.troubled(given.blob);
  if (now_ >= state.calm_until) {
    const auto idle = std::chrono::duration_cast<milliseconds>(now_ - last_byte_);
    const auto delay = state.policy.after(why, who.got, idle, answered_);
    if (!delay) {
      result_.error = "gave up after " + std::to_string(state.policy.failures()) + " failures";
      return;
    }
    state.calm_until = now_ + *delay;
    if (*error == errc::rate_limited || *error == errc::server_error) plan_.leave_alone(given.blob, now_, state.calm_until);
  }
  later(who, state.calm_until - now_ + milliseconds(1), &simulator::step);
}

outcome simulate(network path, workload work) {
  simulator run(std::move(path), std::move(work));
  return run.run();
}

}  // namespace gantry::test::sim
