#pragma once

#include "base/failure.hpp"
#include "runtime/lanes.hpp"
#include "runtime/stop.hpp"

#include <boost/asio/ip/address.hpp>

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace gantry::net {

using runtime::task;

/// Host names to addresses through getaddrinfo on a worker lane: answers are kept for a minute, and a host that is being looked up is
/// looked up once. Names below `localhost` have the addresses of `localhost`.
class resolver {
 public:
  explicit resolver(runtime::lanes& workers) : workers_(workers) {}

  /// \returns addresses in the order to try them (RFC 8305 section 4: families alternate, the system's first choice first); an address
  /// literal is its own answer. errc::name_not_resolved when there is none; errc::cancelled when \p stop came first. Whoever began a
  /// lookup waits for it all the same, since getaddrinfo cannot be cancelled.
  task<result<std::vector<boost::asio::ip::address>>> resolve(std::string host, runtime::stop_source& stop);

  /// Forgets \p host, after none of its addresses answered.
  void forget(const std::string& host) { known_.erase(host); }

  /// Names whose addresses are kept at most, those that are being looked up apart: redirects lead to hosts that strangers choose.
  static constexpr std::size_t most_names = 1'000;
  std::size_t known_names() const noexcept { return known_.size(); }

  /// Puts \p address behind the others of \p host for as long as the answer is kept: it did not work, and another one did.
  void demote(const std::string& host, const boost::asio::ip::address& address);

 private:
  struct lookup;
  runtime::lanes& workers_;
  std::map<std::string, std::shared_ptr<lookup>> known_;
};

}  // namespace gantry::net
