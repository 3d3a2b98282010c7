#pragma once

#include "base/failure.hpp"
#include "runtime/stop.hpp"
#include "runtime/task.hpp"

#include <gantry/descriptor.hpp>
#include <gantry/reference.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace gantry::serve {

using runtime::task;

/// A blob on its way into the store, read by those who cannot wait for its end.
class blob_feed {
 public:
  virtual ~blob_feed() = default;

  virtual std::uint64_t size() const noexcept = 0;

  /// Waits until the byte at \p offset may be given out. \returns the offset up to which bytes may be given out now. The last bytes are
  /// given out only when the whole was verified and stored, so that whoever has all bytes has the right ones. A failure of the fetch, or
  /// content that was wrong, is returned to all readers; what they were given before is then worthless and their connections must be cut.
  virtual task<result<std::uint64_t>> available(std::uint64_t offset, runtime::stop_source& stop) = 0;

  /// Reads bytes that \ref available has released.
  /// \param owner keeps \p into until a worker has written there, also when nobody waits for that any more
  virtual task<result<std::size_t>> read(std::uint64_t offset, std::span<std::byte> into, std::shared_ptr<const void> owner) = 0;
};

/// Why \ref upstream::manifest leads to what the store knows, although a registry that answers may have something else now.
enum class doubt {
  none,      ///< there is none, or the registry cannot be asked at present
  refused,   ///< the registry does not let this server look (401, 403)
  unlearnt,  ///< its answer cannot be used: a certificate that is not trusted, a damaged or unknown document
};

/// What \ref upstream::manifest leads to.
struct upstream_manifest {
  descriptor top;
  doubt doubted = doubt::none;
  std::optional<std::string> bytes{};  ///< the document, where the store cannot keep it
};

/// Where the server gets what the store does not have. That the store cannot keep it (errc::no_space, errc::access_denied) is told to who
/// runs the server here, all else by who asked. Used on the strand.
class upstream {
 public:
  virtual ~upstream() = default;

  /// The registry that stands behind this server.
  virtual const std::string& registry() const noexcept = 0;

  /// Makes the document that \p image names stand in the store and \returns its descriptor; also its bytes where the store cannot be
  /// written. A tag is asked for again each time; when the registry does not answer, refuses, or answers what cannot be used, what the
  /// store has counts. The last two concern that name alone; a registry that cannot be asked at all is left alone for a while.
  /// errc::not_found when nobody has it.
  virtual task<result<upstream_manifest>> manifest(reference image, runtime::stop_source& stop) = 0;

  /// A client asks for \p document, which lies in the store although no name of the repository leads to it; \p image names it by digest.
  /// It may have come from another registry: it gets the name if clients got it with another name of the repository, or if the registry
  /// has it, which is asked. \returns false if the registry says that it has none; true without a name if the registry cannot be asked.
  virtual task<bool> note_held(reference image, descriptor document, runtime::stop_source& stop) = 0;

  /// A client was given the blob that \p image names by its digest, and the store had it: that belongs to a pull as a fetch does.
  virtual void note_taken(const reference& image, const digest& blob) = 0;

  /// The size of a blob, without fetching it. \p image names its repository and the blob. However many ask, the registry is asked once,
  /// and not at all when a document or a fetch has told.
  virtual task<result<std::uint64_t>> blob_size(reference image, digest blob, runtime::stop_source& stop) = 0;

  /// What the registry lists as referring to \p subject, asked for again each time: it may not be fetched yet. \p image names the
  /// repository. Fails where the registry cannot be asked, and at once while it is left alone for that.
  virtual task<result<std::vector<descriptor>>> referrers(reference image, digest subject, runtime::stop_source& stop) = 0;

  /// Begins to fetch a blob, or joins those who wait for the same. One that the store cannot keep passes through a temporary file. \returns
  /// nothing when it is in the store meanwhile.
  virtual task<result<std::shared_ptr<blob_feed>>> blob(reference image, digest blob, runtime::stop_source& stop) = 0;
};

}  // namespace gantry::serve
