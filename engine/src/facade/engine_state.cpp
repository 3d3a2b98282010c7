#include "facade/engine_state.hpp"

#include "config/daemon_proxies.hpp"
#include "config/host_configuration.hpp"
#include "facade/settings.hpp"
#include "runtime/lanes.hpp"

#include <fmt/format.h>
#include <boost/asio/strand.hpp>

#include <exception>
#include <memory>
#include <new>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

namespace gantry {

engine::impl::impl(std::unique_ptr<facade::own_thread> thread, executor_type where, engine_options settings)
    : own(std::move(thread)),
      strand(boost::asio::make_strand(std::move(where))),
      options(std::move(settings)),
      jobs(facade::jobs_of(options)),
      buffers(strand, facade::buffers_of(jobs), facade::spare_buffers_of(jobs)),
      hash_buffers(strand, facade::hash_buffers_of(std::thread::hardware_concurrency())),
      hashes(strand, lanes),
      connector(lanes, facade::connect_limits_of(options)),
      routes(facade::routes_of(options)),
      mirrors{options.mirrors, {}, {}, {}},
      http(connector, facade::exchange_limits_of(options), [this](const http::origin& one) { return routes.find(one); }),
      registry(http, lanes, registry_settings()),
      connections(jobs),
      bandwidth(options.limit_rate),
      shared{strand,
             lanes,
             buffers,
             hash_buffers,
             hashes,
             connections,
             bandwidth,
             registry,
             {options.attempts, options.backoff, options.budget},
             jobs,
             facade::per_host_of(options),
             options.jobs == 0} {
  http.on_wait = [this](const std::string& text) {
    for (transfer::operation* running : operations) running->events.emit(waiting{text});
  };
}

void engine::impl::stop() {
  stopping = true;
  for (transfer::operation* running : operations) running->request_stop();
  http.pool().clear();
}

runtime::task<> engine::impl::shut_down() {
  stop();
  while (!operations.empty()) co_await idle.wait();
  http.pool().clear();
}

failure engine::impl::defect(std::exception_ptr thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::bad_alloc&) {
    return {errc::internal_error, "out of memory"};
  } catch (const std::system_error& error) {
    // A thread, a timer, a descriptor of the event loop.
    return {errc::internal_error, std::string("the system gives no more resources: ") + error.what()};
  } catch (const std::exception& error) {
    return {errc::internal_error, std::string("a defect of the engine: ") + error.what()};
  } catch (...) {
    return {errc::internal_error, "a defect of the engine"};
  }
}

registry::registry_settings engine::impl::registry_settings() {
  registry::registry_settings settings;
  settings.plain_http = options.plain_http;
  settings.tls_only = options.tls_only;
  settings.credentials = options.credentials;
  settings.log = options.log;
  settings.warn = [this](const std::string& text) { warn(text); };
  settings.endpoints = [this](const std::string& host, const std::string& repository) { return mirrors.endpoints(host, repository); };
  settings.on_endpoint = [this](const config::endpoint& at, const http::origin& api) { tell_weakness(at, api); };
  return settings;
}

void engine::impl::warn(const std::string& text) {
  for (transfer::operation* running : operations) running->events.emit(warning{text});
}

void engine::impl::tell_weakness(const config::endpoint& at, const http::origin& api) {
  if (at.insecure && !at.plain_http) {
    warn(fmt::format("{} is not verified, because {} calls it insecure: anybody on the way can pose as it", at.registry, at.source));
  }
  if (at.plain_http && !api.is_loopback()) {
    warn(fmt::format("the mirror {} is spoken to in plain http, because {} says so", at.registry, at.source));
  }
}

runtime::task<result<void>> engine::impl::read_host_files() {
  if (!options.host_files) co_return result<void>();
  while (reading_host_files) co_await host_files_changed.wait();
  if (host_files) co_return *host_files;
  reading_host_files = true;
  auto call = [places = *options.host_files]() -> result<config::host_configuration> {
    try {
      return config::read_host_configuration(places);
    } catch (const std::exception& error) {
      return failure(errc::internal_error, std::string("the configuration of this machine cannot be read: ") + error.what());
    }
  };
  result<config::host_configuration> read = co_await runtime::offload(lanes, runtime::lane::files, std::move(call));
  reading_host_files = false;
  host_files_changed.notify_all();
  if (!read) {
    host_files = result<void>(read.error());
    co_return read.error();
  }
  routes.certificates = std::move(read->certificates);
  // What was named by hand is all there is.
  if (!options.proxies.loopback) routes.proxies = config::proxy_rules(config::completed(options.proxies, read->docker_proxies));
  mirrors.containers = std::move(read->containers);
  mirrors.containerd = std::move(read->containerd);
  mirrors.docker = std::move(read->docker);
  for (const std::string& note : read->notes) warn(note);
  host_files = result<void>();
  co_return result<void>();
}

}  // namespace gantry
