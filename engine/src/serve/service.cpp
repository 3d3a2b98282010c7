#include "serve/service.hpp"

#include "base/redact.hpp"
#include "net/tls_acceptor.hpp"
#include "runtime/buffer_pool.hpp"
#include "serve/gate.hpp"
#include "serve/handler.hpp"
#include "serve/library.hpp"
#include "serve/pull_through.hpp"
#include "serve/server.hpp"

#include <boost/asio/post.hpp>

#include <functional>
#include <utility>

namespace gantry::serve {
namespace {

/// For blobs that cannot go out by sendfile: so many clients at once.
constexpr std::size_t buffer_count = 64;

/// A callback of the caller's, called where the caller wants it.
template <class T>
std::function<void(T)> hand_over(std::function<void(const T&)> to, runtime::executor where) {
  if (!to) return {};
  return [to = std::move(to), where = std::move(where)](T value) {
    if (!where) return to(value);
    boost::asio::post(where, [to, value = std::move(value)] { to(value); });
  };
}

struct secrets {
  std::unique_ptr<net::tls_acceptor> tls;
  std::optional<htpasswd> users;
};

result<secrets> read_secrets(const serve_options& options) {
  secrets read;
  if (!options.tls_certificate.empty()) {
    auto tls = net::tls_acceptor::load(options.tls_certificate, options.tls_key);
    if (!tls) return tls.error();
    read.tls = std::move(*tls);
  }
  if (!options.htpasswd.empty()) {
    auto users = htpasswd::load(options.htpasswd);
    if (!users) return users.error();
    read.users = std::move(*users);
  }
  return read;
}

}  // namespace

task<result<serve_result>> serve(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                                 std::shared_ptr<store::content_store> store, serve_options options) {
  const runtime::executor where = shared.executor;
  runtime::lanes& workers = shared.lanes;
  if (options.tls_certificate.empty() != options.tls_key.empty()) {
    co_return failure(errc::invalid_option, "TLS needs a certificate and its key, both");
  }
  const auto address = parse_listen(options.listen);
  if (!address) co_return address.error();
  auto read = [options] { return read_secrets(options); };
  result<secrets> given = co_await runtime::offload(workers, runtime::lane::files, std::move(read));
  if (!given) co_return given.error();
  const std::unique_ptr<net::tls_acceptor> tls = std::move(given->tls);

  std::unique_ptr<gate> door;
  if (given->users) {
    door = std::make_unique<gate>(workers, std::move(*given->users));
    if (tls == nullptr && !address->address().is_loopback()) {
      running->events.emit(warning{"passwords travel in clear text: without TLS anybody on the way can read them"});
    }
  }
  library content(workers, store);
  runtime::buffer_pool buffers(where, buffer_count);
  const auto trouble = [running](const std::string& text) { running->events.emit(warning{text}); };
  std::unique_ptr<pull_through> above;
  if (!options.upstream.empty()) above = std::make_unique<pull_through>(shared, store, options.upstream, trouble);
  handler answers(content, door.get(), above.get(), trouble);
  server listener(where, workers, buffers, answers, tls.get(), options.limits,
                  hand_over<served_request>(options.on_request, options.event_executor));
  const auto listening = listener.listen(*address);
  if (!listening) co_return listening.error();

  if (above == nullptr) {
    const std::vector<std::string> notes = co_await content.incomplete();
    for (const std::string& note : notes) running->events.emit(warning{note});
  }
  const auto started = hand_over<serve_started>(options.on_started, options.event_executor);
  if (started) {
    const auto local = listener.local();
    const std::string literal = to_string(local);
    started(serve_started{literal.substr(0, literal.rfind(':')), local.port(), tls != nullptr});
  }
  const serve_result totals = co_await listener.run(running->stop);
  if (above != nullptr) co_await above->close();
  running->events.flush();
  co_return totals;
}

}  // namespace gantry::serve
