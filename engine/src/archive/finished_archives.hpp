#pragma once

#include "archive/layout.hpp"
#include "base/failure.hpp"
#include "runtime/file.hpp"
#include "store/journal.hpp"

#include <gantry/descriptor.hpp>
#include <gantry/digest.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

namespace gantry::archive {

/// The plain archives that were completed before, as places to copy blobs from: without a store nothing else has what several archives
/// share. They are their user's by now and may have been changed, so what is copied is hashed. Blocking; may be used from several threads.
class finished_archives {
 public:
  /// So many blobs are known; those that came first are forgotten for more.
  static constexpr std::size_t most_blobs = 4'096;

  /// Pieces of the blob as a journal has them.
  using pieces = std::vector<store::journal_record>;

  /// \p file has become what \p plan says.
  void add(const std::filesystem::path& file, const layout& plan);

  /// Copies \p blob to offset \p base of \p into. \returns its pieces; nothing when no archive has it, or none as it was: then nothing that
  /// was written counts. Errors are those of writing, and errc::cancelled with \p stop, which may be null
  result<std::optional<pieces>> copy(const descriptor& blob, const runtime::file& into, std::uint64_t base, const std::atomic<bool>* stop);

 private:
  struct place {
    std::filesystem::path file;
    std::uint64_t offset = 0;
  };
  std::optional<place> find(const digest& blob) const;

  mutable std::mutex mutex_;
  std::map<digest, place> places_;
  std::deque<digest> order_;  ///< in which they came
};

}  // namespace gantry::archive
