#pragma once

#include "base/failure.hpp"
#include "http/placement.hpp"
#include "net/connector.hpp"
#include "runtime/signal.hpp"
#include "runtime/stop.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <vector>

namespace gantry::http {

using runtime::task;

class connection_pool;
struct connection;

/// The turn of a request that was sent behind others: their answers come first.
struct turn {
  std::unique_ptr<connection> line;  ///< once it has come
  connection* at = nullptr;          ///< until then, while that lives; null as well when it has come to nothing
  std::uint64_t expects = 0;
  bool ahead = false;  ///< see placement::ahead
  runtime::signal changed;
};

/// A stream to one endpoint with the few bytes that were read past a head. Exchanges borrow it one after the other.
struct connection {
  connection(net::endpoint place, std::shared_ptr<net::byte_stream> transport) : where(std::move(place)), stream(std::move(transport)) {}
  ~connection();
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  net::endpoint where;
  std::shared_ptr<net::byte_stream> stream;  ///< shared with who is writing a request behind others
  std::uint64_t user = 0;                    ///< see placement::user
  bool reused = false;                       ///< has carried an exchange before, so that the peer may have given it up meanwhile

  /// Bytes read and not yet consumed.
  std::span<std::byte> unread() noexcept { return std::span(carry).subspan(carry_begin, carry_end - carry_begin); }
  void consume(std::size_t bytes) noexcept { carry_begin += bytes; }

  // Large enough for any usual head in one read, small enough that little of a body is copied through it.
  std::array<std::byte, 8 * 1024> carry;
  std::size_t carry_begin = 0;
  std::size_t carry_end = 0;

  // The pool's.
  connection_pool* lender = nullptr;            ///< while it is lent
  std::uint64_t expects = placement::unknown;   ///< of the exchange that has it
  bool ahead = false;                           ///< that one was asked for ahead: it holds no permit of its caller's, and is brief
  bool writing = true;                          ///< a request is not yet out
  bool refused = false;                         ///< the last answer asked for less
  bool abandoned = false;                       ///< nobody waits for an answer that will come
  std::deque<std::shared_ptr<turn>> followers;  ///< in the order of their requests
  std::uint64_t number = 0;                     ///< of the connection within the pool, from 1
};

/// What a request goes over: a connection of its own, or its turn on one.
struct granted_connection {
  std::unique_ptr<connection> line;
  std::shared_ptr<turn> behind;
};

/// Keeps idle connections for the next request to an equal endpoint by the same user, and knows those that are lent, so that a small
/// request can be sent behind another. How many are open at once is for the caller to limit.
class connection_pool {
 public:
  /// DESIGN section 7, "idle connection".
  static constexpr std::chrono::seconds idle_limit{30};
  /// Requests that may wait on one connection behind the one that is being answered.
  static constexpr std::size_t most_followers = 2;
  /// Endpoints that are known at most, those with connections apart: redirects lead to hosts that strangers choose.
  static constexpr std::size_t most_places = 1'000;

  explicit connection_pool(net::connector& connector) : connector_(connector) {}

  /// \param fresh never an idle one: after one of those has failed \param user see placement::user
  task<result<std::unique_ptr<connection>>> acquire(net::endpoint where, bool fresh, runtime::stop_source& stop, std::uint64_t user = 0);

  /// A connection or a turn on one. Whoever is given a turn writes its request over the stream of turn::at, tells \ref written, and waits
  /// for \ref turn::changed.
  task<result<granted_connection>> acquire(net::endpoint where, placement how, runtime::stop_source& stop);

  /// The request on \p line is out: another may be sent behind it.
  void written(connection& line);
  /// The request of \p waiting will not be made, or its answer not be read: what is on the wire spoils the connection.
  void abandon(turn& waiting);

  /// Takes back a connection whose last exchange ended cleanly. \param reusable whether the peer keeps it open
  void give_back(std::unique_ptr<connection> value, bool reusable = true);
  /// Takes a connection that ended in the middle of an answer. Where that befalls those with requests behind others, none are sent so any
  /// more.
  void broken(std::unique_ptr<connection> value);
  /// Puts a connection that nobody waits for among the idle ones.
  void keep(std::unique_ptr<connection> value);

  /// Connections to \p where, whosever they are: idle, lent and being opened.
  std::size_t open_to(const net::endpoint& where);

  /// The peer wants less of us, as it has said on \p line: what is idle there is closed, and so is the line when its answer is over, since
  /// a peer that counts connections would go on refusing.
  void refused(connection& line);

  /// The peer answers one request of a connection and drops those behind it: none are sent there any more.
  void one_at_a_time(const net::endpoint& where) { places_[where].one_at_a_time = true; }

  /// Closes what is idle.
  void clear();

  std::size_t known_places() const noexcept { return places_.size(); }

 private:
  friend struct connection;
  struct idle_connection {
    std::unique_ptr<connection> value;
    std::chrono::steady_clock::time_point since;
  };
  /// What is known of an endpoint.
  struct place {
    std::vector<idle_connection> idle;
    std::vector<connection*> lent;
    std::vector<std::uint64_t> opening;  ///< by whom
    bool keeps_alive = false;            ///< an answer has left its connection open

    bool one_at_a_time = false;  ///< see one_at_a_time()
    std::size_t broken = 0;      ///< connections that broke while requests waited behind the answer
    std::size_t followed = 0;    ///< answers that came behind others

    bool in_use() const noexcept { return !idle.empty() || !lent.empty() || !opening.empty(); }
  };
  /// Ends what has been idle for too long. No place without connections may be at hand: it may be forgotten.
  void drop_expired();
  std::unique_ptr<connection> take_idle(place& at, std::uint64_t user);
  static std::size_t open_for(const place& at, std::uint64_t user);
  static bool ends_soon(const connection& line, const placement& how);
  static connection* room_behind(const place& at, const placement& how, bool& busy);
  task<result<std::unique_ptr<connection>>> open(net::endpoint where, std::uint64_t user, runtime::stop_source& stop);
  void lend(place& at, connection& line);
  void returned(connection& line);

  net::connector& connector_;
  std::uint64_t made_ = 0;  ///< connections so far
  std::map<net::endpoint, place> places_;
  runtime::signal changed_;  ///< a connection has come back, is lost, or has room
};

}  // namespace gantry::http
