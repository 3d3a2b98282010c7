#pragma once

#include "support/image_builder.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace gantry::test {

/// How a request that uploads goes wrong.
struct upload_fault {
  enum class kind {
    answer,    ///< \ref status and \ref headers; the body is read and forgotten
    early,     ///< \ref status and \ref headers before the body, of which nothing is read; the connection stays open
    reset,     ///< \ref amount bytes of the body are taken, then the connection breaks
    forget,    ///< the session is lost: 404
    location,  ///< \ref status with \ref headers in place of the session's own Location
    pause,     ///< nothing is read for \ref pause after \ref amount bytes of the body, or of none; then it goes on as if nothing had been
  };
  kind what = kind::answer;
  unsigned status = 500;
  std::string headers{};  ///< complete lines with their ends
  std::uint64_t amount = 0;
  std::chrono::milliseconds pause{};
};

/// A registry on 127.0.0.1 that takes blobs and manifests (distribution-spec, "Push") and fails as it is told. Thread-safe.
class upload_registry {
 public:
  upload_registry();
  upload_registry(const upload_registry&) = delete;
  upload_registry& operator=(const upload_registry&) = delete;
  ~upload_registry();

  /// `127.0.0.1:<port>`
  std::string host() const;

  /// Of the requests "METHOD kind" (`PUT blob`, `GET session`, `DELETE session`, `POST session`, `POST mount`, `PUT manifest`), or "METHOD
  /// kind REPOSITORY" for those about one, those from the \p first (from 1) on meet \p what, \p count of them; 0 means all.
  void fail(const std::string& request, upload_fault what, unsigned first = 1, unsigned count = 1);

  /// No more faults.
  void heal();
  /// All sessions are lost.
  void forget_sessions();

  void hold(const std::string& repository, const std::string& tag, const test_image& image);
  void hold_manifest(const std::string& repository, const std::string& name, const test_blob& manifest);
  /// From now on manifests with a subject are listed (distribution-spec, "Listing Referrers") and confirmed with `OCI-Subject`.
  void offer_referrers();
  /// From now on a session is lost when a request that sends to it is cut, as with docker-registry.
  void drop_cut_sessions();
  /// From now on each connection breaks after \p bytes of bodies.
  void cut_connections_after(std::uint64_t bytes);
  /// From now on blobs are taken for what they are said to be, and nobody hashes them.
  void believe_digests();
  /// From now on sessions are opened with \p headers as well, complete lines with their ends.
  void open_sessions_with(const std::string& headers);
  /// From now on each page of tags names the same next one.
  void list_tags_in_circles();
  /// From now on a tag can be deleted alone; else, as with docker-registry, only a manifest with all its names.
  void delete_by_tag();
  /// The bytes of a complete blob.
  std::optional<std::string> blob(const std::string& digest) const;
  /// The bytes of the manifest of that tag or digest.
  std::optional<std::string> manifest(const std::string& repository, const std::string& name) const;
  bool has_tag(const std::string& repository, const std::string& tag) const;
  /// Holds back the answers to the requests "METHOD kind" until \p count of them wait at once; then, or after some seconds in vain, all go
  /// on, and later ones are not held.
  void gather(const std::string& request, unsigned count);
  /// How many requests "METHOD kind" were here unanswered at once, at most; under the empty name of all requests together.
  unsigned most_at_once(const std::string& request) const;
  /// The most connections that were open at once.
  unsigned most_open() const;
  /// How often "METHOD kind" was asked.
  unsigned count(const std::string& request) const;
  /// The names under which manifests were written, tags and digests, `<repository>:<name>`, each once; also those that are gone again.
  std::set<std::string> written() const;
  /// Bytes of bodies that were taken for blobs.
  std::uint64_t taken() const;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace gantry::test
