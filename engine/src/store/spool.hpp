#pragma once

#include "model/blob_source.hpp"
#include "runtime/arrivals.hpp"
#include "runtime/file.hpp"
#include "store/blob_target.hpp"

#include <filesystem>
#include <functional>
#include <memory>

namespace gantry::store {

/// Blobs on their way through: each is fetched into a temporary file without a name, verified, read once, and gone (DESIGN section 5,
/// "`-o -`"). \ref open waits for a blob that is not here yet and so belongs on lane::apart.
class spool final : public blob_target, public model::blob_source {
 public:
  /// \param directory where the temporary files are
  /// \param read called on the reading thread when a blob has been read and its file is gone
  /// \param pointless see arrivals::take
  spool(std::filesystem::path directory, std::function<void(const descriptor&)> read, std::function<bool()> pointless = {})
      : directory_(std::move(directory)), arrived_(std::make_shared<board>()), read_(std::move(read)), pointless_(std::move(pointless)) {}

  /// Nothing more will come: a reader who waits gets errc::cancelled.
  void close() { arrived_->close(); }

  result<claim_attempt> claim(const descriptor& blob) override;
  result<std::unique_ptr<blob_part>> begin(const descriptor& blob, ingest_options options) override;
  /// Once for each blob.
  result<std::unique_ptr<model::blob_reader>> open(const descriptor& blob) override;

 private:
  class part;
  class reader;
  using board = runtime::arrivals<digest, runtime::file>;

  std::filesystem::path directory_;
  std::shared_ptr<board> arrived_;
  std::function<void(const descriptor&)> read_;
  std::function<bool()> pointless_;
};

}  // namespace gantry::store
