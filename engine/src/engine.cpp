#include <gantry/engine.hpp>

#include "config/host_configuration.hpp"
#include "http/client.hpp"
#include "http/routes.hpp"
#include "jobs/bench.hpp"
#include "jobs/clean.hpp"
#include "jobs/convert.hpp"
#include "jobs/copy.hpp"
#include "jobs/explain.hpp"
#include "jobs/extract.hpp"
#include "jobs/inspect.hpp"
#include "jobs/keep.hpp"
#include "jobs/list.hpp"
#include "jobs/lookup.hpp"
#include "jobs/ping.hpp"
#include "jobs/pull.hpp"
#include "jobs/push.hpp"
#include "jobs/sync.hpp"
#include "jobs/verify.hpp"
#include "net/connector.hpp"
#include "registry/registry_client.hpp"
#include "runtime/buffer_pool.hpp"
#include "runtime/file.hpp"
#include "runtime/lanes.hpp"
#include "runtime/semaphore.hpp"
#include "runtime/signal.hpp"
#include "serve/service.hpp"
#include "store/content_store.hpp"
#include "transfer/context.hpp"
#include "transfer/hash_scheduler.hpp"
#include "transfer/limiter.hpp"

#include <fmt/format.h>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <filesystem>
#include <optional>
#include <set>
#include <thread>
#include <utility>

namespace gantry {
namespace {

namespace asio = boost::asio;
using runtime::task;

// PERFORMANCE, "Adaptive count": the most that is tried when nobody says otherwise.
constexpr unsigned most_jobs = 16;
constexpr std::size_t hints_size_limit = std::size_t{256} << 10;
// One per blob that is being hashed from the page cache; more blobs than that wait for their turn.
constexpr std::size_t hash_buffer_count = 8;

net::connect_limits connect_limits_of(const engine_options& options) { return {options.timeouts.connect, options.timeouts.tls}; }

http::exchange_limits exchange_limits_of(const engine_options& options) {
  return {options.timeouts.header, options.timeouts.idle, options.budget};
}

unsigned jobs_of(const engine_options& options) { return options.jobs != 0 ? options.jobs : most_jobs; }

unsigned per_host_of(const engine_options& options) {
  return options.max_per_host != 0 ? options.max_per_host : std::max(most_jobs, jobs_of(options));
}

/// How origins are reached as far as the options tell: what is insecure is so for the registry that was named, on the port that was named.
http::routes routes_of(const engine_options& options) {
  http::routes routes;
  config::mirror_rules mirrors;
  for (const std::string& registry : options.insecure) {
    const auto endpoint = http::endpoint_of(registry::api_address(registry), "https");
    routes.unverified.insert(endpoint ? endpoint->authority() : registry);
  }
  if (!options.ca_cert.empty()) routes.ca_files.push_back(options.ca_cert);
  routes.ca_files.insert(routes.ca_files.end(), options.ca_bundles.begin(), options.ca_bundles.end());
  routes.proxies = config::proxy_rules(options.proxies);
  routes.aliases.emplace("registry-1.docker.io:443", "docker.io");
  return routes;
}

/// The thread of an engine that was given no executor.
struct own_thread {
  own_thread() : thread([this] { context.run(); }) {}

  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  std::thread thread;
};

}  // namespace

/// Everything that one engine owns. Lives until the last operation has ended; its members are used on the strand.
class engine::impl : public std::enable_shared_from_this<engine::impl> {
 public:
  impl(std::unique_ptr<own_thread> thread, executor_type where, engine_options settings)
      : own(std::move(thread)),
        strand(asio::make_strand(std::move(where))),
        options(std::move(settings)),
        jobs(jobs_of(options)),
        buffers(strand, std::max<std::size_t>(runtime::buffer_pool::default_count, 2 * std::size_t{jobs})),
        hash_buffers(strand, hash_buffer_count),
        hashes(strand, lanes),
        connector(lanes, connect_limits_of(options)),
        routes(routes_of(options)),
        mirrors{options.mirrors, {}, {}, {}},
        http(connector, exchange_limits_of(options), [this](const http::origin& one) { return routes.find(one); }),
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
               per_host_of(options),
               options.jobs == 0} {
    http.on_wait = [this](const std::string& text) {
      for (transfer::operation* running : operations) running->events.emit(waiting{text});
    };
  }

  void stop() {
    stopping = true;
    for (transfer::operation* running : operations) running->request_stop();
    http.pool().clear();
  }

  result<std::filesystem::path> store_directory() const {
    return options.cache_dir.empty() ? store::content_store::default_root() : options.cache_dir;
  }

  task<result<std::shared_ptr<store::content_store>>> open_store() {
    if (store) co_return store;
    auto call = [root = store_directory(), sync = options.sync]() -> result<std::shared_ptr<store::content_store>> {
      if (!root) return root.error();
      store::store_options where;
      where.root = *root;
      where.sync = sync;
      return store::content_store::open(std::move(where));
    };
    auto opened = co_await runtime::offload(lanes, runtime::lane::files, std::move(call));
    if (!opened || store) co_return opened;
    store = *opened;
    auto read = [place = hints_file(*store)]() -> registry::hints {
      const auto text = runtime::read_file(place, hints_size_limit);
      if (!text) return {};
      auto known = registry::read_hints(*text, std::chrono::system_clock::now());
      return known ? std::move(*known) : registry::hints();
    };
    saved_hints = co_await runtime::offload(lanes, runtime::lane::files, std::move(read));
    registry.use_hints(saved_hints);
    co_return store;
  }

  static std::filesystem::path hints_file(const store::content_store& store) { return store.root() / "state" / "hints.json"; }

  /// Keeps what was learnt about hosts for the next run; what cannot be written is no loss.
  task<> save_hints() {
    if (!store) co_return;
    registry::hints learnt = registry.learnt();
    if (learnt == saved_hints) co_return;
    saved_hints = learnt;
    auto write = [place = hints_file(*store), text = registry::write_hints(learnt)]() -> bool {
      const result<void> made = runtime::make_directories(place.parent_path(), 0700);
      runtime::write_options how;
      how.sync = false;
      how.permissions = 0600;
      return made && runtime::atomic_write_file(place, text, how);
    };
    co_await runtime::offload(lanes, runtime::lane::files, std::move(write));
  }

  struct present_store {
    std::filesystem::path directory;
    std::shared_ptr<store::content_store> store;  ///< none when the directory does not exist
  };

  /// The store for those who only work with what is there: nobody makes one by asking what is in it.
  task<result<present_store>> find_store() {
    present_store found;
    auto root = store_directory();
    if (!root) co_return root.error();
    found.directory = std::move(*root);
    auto look = [path = found.directory] {
      std::error_code ignored;
      return std::filesystem::exists(path, ignored);
    };
    const bool there = co_await runtime::offload(lanes, runtime::lane::files, std::move(look));
    if (!there) co_return found;
    auto opened = co_await open_store();
    if (!opened) co_return opened.error();
    found.store = std::move(*opened);
    co_return found;
  }

  task<result<list_result>> list(std::shared_ptr<transfer::operation> running) {
    const result<present_store> found = co_await find_store();
    if (!found) co_return found.error();
    if (found->store) co_return co_await jobs::list(shared, running, found->store);
    list_result nothing;
    nothing.usage.directory = found->directory;
    co_return nothing;
  }

  task<result<clean_result>> clean(std::shared_ptr<transfer::operation> running, clean_options wanted) {
    const result<present_store> found = co_await find_store();
    if (!found) co_return found.error();
    if (found->store) co_return co_await jobs::clean(shared, running, found->store, std::move(wanted));
    if (!wanted.references.empty()) {
      co_return failure(errc::not_found, "there is no store at " + found->directory.string());
    }
    clean_result nothing;
    nothing.directory = found->directory;
    co_return nothing;
  }

  task<result<verify_result>> verify(std::shared_ptr<transfer::operation> running, verify_options wanted) {
    const result<present_store> found = co_await find_store();
    if (!found) co_return found.error();
    if (found->store) co_return co_await jobs::verify(shared, running, found->store, std::move(wanted));
    verify_result nothing;
    nothing.directory = found->directory;
    co_return nothing;
  }

  task<result<pull_result>> pull(std::shared_ptr<transfer::operation> running, std::vector<reference> images, pull_options wanted) {
    for (const reference& image : images) {
      if (image.empty()) co_return failure(errc::invalid_reference, "an empty reference names no image");
    }
    if (wanted.all_platforms && !wanted.platforms.empty()) {
      co_return failure(errc::invalid_option, "all platforms and a choice of platforms exclude each other");
    }
    if (!wanted.name.empty() && (images.size() > 1 || wanted.name.digest())) {
      co_return failure(errc::invalid_option, "a name of one's own is for one image, and has a tag without a digest");
    }
    if (!wanted.have.empty() && std::holds_alternative<store_only>(wanted.output)) {
      co_return failure(errc::invalid_option, "what another side has can be left out of an archive only");
    }
    if (wanted.no_cache) {
      if (wanted.offline) co_return failure(errc::invalid_option, "offline there is nothing but the store, which is to be left out");
      if (std::holds_alternative<store_only>(wanted.output)) {
        co_return failure(errc::invalid_option, "without the store and without an archive nothing would be kept");
      }
      co_return co_await jobs::pull(shared, running, nullptr, std::move(images), std::move(wanted), options.sync);
    }
    auto opened = co_await open_store();
    if (!opened) co_return opened.error();
    co_return co_await jobs::pull(shared, running, *opened, std::move(images), std::move(wanted), options.sync);
  }

  task<result<serve_result>> serve(std::shared_ptr<transfer::operation> running, serve_options wanted) {
    auto opened = co_await open_store();
    if (!opened) co_return opened.error();
    co_return co_await serve::serve(shared, running, *opened, std::move(wanted));
  }

  task<result<push_result>> push(std::shared_ptr<transfer::operation> running, push_source source, push_target target,
                                 push_options wanted) {
    auto opened = co_await open_store();
    if (!opened) co_return opened.error();
    task<result<push_result>> pushing = jobs::push(shared, running, *opened, std::move(source), std::move(target), std::move(wanted));
    co_return co_await jobs::while_kept<push_result>(shared, *running, *opened, std::move(pushing));
  }

  task<result<copy_result>> copy(std::shared_ptr<transfer::operation> running, reference source, std::vector<reference> targets,
                                 copy_options wanted) {
    if (source.empty() || targets.empty()) co_return failure(errc::invalid_reference, "a copy needs a source and a target");
    for (const reference& target : targets) {
      if (target.empty()) co_return failure(errc::invalid_reference, "an empty reference names no image");
    }
    co_return co_await jobs::copy(shared, std::move(running), std::move(source), std::move(targets), std::move(wanted));
  }

  task<result<sync_result>> sync(std::shared_ptr<transfer::operation> running, sync_list list, sync_options wanted) {
    std::shared_ptr<store::content_store> kept;
    if (std::holds_alternative<std::filesystem::path>(wanted.to)) {
      auto opened = co_await open_store();
      if (!opened) co_return opened.error();
      kept = *opened;
    }
    co_return co_await jobs::sync(shared, std::move(running), std::move(kept), std::move(list), std::move(wanted), options.sync);
  }

  task<result<inspect_result>> inspect(std::shared_ptr<transfer::operation> running, reference image, inspect_options wanted) {
    if (wanted.offline) {
      const result<present_store> found = co_await find_store();
      if (!found) co_return found.error();
      if (!found->store) co_return failure(errc::not_found, "there is no store at " + found->directory.string());
      co_return co_await jobs::inspect(shared, running, found->store, std::move(image), std::move(wanted));
    }
    auto opened = co_await open_store();
    if (!opened) co_return opened.error();
    co_return co_await jobs::inspect(shared, running, *opened, std::move(image), std::move(wanted));
  }

  task<result<digest_result>> find_digest(std::shared_ptr<transfer::operation> running, reference image, digest_options wanted) {
    std::shared_ptr<store::content_store> kept;
    if (wanted.platform) {
      auto opened = co_await open_store();
      if (!opened) co_return opened.error();
      kept = *opened;
    }
    co_return co_await jobs::find_digest(shared, running, kept, std::move(image), std::move(wanted));
  }

  task<result<extract_result>> extract(std::shared_ptr<transfer::operation> running, archive_input from, extract_options wanted) {
    if (wanted.name && wanted.name->empty()) co_return failure(errc::invalid_reference, "an empty reference names no image");
    auto opened = co_await open_store();
    if (!opened) co_return opened.error();
    co_return co_await jobs::extract(shared, running, *opened, std::move(from), std::move(wanted));
  }

  /// Starts one operation, on any thread: stoppable through the slot of \p handler, what is thrown becomes errc::internal_error, and
  /// \p handler is called where it wants to be.
  /// \param work called on the strand; returns task<result<Result>>
  template <class Result, class Work>
  void begin(const operation_options& common, diagnostics* text, result_handler<Result> done, Work work) {
    auto running = std::make_shared<transfer::operation>(transfer::event_emitter(common.on_event, common.event_executor));
    // The context that the handler belongs to must not run dry before the handler was called on it.
    auto guard = asio::make_work_guard(asio::get_associated_executor(done, strand));
    auto slot = asio::get_associated_cancellation_slot(done);
    if (slot.is_connected()) {
      // Whatever the type: the signal may come on any thread that the caller's executor has, so it only knocks.
      slot.assign([where = strand, weak = std::weak_ptr(running)](asio::cancellation_type) {
        asio::post(where, [weak] {
          if (const auto alive = weak.lock()) alive->request_stop();
        });
      });
    }
    asio::post(strand, [self = shared_from_this(), running, text, work = std::move(work), done = std::move(done),
                        guard = std::move(guard)]() mutable {
      task<result<Result>> started = self->template guarded<Result>(work(*self, running));
      self->launch(running, text, std::move(done), std::move(guard), std::move(started));
    });
  }

  static failure defect(std::exception_ptr thrown) {
    try {
      std::rethrow_exception(thrown);
    } catch (const std::bad_alloc&) {
      return {errc::internal_error, "out of memory"};
    } catch (const std::exception& error) {
      return {errc::internal_error, std::string("a defect of the engine: ") + error.what()};
    } catch (...) {
      return {errc::internal_error, "a defect of the engine"};
    }
  }

  /// Refuses to begin what comes after the stop.
  template <class Result>
  task<result<Result>> guarded(task<result<Result>> work) {
    if (stopping) co_return failure(errc::cancelled, "the engine has been stopped");
    const result<void> known = co_await read_host_files();
    if (!known) co_return known.error();
    result<Result> outcome = co_await std::move(work);
    co_await save_hints();
    co_return outcome;
  }

  /// Once; operations that begin meanwhile wait for it.
  task<result<void>> read_host_files() {
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
    mirrors.containers = std::move(read->containers);
    mirrors.containerd = std::move(read->containerd);
    mirrors.docker = std::move(read->docker);
    host_files = result<void>();
    co_return result<void>();
  }

  /// Tells all operations that run, since what is found out about a host concerns each of them.
  void warn(const std::string& text) {
    for (transfer::operation* running : operations) running->events.emit(warning{text});
  }

  registry::registry_settings registry_settings() {
    registry::registry_settings settings;
    settings.plain_http = options.plain_http;
    settings.tls_only = options.tls_only;
    settings.credentials = options.credentials;
    settings.log = options.log;
    settings.warn = [this](const std::string& text) { warn(text); };
    settings.endpoints = [this](const std::string& host, const std::string& repository) { return mirrors.endpoints(host, repository); };
    settings.on_endpoint = [this](const config::endpoint& at, const http::origin& api) { adopt(at, api); };
    return settings;
  }

  /// Applies what was configured for one host alone, loudly where it weakens TLS.
  void adopt(const config::endpoint& at, const http::origin& api) {
    if (at.insecure && !at.plain_http) {
      routes.unverified.insert(api.authority());
      warn(fmt::format("{} is not verified, because {} calls it insecure: anybody on the way can pose as it", at.registry, at.source));
    }
    if (at.plain_http && !api.is_loopback()) {
      warn(fmt::format("the mirror {} is spoken to in plain http, because {} says so", at.registry, at.source));
    }
    if (at.authorities.empty() && !at.client) return;
    const config::host_certificates* known = config::find_certificates(routes.certificates, api.host, api.port);
    config::host_certificates named = known != nullptr ? *known : config::host_certificates();
    named.authorities.insert(named.authorities.end(), at.authorities.begin(), at.authorities.end());
    if (at.client) named.client = at.client;
    routes.certificates.insert_or_assign(api.authority(), std::move(named));
  }

  template <class Result, class Guard>
  void launch(std::shared_ptr<transfer::operation> running, diagnostics* text, result_handler<Result> done, Guard guard,
              task<result<Result>> work) {
    operations.insert(running.get());
    auto completed = [self = shared_from_this(), running, text, done = std::move(done), guard = std::move(guard)](
                         std::exception_ptr thrown, result<Result> outcome) mutable {
      if (thrown) outcome = self->defect(thrown);
      self->operations.erase(running.get());
      self->idle.notify_all();
      if (text != nullptr) *text = outcome ? diagnostics() : outcome.error().text;
      const error_code code = outcome ? error_code() : outcome.error().code;
      Result value = outcome ? std::move(*outcome) : Result();
      const auto where = asio::get_associated_executor(done, self->strand);
      asio::dispatch(where, [done = std::move(done), code, value = std::move(value)]() mutable {
        asio::get_associated_cancellation_slot(done).clear();
        std::move(done)(code, std::move(value));
      });
    };
    asio::co_spawn(strand, std::move(work), std::move(completed));
  }

  task<> shut_down() {
    stop();
    while (!operations.empty()) co_await idle.wait();
    http.pool().clear();
  }

  std::unique_ptr<own_thread> own;  ///< first, so that everything else is gone before its context is
  executor_type strand;
  engine_options options;
  unsigned jobs;
  runtime::lanes lanes;
  runtime::buffer_pool buffers;
  runtime::buffer_pool hash_buffers;
  transfer::hash_scheduler hashes;
  net::connector connector;
  http::routes routes;
  config::mirror_rules mirrors;
  http::client http;
  registry::registry_client registry;
  runtime::semaphore connections;
  transfer::limiter bandwidth;
  transfer::context shared;
  std::shared_ptr<store::content_store> store;
  std::set<transfer::operation*> operations;
  runtime::signal idle;
  bool stopping = false;
  bool reading_host_files = false;
  registry::hints saved_hints;
  std::optional<result<void>> host_files;  ///< once they were read
  runtime::signal host_files_changed;
};

engine::engine(executor_type executor, engine_options options)
    : state_(std::make_shared<impl>(nullptr, std::move(executor), std::move(options))) {}

engine::engine(engine_options options) {
  auto own = std::make_unique<own_thread>();
  const executor_type where = own->context.get_executor();
  state_ = std::make_shared<impl>(std::move(own), where, std::move(options));
}

engine::~engine() {
  if (!state_) return;  // moved from
  asio::post(state_->strand, [state = state_.get(), keep = state_->own ? nullptr : state_] { state->stop(); });
  if (!state_->own) return;
  state_->own->work.reset();
  state_->own->thread.join();
}

engine::executor_type engine::get_executor() const noexcept { return state_->strand; }

void engine::start(const std::shared_ptr<impl>& state, result_handler<pull_result> done, diagnostics* diag, std::vector<reference> images,
                   pull_options options) {
  const operation_options common = options;
  state->begin(
      common, diag, std::move(done),
      [images = std::move(images), options = std::move(options)](impl& self, std::shared_ptr<transfer::operation> running) mutable {
        return self.pull(std::move(running), std::move(images), std::move(options));
      });
}

void engine::start(const std::shared_ptr<impl>& state, result_handler<serve_result> done, diagnostics* diag, serve_options options) {
  const operation_options common = options;
  state->begin(common, diag, std::move(done),
               [options = std::move(options)](impl& self, std::shared_ptr<transfer::operation> running) mutable {
                 return self.serve(std::move(running), std::move(options));
               });
}

void engine::start(const std::shared_ptr<impl>& state, result_handler<push_result> done, diagnostics* diag, push_source source,
                   push_target target, push_options options) {
  const operation_options common = options;
  state->begin(common, diag, std::move(done),
               [source = std::move(source), target = std::move(target), options = std::move(options)](impl& self, auto running) mutable {
                 return self.push(std::move(running), std::move(source), std::move(target), std::move(options));
               });
}

void engine::start(const std::shared_ptr<impl>& state, result_handler<copy_result> done, diagnostics* diag, reference source,
                   std::vector<reference> targets, copy_options options) {
  const operation_options common = options;
  state->begin(common, diag, std::move(done),
               [source = std::move(source), targets = std::move(targets), options = std::move(options)](impl& self, auto running) mutable {
                 return self.copy(std::move(running), std::move(source), std::move(targets), std::move(options));
               });
}

void engine::start(const std::shared_ptr<impl>& state, result_handler<sync_result> done, diagnostics* diag, sync_list list,
                   sync_options options) {
  const operation_options common = options;
  state->begin(common, diag, std::move(done), [list = std::move(list), options = std::move(options)](impl& self, auto running) mutable {
    return self.sync(std::move(running), std::move(list), std::move(options));
  });
}

void engine::start(const std::shared_ptr<impl>& state, result_handler<prune_result> done, diagnostics* diag, std::vector<reference> tags,
                   prune_options options) {
  const operation_options common = options;
  state->begin(common, diag, std::move(done), [tags = std::move(tags), options = std::move(options)](impl& self, auto running) mutable {
    return jobs::prune(self.shared, std::move(running), std::move(tags), std::move(options));
  });
}

void engine::start(const std::shared_ptr<impl>& state, result_handler<inspect_result> done, diagnostics* diag, reference image,
                   inspect_options options) {
  const operation_options common = options;
  state->begin(common, diag, std::move(done), [image = std::move(image), options = std::move(options)](impl& self, auto running) mutable {
    return self.inspect(std::move(running), std::move(image), std::move(options));
  });
}

void engine::start(const std::shared_ptr<impl>& state, result_handler<inspect_files_result> done, diagnostics* diag, archive_input from,
                   inspect_options options) {
  const operation_options common = options;
  state->begin(common, diag, std::move(done), [from = std::move(from), options = std::move(options)](impl& self, auto running) mutable {
    return jobs::inspect_files(self.shared, std::move(running), std::move(from), std::move(options));
  });
}

void engine::start(const std::shared_ptr<impl>& state, result_handler<digest_result> done, diagnostics* diag, reference image,
                   digest_options options) {
  const operation_options common = options;
  state->begin(common, diag, std::move(done), [image = std::move(image), options = std::move(options)](impl& self, auto running) mutable {
    return self.find_digest(std::move(running), std::move(image), std::move(options));
  });
}

void engine::start(const std::shared_ptr<impl>& state, result_handler<tags_result> done, diagnostics* diag, reference repository,
                   tags_options options) {
  const operation_options common = options;
  state->begin(common, diag, std::move(done),
               [repository = std::move(repository), options = std::move(options)](impl& self, auto running) mutable {
                 return jobs::list_tags(self.shared, std::move(running), std::move(repository), std::move(options));
               });
}

void engine::start(const std::shared_ptr<impl>& state, result_handler<repositories_result> done, diagnostics* diag, std::string registry,
                   repositories_options options) {
  state->begin(options, diag, std::move(done), [registry = std::move(registry)](impl& self, auto running) mutable {
    return jobs::list_repositories(self.shared, std::move(running), std::move(registry));
  });
}

void engine::start(const std::shared_ptr<impl>& state, result_handler<delete_result> done, diagnostics* diag, reference image,
                   delete_options options) {
  state->begin(options, diag, std::move(done), [image = std::move(image)](impl& self, auto running) mutable {
    return jobs::remove_reference(self.shared, std::move(running), std::move(image));
  });
}

void engine::start(const std::shared_ptr<impl>& state, result_handler<explanation> done, diagnostics* diag, reference image,
                   explain_options options) {
  state->begin(options, diag, std::move(done), [image = std::move(image)](impl& self, auto) mutable {
    return jobs::explain(self.registry, self.options, self.jobs, std::move(image));
  });
}

void engine::start(const std::shared_ptr<impl>& state, result_handler<ping_result> done, diagnostics* diag, std::string registry,
                   ping_options options) {
  state->begin(options, diag, std::move(done), [registry = std::move(registry)](impl& self, auto running) mutable {
    return jobs::ping(self.shared, std::move(running), std::move(registry));
  });
}

void engine::start(const std::shared_ptr<impl>& state, result_handler<list_result> done, diagnostics* diag, list_options options) {
  state->begin(options, diag, std::move(done),
               [](impl& self, std::shared_ptr<transfer::operation> running) { return self.list(std::move(running)); });
}

void engine::start(const std::shared_ptr<impl>& state, result_handler<clean_result> done, diagnostics* diag, clean_options options) {
  const operation_options common = options;
  state->begin(common, diag, std::move(done),
               [options = std::move(options)](impl& self, std::shared_ptr<transfer::operation> running) mutable {
                 return self.clean(std::move(running), std::move(options));
               });
}

void engine::start(const std::shared_ptr<impl>& state, result_handler<verify_result> done, diagnostics* diag, verify_options options) {
  const operation_options common = options;
  state->begin(common, diag, std::move(done),
               [options = std::move(options)](impl& self, std::shared_ptr<transfer::operation> running) mutable {
                 return self.verify(std::move(running), std::move(options));
               });
}

void engine::start(const std::shared_ptr<impl>& state, result_handler<extract_result> done, diagnostics* diag, archive_input from,
                   extract_options options) {
  const operation_options common = options;
  state->begin(common, diag, std::move(done),
               [from = std::move(from), options = std::move(options)](impl& self, std::shared_ptr<transfer::operation> running) mutable {
                 return self.extract(std::move(running), std::move(from), std::move(options));
               });
}

void engine::start(const std::shared_ptr<impl>& state, result_handler<convert_result> done, diagnostics* diag, archive_input from,
                   convert_options options) {
  const operation_options common = options;
  state->begin(common, diag, std::move(done),
               [from = std::move(from), options = std::move(options)](impl& self, std::shared_ptr<transfer::operation> running) mutable {
                 return jobs::convert(self.shared, std::move(running), std::move(from), std::move(options), self.options.sync);
               });
}

void engine::start(const std::shared_ptr<impl>& state, result_handler<bench_result> done, diagnostics* diag, reference image,
                   bench_options options) {
  const operation_options common = options;
  state->begin(common, diag, std::move(done),
               [image = std::move(image), options = std::move(options)](impl& self, std::shared_ptr<transfer::operation> running) mutable {
                 return jobs::bench(self.shared, std::move(running), std::move(image), std::move(options));
               });
}

void engine::start_shutdown(const std::shared_ptr<impl>& state, shutdown_handler handler) {
  auto guard = asio::make_work_guard(asio::get_associated_executor(handler, state->strand));
  asio::post(state->strand, [state, handler = std::move(handler), guard = std::move(guard)]() mutable {
    auto completed = [state, handler = std::move(handler), guard = std::move(guard)](std::exception_ptr) mutable {
      const auto where = asio::get_associated_executor(handler, state->strand);
      asio::dispatch(where, [handler = std::move(handler)]() mutable { std::move(handler)(error_code()); });
    };
    asio::co_spawn(state->strand, state->shut_down(), std::move(completed));
  });
}

std::string_view version() noexcept { return GANTRY_VERSION; }

}  // namespace gantry
