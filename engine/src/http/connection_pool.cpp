#include "http/connection_pool.hpp"

#include <algorithm>
#include <utility>

namespace gantry::http {

connection::~connection() {
  for (const std::shared_ptr<turn>& one : followers) {
    one->at = nullptr;
    one->changed.notify_all();
  }
  if (lender != nullptr) lender->returned(*this);
  // Somebody may still be writing to it.
  stream->close();
}

namespace {

// For one of the connections that are lent to be given back, while there is no descriptor for another.
constexpr std::chrono::minutes shortage_patience{2};

/// Whether a connection that \p owner has used may carry a request of \p user.
bool may_carry(std::uint64_t owner, std::uint64_t user) noexcept { return owner == user || owner == 0; }

}  // namespace

std::unique_ptr<connection> connection_pool::take_idle(place& at, std::uint64_t user) {
  for (const std::uint64_t owner : {user, std::uint64_t{0}}) {
    for (std::size_t i = at.idle.size(); i-- > 0;) {
      if (at.idle[i].value->user != owner) continue;
      std::unique_ptr<connection> value = std::move(at.idle[i].value);
      at.idle.erase(at.idle.begin() + static_cast<std::ptrdiff_t>(i));
      if (!value->stream->quiet()) continue;
      value->user = user;
      value->reused = true;
      value->carry_begin = value->carry_end = 0;
      lend(at, *value);
      return value;
    }
  }
  return nullptr;
}

/// Connections that a request of \p user may have, now or once they are free.
std::size_t connection_pool::open_for(const place& at, std::uint64_t user) {
  const auto lent = std::count_if(at.lent.begin(), at.lent.end(), [user](const connection* line) { return may_carry(line->user, user); });
  const auto opening = std::count_if(at.opening.begin(), at.opening.end(), [user](std::uint64_t whose) { return may_carry(whose, user); });
  return static_cast<std::size_t>(lent + opening);
}

std::size_t connection_pool::open_to(const net::endpoint& where) {
  drop_expired();
  const auto known = places_.find(where);
  if (known == places_.end()) return 0;
  return known->second.idle.size() + known->second.lent.size() + known->second.opening.size();
}

void connection_pool::lend(place& at, connection& line) {
  line.lender = this;
  line.expects = placement::unknown;
  line.ahead = false;
  line.writing = true;
  at.lent.push_back(&line);
}

void connection_pool::returned(connection& line) {
  line.lender = nullptr;
  std::erase(places_[line.where].lent, &line);
  changed_.notify_all();
}

task<result<std::unique_ptr<connection>>> connection_pool::open(net::endpoint where, std::uint64_t user, runtime::stop_source& stop) {
  const auto in_use = [](const auto& entry) { return !entry.second.lent.empty() || !entry.second.opening.empty(); };
  for (;;) {
    places_[where].opening.push_back(user);
    auto stream = co_await connector_.connect(where, stop);
    place& at = places_[where];
    at.opening.erase(std::find(at.opening.begin(), at.opening.end(), user));
    if (stream) {
      auto made = std::make_unique<connection>(std::move(where), std::shared_ptr<net::byte_stream>(std::move(*stream)));
      made->user = user;
      lend(at, *made);
      made->number = ++made_;
      co_return made;
    }
    // Where there is no descriptor for one more connection, those that there are do the work one after the other. Nobody is told of an
    // attempt that failed so: those who wait for the same would wake each other for nothing.
    bool goes_on = false;
    if (stream.error().code == errc::storage_error) {
      if (std::any_of(places_.begin(), places_.end(), [](const auto& entry) { return !entry.second.idle.empty(); })) {
        clear();
        goes_on = true;
      } else if (std::any_of(places_.begin(), places_.end(), in_use)) {
        const auto begun = std::chrono::steady_clock::now();
        co_await changed_.wait(stop, shortage_patience);
        if (stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
        goes_on = std::chrono::steady_clock::now() - begun < shortage_patience;
      }
    }
    if (goes_on) continue;
    changed_.notify_all();
    co_return stream.error();
  }
}

task<result<std::unique_ptr<connection>>> connection_pool::acquire(net::endpoint where, bool fresh, runtime::stop_source& stop,
                                                                   std::uint64_t user) {
  drop_expired();
  if (!fresh) {
    if (std::unique_ptr<connection> idle = take_idle(places_[where], user)) co_return idle;
  }
  co_return co_await open(std::move(where), user, stop);
}

/// Whether the connection will soon be free, as \p how sees it.
bool connection_pool::ends_soon(const connection& line, const placement& how) {
  const auto brief = [&](const std::shared_ptr<turn>& one) { return one->expects <= how.behind; };
  return line.expects <= how.behind && std::all_of(line.followers.begin(), line.followers.end(), brief);
}

/// The connection with the least to wait for, among those behind whose requests \p how may go. \param busy set when there is one, but a
/// request is just being written to it
connection* connection_pool::room_behind(const place& at, const placement& how, bool& busy) {
  busy = false;
  if (how.alone || !at.keeps_alive || at.one_at_a_time) return nullptr;
  connection* best = nullptr;
  for (connection* const line : at.lent) {
    const bool suits = may_carry(line->user, how.user) && !line->abandoned && line->followers.size() < most_followers;
    if (!suits || !ends_soon(*line, how)) continue;
    if (line->writing) {
      busy = true;
    } else if (best == nullptr || line->followers.size() < best->followers.size()) {
      best = line;
    }
  }
  return best;
}

task<result<granted_connection>> connection_pool::acquire(net::endpoint where, placement how, runtime::stop_source& stop) {
  granted_connection granted;
  for (;;) {
    drop_expired();
    place& at = places_[where];
    granted.line = take_idle(at, how.user);
    if (granted.line) break;
    const std::size_t open_now = open_for(at, how.user);
    const bool enough = how.ahead || (how.connections != 0 && open_now >= how.connections);
    bool busy = false;
    connection* const line = enough ? room_behind(at, how, busy) : nullptr;
    if (line != nullptr) {
      granted.behind = std::make_shared<turn>();
      granted.behind->at = line;
      granted.behind->expects = how.expects;
      granted.behind->ahead = how.ahead;
      line->user = how.user;
      line->writing = true;
      line->followers.push_back(granted.behind);
      co_return granted;
    }
    if (how.ahead && !busy) co_return failure(errc::cancelled, "no connection has room for a request ahead of its time");
    // What was asked for ahead was brief when it was, and has one of the connections that this request's caller may have.
    const auto soon_free = [&](const connection* one) { return may_carry(one->user, how.user) && (one->ahead || ends_soon(*one, how)); };
    if (busy || (enough && std::any_of(at.lent.begin(), at.lent.end(), soon_free))) {
      co_await changed_.wait(stop);
      if (stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
      continue;
    }
    auto opened = co_await open(where, how.user, stop);
    if (!opened) co_return opened.error();
    granted.line = std::move(*opened);
    break;
  }
  granted.line->expects = how.expects;
  granted.line->ahead = how.ahead;
  co_return granted;
}

void connection_pool::written(connection& line) {
  line.writing = false;
  changed_.notify_all();
}

void connection_pool::abandon(turn& waiting) {
  if (waiting.at == nullptr) return;
  waiting.at->abandoned = true;
  std::erase_if(waiting.at->followers, [&](const auto& one) { return one.get() == &waiting; });
  waiting.at = nullptr;
}

void connection_pool::give_back(std::unique_ptr<connection> value, bool reusable) {
  drop_expired();
  place& at = places_[value->where];
  if (reusable) at.keeps_alive = true;
  if (!reusable || value->abandoned) {
    if (!value->followers.empty() && !value->abandoned) at.one_at_a_time = true;
    return;
  }
  value->reused = true;
  if (!value->followers.empty()) {
    const std::shared_ptr<turn> next = std::move(value->followers.front());
    value->followers.pop_front();
    value->expects = next->expects;
    value->ahead = next->ahead;
    ++at.followed;
    next->at = nullptr;
    value->refused = false;
    next->line = std::move(value);
    next->changed.notify_all();
    changed_.notify_all();  // one fewer waits on it
    return;
  }
  if (value->refused) return;
  keep(std::move(value));
}

void connection_pool::refused(connection& line) {
  line.refused = true;
  places_[line.where].idle.clear();
}

void connection_pool::broken(std::unique_ptr<connection> value) {
  if (value->followers.empty() || value->abandoned) return;
  place& at = places_[value->where];
  // One may be chance, and so may a few among many that went well.
  if (++at.broken >= 2 && at.broken * 8 > at.followed) at.one_at_a_time = true;
}

void connection_pool::keep(std::unique_ptr<connection> value) {
  place& at = places_[value->where];
  returned(*value);
  // Taken from the back. The youngest first: it is the least likely to have been closed by the peer. But those that have carried nothing
  // yet last: the way behind them may still be opening, and their congestion windows are those of a beginner.
  const auto before = value->reused ? at.idle.end() : at.idle.begin();
  idle_connection entry;
  entry.since = std::chrono::steady_clock::now();
  entry.value = std::move(value);
  at.idle.insert(before, std::move(entry));
}

void connection_pool::drop_expired() {
  const auto oldest = std::chrono::steady_clock::now() - idle_limit;
  for (auto& [where, at] : places_) std::erase_if(at.idle, [&](const idle_connection& entry) { return entry.since < oldest; });
  // What is lost with a place is learnt again from a few answers.
  if (places_.size() > most_places) std::erase_if(places_, [](const auto& entry) { return !entry.second.in_use(); });
}

void connection_pool::clear() {
  for (auto& [where, at] : places_) at.idle.clear();
}

}  // namespace gantry::http
