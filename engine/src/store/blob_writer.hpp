#pragma once

#include "base/failure.hpp"
#include "model/digester.hpp"
#include "runtime/file.hpp"
#include "store/paths.hpp"

#include <gantry/digest.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>

namespace gantry::store {

/// How the files begin that a \ref blob_writer fills in ingest/.
inline constexpr std::string_view incoming_prefix = "incoming.";

/// A blob on its way into the store from front to back, such as the member of an archive, whose digest may be known only at its end. Made
/// by content_store::write_blob. Needs no lock and cannot be resumed: a lock on its file tells others that it is still written. Without
/// \ref commit it is removed by the destructor. Blocking.
class blob_writer {
 public:
  /// Whether \p path names such a file.
  static bool is_incoming(const std::filesystem::path& path);
  /// Whether \p path is such a file whose writer is no more, or has not come to lock it yet. false where there are no locks, or no right to
  /// look. Blocking.
  static bool is_abandoned(const std::filesystem::path& path);
  /// Removes the file \p path of that kind. \returns false, and it stays, when its writer is at work. A writer that has not come to lock it
  /// yet begins another. Blocking.
  static result<bool> remove_unless_written(const std::filesystem::path& path);

  blob_writer(const blob_writer&) = delete;
  blob_writer& operator=(const blob_writer&) = delete;
  ~blob_writer();

  result<void> write(std::span<const std::byte> bytes);

  std::uint64_t size() const noexcept { return size_; }

  /// Makes what was written part of the store, under the digest that it hashes to, which is returned.
  /// \param expected when not empty, another digest is errc::digest_mismatch, and nothing is stored
  /// \returns errc::storage_error when the store, or what was written, is not there any more
  result<digest> commit(const digest& expected = {});

  /// Whether \ref commit gave the store a blob that it did not have, not even damaged.
  bool added() const noexcept { return added_; }

 private:
  friend class content_store;
  /// A new file in \p directory that is this process's.
  static result<runtime::file> claim_file(const std::filesystem::path& directory);
  blob_writer(runtime::file opened, paths where, digest_algorithm algorithm, bool sync)
      : file_(std::move(opened)), path_(file_.path()), where_(std::move(where)), hash_(algorithm), sync_(sync) {}
  result<void> publish(const digest& name);

  runtime::file file_;
  std::filesystem::path path_;  ///< of the file while it is written; empty once it has its final name
  paths where_;
  model::digester hash_;
  std::uint64_t size_ = 0;
  std::uint64_t written_back_ = 0;
  bool sync_;
  bool added_ = false;
};

}  // namespace gantry::store
