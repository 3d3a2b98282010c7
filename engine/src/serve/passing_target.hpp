#pragma once

#include "base/failure.hpp"
#include "model/blob_source.hpp"
#include "runtime/file.hpp"
#include "store/blob_target.hpp"

#include <filesystem>
#include <memory>

namespace gantry::serve {

/// Whether \p why says that the store cannot take what is fetched, so that it has to pass. A disk that fails or is away is another matter.
bool cannot_keep(const failure& why);

/// Where one blob arrives that the store cannot keep: a temporary file without a name, which goes with its last reader. Readers may use it
/// while it arrives (\ref data) and afterwards (\ref stored).
class passing_target final : public store::blob_target {
 public:
  /// \param directory where the temporary file is
  explicit passing_target(std::filesystem::path directory) : directory_(std::move(directory)) {}

  result<store::claim_attempt> claim(const descriptor& blob) override;
  /// A second one begins anew; who reads the first goes on with it. errc::no_space when the blob does not fit here either.
  result<std::unique_ptr<store::blob_part>> begin(const descriptor& blob, store::ingest_options options) override;

  /// What \ref begin last opened; null before. Not while begin() runs.
  std::shared_ptr<const runtime::file> data() const noexcept { return data_; }
  /// The blob, once its part was committed; null before.
  std::shared_ptr<model::blob_reader> stored(const descriptor& blob) const;

 private:
  class part;
  class reader;

  std::filesystem::path directory_;
  std::shared_ptr<const runtime::file> data_;
};

}  // namespace gantry::serve
