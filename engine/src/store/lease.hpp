#pragma once

#include "base/failure.hpp"
#include "runtime/file.hpp"

#include <gantry/digest.hpp>

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace gantry::store {

/// What leases keep from being removed.
struct leased_blobs {
  bool anything = false;    ///< somebody works here: files that have no name or digest yet may be theirs
  bool everything = false;  ///< somebody works here who has not said yet with what
  std::set<digest> digests;

  bool keeps(const digest& blob) const { return everything || digests.contains(blob); }
  /// The same for a file that says of which blob it is, or, with an empty \p blob, does not.
  bool keeps_part_of(const digest& blob) const { return blob.empty() ? anything || everything : keeps(blob); }
};

/// Keeps blobs from being removed while an operation works with them (DESIGN section 4): a file below `leases/` that is locked as long as
/// the object lives, so that the lease of a process that died is known for what it is. Made by content_store::try_lease before the first
/// look at a blob. Movable; used by one thread at a time.
class lease {
 public:
  /// Keeps nothing.
  lease() = default;
  lease(lease&&) noexcept = default;
  lease& operator=(lease&& other) noexcept;
  ~lease() { release(); }

  /// Whether others are really told: not where nothing can be written, or there are no locks.
  bool held() const noexcept { return file_.is_open(); }

  /// From now on only these blobs are kept; before, all of the store are. To be called once, after all of them are known. Where it cannot
  /// be written the lease goes on to keep everything.
  void narrow(const std::set<digest>& blobs) noexcept;

  /// Ends the lease. Blocks a moment.
  void release() noexcept;

 private:
  friend class content_store;
  explicit lease(runtime::file opened) noexcept : file_(std::move(opened)) {}
  runtime::file file_;
};

/// The content of a lease file; deterministic.
std::string to_text(const std::set<digest>& blobs);
/// Reads what to_text() wrote; nothing when it is empty, torn or anything else: such a lease keeps everything.
std::optional<std::set<digest>> parse_lease(std::string_view text);

/// All live leases below \p directory. Dead ones are removed unless \p look_only. Blocking; for the holder of the gc lock, or to look.
result<leased_blobs> read_leases(const std::filesystem::path& directory, bool look_only);

}  // namespace gantry::store
