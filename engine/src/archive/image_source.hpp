#pragma once

#include "archive/file_set.hpp"
#include "archive/layout.hpp"
#include "base/failure.hpp"
#include "model/blob_source.hpp"

#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::archive {

/// One image that a file or directory holds.
struct source_image {
  /// Ready for plan_docker and its like; `names` are those that the source gives, empty when it gives none.
  archived_image content;
  /// Names of the source that are tags alone (`org.opencontainers.image.ref.name` of OCI layouts), e.g. "latest".
  std::vector<std::string> tags;
};

/// What somebody else's file or directory holds: images, and the blobs that they are made of. Blobs are opened by digest and size; their
/// bytes are not verified by opening them, so whoever moves them hashes them (write_archive does, since readers have no native handle).
///
/// Manifests are read and verified when the source is opened. Configs and layers may be missing, see \ref holds.
class image_source final : public model::blob_source {
 public:
  /// Reads the documents of \p files: an OCI image layout, or docker's manifest.json, which is turned into manifests of the image-spec that
  /// are equal for equal images.
  /// \param files the archive; shared with the readers that are opened
  /// \param elsewhere asked for blobs that \p files lacks; may be null; must outlive the source
  /// \param name of the source in messages, e.g. its path
  /// \returns errc::unsupported_document when it is no image archive, errc::malformed_document, errc::limit_exceeded,
  /// errc::digest_mismatch, errc::not_found
  static result<std::unique_ptr<image_source>> read(std::shared_ptr<file_set> files, model::blob_source* elsewhere,
                                                    const std::string& name);

  const std::vector<source_image>& images() const noexcept { return images_; }

  /// Whether the blob is here or elsewhere, in this size.
  bool holds(const descriptor& blob);

  result<std::unique_ptr<model::blob_reader>> open(const descriptor& blob) override;

 private:
  image_source(std::shared_ptr<file_set> files, model::blob_source* elsewhere) : files_(std::move(files)), elsewhere_(elsewhere) {}

  result<void> read_layout(std::string_view index);
  result<void> read_docker(std::string_view manifest);
  result<void> add_docker_names(std::string_view manifest);

  std::shared_ptr<file_set> files_;
  model::blob_source* elsewhere_;
  std::map<digest, std::string> made_;      ///< documents that the source does not have as such
  std::map<digest, std::string> named_as_;  ///< files whose name is not that of a blob
  std::vector<source_image> images_;
};

/// Opens \p path, a plain tar or a directory, as a source of images. Parameters and errors as image_source::read, and what opening fails
/// with.
result<std::unique_ptr<image_source>> open_image_source(const std::filesystem::path& path, model::blob_source* elsewhere,
                                                        const std::atomic<bool>& stop);

}  // namespace gantry::archive
