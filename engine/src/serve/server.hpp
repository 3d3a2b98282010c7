#pragma once

#include "base/failure.hpp"
#include "net/tls_acceptor.hpp"
#include "runtime/buffer_pool.hpp"
#include "runtime/lanes.hpp"
#include "runtime/signal.hpp"
#include "runtime/stop.hpp"
#include "runtime/task.hpp"
#include "runtime/task_group.hpp"
#include "serve/connection.hpp"
#include "serve/handler.hpp"

#include <gantry/serve.hpp>

#include <boost/asio/ip/tcp.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace gantry::serve {

/// `address:port` of serve_options::listen. errc::invalid_option when it is neither an address literal nor `localhost`, or has no port.
result<boost::asio::ip::tcp::endpoint> parse_listen(std::string_view text);

/// `127.0.0.1:5000`, `[::1]:5000`
std::string to_string(const boost::asio::ip::tcp::endpoint& where);

/// How many connections may be open at once: \p wanted, less when the process may not open so many files.
std::size_t connection_cap(std::size_t wanted) noexcept;

/// Listens, and runs a \ref connection for each client. Used on the strand.
class server {
 public:
  /// All arguments must outlive the server. \param tls null: plain http \param report one call a request
  server(runtime::executor where, runtime::lanes& workers, runtime::buffer_pool& buffers, handler& answers, net::tls_acceptor* tls,
         serve_limits limits, std::function<void(served_request)> report);

  /// Takes the address. errc::invalid_option when it cannot be had, with the reason.
  result<void> listen(const boost::asio::ip::tcp::endpoint& where);
  boost::asio::ip::tcp::endpoint local() const;

  /// Accepts until \p stop, then finishes what runs, at most for serve_limits::graceful.
  task<serve_result> run(runtime::stop_source& stop);

 private:
  task<> accept(runtime::stop_source& stop);
  task<> attend(boost::asio::ip::tcp::socket socket, std::string address);
  bool evict();

  runtime::executor executor_;
  runtime::lanes& workers_;
  net::tls_acceptor* tls_;
  serve_limits limits_;
  std::size_t most_;
  boost::asio::ip::tcp::acceptor acceptor_;
  runtime::stop_source draining_;
  runtime::stop_source cutting_;
  runtime::signal left_;  ///< a connection has ended
  connection::idle_list idle_;
  serve_result totals_;
  connection_context shared_;
  runtime::task_group connections_;
};

}  // namespace gantry::serve
