#pragma once

#include <gantry/engine.hpp>

#include "archive/finished_archives.hpp"
#include "config/host_configuration.hpp"
#include "config/mirror_rules.hpp"
#include "facade/own_thread.hpp"
#include "http/client.hpp"
#include "http/routes.hpp"
#include "jobs/mount_memory.hpp"
#include "jobs/upload_sessions.hpp"
#include "net/connector.hpp"
#include "registry/registry_client.hpp"
#include "runtime/buffer_pool.hpp"
#include "runtime/lanes.hpp"
#include "runtime/semaphore.hpp"
#include "runtime/signal.hpp"
#include "runtime/task.hpp"
#include "store/content_store.hpp"
#include "transfer/context.hpp"
#include "transfer/hash_scheduler.hpp"
#include "transfer/limiter.hpp"
#include "transfer/operation.hpp"

#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

namespace gantry {

/// Everything that one engine owns. Lives until the last operation has ended; its members are used on the strand.
class engine::impl : public std::enable_shared_from_this<engine::impl> {
 public:
  template <class Result = void>
  using task = runtime::task<Result>;
  using running_operation = std::shared_ptr<transfer::operation>;

  /// \param thread none when \p where is the caller's
  impl(std::unique_ptr<facade::own_thread> thread, executor_type where, engine_options settings);

  /// What each operation begins with, on any thread: it can be stopped through the slot of \p done, what is thrown becomes
  /// errc::internal_error, and \p done is called where it wants to be. In facade/begin.hpp.
  /// \param work called on the strand with \p values, the last of which are the operation's options
  template <class Result, class... Values>
  void begin(task<result<Result>> (impl::*work)(running_operation, Values...), result_handler<Result> done, diagnostics* text,
             std::type_identity_t<Values>... values);

  /// Asks all operations to end; none begins any more.
  void stop();
  /// The same; returns when they have ended.
  task<> shut_down();

  // One an operation: refuses what contradicts itself, opens what the job needs, and hands over to it.

  // transfers.cpp
  task<result<pull_result>> pull(running_operation running, std::vector<reference> images, pull_options wanted);
  task<result<push_result>> push(running_operation running, push_source source, push_target target, push_options wanted);
  task<result<copy_result>> copy(running_operation running, reference source, std::vector<reference> targets, copy_options wanted);
  task<result<sync_result>> sync(running_operation running, sync_list list, sync_options wanted);
  task<result<serve_result>> serve(running_operation running, serve_options wanted);
  task<result<bench_result>> bench(running_operation running, reference image, bench_options wanted);

  // questions.cpp
  task<result<inspect_result>> inspect(running_operation running, reference image, inspect_options wanted);
  task<result<digest_result>> find_digest(running_operation running, reference image, digest_options wanted);
  task<result<tags_result>> list_tags(running_operation running, reference repository, tags_options wanted);
  task<result<repositories_result>> list_repositories(running_operation running, std::string host, repositories_options wanted);
  task<result<delete_result>> remove(running_operation running, reference image, delete_options wanted);
  task<result<prune_result>> prune(running_operation running, std::vector<reference> tags, prune_options wanted);
  task<result<explanation>> explain(running_operation running, reference image, explain_options wanted);
  task<result<ping_result>> ping(running_operation running, std::string host, ping_options wanted);

  // local.cpp
  task<result<list_result>> list(running_operation running, list_options wanted);
  task<result<clean_result>> clean(running_operation running, clean_options wanted);
  task<result<verify_result>> verify(running_operation running, verify_options wanted);
  task<result<extract_result>> extract(running_operation running, archive_input from, extract_options wanted);
  task<result<convert_result>> convert(running_operation running, archive_input from, convert_options wanted);
  task<result<inspect_files_result>> inspect_files(running_operation running, archive_input from, inspect_options wanted);

  std::unique_ptr<facade::own_thread> own;  ///< first, so that everything else is gone before its context is
  executor_type strand;

 private:
  /// Refuses to begin what comes after the stop.
  template <class Result>
  task<result<Result>> guarded(task<result<Result>> work);
  /// Runs \p work, and tells \p done. \param guard keeps the context of \p done from running dry before that
  template <class Result, class Guard>
  void launch(running_operation running, diagnostics* text, result_handler<Result> done, Guard guard, task<result<Result>> work);
  static failure defect(std::exception_ptr thrown);

  registry::registry_settings registry_settings();
  /// Tells all operations that run, since what is found out about a host concerns each of them.
  void warn(const std::string& text);
  /// Says loudly where what was configured for one host weakens TLS.
  void tell_weakness(const config::endpoint& at, const http::origin& api);
  /// Once; operations that begin meanwhile wait for it.
  task<result<void>> read_host_files();

  result<std::filesystem::path> store_directory() const;
  /// Makes the store when it is not there.
  task<result<std::shared_ptr<store::content_store>>> open_store();
  struct present_store {
    std::filesystem::path directory;
    std::shared_ptr<store::content_store> store;  ///< none when the directory does not exist
  };
  /// The store for those who only work with what is there: nobody makes one by asking what is in it.
  task<result<present_store>> find_store();
  /// Keeps what was learnt about hosts and repositories for the next run; what cannot be written is no loss.
  task<> save_hints();
  /// Nothing else of the store is needed for it; where there is none, broken uploads begin anew.
  task<jobs::upload_state> upload_state();

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
  std::shared_ptr<archive::finished_archives> finished = std::make_shared<archive::finished_archives>();  ///< by pulls without the store
  std::set<transfer::operation*> operations;
  runtime::signal idle;
  bool stopping = false;
  bool reading_host_files = false;
  registry::hints saved_hints;
  std::shared_ptr<jobs::mount_memory> mounts;  ///< none before the first upload
  std::optional<result<void>> host_files;      ///< once they were read
  runtime::signal host_files_changed;
};

}  // namespace gantry
