#pragma once

#include <gantry/credentials.hpp>

#include <optional>
#include <string>
#include <utility>

namespace gantry::test {

/// Has one name and one password for whoever asks, whatever the registry.
class one_credential final : public credential_source {
 public:
  one_credential(std::string user, std::string password) {
    value_.username = std::move(user);
    value_.password = std::move(password);
    value_.origin = "the test";
  }
  std::optional<credential> find(const std::string&, const std::string&, diagnostics&) override { return value_; }

 private:
  credential value_;
};

}  // namespace gantry::test
