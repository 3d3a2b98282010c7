#include "facade/begin.hpp"
#include "jobs/bench.hpp"
#include "jobs/copy.hpp"
#include "jobs/keep.hpp"
#include "jobs/pull.hpp"
#include "jobs/push.hpp"
#include "jobs/sync.hpp"
#include "serve/service.hpp"

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

// What moves images: pull, push, copy, sync, serve, bench.
namespace gantry {

runtime::task<result<pull_result>> engine::impl::pull(running_operation running, std::vector<reference> images, pull_options wanted) {
  for (const reference& image : images) {
    if (image.empty()) co_return failure(errc::invalid_reference, "an empty reference names no image");
  }
  if (wanted.all_platforms && !wanted.platforms.empty()) {
    co_return failure(errc::invalid_option, "all platforms and a choice of platforms exclude each other");
  }
  if (!wanted.name.empty() && (images.size() > 1 || wanted.name.digest())) {
    co_return failure(errc::invalid_option, "a name of one's own is for one image, and has a tag without a digest");
  }
  const auto* layers = std::get_if<layer_stream>(&wanted.output);
  const bool no_archive = layers != nullptr || std::holds_alternative<store_only>(wanted.output);
  if (!wanted.have.empty() && no_archive) {
    co_return failure(errc::invalid_option, "what another side has can be left out of an archive only");
  }
  if (wanted.attestations && no_archive) {
    co_return failure(errc::invalid_option, "attestations are listed or not in an archive only; the store has what was fetched");
  }
  if (layers != nullptr && !layers->sink) co_return failure(errc::invalid_option, "layers are to be handed over, and nobody takes them");
  if (layers != nullptr && wanted.recompress) {
    co_return failure(errc::invalid_option, "layers are compressed anew for an archive only; whoever takes them can have them inflated");
  }
  if (wanted.no_cache) {
    if (wanted.offline) co_return failure(errc::invalid_option, "offline there is nothing but the store, which is to be left out");
    if (std::holds_alternative<store_only>(wanted.output)) {
      co_return failure(errc::invalid_option, "without the store and without an archive nothing would be kept");
    }
    co_return co_await jobs::pull(shared, running, nullptr, std::move(images), std::move(wanted), options.sync, nullptr, finished);
  }
  auto opened = co_await open_store();
  if (!opened) co_return opened.error();
  co_return co_await jobs::pull(shared, running, *opened, std::move(images), std::move(wanted), options.sync);
}

runtime::task<result<push_result>> engine::impl::push(running_operation running, push_source source, push_target target,
                                                      push_options wanted) {
  auto opened = co_await open_store();
  if (!opened) co_return opened.error();
  jobs::upload_state kept = co_await upload_state();
  task<result<push_result>> pushing =
      jobs::push(shared, running, *opened, std::move(kept), std::move(source), std::move(target), std::move(wanted));
  co_return co_await jobs::while_kept<push_result>(shared, *running, *opened, std::move(pushing));
}

runtime::task<result<copy_result>> engine::impl::copy(running_operation running, reference source, std::vector<reference> targets,
                                                      copy_options wanted) {
  if (source.empty() || targets.empty()) co_return failure(errc::invalid_reference, "a copy needs a source and a target");
  for (const reference& target : targets) {
    if (target.empty()) co_return failure(errc::invalid_reference, "an empty reference names no image");
  }
  jobs::upload_state state = co_await upload_state();
  if (!wanted.cache) {
    co_return co_await jobs::copy(shared, std::move(running), std::move(state), nullptr, std::move(source), std::move(targets),
                                  std::move(wanted));
  }
  auto opened = co_await open_store();
  if (!opened) co_return opened.error();
  task<result<copy_result>> copying =
      jobs::copy(shared, running, std::move(state), *opened, std::move(source), std::move(targets), std::move(wanted));
  co_return co_await jobs::while_kept<copy_result>(shared, *running, *opened, std::move(copying));
}

runtime::task<result<sync_result>> engine::impl::sync(running_operation running, sync_list list, sync_options wanted) {
  std::shared_ptr<store::content_store> kept;
  if (std::holds_alternative<std::string>(wanted.to)) {
    auto opened = co_await open_store();
    if (!opened) co_return opened.error();
    kept = *opened;
  }
  jobs::upload_state state = co_await upload_state();
  co_return co_await jobs::sync(shared, std::move(running), std::move(kept), std::move(state), std::move(list), std::move(wanted),
                                options.sync);
}

runtime::task<result<serve_result>> engine::impl::serve(running_operation running, serve_options wanted) {
  auto opened = co_await open_store();
  if (!opened) co_return opened.error();
  co_return co_await serve::serve(shared, running, *opened, std::move(wanted));
}

runtime::task<result<bench_result>> engine::impl::bench(running_operation running, reference image, bench_options wanted) {
  return jobs::bench(shared, std::move(running), std::move(image), std::move(wanted));
}

void engine::start(const std::shared_ptr<impl>& state, result_handler<pull_result> done, diagnostics* diag, std::vector<reference> images,
                   pull_options options) {
  state->begin(&impl::pull, std::move(done), diag, std::move(images), std::move(options));
}

void engine::start(const std::shared_ptr<impl>& state, result_handler<push_result> done, diagnostics* diag, push_source source,
                   push_target target, push_options options) {
  state->begin(&impl::push, std::move(done), diag, std::move(source), std::move(target), std::move(options));
}

void engine::start(const std::shared_ptr<impl>& state, result_handler<copy_result> done, diagnostics* diag, reference source,
                   std::vector<reference> targets, copy_options options) {
  state->begin(&impl::copy, std::move(done), diag, std::move(source), std::move(targets), std::move(options));
}

void engine::start(const std::shared_ptr<impl>& state, result_handler<sync_result> done, diagnostics* diag, sync_list list,
                   sync_options options) {
  state->begin(&impl::sync, std::move(done), diag, std::move(list), std::move(options));
}

void engine::start(const std::shared_ptr<impl>& state, result_handler<serve_result> done, diagnostics* diag, serve_options options) {
  state->begin(&impl::serve, std::move(done), diag, std::move(options));
}

void engine::start(const std::shared_ptr<impl>& state, result_handler<bench_result> done, diagnostics* diag, reference image,
                   bench_options options) {
  state->begin(&impl::bench, std::move(done), diag, std::move(image), std::move(options));
}

}  // namespace gantry
