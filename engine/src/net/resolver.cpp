#include "net/resolver.hpp"

#include "base/forget_oldest.hpp"
#include "net/host_words.hpp"
#include "runtime/signal.hpp"

#include <fmt/format.h>

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

namespace gantry::net {
namespace {

namespace asio = boost::asio;
using addresses = std::vector<asio::ip::address>;

constexpr std::chrono::seconds lifetime{60};

addresses alternate_families(const addresses& found) {
  addresses first;
  addresses second;
  for (const asio::ip::address& address : found) (address.is_v6() == found.front().is_v6() ? first : second).push_back(address);
  addresses ordered;
  for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    if (i < first.size()) ordered.push_back(first[i]);
    if (i < second.size()) ordered.push_back(second[i]);
  }
  return ordered;
}

/// The C library calls a name unknown for now when it finds no descriptor to ask with. \returns 0, EMFILE or ENFILE
int lacking_descriptor() {
  const int probe = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return errno == EMFILE || errno == ENFILE ? errno : 0;
  ::close(probe);
  return 0;
}

result<addresses> look_up(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  // RFC 6761 section 6.3: such a name is this machine's, and no name server's, which could make it anybody's.
  const bool here = host.ends_with(".localhost");
  const int status = getaddrinfo(here ? "localhost" : host.c_str(), nullptr, &hints, &list);
  if (status != 0) {
    if (const int lacking = lacking_descriptor()) return system_failure(lacking, "cannot look up the host", host);
    return failure(errc::name_not_resolved,
                   fmt::format("the host {} cannot be found: {}", host_in_words(host, host), gai_strerror(status)));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(list, freeaddrinfo);
  addresses found;
  for (const addrinfo* item = list; item != nullptr; item = item->ai_next) {
    if (item->ai_family == AF_INET) {
      sockaddr_in native{};
      std::memcpy(&native, item->ai_addr, sizeof native);
      found.emplace_back(asio::ip::address_v4(ntohl(native.sin_addr.s_addr)));
    } else if (item->ai_family == AF_INET6) {
      sockaddr_in6 native{};
      std::memcpy(&native, item->ai_addr, sizeof native);
      asio::ip::address_v6::bytes_type bytes;
      std::memcpy(bytes.data(), &native.sin6_addr, bytes.size());
      found.emplace_back(asio::ip::address_v6(bytes, native.sin6_scope_id));
    }
  }
  if (found.empty()) return failure(errc::name_not_resolved, fmt::format("the host {} has no address", host_in_words(host, host)));
  return alternate_families(found);
}

}  // namespace

struct resolver::lookup {
  std::optional<result<addresses>> answer;
  std::chrono::steady_clock::time_point answered;
  runtime::signal done;
};

void resolver::demote(const std::string& host, const asio::ip::address& address) {
  const auto known = known_.find(host);
  if (known == known_.end() || !known->second->answer || known->second->answer->has_error()) return;
  addresses& order = **known->second->answer;
  std::stable_partition(order.begin(), order.end(), [&](const asio::ip::address& one) { return one != address; });
}

task<result<addresses>> resolver::resolve(std::string host, runtime::stop_source& stop) {
  error_code not_literal;
  const asio::ip::address literal = asio::ip::make_address(host, not_literal);
  if (!not_literal) co_return addresses(1, literal);

  const auto known = known_.find(host);
  if (known != known_.end()) {
    const std::shared_ptr<lookup> shared = known->second;
    const bool stale = shared->answer && std::chrono::steady_clock::now() - shared->answered > lifetime;
    if (!stale) {
      while (!shared->answer && !stop.stop_requested()) co_await shared->done.wait(stop);
      if (!shared->answer) co_return failure(errc::cancelled, "stopped");
      co_return *shared->answer;
    }
  }

  const auto shared = std::make_shared<lookup>();
  known_.insert_or_assign(host, shared);
  const auto answered = [](const std::shared_ptr<lookup>& one) { return one->answered; };
  const auto under_way = [](const std::shared_ptr<lookup>& one) { return !one->answer; };
  forget_oldest(known_, most_names, answered, under_way);
  auto call = [host] { return look_up(host); };
  shared->answer = co_await runtime::offload(workers_, runtime::lane::names, std::move(call));
  shared->answered = std::chrono::steady_clock::now();
  // A failure is told to those who waited for it and not kept: the next one asks again.
  const auto entry = known_.find(host);
  if (shared->answer->has_error() && entry != known_.end() && entry->second == shared) known_.erase(entry);
  shared->done.notify_all();
  co_return *shared->answer;
}

}  // namespace gantry::net
