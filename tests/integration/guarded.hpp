#pragma once

#include "support/servers.hpp"
#include "support/token_server.hpp"

#include <memory>
#include <string>

namespace gantry::test {

/// A registry with one small image, `team/app:1.0`, that lets nobody in without the password of jane, or without a token of a service.
class guarded_registry {
 public:
  static constexpr const char* user = "jane";
  static constexpr const char* password = "correct horse";

  /// \param tokens none: Basic, with \ref user and \ref password
  explicit guarded_registry(const token_server* tokens = nullptr);

  std::string host() const { return registry_->host(); }
  std::string image() const { return host() + "/team/app:1.0"; }

 private:
  temp_dir directory_;
  std::unique_ptr<docker_registry> registry_;
};

}  // namespace gantry::test
