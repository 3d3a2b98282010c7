#include "facade/begin.hpp"
#include "jobs/explain.hpp"
#include "jobs/inspect.hpp"
#include "jobs/lookup.hpp"
#include "jobs/ping.hpp"
#include "jobs/remove.hpp"
#include "jobs/sync.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

// What asks registries, or changes no more than names there: inspect, digest, tags, repositories, delete, prune, explain, ping.
namespace gantry {

runtime::task<result<inspect_result>> engine::impl::inspect(running_operation running, reference image, inspect_options wanted) {
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

runtime::task<result<digest_result>> engine::impl::find_digest(running_operation running, reference image, digest_options wanted) {
  std::shared_ptr<store::content_store> kept;
  if (wanted.platform) {
    auto opened = co_await open_store();
    if (!opened) co_return opened.error();
    kept = *opened;
  }
  co_return co_await jobs::find_digest(shared, running, kept, std::move(image), std::move(wanted));
}

runtime::task<result<tags_result>> engine::impl::list_tags(running_operation running, reference repository, tags_options wanted) {
  return jobs::list_tags(shared, std::move(running), std::move(repository), std::move(wanted));
}

runtime::task<result<repositories_result>> engine::impl::list_repositories(running_operation running, std::string host,
                                                                           repositories_options wanted) {
  return jobs::list_repositories(shared, std::move(running), std::move(host), std::move(wanted));
}

runtime::task<result<delete_result>> engine::impl::remove(running_operation running, reference image, delete_options) {
  return jobs::remove_reference(shared, std::move(running), std::move(image));
}

runtime::task<result<prune_result>> engine::impl::prune(running_operation running, std::vector<reference> tags, prune_options wanted) {
  return jobs::prune(shared, std::move(running), std::move(tags), std::move(wanted));
}

runtime::task<result<explanation>> engine::impl::explain(running_operation running, reference image, explain_options) {
  co_return co_await jobs::explain(registry, options, jobs, std::move(image), running->stop);
}

runtime::task<result<ping_result>> engine::impl::ping(running_operation running, std::string host, ping_options) {
  return jobs::ping(shared, std::move(running), std::move(host));
}

void engine::start(const std::shared_ptr<impl>& state, result_handler<inspect_result> done, diagnostics* diag, reference image,
                   inspect_options options) {
  state->begin(&impl::inspect, std::move(done), diag, std::move(image), std::move(options));
}

void engine::start(const std::shared_ptr<impl>& state, result_handler<digest_result> done, diagnostics* diag, reference image,
                   digest_options options) {
  state->begin(&impl::find_digest, std::move(done), diag, std::move(image), std::move(options));
}

void engine::start(const std::shared_ptr<impl>& state, result_handler<tags_result> done, diagnostics* diag, reference repository,
                   tags_options options) {
  state->begin(&impl::list_tags, std::move(done), diag, std::move(repository), std::move(options));
}

void engine::start(const std::shared_ptr<impl>& state, result_handler<repositories_result> done, diagnostics* diag, std::string registry,
                   repositories_options options) {
  state->begin(&impl::list_repositories, std::move(done), diag, std::move(registry), std::move(options));
}

void engine::start(const std::shared_ptr<impl>& state, result_handler<delete_result> done, diagnostics* diag, reference image,
                   delete_options options) {
  state->begin(&impl::remove, std::move(done), diag, std::move(image), std::move(options));
}

void engine::start(const std::shared_ptr<impl>& state, result_handler<prune_result> done, diagnostics* diag, std::vector<reference> tags,
                   prune_options options) {
  state->begin(&impl::prune, std::move(done), diag, std::move(tags), std::move(options));
}

void engine::start(const std::shared_ptr<impl>& state, result_handler<explanation> done, diagnostics* diag, reference image,
                   explain_options options) {
  state->begin(&impl::explain, std::move(done), diag, std::move(image), std::move(options));
}

void engine::start(const std::shared_ptr<impl>& state, result_handler<ping_result> done, diagnostics* diag, std::string registry,
                   ping_options options) {
  state->begin(&impl::ping, std::move(done), diag, std::move(registry), std::move(options));
}

}  // namespace gantry
