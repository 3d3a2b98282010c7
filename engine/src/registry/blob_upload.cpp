#include "registry/blob_upload.hpp"

#include "registry/escape.hpp"
#include "registry/registry_error.hpp"
#include "registry/scope.hpp"
#include "registry/status.hpp"
#include "runtime/deadline.hpp"

#include <fmt/format.h>
#include <boost/asio/this_coro.hpp>

#include <chrono>
#include <optional>
#include <utility>
#include <vector>

namespace gantry::registry {
namespace {

std::string push_scope(const std::string& repository) {
  std::vector<std::string> actions;
  actions.emplace_back("pull");
  actions.emplace_back("push");
  return repository_scope(repository, std::move(actions));
}

// What a registry gets to say that it has what was sent, when nobody wants to wait any more: no longer than service managers do.
constexpr std::chrono::seconds last_moment{8};

// Tidying up may take as long as a slow answer, and no longer: nobody waits for it but the next request of the blob.
constexpr std::chrono::seconds longest_discard{3};

/// A stop that comes later than the one it follows.
class late_stop {
 public:
  late_stop(const runtime::executor& where, runtime::stop_source& soon)
      : asked_(soon, [this, where] { limit_.emplace(where, last_moment, [this] { source.request_stop(); }); }) {}

  runtime::stop_source source;

 private:
  std::optional<runtime::deadline> limit_;
  runtime::stop_source::registration asked_;
};

/// The bytes of \p from, counted. What can be ended is so when it fails or nobody wants more; what was sent then stays good.
class counted_body final : public http::body_source {
 public:
  /// \p from and \p stop must outlive it. \param ends no length is announced
  counted_body(http::body_source& from, bool ends, runtime::stop_source& stop) : from_(from), ends_(ends), stop_(stop) {}

  std::uint64_t size() const noexcept override { return ends_ ? http::size_unknown : from_.size(); }

  task<result<std::span<const std::byte>>> next() override {
    if (ends_ && stop_.stop_requested()) co_return std::span<const std::byte>();
    const auto got = co_await from_.next();
    if (!got) {
      // Wrong bytes are no part of the blob.
      if (!ends_ || got.error().code == condition::integrity) co_return got.error();
      failed_ = got.error();
      co_return std::span<const std::byte>();
    }
    sent_ += got->size();
    co_return *got;
  }

  task<result<void>> rewind() override {
    sent_ = 0;
    failed_.reset();
    co_return co_await from_.rewind();
  }

  std::uint64_t sent() const noexcept { return sent_; }
  /// Why it ended before its time, if that was not by a stop.
  const std::optional<failure>& failed() const noexcept { return failed_; }

 private:
  http::body_source& from_;
  bool ends_;
  runtime::stop_source& stop_;
  std::uint64_t sent_ = 0;
  std::optional<failure> failed_;
};

}  // namespace

task<result<bool>> has_blob(registry_client& to, std::string registry, std::string repository, descriptor blob,
                            runtime::stop_source& stop) {
  api_call asking;
  asking.registry = registry;
  asking.repository = repository;
  asking.scope = push_scope(repository);
  asking.message.verb = http::method::head;
  asking.message.how.repeat_after = document_patience;
  asking.path = "blobs/" + blob.digest.string();
  auto sending = co_await to.call(std::move(asking), stop);
  if (!sending) co_return sending.error();
  http::exchange reply = std::move(*sending);
  const http::response_head& head = reply.head();
  if (head.status == 200) co_return !head.announces_length || head.announced_content_length == blob.size;
  if (head.status == 404) co_return false;
  co_return co_await to.refusal(registry, repository, fmt::format("blob {} of {}/{}", blob.digest.short_form(), registry, repository),
                                std::move(reply));
}

blob_upload::blob_upload(registry_client& to, target where, body_opener open)
    : to_(to),
      where_(std::move(where)),
      open_(std::move(open)),
      plan_({where_.blob.digest, where_.blob.size, where_.mount_from, where_.resume, where_.mount_first, where_.refused}),
      kept_(where_.resume) {
  if (where_.resume) api_ = where_.resume->origin;
}

api_call blob_upload::call(http::method verb) const {
  api_call made;
  made.registry = where_.registry;
  made.repository = where_.repository;
  made.scope = push_scope(where_.repository);
  made.message.verb = verb;
  return made;
}

task<result<http::exchange>> blob_upload::send(upload_action action, http::body_source* body, http::url& asked,
                                               runtime::stop_source& stop) {
  http::method verb = http::method::post;
  http::request message;
  std::string path;
  switch (action.step) {
    case upload_step::mount:
      path = "blobs/uploads/?mount=" + escape(where_.blob.digest.string());
      break;
    case upload_step::open:
      path = "blobs/uploads/";
      break;
    case upload_step::ask:
      verb = http::method::get;
      message.target = action.where;
      break;
    case upload_step::send_all:
    case upload_step::close:
      verb = http::method::put;
      message.target = with_digest(action.where, where_.blob.digest);
      break;
    case upload_step::send:
      verb = http::method::patch;
      message.target = action.where;
      break;
    case upload_step::done:
    case upload_step::failed:
      co_return plan_.error();
  }
  message.verb = verb;
  if (action.step == upload_step::send_all || action.step == upload_step::send) {
    message.set("Content-Type", "application/octet-stream");
    if (action.ranged && action.length > 0) {
      message.set("Content-Range", fmt::format("{}-{}", action.offset, action.offset + action.length - 1));
    }
  }
  const bool session_step = action.step != upload_step::mount && action.step != upload_step::open;
  // The address of a session opens it to whoever has it.
  if (session_step) message.shown = fmt::format("the upload of blob {}", where_.blob.digest.short_form());
  message.how.once = action.apart;
  if (session_step && api_ && action.where.origin != *api_) {
    asked = message.target;
    const http::origin elsewhere = action.where.origin;
    auto sent = co_await to_.call_elsewhere(std::move(message), body, stop);
    if (!sent && !answered_elsewhere_) co_return misled(sent.error(), elsewhere);
    answered_elsewhere_ = true;
    co_return sent;
  }
  api_call asking = call(verb);
  asking.path = std::move(path);
  // A token for both ends: without it the registry cannot look where the blob is.
  if (action.step == upload_step::mount) asking.mount_from = where_.mount_from;
  asking.message = std::move(message);
  asking.body = body;
  co_return co_await to_.call(std::move(asking), stop, &asked);
}

failure blob_upload::misled(failure why, const http::origin& elsewhere) const {
  const bool nobody = why.code == errc::name_not_resolved || why.code == errc::connection_refused || why.code == errc::tls_expected ||
                      why.code == errc::tls_failed;
  if (!nobody) return why;
  // The registry answers; it is this host that never has.
  why.last_answer = std::chrono::steady_clock::time_point();
  why.text = diagnostics(
      fmt::format("{} wants uploads to be sent to {}: {}; the registry, or a proxy in front of it that hands on another Host, has "
                  "to name itself as clients do",
                  where_.registry, elsewhere.string(), why.text.message()),
      why.text.server_message());
  return why;
}

task<> blob_upload::tell_session() {
  if (!where_.keep) co_return;
  std::optional<http::url> now = plan_.session();
  if (now && api_ && now->origin != *api_) now.reset();
  if (now == kept_) co_return;
  kept_ = now;
  co_await where_.keep(std::move(now));
}

task<> blob_upload::discard_abandoned(runtime::stop_source& stop) {
  std::vector<http::url> sessions = plan_.take_abandoned();
  const runtime::executor executor = co_await boost::asio::this_coro::executor;
  for (http::url& session : sessions) {
    // What lies elsewhere has ways of its own.
    if (!api_ || session.origin != *api_ || stop.stop_requested()) continue;
    runtime::stop_source soon(stop);
    const runtime::deadline limit(executor, longest_discard, [&soon] { soon.request_stop(); });
    api_call asking = call(http::method::delete_);
    asking.message.target = std::move(session);
    asking.message.shown = fmt::format("the upload of blob {}", where_.blob.digest.short_form());
    co_await to_.send_aside(std::move(asking), soon);
  }
}

task<result<void>> blob_upload::attempt(runtime::stop_source& stop) {
  const std::string what = fmt::format("uploading blob {} to {}/{}", where_.blob.digest.short_form(), where_.registry, where_.repository);
  const runtime::executor executor = co_await boost::asio::this_coro::executor;
  for (;;) {
    const upload_action action = plan_.next();
    if (action.step == upload_step::done) co_return result<void>();
    if (action.step == upload_step::failed) co_return plan_.error();
    if (stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
    std::unique_ptr<http::body_source> bytes;
    if (action.step == upload_step::send_all || action.step == upload_step::send) bytes = open_(action.offset, action.length);
    late_stop late(executor, stop);
    std::optional<counted_body> body;
    if (bytes) body.emplace(*bytes, action.open_ended, stop);
    http::body_source* const carried = body ? &*body : nullptr;
    runtime::stop_source& ends = action.open_ended ? late.source : stop;
    http::url asked;
    auto sending = co_await send(action, carried, asked, ends);
    if (!sending && action.step == upload_step::mount && sending.error().code == condition::not_authorised) {
      // Who gets no token for the other repository may write into this one all the same.
      http::response_head refused;
      refused.status = 403;
      plan_.answered(refused.status, refused, asked);
      continue;
    }
    if (!sending) {
      plan_.broke(body ? body->sent() : 0);
      if (sending.error().code == condition::integrity && where_.keep) {
        kept_.reset();
        std::optional<http::url> none;
        co_await where_.keep(std::move(none));
      }
      co_return sending.error();
    }
    http::exchange reply = std::move(*sending);
    if (bytes) connection_ = reply.connection_number();
    const http::response_head head = reply.head();
    if (!api_ && (action.step == upload_step::mount || action.step == upload_step::open)) api_ = asked.origin;
    if (is_retryable_status(head.status)) {
      plan_.broke(body ? body->sent() : 0);
      co_return co_await to_.refusal(where_.registry, where_.repository, what, std::move(reply));
    }
    if (action.open_ended) plan_.ended_early(body->sent());
    plan_.answered(head.status, head, asked);
    co_await tell_session();
    if (plan_.next().step == upload_step::failed && plan_.refused()) {
      failure said = co_await to_.refusal(where_.registry, where_.repository, what, std::move(reply));
      co_await discard_abandoned(stop);
      co_return refused_writing(std::move(said), head.status);
    }
    // A few words come with most answers; read to their end they leave the connection fit for the next request.
    const result<std::string> unread = co_await reply.read_all(error_body_limit);
    if (!unread && unread.error().code == errc::cancelled) co_return unread.error();
    // It may hold the only connection.
    { const http::exchange over = std::move(reply); }
    co_await discard_abandoned(stop);
    if (body && body->failed()) co_return *body->failed();
  }
}

}  // namespace gantry::registry
