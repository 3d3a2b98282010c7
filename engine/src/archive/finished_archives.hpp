#pragma once

#include "archive/layout.hpp"
#include "base/failure.hpp"
#include "model/digester.hpp"
#include "runtime/file.hpp"
#include "store/journal.hpp"

#include <gantry/descriptor.hpp>
#include <gantry/digest.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace gantry::archive {

/// The plain archives that were completed before, as places to copy blobs from: without a store nothing else has what several archives
/// share. They are their user's by now and may have been changed, so what is copied is hashed. Blocking; may be used from several threads.
class finished_archives {
  struct place {
    std::filesystem::path file;
    std::uint64_t offset = 0;
  };

 public:
  /// So many blobs are known; those that came first are forgotten for more.
  static constexpr std::size_t most_blobs = 4'096;

  /// Pieces of the blob as a journal has them.
  using pieces = std::vector<store::journal_record>;

  /// \p file has become what \p plan says.
  void add(const std::filesystem::path& file, const layout& plan);

  /// Blobs on their way from there.
  class copying {
   public:
    /// Copies a piece more to \p into. \returns the bytes copied so far, with the last of them the blob is verified; nothing when the
    /// archive is not as it was: then nothing that was written counts. Errors are those of writing.
    result<std::optional<std::uint64_t>> advance(const runtime::file& into);
    /// What was copied, as a journal has it.
    const pieces& made() const noexcept { return made_; }

   private:
    friend class finished_archives;
    copying(descriptor blob, std::uint64_t base, place from)
        : blob_(std::move(blob)), base_(base), from_(std::move(from)), hash_(blob_.digest.algorithm()) {}

    descriptor blob_;
    std::uint64_t base_;
    place from_;
    std::optional<runtime::file> source_;  ///< while it is being copied
    model::digester hash_;
    std::uint64_t done_ = 0;
    pieces made_;
  };
  /// \returns how \p blob gets to offset \p base of a file, if an archive had it
  std::optional<copying> copy(const descriptor& blob, std::uint64_t base) const;

 private:
  mutable std::mutex mutex_;
  std::map<digest, place> places_;
  std::deque<digest> order_;  ///< in which they came
};

}  // namespace gantry::archive
