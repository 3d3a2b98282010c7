#pragma once

#include "sim/network.hpp"

#include "http/governor.hpp"
#include "transfer/connection_controller.hpp"
#include "transfer/pace_monitor.hpp"
#include "transfer/planner.hpp"
#include "transfer/retry_policy.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <utility>
#include <vector>

namespace gantry::test::sim {

/// What is to be fetched, and how.
struct workload {
  std::vector<std::uint64_t> blobs;  ///< sizes
  unsigned connections = 1;
  bool adaptive = false;  ///< up to \ref connections
  std::uint32_t seed = 1;
  duration disk{0};               ///< from a byte's arrival to the end of its write
  std::uint64_t pause_every = 0;  ///< bytes, after which whoever received the last of them waits for the disk; 0: never
  duration pause{0};              ///< so long
};

struct outcome {
  bool finished = false;
  std::string error;  ///< why not, or which rule was broken
  double seconds = 0;
  unsigned requests = 0;
  unsigned opened = 0;            ///< connections
  unsigned refusals = 0;          ///< answers 429
  unsigned most_open = 0;         ///< connections open at once
  unsigned followed = 0;          ///< requests that were sent behind others
  unsigned early_ranges = 0;      ///< range requests for a blob whose probe had no header yet, at an origin that had not answered 206
  std::uint64_t useful = 0;       ///< bytes of blobs, each counted once
  std::uint64_t wire = 0;         ///< bytes that crossed the network
  std::uint64_t hedged = 0;       ///< bytes received twice because of hedging
  std::uint64_t wasted = 0;       ///< of \ref wire, what came twice or on connections that were cut without need
  std::uint64_t ahead = 0;        ///< the farthest that a byte was received ahead of its blob's written prefix
  std::vector<unsigned> targets;  ///< of an adaptive run, one per tick

  double extra() const { return static_cast<double>(wire - useful) / static_cast<double>(useful); }
};

/// Runs planner, controller, retry policy, pace monitor and the host's governor as the scheduler does (engine/src/transfer/fetcher.cpp and
/// segment_stream.cpp: the same calls in the same order), with virtual time and a modelled network in place of sockets and files.
class simulator {
 public:
  simulator(network path, workload work);

  /// Runs until all blobs are there, something gave up, or \p limit of virtual time has passed.
  outcome run(duration limit = std::chrono::hours(2));

 private:
  struct worker {
    worker(unsigned which, unsigned place, bool asks_ahead) : number(which), rank(place), ahead(asks_ahead) {}

    unsigned number;  ///< its place in \ref workers_
    unsigned rank;    ///< its place among those that have connections, or ask ahead
    bool ahead;       ///< asks behind the requests of others alone
    std::optional<transfer::blob_id> last;
    std::optional<transfer::assignment> given;
    std::shared_ptr<connection> line;
    std::shared_ptr<connection> behind;  ///< where its request waits
    time_point asked;
    transfer::pace_monitor::connection_id pace = 0;
    unsigned generation = 0;           ///< events of older ones are void
    bool waiting = false;              ///< for changed
    bool receiving = false;            ///< draws from the path
    duration to_header{0};             ///< from its request's arrival at the host
    bool at_host = false;              ///< where the host counts requests, its own is one
    bool crowded = false;              ///< it was one too many
    std::optional<time_point> paused;  ///< waits for the disk, since then
    std::uint64_t answer = 0;          ///< bytes of the body not yet received
    std::uint64_t got = 0;             ///< bytes that nobody had brought before
    bool counted = false;              ///< the governor waits to hear of its request
    bool out_of_turn = false;          ///< waits for another request to end
  };
  struct blob {
    blob(std::uint64_t bytes, transfer::retry_policy retries) : size(bytes), policy(retries) {}

    std::uint64_t size;
    transfer::retry_policy policy;
    time_point calm_until{};
    transfer::byte_ranges seen;  ///< bytes granted to somebody
    bool located = false;        ///< the redirect is known
    bool asking = false;
    bool answered = false;                               ///< a header for it came
    std::vector<std::pair<unsigned, unsigned>> waiters;  ///< workers, and their generations
    bool ended = false;
  };
  struct event {
    time_point at;
    std::uint64_t order = 0;
    std::function<void()> action;
    bool operator<(const event& other) const { return at != other.at ? at > other.at : order > other.order; }
  };

  void after(duration delay, std::function<void()> action);
  /// Like after, void once the worker has gone on to something else.
  void later(worker& who, duration delay, void (simulator::*action)(worker&));
  void notify();
  void open_next();
  void tick();

  void step(worker& who);
  void locate(worker& who);
  duration service_of(const worker& who) const;
  /// Waits until the host may be asked.
  void request(worker& who);
  void send(worker& who);
  /// The request has been answered, with \p status, or ended without.
  void let_go(worker& who, std::optional<unsigned> status);
  static unsigned status_of(std::optional<errc> error);
  /// The open connection with the fewest requests, where all answers are brief; null when there is none with room.
  std::shared_ptr<connection> room_behind() const;
  void go_behind(worker& who, std::shared_ptr<connection> line);
  /// Hands a connection whose answer has come on to the first who waits behind it, or keeps it.
  void pass_on(std::shared_ptr<connection> line);
  /// A connection is no more: who waited behind its answer asks again.
  void close(const std::shared_ptr<connection>& line);
  void await_header(worker& who, duration wait);
  /// The request is at a host that counts them.
  void arrive(worker& who);
  void header(worker& who);
  void judge(worker& who);
  void read(worker& who);
  void deliver(worker& who, std::uint64_t bytes);
  void resume(worker& who);
  void written(transfer::blob_id which, transfer::byte_range range);
  /// Commits a blob that is complete and that no stream works on.
  void settle(transfer::blob_id which);
  /// Ends the assignment; \p error nothing when all went well or the line was cut on purpose.
  void finish(worker& who, std::optional<errc> error, bool keep);
  void drop(transfer::stream_id stream);
  void time_out(worker& who) { finish(who, errc::timed_out, false); }
  void break_off(worker& who) { finish(who, errc::connection_lost, false); }
  bool over() const { return ended_ == blobs_.size() || !result_.error.empty(); }
  double rate_of(const worker& who) const;
  void spawn();

  network path_;
  workload work_;
  std::minstd_rand random_;
  time_point now_{std::chrono::seconds(1000)};
  std::uint64_t order_ = 0;
  std::priority_queue<event> events_;
  transfer::planner plan_;
  transfer::connection_controller controller_;
  transfer::pace_monitor pace_;
  http::governor governor_;
  unsigned target_;
  std::vector<std::unique_ptr<worker>> workers_;
  unsigned started_ = 0;        ///< workers that have connections
  unsigned started_ahead_ = 0;  ///< workers that ask ahead
  unsigned open_ = 0;           ///< connections
  std::vector<blob> blobs_;
  std::size_t opened_blobs_ = 0;
  std::size_t ended_ = 0;
  std::vector<std::shared_ptr<connection>> idle_;
  unsigned idle_to_registry_ = 0;
  time_point last_byte_ = now_;
  std::uint64_t received_ = 0;
  bool ranges_seen_ = false;
  bool answered_ = false;
  unsigned answers_ = 0;
  unsigned heads_ = 0;  ///< answers, those that are errors included
  unsigned ticks_ = 0;
  outcome result_;
};

/// Runs one.
outcome simulate(network path, workload work);

}  // namespace gantry::test::sim
