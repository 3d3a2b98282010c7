#include "support/upload_registry_state.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <string_view>
#include <thread>
#include <utility>

namespace gantry::test {
namespace {

/// Waits until the client closes, and reads nothing.
void await_hangup(const socket_handle& connection) {
  pollfd gone{connection.fd(), POLLRDHUP, 0};
  while (::poll(&gone, 1, -1) < 0 && errno == EINTR) continue;
}

// Long enough for what comes at once on the busiest machine; only what does not come at once waits for it.
constexpr std::chrono::seconds gathering{10};

std::string kind_of(const fake_request& request) {
  const bool session = request.target.find("/blobs/uploads/") != std::string::npos;
  if (request.target.find("/manifests/") != std::string::npos) return request.method + " manifest";
  if (request.target.find("/referrers/") != std::string::npos) return request.method + " referrers";
  if (request.target.find("/tags/list") != std::string::npos) return request.method + " tags";
  if (request.method == "POST") return request.target.find("mount=") != std::string::npos ? "POST mount" : "POST session";
  return request.method + (session && (request.method == "GET" || request.method == "DELETE") ? " session" : " blob");
}

/// Reads \p length bytes into what \p take gets, piece by piece. \returns false when the connection ended.
template <class Take>
bool read_body(socket_handle& connection, std::string& unread, std::uint64_t length, Take take) {
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
bool read_chunks(socket_handle& connection, std::string& unread, std::uint64_t limit, Take take) {
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

}  // namespace

std::optional<upload_fault> upload_registry::state::fault_for(const fake_request& request) {
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

/// A request is here and has no answer.
struct upload_registry::state::presence {
  presence(state& whose, std::string request) : owner(whose), kind(std::move(request)) {
    std::unique_lock lock(owner.mutex);
    for (const std::string& which : {kind, std::string()}) owner.most[which] = std::max(owner.most[which], ++owner.here[which]);
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
  ~presence() { end(); }
  /// To be called before the answer goes out, after which the next request may be here.
  void end() {
    const std::scoped_lock lock(owner.mutex);
    if (std::exchange(ended, true)) return;
    for (const std::string& which : {kind, std::string()}) --owner.here[which];
  }
  bool ended = false;
  state& owner;
  std::string kind;
};

void upload_registry::state::talk(socket_handle& connection) {
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

bool upload_registry::state::answer(socket_handle& connection, std::string& unread, const fake_request& request, std::uint64_t length,
                                    std::uint64_t& carried) {
  presence here_now(*this, kind_of(request));
  std::optional<upload_fault> trouble;
  std::uint64_t lasts = 0;
  {
    const std::scoped_lock lock(mutex);
    lasts = cut_after - std::min(cut_after, carried);
    trouble = fault_for(request);
    if (trouble && trouble->what == upload_fault::kind::forget) content.sessions.erase(request.path());
  }
  if (trouble && trouble->what == upload_fault::kind::early) {
    here_now.end();
    connection.send(upload_reply(trouble->status, trouble->headers));
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
    fits = content.fits(request);
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
      content.sessions[request.path()] += piece;
      taken += piece.size();
    }
  };
  const bool chunked = request.header("transfer-encoding") == "chunked";
  const bool whole = chunked ? read_chunks(connection, unread, limit, take) : read_body(connection, unread, wanted, take);
  const bool arrived = whole && !breaks;
  if (!arrived && uploads) {
    const std::scoped_lock lock(mutex);
    if (drops_cut) content.sessions.erase(request.path());
  }
  if (breaks) connection.reset_on_close();
  if (!arrived) return false;
  if (left == 1 && length == 0 && !chunked) std::this_thread::sleep_for(trouble->pause);
  here_now.end();
  const std::scoped_lock lock(mutex);
  if (trouble && trouble->what != upload_fault::kind::forget && trouble->what != upload_fault::kind::pause)
    return connection.send(upload_reply(trouble->status, trouble->headers));
  return connection.send(uploads ? content.stored_part(request, fits) : content.other(request, body));
}

}  // namespace gantry::test
