#pragma once

#include "archive/layout.hpp"
#include "archive/output_file.hpp"
#include "archive/writer.hpp"
#include "model/blob_source.hpp"

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>

namespace gantry::archive {

/// A plain archive file whose layout is known: blobs go to their places in any order, from several threads; \ref complete adds the rest.
/// The result has the bytes that \ref write_archive writes. Blocking.
class planned_file {
 public:
  planned_file(output_file file, layout plan);
  planned_file(const planned_file&) = delete;
  planned_file& operator=(const planned_file&) = delete;

  const layout& plan() const noexcept { return plan_; }
  output_file& output() noexcept { return output_; }
  const runtime::file& file() const noexcept { return output_.file(); }

  /// Where the content of a blob starts; nothing when the archive does not hold it.
  std::optional<std::uint64_t> place_of(const digest& blob) const;
  /// The content of \p blob stands in its place and is verified.
  void filled(const digest& blob) { slots_.at(blob).filled = true; }

  /// Copies \p blob from \p blobs to its place, unless it is \ref filled.
  /// \param sync whether the kernel is asked to write early
  result<void> fill(const descriptor& blob, model::blob_source& blobs, const std::function<void(std::uint64_t)>& moved,
                    const std::atomic<bool>& stop, bool sync);

  /// Fills what is missing from \p blobs, writes headers and documents, and gives the file its name. Only when nothing else runs.
  /// \returns the bytes of the archive
  result<std::uint64_t> complete(model::blob_source& blobs, const archive_progress_handler& progress, const std::atomic<bool>& stop,
                                 bool sync);

 private:
  struct slot {
    std::uint64_t offset = 0;
    std::atomic<bool> filled = false;
  };

  output_file output_;
  layout plan_;
  std::map<digest, slot> slots_;
};

}  // namespace gantry::archive
