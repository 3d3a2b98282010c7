#include "support/upload_registry.hpp"

#include "support/fake_exchange.hpp"
#include "support/scripted_server.hpp"
#include "support/sha256.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <limits>
#include <map>
#include <mutex>
#include <set>
#include <thread>

namespace gantry::test {
namespace {

struct rule {
  std::string request;
  upload_fault what;
  unsigned first;
  unsigned count;
};

struct stored {
  std::string type;
  std::string bytes;
};

std::string unescape(std::string text) {
  for (std::size_t at = 0; (at = text.find("%3A", at)) != std::string::npos;) text.replace(at, 3, ":");
  for (std::size_t at = 0; (at = text.find("%2F", at)) != std::string::npos;) text.replace(at, 3, "/");
  return text;
}

std::string query(const std::string& target, const std::string& name) {
  const std::size_t at = target.find(name + "=");
  if (at == std::string::npos) return {};
  const std::size_t begin = at + name.size() + 1;
  return unescape(target.substr(begin, target.find('&', begin) - begin));
}

/// Waits until the client closes, and reads nothing.
void await_hangup(const socket_handle& connection) {
  pollfd gone{connection.fd(), POLLRDHUP, 0};
  while (::poll(&gone, 1, -1) < 0 && errno == EINTR) continue;
}

// Long enough for what comes at once on the busiest machine; only what does not come at once waits for it.
constexpr std::chrono::seconds gathering{10};

std::string reply(unsigned status, const std::string& headers = {}, const std::string& body = {}) {
  return "HTTP/1.1 " + std::to_string(status) + " Said\r\n" + headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

}  // namespace

struct upload_registry::state {
  mutable std::mutex mutex;
  std::map<std::string, std::string> blobs;            // by digest
  std::set<std::pair<std::string, std::string>> held;  // repository, digest
  std::map<std::string, stored> manifests;             // "<repository>/manifests/<name>"
  std::map<std::string, std::string> sessions;         // by path
  std::map<std::string, unsigned> asked;               // "METHOD kind"
  std::map<std::string, unsigned> here;                // the same, unanswered now
  std::map<std::string, unsigned> most;                // ... and at most
  std::map<std::string, unsigned> gathered;            // so many of them are awaited
  std::condition_variable all_here;
  std::vector<rule> rules;
  std::set<std::string> names_written;
  std::uint64_t taken = 0;
  unsigned opened = 0;
  unsigned open = 0;       // connections that are served now
  unsigned most_open = 0;  // ... and at most
  bool lists_referrers = false;
  bool drops_cut = false;
  std::uint64_t cut_after = std::numeric_limits<std::uint64_t>::max();
  bool deletes_by_tag = false;
  bool believes = false;
  std::string session_fields;
  bool tags_in_circles = false;
  std::unique_ptr<scripted_server> server;  // last: its threads use the rest

  std::optional<upload_fault> fault_for(const fake_request& request) {
    std::optional<upload_fault> met;
    const std::string kind = kind_of(request);
    for (const std::string& name : {kind, kind + " " + asked_repository(request)}) {
      const unsigned number = ++asked[name];
      for (const rule& one : rules) {
        if (!met && one.request == name && number >= one.first && (one.count == 0 || number < one.first + one.count)) met = one.what;
      }
    }
    return met;
  }

  static std::string kind_of(const fake_request& request) {
    const bool session = request.target.find("/blobs/uploads/") != std::string::npos;
    if (request.target.find("/manifests/") != std::string::npos) return request.method + " manifest";
    if (request.target.find("/referrers/") != std::string::npos) return request.method + " referrers";
    if (request.target.find("/tags/list") != std::string::npos) return request.method + " tags";
    if (request.method == "POST") return request.target.find("mount=") != std::string::npos ? "POST mount" : "POST session";
    return request.method + (session && (request.method == "GET" || request.method == "DELETE") ? " session" : " blob");
  }

  /// Reads \p length bytes into what \p take gets, piece by piece. \returns false when the connection ended.
  template <class Take>
  static bool read_body(socket_handle& connection, std::string& unread, std::uint64_t length, Take take) {
    while (length > 0) {
      if (unread.empty()) unread = connection.receive(65536);
      if (unread.empty()) return false;
      const std::size_t count = static_cast<std::size_t>(std::min<std::uint64_t>(length, unread.size()));
      take(unread.substr(0, count));
      unread.erase(0, count);
      length -= count;
    }
    return true;
  }

  /// The same of a body in chunks, of which \p limit bytes are read at most.
  template <class Take>
  static bool read_chunks(socket_handle& connection, std::string& unread, std::uint64_t limit, Take take) {
    for (;;) {
      std::size_t end = std::string::npos;
      while ((end = unread.find("\r\n")) == std::string::npos) {
        const std::string more = connection.receive(65536);
        if (more.empty()) return false;
        unread += more;
      }
      const std::uint64_t length = std::strtoull(unread.c_str(), nullptr, 16);
      unread.erase(0, end + 2);
      if (!read_body(connection, unread, std::min(length, limit), take) || length > limit) return false;
      limit -= length;
      if (!read_body(connection, unread, 2, [](const std::string&) {})) return false;
      if (length == 0) return true;
    }
  }

  void talk(socket_handle& connection) {
    std::string unread;
    std::uint64_t carried = 0;
    for (;;) {
      std::size_t end = std::string::npos;
      while ((end = unread.find("\r\n\r\n")) == std::string::npos) {
        const std::string more = connection.receive(65536);
        if (more.empty()) return;
        unread += more;
        if (unread.front() < 'A' || unread.front() > 'Z') return;  // TLS
      }
      const std::string head = unread.substr(0, end + 2);
      unread.erase(0, end + 4);
      fake_request request;
      const std::size_t first = head.find(' ');
      const std::size_t second = head.find(' ', first + 1);
      request.method = head.substr(0, first);
      request.target = head.substr(first + 1, second - first - 1);
      request.headers = parse_headers(std::string_view(head).substr(head.find("\r\n") + 2));
      const std::uint64_t length = std::strtoull(request.header("content-length").c_str(), nullptr, 10);
      if (!answer(connection, unread, request, length, carried)) return;
    }
  }

  /// A request is here, for as long as it lives.
  struct presence {
    presence(state& whose, std::string request) : owner(whose), kind(std::move(request)) {
      std::unique_lock lock(owner.mutex);
      owner.most[kind] = std::max(owner.most[kind], ++owner.here[kind]);
      const auto awaited = owner.gathered.find(kind);
      if (awaited == owner.gathered.end()) return;
      if (owner.here[kind] < awaited->second) {
        owner.all_here.wait_for(lock, gathering, [this] { return !owner.gathered.contains(kind); });
      }
      owner.gathered.erase(kind);
      owner.all_here.notify_all();
    }
    presence(const presence&) = delete;
    presence& operator=(const presence&) = delete;
    ~presence() {
      const std::scoped_lock lock(owner.mutex);
      --owner.here[kind];
    }
    state& owner;
    std::string kind;
  };

  /// \param carried bytes of bodies that came over the connection
  bool answer(socket_handle& connection, std::string& unread, const fake_request& request, std::uint64_t length, std::uint64_t& carried) {
    const presence here_now(*this, kind_of(request));
    std::optional<upload_fault> trouble;
    std::uint64_t lasts = 0;
    {
      const std::scoped_lock lock(mutex);
      lasts = cut_after - std::min(cut_after, carried);
      trouble = fault_for(request);
      if (trouble && trouble->what == upload_fault::kind::forget) sessions.erase(request.path());
    }
    if (trouble && trouble->what == upload_fault::kind::early) {
      connection.send(reply(trouble->status, trouble->headers));
      await_hangup(connection);
      return false;
    }
    const bool uploads =
        request.method == "PATCH" || (request.method == "PUT" && request.target.find("/blobs/uploads/") != std::string::npos);
    const bool answers = trouble && trouble->what == upload_fault::kind::answer;
    std::string body;
    bool fits = true;
    if (uploads && !answers) {
      const std::scoped_lock lock(mutex);
      const std::string range = request.header("content-range");
      const auto there = sessions.find(request.path());
      fits = there != sessions.end() && (range.empty() || std::strtoull(range.c_str(), nullptr, 10) == there->second.size());
    }
    const bool told = trouble && trouble->what == upload_fault::kind::reset;
    const std::uint64_t limit = told ? std::min(lasts, trouble->amount) : lasts;
    const bool breaks = told || length > limit;
    const std::uint64_t wanted = std::min(length, limit);
    std::uint64_t left = trouble && trouble->what == upload_fault::kind::pause ? trouble->amount + 1 : 0;
    const auto take = [&](const std::string& piece) {
      if (left > 0 && piece.size() >= left) std::this_thread::sleep_for(trouble->pause);
      left -= std::min<std::uint64_t>(left, piece.size());
      carried += piece.size();
      if (!uploads) {
        body += piece;
      } else if (!answers && fits) {
        const std::scoped_lock lock(mutex);
        sessions[request.path()] += piece;
        taken += piece.size();
      }
    };
    const bool chunked = request.header("transfer-encoding") == "chunked";
    const bool whole = chunked ? read_chunks(connection, unread, limit, take) : read_body(connection, unread, wanted, take);
    const bool arrived = whole && !breaks;
    if (!arrived && uploads) {
      const std::scoped_lock lock(mutex);
      if (drops_cut) sessions.erase(request.path());
    }
    if (breaks) connection.reset_on_close();
    if (!arrived) return false;
    const std::scoped_lock lock(mutex);
    if (trouble && trouble->what != upload_fault::kind::forget && trouble->what != upload_fault::kind::pause)
      return connection.send(reply(trouble->status, trouble->headers));
    return connection.send(uploads ? stored_part(request, fits) : other(request, body));
  }

  std::string stored_part(const fake_request& request, bool fits) {
    const auto session = sessions.find(request.path());
    if (session == sessions.end()) return reply(404, "Content-Type: text/plain\r\n");
    const std::string location =
        "Location: " + session->first + "\r\nRange: 0-" + std::to_string(session->second.empty() ? 0 : session->second.size() - 1) + "\r\n";
    if (!fits) return reply(416, location);
    if (request.method == "PATCH") return reply(202, location);
    const std::string digest = query(request.target, "digest");
    std::string bytes = std::move(session->second);
    sessions.erase(session);
    if (!believes && sha256_of(bytes) != digest) return reply(400);
    blobs[digest] = std::move(bytes);
    held.emplace(repository_of(request.target, "/blobs/"), digest);
    return reply(201);
  }

  /// Empty when it is about none.
  static std::string asked_repository(const fake_request& request) {
    const std::string path = request.path();
    for (const char* const mark : {"/manifests/", "/referrers/", "/tags/", "/blobs/"}) {
      if (path.find(mark) != std::string::npos) return repository_of(path, mark);
    }
    return {};
  }

  static std::string repository_of(const std::string& target, const std::string& mark) { return target.substr(4, target.find(mark) - 4); }

  std::string other(const fake_request& request, const std::string& body) {
    const std::string path = request.path();
    if (path == "/v2/") return reply(200);
    if (path.find("/referrers/") != std::string::npos) return lists_referrers ? referrers(path) : reply(404);
    if (path.find("/manifests/") != std::string::npos) {
      const std::string key = path.substr(4);
      if (request.method == "PUT") {
        manifests[key] = {request.header("content-type"), body};
        manifests[key.substr(0, key.find("/manifests/") + 11) + sha256_of(body)] = manifests[key];
        names_written.insert(key.substr(0, key.find("/manifests/")) + ":" + key.substr(key.find("/manifests/") + 11));
        std::string fields = "Docker-Content-Digest: " + sha256_of(body) + "\r\n";
        if (const std::string subject = subject_of(body); lists_referrers && !subject.empty()) fields += "OCI-Subject: " + subject + "\r\n";
        return reply(201, fields);
      }
      const auto found = manifests.find(key);
      if (found == manifests.end()) return reply(404);
      if (request.method == "DELETE") return deleted(key);
      const std::string fields =
          "Content-Type: " + found->second.type + "\r\nDocker-Content-Digest: " + sha256_of(found->second.bytes) + "\r\n";
      return head_or_whole(request, fields, found->second.bytes);
    }
    if (path.ends_with("/tags/list")) return tags(repository_of(path, "/tags/"));
    const std::string repository = repository_of(path, "/blobs/");
    if (request.method == "POST") {
      const std::string mount = query(request.target, "mount");
      if (!mount.empty() && held.contains({query(request.target, "from"), mount})) {
        held.emplace(repository, mount);
        return reply(201);
      }
      const std::string session = "/v2/" + repository + "/blobs/uploads/" + std::to_string(++opened);
      sessions[session] = {};
      return reply(202, "Location: " + session + "\r\n" + session_fields);
    }
    if (path.find("/blobs/uploads/") != std::string::npos) {
      const auto session = sessions.find(path);
      if (session == sessions.end()) return reply(404);
      if (request.method == "DELETE") {
        sessions.erase(session);
        return reply(204);
      }
      const std::size_t size = session->second.size();
      return "HTTP/1.1 204 Said\r\nLocation: " + path + "\r\nRange: 0-" + std::to_string(size == 0 ? 0 : size - 1) + "\r\n\r\n";
    }
    const std::string digest = path.substr(path.rfind('/') + 1);
    if (!held.contains({repository, digest})) return reply(404);
    return head_or_whole(request, "Content-Type: application/octet-stream\r\n", blobs[digest]);
  }

  /// A tag goes alone where that is allowed; a digest takes all its names along.
  std::string deleted(const std::string& key) {
    const bool by_digest = key.find("/manifests/sha256:") != std::string::npos;
    if (!by_digest && !deletes_by_tag) return reply(405);
    const std::string repository = key.substr(0, key.find("/manifests/") + 1);
    const std::string bytes = manifests[key].bytes;
    std::erase_if(manifests, [&](const auto& one) {
      return one.first == key || (by_digest && one.first.starts_with(repository) && one.second.bytes == bytes);
    });
    return reply(202);
  }

  std::string tags(const std::string& repository) {
    const std::string front = repository + "/manifests/";
    std::string list;
    for (const auto& [key, one] : manifests) {
      if (!key.starts_with(front) || key.find(':') != std::string::npos) continue;
      list += (list.empty() ? "\"" : ",\"") + key.substr(front.size()) + "\"";
    }
    const std::string next = tags_in_circles ? "Link: </v2/" + repository + "/tags/list?last=x>; rel=\"next\"\r\n" : "";
    return reply(200, "Content-Type: application/json\r\n" + next, "{\"name\":\"" + repository + "\",\"tags\":[" + list + "]}");
  }

  /// The digest of the subject; empty when there is none.
  static std::string subject_of(const std::string& manifest) {
    const std::size_t at = manifest.find("\"subject\"");
    const std::size_t begin = at == std::string::npos ? at : manifest.find("sha256:", at);
    return begin == std::string::npos ? std::string() : manifest.substr(begin, 7 + 64);
  }

  std::string referrers(const std::string& path) {
    const std::string subject = path.substr(path.rfind('/') + 1);
    const std::string repository = repository_of(path, "/referrers/");
    std::map<std::string, std::string> entries;  // by digest: a manifest may have several names
    for (const auto& [key, one] : manifests) {
      if (!key.starts_with(repository + "/manifests/") || subject_of(one.bytes) != subject) continue;
      const test_blob blob = test_blob::of(one.type, one.bytes);
      entries[blob.digest] = "{" + blob.descriptor_members() + "}";
    }
    std::string list;
    for (const auto& [digest, entry] : entries) list += (list.empty() ? "" : ",") + entry;
    return reply(200, "Content-Type: application/vnd.oci.image.index.v1+json\r\n",
                 R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[)" + list + "]}");
  }

  static std::string head_or_whole(const fake_request& request, const std::string& fields, const std::string& bytes) {
    const std::string whole = reply(200, fields, bytes);
    return request.method == "HEAD" ? whole.substr(0, whole.size() - bytes.size()) : whole;
  }
};

upload_registry::upload_registry() : state_(std::make_unique<state>()) {
  std::vector<conversation> script;
  script.emplace_back([s = state_.get()](socket_handle& connection) {
    {
      const std::scoped_lock lock(s->mutex);
      s->most_open = std::max(s->most_open, ++s->open);
    }
    s->talk(connection);
    const std::scoped_lock lock(s->mutex);
    --s->open;
  });
  state_->server = std::make_unique<scripted_server>(std::move(script));
}

upload_registry::~upload_registry() = default;

std::string upload_registry::host() const { return "127.0.0.1:" + std::to_string(state_->server->port()); }

void upload_registry::fail(const std::string& request, upload_fault what, unsigned first, unsigned count) {
  const std::scoped_lock lock(state_->mutex);
  state_->rules.push_back({request, std::move(what), first, count});
}

void upload_registry::heal() {
  const std::scoped_lock lock(state_->mutex);
  state_->rules.clear();
}

void upload_registry::forget_sessions() {
  const std::scoped_lock lock(state_->mutex);
  state_->sessions.clear();
}

void upload_registry::hold(const std::string& repository, const std::string& tag, const test_image& image) {
  const std::scoped_lock lock(state_->mutex);
  const auto add = [&](const test_blob& one) {
    state_->blobs[one.digest] = one.bytes;
    state_->held.emplace(repository, one.digest);
  };
  for (const test_blob& layer : image.layers) add(layer);
  add(image.config);
  for (const std::string& name : {tag, image.manifest.digest}) {
    state_->manifests[repository + "/manifests/" + name] = {image.manifest.media_type, image.manifest.bytes};
  }
}

void upload_registry::hold_manifest(const std::string& repository, const std::string& name, const test_blob& manifest) {
  const std::scoped_lock lock(state_->mutex);
  state_->manifests[repository + "/manifests/" + name] = {manifest.media_type, manifest.bytes};
}

void upload_registry::offer_referrers() {
  const std::scoped_lock lock(state_->mutex);
  state_->lists_referrers = true;
}

void upload_registry::open_sessions_with(const std::string& headers) {
  const std::scoped_lock lock(state_->mutex);
  state_->session_fields = headers;
}

void upload_registry::list_tags_in_circles() {
  const std::scoped_lock lock(state_->mutex);
  state_->tags_in_circles = true;
}

void upload_registry::delete_by_tag() {
  const std::scoped_lock lock(state_->mutex);
  state_->deletes_by_tag = true;
}

void upload_registry::cut_connections_after(std::uint64_t bytes) {
  const std::scoped_lock lock(state_->mutex);
  state_->cut_after = bytes;
}

void upload_registry::believe_digests() {
  const std::scoped_lock lock(state_->mutex);
  state_->believes = true;
}

void upload_registry::drop_cut_sessions() {
  const std::scoped_lock lock(state_->mutex);
  state_->drops_cut = true;
}

std::optional<std::string> upload_registry::blob(const std::string& digest) const {
  const std::scoped_lock lock(state_->mutex);
  const auto found = state_->blobs.find(digest);
  return found == state_->blobs.end() ? std::nullopt : std::optional(found->second);
}

bool upload_registry::has_tag(const std::string& repository, const std::string& tag) const {
  const std::scoped_lock lock(state_->mutex);
  return state_->manifests.contains(repository + "/manifests/" + tag);
}

std::optional<std::string> upload_registry::manifest(const std::string& repository, const std::string& name) const {
  const std::scoped_lock lock(state_->mutex);
  const auto found = state_->manifests.find(repository + "/manifests/" + name);
  return found == state_->manifests.end() ? std::nullopt : std::optional(found->second.bytes);
}

void upload_registry::gather(const std::string& request, unsigned count) {
  const std::scoped_lock lock(state_->mutex);
  state_->gathered[request] = count;
}

unsigned upload_registry::most_at_once(const std::string& request) const {
  const std::scoped_lock lock(state_->mutex);
  const auto found = state_->most.find(request);
  return found == state_->most.end() ? 0 : found->second;
}

unsigned upload_registry::most_open() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->most_open;
}

unsigned upload_registry::count(const std::string& request) const {
  const std::scoped_lock lock(state_->mutex);
  const auto found = state_->asked.find(request);
  return found == state_->asked.end() ? 0 : found->second;
}

std::set<std::string> upload_registry::written() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->names_written;
}

std::uint64_t upload_registry::taken() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->taken;
}

}  // namespace gantry::test
