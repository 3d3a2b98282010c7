#pragma once

#include <cstdlib>
#include <optional>
#include <string>

namespace gantry::test {

/// Sets or unsets an environment variable as long as it lives.
class environment {
 public:
  environment(const char* name, const std::optional<std::string>& value) : name_(name) {
    if (const char* const before = std::getenv(name)) before_ = before;
    set(value);
  }
  ~environment() { set(before_); }
  environment(const environment&) = delete;
  environment& operator=(const environment&) = delete;

 private:
  void set(const std::optional<std::string>& value) const {
    if (value) {
      ::setenv(name_, value->c_str(), 1);
    } else {
      ::unsetenv(name_);
    }
  }

  const char* name_;
  std::optional<std::string> before_;
};

}  // namespace gantry::test
