#pragma once

#include "archive/docker_archive.hpp"
#include "archive/file_set.hpp"
#include "archive/layout.hpp"
#include "base/failure.hpp"
#include "model/blob_source.hpp"
#include "store/content_store.hpp"

#include <gantry/archive_input.hpp>

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
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
  /// \param elsewhere asked for configs and layers that \p files lacks; may be null; must outlive the source
  /// \param name of the source in messages, e.g. its path
  /// \param stop must outlive the call, which may hash all layers \param hashing called before each of these
  /// \returns errc::cancelled, errc::unsupported_document when it is no image archive, errc::malformed_document, errc::limit_exceeded,
  /// errc::digest_mismatch, errc::not_found
  static result<std::unique_ptr<image_source>> read(std::shared_ptr<file_set> files, model::blob_source* elsewhere, const std::string& name,
                                                    const std::atomic<bool>& stop, const hashing_handler& hashing = {});

  /// Leaves but the image that archive_member::image means, and of its names those that the word means, if it means any. errc::not_found;
  /// errc::invalid_option when it means several.
  result<void> keep_only(const std::string& image);

  const std::vector<source_image>& images() const noexcept { return images_; }

  /// Inflates those compressed layers of \p images that no manifest names here, each once, and compares what comes out with their configs:
  /// nothing else says that the two belong together, and a damaged layer would get a digest of its own. Layers of other images have theirs
  /// from a manifest, and are left alone. Blocking and long; for who sends layers on without looking into them. \returns
  /// errc::digest_mismatch, errc::malformed_document, errc::limit_exceeded, errc::cancelled
  result<void> check_layers(const std::vector<archived_image>& images, const std::atomic<bool>& stop);

  /// Whether the blob is here or elsewhere, in this size.
  bool holds(const descriptor& blob);

  /// Whether opening the source has put this blob into a store.
  bool took(const digest& blob) const;

  result<std::unique_ptr<model::blob_reader>> open(const descriptor& blob) override;

 private:
  std::string path_of(const digest& blob) const;
  explicit image_source(std::shared_ptr<file_set> files) : files_(std::move(files)) {}

  result<void> read_layout(std::string_view index);
  result<void> read_docker(std::string_view manifest, const std::atomic<bool>& stop, const hashing_handler& hashing);
  result<void> add_docker_names(std::string_view manifest);

  std::shared_ptr<file_set> files_;
  model::blob_source* elsewhere_ = nullptr;
  std::map<digest, std::string> made_;      ///< documents that the source does not have as such
  std::map<digest, std::string> named_as_;  ///< files whose name is not that of a blob
  /// What configs say of compressed layers of images whose manifests were made here; more than one digest cannot be right.
  std::map<digest, std::set<digest>> unproven_;
  std::vector<source_image> images_;
};

struct source_options {
  /// Asked for configs and layers that the source lacks; may be null. Must outlive the source.
  model::blob_source* elsewhere = nullptr;
  /// Where what can only be read once, compressed archives and descriptors, is kept meanwhile: in an unnamed file of this directory...
  std::filesystem::path spool_directory{};
  /// ... or, when there is one, in the store, see take_in.
  std::shared_ptr<store::content_store> into{};
  /// Gets the digests of the blobs that this gave to \ref into, also when it fails; may be null. Must outlive the call.
  std::set<digest>* added = nullptr;
  /// Told what is done where opening takes long for another reason than that: once, on the thread of the call. May be empty.
  std::function<void(const std::string& what)> tell{};
};

/// Opens a plain tar, a tar compressed with gzip or zstd, or a directory as a source of images. Plain files and directories are read where
/// they lie. Blocking, for long where the archive must be read as a whole. Of an archive_member one image is there.
/// \param stop must outlive the call
/// \returns errors as image_source::read, errc::file_not_found, errc::cancelled, and what keeping the content fails with
result<std::unique_ptr<image_source>> open_image_source(const archive_input& where, const source_options& options,
                                                        const std::atomic<bool>& stop);

/// What messages call \p where.
std::string source_name(const archive_input& where);

/// \p why with the name of the source in front, when it is about what the source holds and does not name it.
failure of_source(const std::string& name, failure why);

}  // namespace gantry::archive
