#include "http/connection_pool.hpp"

#include <utility>

namespace gantry::http {

task<result<std::unique_ptr<connection>>> connection_pool::acquire(net::endpoint where, bool fresh, runtime::stop_source& stop) {
  drop_expired();
  const auto known = idle_.find(where);
  while (!fresh && known != idle_.end() && !known->second.empty()) {
    // The youngest first: it is the least likely to have been closed by the peer.
    std::unique_ptr<connection> value = std::move(known->second.back().value);
    known->second.pop_back();
    if (value->stream->quiet()) {
      value->reused = true;
      co_return value;
    }
  }
  auto stream = co_await connector_.connect(where, stop);
  if (!stream) co_return stream.error();
  co_return std::make_unique<connection>(std::move(where), std::move(*stream));
}

void connection_pool::give_back(std::unique_ptr<connection> value) {
  drop_expired();
  idle_connection entry;
  entry.since = std::chrono::steady_clock::now();
  entry.value = std::move(value);
  idle_[entry.value->where].push_back(std::move(entry));
}

void connection_pool::drop_expired() {
  const auto oldest = std::chrono::steady_clock::now() - idle_limit;
  for (auto& [where, connections] : idle_) std::erase_if(connections, [&](const idle_connection& entry) { return entry.since < oldest; });
}

}  // namespace gantry::http
