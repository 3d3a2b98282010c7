#include "jobs/tell_waiting.hpp"

#include <boost/asio/post.hpp>

#include <utility>

namespace gantry::jobs {

std::function<void(const std::string&)> tell_waiting(transfer::context& shared, std::shared_ptr<transfer::operation> running) {
  return [where = shared.executor, running = std::move(running)](const std::string& what) {
    boost::asio::post(where, [running, what] { running->events.emit(waiting{what}); });
  };
}

}  // namespace gantry::jobs
