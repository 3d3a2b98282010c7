#include "support/fake_registry.hpp"

#include "support/base64.hpp"
#include "support/fake_exchange.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include <sys/socket.h>

namespace gantry::test {
namespace {

struct injected {
  std::string target_part;
  fault what;
  unsigned first;
  unsigned count;
  unsigned seen = 0;
};

struct held {
  std::string media_type;
  std::string digest;
  std::shared_ptr<const std::string> bytes;
};

const char* const unauthorized_body = R"({"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]})";

fake_answer simple(unsigned status, std::string body = {}, header_list headers = {}) {
  fake_answer result;
  result.status = status;
  result.headers = std::move(headers);
  result.content = std::make_shared<const std::string>(std::move(body));
  return result;
}

}  // namespace

struct fake_registry::state {
  fake_registry_options options;
  socket_handle listeners[3];
  std::uint16_t ports[3]{};

  mutable std::mutex mutex;
  std::condition_variable stop_signal;
  bool stopping = false;
  std::map<std::string, held> manifests;  // "<repository>/manifests/<name>"
  std::map<std::string, held> blobs;      // by digest
  std::map<std::string, held> dropped;    // the same, of those that \ref heal brings back
  std::deque<injected> faults;
  unsigned faults_met = 0;
  std::vector<recorded_request> log;
  std::size_t forgotten = 0;  // requests no longer in the log, so that indices stay valid
  std::set<std::string> tokens;
  std::set<int> open;  // descriptors of connections that are served now
  std::size_t most_open = 0;
  unsigned connections = 0;
  unsigned tokens_given = 0;
  std::map<std::string, unsigned> links_given;        // by digest
  std::map<std::string, unsigned> first_link_served;  // the same
  unsigned strangers = 0;
  std::vector<std::thread> threads;
  std::vector<std::thread::id> ended;  // of them, those that are through: each keeps its stack until it is joined

  /// To be called with the mutex.
  void join_ended() {
    for (const std::thread::id id : std::exchange(ended, {})) {
      const auto found = std::find_if(threads.begin(), threads.end(), [&](const std::thread& one) { return one.get_id() == id; });
      if (found == threads.end()) continue;
      found->join();
      threads.erase(found);
    }
  }

  std::string url(fake_origin at, const std::string& target) const {
    return "http://127.0.0.1:" + std::to_string(ports[static_cast<std::size_t>(at)]) + target;
  }

  void accept_loop(fake_origin at) {
    for (;;) {
      const int fd = ::accept4(listeners[static_cast<std::size_t>(at)].fd(), nullptr, nullptr, SOCK_CLOEXEC);
      const std::scoped_lock lock(mutex);
      if (stopping || fd < 0) {
        socket_handle(fd).close();
        if (stopping) return;
        continue;
      }
      open.insert(fd);
      most_open = std::max(most_open, open.size());
      join_ended();
      threads.emplace_back([this, fd, at, number = ++connections] {
        serve(socket_handle(fd), at, number);
        const std::scoped_lock through(mutex);
        ended.push_back(std::this_thread::get_id());
      });
    }
  }

  void serve(socket_handle connection, fake_origin at, unsigned number) {
    const int fd = connection.fd();
    std::string unread;
    bool ahead = false;
    for (;;) {
      const std::optional<fake_request> request = read_request(connection, unread);
      if (!request) break;
      if (request->method.empty()) {
        // What Go's server says to a TLS handshake on a plain port.
        connection.send("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request");
        const std::scoped_lock lock(mutex);
        ++strangers;
        break;
      }
      std::optional<fault> trouble;
      std::size_t index = 0;
      {
        const std::scoped_lock lock(mutex);
        index = forgotten + log.size();
        log.push_back({at, number, request->method, request->target, request->headers, ahead, 0, 0, std::chrono::steady_clock::now(), {}});
        trouble = fault_for(request->target);
      }
      fake_answer answer = answer_to(*request, at);
      if (trouble) apply(*trouble, url(at, request->target), answer);
      if (answer.delay.count() > 0) sleep(answer.delay);
      if (unread.empty()) unread = connection.receive(16384, std::chrono::milliseconds(0));
      ahead = !unread.empty();
      if (ahead && options.breaks_when_asked_ahead) apply(reset_after(500), url(at, request->target), answer);
      {
        const std::scoped_lock lock(mutex);
        if (index >= forgotten) log[index - forgotten].answered = std::chrono::steady_clock::now();
      }
      const sent_answer sent = send_answer(connection, *request, answer, [this](std::chrono::milliseconds pause) { return sleep(pause); });
      const std::scoped_lock lock(mutex);
      if (index >= forgotten) {
        log[index - forgotten].status = sent.status;
        log[index - forgotten].body_sent = sent.body;
      }
      if (!sent.keep) break;
    }
    // Under the lock, so that the destructor never shuts down a number that was given to another file.
    const std::scoped_lock lock(mutex);
    open.erase(fd);
    connection.close();
  }

  /// \returns false when the registry is stopped meanwhile.
  bool sleep(std::chrono::milliseconds pause) {
    std::unique_lock lock(mutex);
    return !stop_signal.wait_for(lock, pause, [this] { return stopping; });
  }

  std::optional<fault> fault_for(const std::string& target) {
    std::optional<fault> result;
    for (injected& rule : faults) {
      if (target.find(rule.target_part) == std::string::npos) continue;
      ++rule.seen;
      const bool due = rule.seen >= rule.first && (rule.count == 0 || rule.seen < rule.first + rule.count);
      if (due && !result) result = rule.what;
    }
    if (result) ++faults_met;
    return result;
  }

  fake_answer answer_to(const fake_request& request, fake_origin at) {
    const std::scoped_lock lock(mutex);
    if (at == fake_origin::tokens) return token(request);
    if (at == fake_origin::storage) {
      if (!request.header("authorization").empty())
        return simple(400, "<Error><Code>InvalidArgument</Code><Message>Only one auth mechanism allowed</Message></Error>");
      const std::string digest = request.path().substr(request.path().rfind('/') + 1);
      const bool first = request.target.ends_with("X-Signature=1");
      if (first && options.first_link_serves != 0 && ++first_link_served[digest] > options.first_link_serves)
        return simple(403, "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>");
      return found(blobs, digest, "BLOB_UNKNOWN");
    }
    if (!admitted(request)) return challenge(request);
    if (request.path() == "/v2/") return simple(200, "{}", {{"Content-Type", "application/json"}});
    const std::size_t manifest = request.path().rfind("/manifests/");
    const std::size_t blob = request.path().rfind("/blobs/");
    if (request.path().starts_with("/v2/") && manifest != std::string::npos)
      return found(manifests, request.path().substr(4), "MANIFEST_UNKNOWN");
    if (request.path().starts_with("/v2/") && blob != std::string::npos) {
      const std::string digest = request.path().substr(blob + 7);
      if (options.most_connections != 0 && open.size() > options.most_connections)
        return simple(429, R"({"errors":[{"code":"TOOMANYREQUESTS","message":"too many connections"}]})", {{"Retry-After", "1"}});
      if (options.redirect_blobs && blobs.contains(digest)) {
        return simple(
            307, {},
            {{"Location", url(fake_origin::storage, "/storage/" + digest + "?X-Signature=" + std::to_string(++links_given[digest]))}});
      }
      return found(blobs, digest, "BLOB_UNKNOWN");
    }
    return simple(404, "404 page not found\n");
  }

  static fake_answer found(const std::map<std::string, held>& where, const std::string& key, const std::string& code) {
    const auto i = where.find(key);
    if (i == where.end())
      return simple(404, R"({"errors":[{"code":")" + code + R"(","message":"unknown to registry"}]})",
                    {{"Content-Type", "application/json"}});
    fake_answer result;
    result.status = 200;
    result.headers = {{"Content-Type", i->second.media_type}, {"Docker-Content-Digest", i->second.digest}};
    result.content = i->second.bytes;
    result.ranges = true;
    return result;
  }

  bool admitted(const fake_request& request) const {
    const std::string given = request.header("authorization");
    switch (options.auth) {
      case fake_auth::none:
        return true;
      case fake_auth::basic:
      case fake_auth::hidden:
      case fake_auth::silent:
        return given == "Basic " + base64(options.username + ":" + options.password);
      case fake_auth::bearer:
        return given.starts_with("Bearer ") && tokens.contains(given.substr(7));
    }
    return false;
  }

  fake_answer challenge(const fake_request& request) const {
    std::string text = "Basic realm=\"fake\"";
    if (options.auth == fake_auth::silent && request.path() != "/v2/") return simple(401, unauthorized_body);
    if (options.auth == fake_auth::hidden && request.path() != "/v2/") return simple(404, "404 page not found\n");
    if (options.auth == fake_auth::bearer) {
      text = "Bearer realm=\"" + url(fake_origin::tokens, "/token") + "\",service=\"fake registry\"";
      std::string repository = request.path().substr(0, std::min(request.path().rfind("/manifests/"), request.path().rfind("/blobs/")));
      if (repository.size() > 4) text += ",scope=\"repository:" + repository.substr(4) + ":pull\"";
    }
    return simple(401, unauthorized_body, {{"WWW-Authenticate", text}, {"Content-Type", "application/json"}});
  }

  fake_answer token(const fake_request& request) {
    const std::string given = request.header("authorization");
    const bool known = given == "Basic " + base64(options.username + ":" + options.password);
    if (!known && !options.username.empty()) return simple(401, unauthorized_body, {{"Content-Type", "application/json"}});
    const std::string token = "token-" + std::to_string(++tokens_given) + "-of-the-fake-registry";
    tokens.insert(token);
    return simple(200, R"({"token":")" + token + R"(","expires_in":)" + std::to_string(options.token_life.count()) + "}",
                  {{"Content-Type", "application/json"}});
  }
};

fake_registry::fake_registry(fake_registry_options options) : state_(std::make_shared<state>()) {
  state_->options = std::move(options);
  for (std::size_t i = 0; i < 3; ++i) {
    state_->listeners[i] = listen_on_loopback();
    state_->ports[i] = port_of(state_->listeners[i]);
  }
  const std::scoped_lock lock(state_->mutex);
  for (const fake_origin at : {fake_origin::registry, fake_origin::storage, fake_origin::tokens}) {
    state_->threads.emplace_back([s = state_.get(), at] { s->accept_loop(at); });
  }
}

fake_registry::~fake_registry() {
  std::vector<std::thread> threads;
  {
    const std::scoped_lock lock(state_->mutex);
    state_->stopping = true;
    state_->stop_signal.notify_all();
    for (const socket_handle& listener : state_->listeners) ::shutdown(listener.fd(), SHUT_RDWR);
    for (const int fd : state_->open) ::shutdown(fd, SHUT_RDWR);
    threads.swap(state_->threads);
  }
  for (std::thread& thread : threads) thread.join();
}

std::uint16_t fake_registry::port() const noexcept { return state_->ports[0]; }
std::uint16_t fake_registry::storage_port() const noexcept { return state_->ports[1]; }
std::uint16_t fake_registry::token_port() const noexcept { return state_->ports[2]; }
std::string fake_registry::host() const { return "127.0.0.1:" + std::to_string(port()); }

void fake_registry::hold(const std::string& repository, const std::string& tag, const test_image& image) {
  for (const test_blob& layer : image.layers) hold_blob(layer);
  hold_blob(image.config);
  hold_manifest(repository, tag, image.manifest);
  hold_manifest(repository, image.manifest.digest, image.manifest);
}

void fake_registry::hold(const std::string& repository, const std::string& tag, const test_index& index) {
  for (const test_image& image : index.images) hold(repository, image.manifest.digest, image);
  hold_manifest(repository, tag, index.index);
  hold_manifest(repository, index.index.digest, index.index);
}

void fake_registry::hold_manifest(const std::string& repository, const std::string& name, const test_blob& manifest) {
  const std::scoped_lock lock(state_->mutex);
  state_->manifests[repository + "/manifests/" + name] = {manifest.media_type, manifest.digest,
                                                          std::make_shared<const std::string>(manifest.bytes)};
}

void fake_registry::hold_blob(const test_blob& blob) {
  const std::scoped_lock lock(state_->mutex);
  state_->blobs[blob.digest] = {"application/octet-stream", blob.digest, std::make_shared<const std::string>(blob.bytes)};
}

void fake_registry::drop_blob(const std::string& digest) {
  const std::scoped_lock lock(state_->mutex);
  if (auto found = state_->blobs.extract(digest)) state_->dropped.insert_or_assign(digest, std::move(found.mapped()));
}

void fake_registry::revoke_tokens() {
  const std::scoped_lock lock(state_->mutex);
  state_->tokens.clear();
}

void fake_registry::inject(const std::string& target_part, fault what, unsigned first, unsigned count) {
  const std::scoped_lock lock(state_->mutex);
  state_->faults.push_back({target_part, std::move(what), first, count});
}

void fake_registry::heal() {
  const std::scoped_lock lock(state_->mutex);
  state_->faults.clear();
  state_->blobs.merge(state_->dropped);
  state_->dropped.clear();
}

unsigned fake_registry::faults_met() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->faults_met;
}

std::vector<recorded_request> fake_registry::requests(std::string_view target_part) const {
  const std::scoped_lock lock(state_->mutex);
  std::vector<recorded_request> result;
  for (const recorded_request& request : state_->log) {
    if (request.target.find(target_part) != std::string::npos) result.push_back(request);
  }
  return result;
}

std::uint64_t fake_registry::body_sent(std::string_view target_part) const {
  std::uint64_t result = 0;
  for (const recorded_request& request : requests(target_part)) result += request.body_sent;
  return result;
}

unsigned fake_registry::strangers(unsigned expected) const {
  for (int left = 1000; left > 0; --left) {
    {
      const std::scoped_lock lock(state_->mutex);
      if (state_->strangers >= expected) break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  const std::scoped_lock lock(state_->mutex);
  return state_->strangers;
}

void fake_registry::forget_requests() {
  const std::scoped_lock lock(state_->mutex);
  state_->forgotten += state_->log.size();
  state_->log.clear();
}

std::size_t fake_registry::most_open() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->most_open;
}

}  // namespace gantry::test
