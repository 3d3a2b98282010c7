#pragma once

#include "support/fake_exchange.hpp"

#include <map>
#include <set>
#include <string>
#include <utility>

namespace gantry::test {

/// What an \ref upload_registry holds, and what it answers to requests that came whole. Its owner sees to it that one thread at a time is
/// here.
struct upload_content {
  struct document {
    std::string type;
    std::string bytes;
  };

  std::map<std::string, std::string> blobs;            ///< by digest
  std::set<std::pair<std::string, std::string>> held;  ///< repository, digest
  std::map<std::string, document> manifests;           ///< "<repository>/manifests/<name>"
  std::map<std::string, std::string> sessions;         ///< by path
  std::set<std::string> names_written;
  unsigned opened = 0;           ///< sessions
  bool lists_referrers = false;  ///< this and what follows: see upload_registry
  bool deletes_by_tag = false;
  bool believes = false;
  bool tags_in_circles = false;
  std::string session_fields;

  /// Whether the session of \p request is there and what it sends comes next.
  bool fits(const fake_request& request) const;
  /// The answer to a request that sent to a session. \param fits of the time when its body began
  std::string stored_part(const fake_request& request, bool fits);
  /// The answer to any other.
  std::string other(const fake_request& request, const std::string& body);

 private:
  /// A tag goes alone where that is allowed; a digest takes all its names along.
  std::string deleted(const std::string& key);
  std::string tags(const std::string& repository);
  std::string referrers(const std::string& path);
};

/// An answer without what belongs to the connection. \param headers complete lines with their ends
std::string upload_reply(unsigned status, const std::string& headers = {}, const std::string& body = {});

/// The repository that \p request is about; empty when it is about none.
std::string asked_repository(const fake_request& request);

}  // namespace gantry::test
