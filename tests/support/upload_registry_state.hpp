#pragma once

#include "support/scripted_server.hpp"
#include "support/upload_content.hpp"
#include "support/upload_registry.hpp"

#include <condition_variable>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace gantry::test {

/// Reads requests, counts them, and lets them meet their faults.
struct upload_registry::state {
  struct rule {
    std::string request;
    upload_fault what;
    unsigned first;
    unsigned count;
  };
  struct presence;

  mutable std::mutex mutex;  ///< of all the rest
  upload_content content;
  std::map<std::string, unsigned> asked;     ///< "METHOD kind"
  std::map<std::string, unsigned> here;      ///< the same, unanswered now; "" are all
  std::map<std::string, unsigned> most;      ///< ... and at most
  std::map<std::string, unsigned> gathered;  ///< so many of them are awaited
  std::condition_variable all_here;
  std::vector<rule> rules;
  std::uint64_t taken = 0;
  unsigned open = 0;       ///< connections that are served now
  unsigned most_open = 0;  ///< ... and at most
  bool drops_cut = false;
  std::uint64_t cut_after = std::numeric_limits<std::uint64_t>::max();
  std::unique_ptr<scripted_server> server;  ///< last: its threads use the rest

  /// Serves one connection to its end.
  void talk(socket_handle& connection);

 private:
  std::optional<upload_fault> fault_for(const fake_request& request);
  /// \param carried bytes of bodies that came over the connection \returns whether it may carry another request
  bool answer(socket_handle& connection, std::string& unread, const fake_request& request, std::uint64_t length, std::uint64_t& carried);
};

}  // namespace gantry::test
