#pragma once

#include "base/failure.hpp"
#include "jobs/export.hpp"
#include "runtime/file.hpp"
#include "store/content_store.hpp"

#include <filesystem>
#include <memory>

namespace gantry::jobs {

/// Where temporary files of some size belong: `$TMPDIR`, else `/var/tmp`, since /tmp may be memory.
std::filesystem::path temporary_directory();

/// A store for one operation, for formats that cannot be written without one. Its directory goes with the object; what an operation leaves
/// that was killed is removed by the next one that looks there. Blocking.
class throwaway_store {
 public:
  /// In a directory of its own beside the output, or in \ref temporary_directory for a stream.
  static result<std::unique_ptr<throwaway_store>> open(const output& where);
  throwaway_store(const throwaway_store&) = delete;
  throwaway_store& operator=(const throwaway_store&) = delete;
  ~throwaway_store();

  const std::shared_ptr<store::content_store>& store() const noexcept { return store_; }

 private:
  throwaway_store(std::filesystem::path root, runtime::file lock) : root_(std::move(root)), lock_(std::move(lock)) {}

  std::filesystem::path root_;
  runtime::file lock_;  ///< tells others that somebody is at work here
  std::shared_ptr<store::content_store> store_;
};

}  // namespace gantry::jobs
