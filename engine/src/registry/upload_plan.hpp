#pragma once

#include "base/failure.hpp"
#include "http/message.hpp"
#include "http/url.hpp"

#include <gantry/digest.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

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
  bool ranged = false;      ///< the bytes are not all: Content-Range tells which
  bool apart = false;       ///< over a connection of its own: one that has carried more may be cut sooner
  bool open_ended = false;  ///< fewer bytes may be sent, see upload_plan::ended_early: no length is announced
};

/// Ways of sending that a registry has refused while it took another, so that not every blob meets the same refusal.
struct upload_refusals {
  bool stream = false;  ///< a PATCH whose length is not told
  bool whole = false;   ///< everything in one PUT
  bool pieces = false;  ///< a PATCH with a range
  /// A request with as many bytes was too large; smaller ones may pass.
  std::uint64_t too_large = std::numeric_limits<std::uint64_t>::max();
  /// Longer requests were cut on the way, and what they had sent was lost.
  std::uint64_t gets_through = std::numeric_limits<std::uint64_t>::max();

  void add(const upload_refusals& more) noexcept {
    stream = stream || more.stream;
    whole = whole || more.whole;
    pieces = pieces || more.pieces;
    too_large = std::min(too_large, more.too_large);
    gets_through = std::min(gets_through, more.gets_through);
  }
  friend bool operator==(const upload_refusals&, const upload_refusals&) = default;
};

/// Decides how one blob gets into a registry (distribution-spec, "Pushing blobs"): mount, else everything in one PUT, or, of a large blob,
/// in one PATCH that can be ended at any byte, else what a broken or refused one has left by PATCH. Where a request was cut and the
/// registry kept nothing of it, the next ones are shorter, so that each has its answer before the line is cut. Without I/O: the caller
/// carries out \ref next and reports what came of it. One object an upload; it may be fed failures as often as the caller's patience
/// allows.
class upload_plan {
 public:
  /// From here on a blob is sent so that a stop loses nothing: docker-registry and its kin drop a session whose request was cut.
  static constexpr std::uint64_t least_stream = std::uint64_t{16} << 20;

  struct settings {
    gantry::digest digest;
    std::uint64_t size = 0;
    std::string mount_from;           ///< repository of the same registry that has the blob, perhaps; empty: none
    std::optional<http::url> resume;  ///< session of an earlier run
    bool mount_first = false;         ///< \ref mount_from is known to have the blob: nothing needs to be sent, \ref resume or not
    upload_refusals refused{};        ///< what other blobs have met
  };
  explicit upload_plan(settings values);

  upload_action next() const;

  /// Of an open-ended step only \p bytes were sent; said before \ref answered.
  void ended_early(std::uint64_t bytes) noexcept { sent_ = bytes; }
  /// The registry answered \ref next. \param asked the URL that was asked, which a relative Location refers to
  void answered(unsigned status, const http::response_head& head, const http::url& asked);
  /// The connection broke, or the answer says "not now": what the registry has is asked for next.
  /// \param sent bytes of the request's body that had gone out; 0: it never got so far
  void broke(std::uint64_t sent = 0);

  /// The open session; nothing before the first and after the end.
  const std::optional<http::url>& session() const noexcept { return session_; }
  /// Sessions that are still open at the registry and that nothing will be sent to any more, each told once.
  std::vector<http::url> take_abandoned() { return std::exchange(abandoned_, {}); }
  /// Whether the blob was mounted, or was there all the time: no byte was sent.
  bool mounted() const noexcept { return mounted_; }
  /// The bytes that the registry has said to have.
  std::uint64_t received() const noexcept { return offset_; }
  /// What the registry refused of this blob and others. What one blob alone met is no rule until another way has succeeded: only of use at
  /// upload_step::done.
  const upload_refusals& refusals() const noexcept { return values_.refused; }
  /// Whether the answer that led to upload_step::failed was an error answer, whose words the caller has.
  bool refused() const noexcept { return refused_; }
  const failure& error() const noexcept { return error_; }

 private:
  enum class manner {
    stream,  ///< PATCH with all that is left, or as much as there is time for, or as gets through, then close
    whole,   ///< one PUT
    pieces,  ///< PATCH with all that is left, or as much as gets through, then close
    chunks,  ///< PATCH of \ref chunk_ bytes at a time, then close
  };
  void fail(failure why);
  void refuse(unsigned status);
  /// The one place that an answer names for the bytes.
  static result<http::url> place_in(const http::response_head& head, const http::url& asked);
  bool take_session(const http::response_head& head, const http::url& asked);
  void abandon_session();
  void take_progress(const http::response_head& head, std::uint64_t at_least);
  void after_open(unsigned status, const http::response_head& head, const http::url& asked);
  void after_ask(unsigned status, const http::response_head& head, const http::url& asked);
  void after_bytes(unsigned status, const http::response_head& head, const http::url& asked);
  void begin();
  void start_over();
  void shorten();
  void note_progress() noexcept;
  /// Whether requests have a bound that this blob exceeds.
  bool is_bounded() const noexcept { return longest() < values_.size; }
  std::uint64_t longest() const noexcept { return std::max(values_.refused.gets_through, chunk_); }
  failure lost_too_often() const;
  manner next_manner() const noexcept;
  void change_manner(unsigned status);

  settings values_;
  upload_step step_;
  manner manner_ = manner::whole;
  std::optional<http::url> session_;
  std::vector<http::url> abandoned_;
  std::uint64_t offset_ = 0;
  std::uint64_t chunk_;
  std::optional<std::uint64_t> sent_;  ///< see ended_early
  std::optional<std::uint64_t> cut_;   ///< what the request that broke had sent, until it is known what became of it
  std::uint64_t most_ = 0;             ///< bytes that a session has had
  unsigned in_vain_ = 0;               ///< sessions lost, or of another length than thought, since \ref most_ has grown
  unsigned lost_by_cuts_ = 0;          ///< sessions lost by a request that broke
  unsigned lost_ = 0;                  ///< other ones
  bool whole_only_ = false;            ///< pieces were tried in place of the whole, and refused
  bool mount_tried_ = false;
  bool resumed_ = false;  ///< what the registry has was sent by an earlier run
  bool mounted_ = false;
  bool refused_ = false;
  failure error_;
};

/// The bytes that an upload answer says have arrived, `Range: [bytes=]0-<last>`; nothing when it does not. `0-0` counts as none.
std::optional<std::uint64_t> received_bytes(const http::response_head& head);

/// \p session with `digest=` added to its query.
http::url with_digest(http::url session, const gantry::digest& value);

}  // namespace gantry::registry
