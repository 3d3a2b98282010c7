#pragma once

#include "runtime/lanes.hpp"
#include "runtime/semaphore.hpp"
#include "runtime/stop.hpp"
#include "runtime/task.hpp"
#include "serve/htpasswd.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace gantry::serve {

using runtime::task;

/// User name and password of an Authorization field with the Basic scheme (RFC 7617); nothing when it is anything else.
std::optional<std::pair<std::string, std::string>> parse_basic(std::string_view authorization);

/// Lets in who the htpasswd file knows. Hashing runs on a worker lane, two at a time; who was let in is remembered for a while, by a salted
/// hash of what was said. Refusals are not remembered and take as long for any user. Used on the strand.
class gate {
 public:
  static constexpr std::chrono::minutes memory{10};
  static constexpr std::size_t most_remembered = 256;

  gate(runtime::lanes& workers, htpasswd users);

  /// \param authorization the field's value, or null \returns the user, or nothing when the request is refused
  task<std::optional<std::string>> admit(const std::string* authorization, runtime::stop_source& stop);

 private:
  using clock = std::chrono::steady_clock;
  bool remembers(const std::string& key);
  void remember(std::string key);

  runtime::lanes& workers_;
  std::shared_ptr<const htpasswd> users_;
  std::string salt_;
  runtime::semaphore hashing_;
  std::map<std::string, clock::time_point> admitted_;  ///< until when
};

}  // namespace gantry::serve
