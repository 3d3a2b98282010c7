#pragma once

#include "base/failure.hpp"
#include "http/message.hpp"
#include "http/url.hpp"

#include <gantry/digest.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace gantry::registry {

/// What is to be done next for one blob.
enum class upload_step {
  mount,     ///< POST with mount and from: the registry may have the blob in another repository
  open,      ///< POST: a new session
  ask,       ///< GET of the session: how much has arrived
  send_all,  ///< PUT of everything with the digest
  send,      ///< PATCH of \ref upload_action::length bytes at \ref upload_action::offset
  close,     ///< PUT without body, with the digest
  done,      ///< the registry has the blob
  failed,    ///< see upload_plan::error
};

struct upload_action {
  upload_step step = upload_step::failed;
  http::url where;           ///< of the session; not for mount and open
  std::uint64_t offset = 0;  ///< of the bytes to send
  std::uint64_t length = 0;
  bool ranged = false;  ///< the bytes are not all: Content-Range tells which
};

/// Decides how one blob gets into a registry (distribution-spec, "Pushing blobs"): mount, else everything in one PUT, else what a broken or
/// refused PUT has left by PATCH. Without I/O: the caller carries out \ref next and reports what came of it. One object an upload; it may
/// be fed failures as often as the caller's patience allows.
class upload_plan {
 public:
  struct settings {
    gantry::digest digest;
    std::uint64_t size = 0;
    std::string mount_from;           ///< repository of the same registry that has the blob, perhaps; empty: none
    std::optional<http::url> resume;  ///< session of an earlier run
  };
  explicit upload_plan(settings values);

  upload_action next() const;

  /// The registry answered \ref next. \param asked the URL that was asked, which a relative Location refers to
  void answered(unsigned status, const http::response_head& head, const http::url& asked);
  /// The connection broke, or the answer says "not now": what the registry has is asked for next.
  void broke();

  /// The open session; nothing before the first and after the end.
  const std::optional<http::url>& session() const noexcept { return session_; }
  /// Whether the blob was mounted, or was there all the time: no byte was sent.
  bool mounted() const noexcept { return mounted_; }
  /// The bytes that the registry has said to have.
  std::uint64_t received() const noexcept { return offset_; }
  /// Whether the answer that led to upload_step::failed was an error answer, whose words the caller has.
  bool refused() const noexcept { return refused_; }
  const failure& error() const noexcept { return error_; }

 private:
  enum class manner {
    whole,   ///< one PUT
    pieces,  ///< PATCH with all that is left, then close
    chunks,  ///< PATCH of \ref chunk_ bytes at a time, then close
  };
  void fail(failure why);
  void refuse(unsigned status);
  bool take_session(const http::response_head& head, const http::url& asked);
  void take_progress(const http::response_head& head, std::uint64_t at_least);
  void after_open(unsigned status, const http::response_head& head, const http::url& asked);
  void after_ask(unsigned status, const http::response_head& head, const http::url& asked);
  void after_bytes(unsigned status, const http::response_head& head, const http::url& asked);
  void start_over();

  settings values_;
  upload_step step_;
  manner manner_ = manner::whole;
  std::optional<http::url> session_;
  std::uint64_t offset_ = 0;
  std::uint64_t chunk_;
  unsigned lost_sessions_ = 0;
  bool mounted_ = false;
  bool refused_ = false;
  failure error_;
};

/// The bytes that an upload answer says have arrived, `Range: [bytes=]0-<last>`; nothing when it does not. `0-0` counts as none.
std::optional<std::uint64_t> received_bytes(const http::response_head& head);

/// \p session with `digest=` added to its query.
http::url with_digest(http::url session, const gantry::digest& value);

}  // namespace gantry::registry
