#pragma once

#include "http/trust.hpp"
#include "registry/authenticator.hpp"
#include "registry/registry_client.hpp"
#include "registry/site.hpp"
#include "runtime/semaphore.hpp"

#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <utility>

namespace gantry::registry {

/// What is known of one place that is asked.
struct registry_client::host {
  std::string registry;                         ///< as in references
  std::string address;                          ///< host and port of the API
  std::string scheme;                           ///< empty while it is not known
  std::string written;                          ///< who wrote `http://` before it; empty: nobody, an option said so
  std::string promised;                         ///< who wrote `https://` before it, where that is kept to; empty: nobody
  std::shared_ptr<const http::trust> trusting;  ///< what its place of the configuration says of its certificates; null: nothing
  authenticator auth;
  std::shared_ptr<site_record> record;
  bool told_quota = false;
  bool told_fields = false;  ///< that header fields are held back
  bool answered = false;
  bool told_failure = false;              ///< that somebody else was asked in its place
  std::set<std::string> told_warnings{};  ///< texts of its Warning headers
  std::string base = "/v2/";              ///< path of the base of the API
  runtime::semaphore asking_base{1};      ///< held by who asks for the challenge of the base
  bool asked_base = false;                ///< it has answered
  bool login_unknown = false;             ///< the source of logins has failed
};

template <class T>
void registry_client::note_answer(const std::string& registry, result<T>& outcome) {
  const error_code code = outcome ? error_code() : outcome.error().code;
  if (code == condition::cancelled) return;
  const bool silent = code == errc::connection_refused || code == errc::name_not_resolved || code == errc::timed_out;
  if (!silent) {
    answers_[registry] = std::chrono::steady_clock::now();
    return;
  }
  const auto known = answers_.find(registry);
  failure why = outcome.error();
  why.last_answer = known == answers_.end() ? std::chrono::steady_clock::time_point() : known->second;
  outcome = std::move(why);
}

}  // namespace gantry::registry
