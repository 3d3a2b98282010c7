#pragma once

#include <gantry/descriptor.hpp>
#include <gantry/layer_sink.hpp>
#include <gantry/options.hpp>
#include <gantry/platform.hpp>
#include <gantry/reference.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <variant>
#include <vector>

namespace gantry {

/// What an archive is written as.
enum class archive_format {
  docker,    ///< OCI layout with docker's manifest.json; loads in docker, podman, containerd and skopeo
  oci,       ///< OCI image layout in a tar
  oci_dir,   ///< OCI image layout as a directory; files only, without gzip
  synology,  ///< what docker before 25 wrote, layers uncompressed: for old engines and Synology's DSM; one platform an image
};

/// An archive file, created as `.NAME.gantry-part` and renamed when it is complete. An existing file is replaced; with
/// archive_format::oci_dir an existing OCI image layout is, as a whole.
struct archive_file {
  std::string path;                                ///< native encoding (bytes)
  archive_format format = archive_format::docker;  ///< layout of the archive
  bool gzip = false;                               ///< the whole archive is compressed; not with archive_format::oci_dir
};

/// An archive written to a descriptor that the caller owns, e.g. standard output. Its flags are not changed.
struct archive_stream {
  int descriptor = -1;                             ///< open for writing, blocking or not; it stays the caller's and open
  archive_format format = archive_format::docker;  ///< layout of the archive; not archive_format::oci_dir
  bool gzip = false;                               ///< the whole archive is compressed
};

/// Into the store only.
struct store_only {};

/// Settings of one pull.
struct pull_options : operation_options {
  std::variant<store_only, archive_file, archive_stream, layer_stream> output;  ///< where the images go; by default into the store alone

  /// Platforms to fetch, each of which must exist. Empty: \ref platform::host.
  std::vector<platform> platforms;
  /// Every platform of an index, attestations included; \ref platforms must be empty. Offline: every platform that is held.
  bool all_platforms = false;

  /// Layers compressed with zstd go into the archive as gzip, for engines that know nothing else. Changes the manifest's digest, not the
  /// image ID. The format synology inflates all layers anyway.
  bool recompress = false;

  /// An archive of one platform names an index made of the manifest and the attestations that describe it, so that whoever takes the image
  /// out of the archive has both; without attestations, as without this option, it names the manifest. skopeo and podman take an OCI
  /// archive with an index only on a machine of that platform. For archives alone; errc::invalid_option with archive_format::synology.
  bool attestations = false;

  /// Nothing but the store is asked; what is not there completely is errc::not_found.
  bool offline = false;

  /// What the image is called in the archive, in the store and in the result, in place of the name that it is fetched by. A tag without a
  /// digest, for one image only. Empty: that name.
  reference name;

  /// What the receiver of the archive has already (paths, native encoding (bytes)): archives, directories, texts with one digest a line, or
  /// the output of `gantry list --json`. Layers in there are neither fetched nor written; async_extract completes such an archive out of
  /// the receiver's store. An image of which a part was not fetched gets no name in our own store. For archives alone.
  std::vector<std::string> have;

  /// Whether the store is left out: nothing is read from it or written to it. Not for \ref store_only. An archive of known layout (a plain
  /// file) is filled in place and can be resumed by the next pull to that name; all else passes through temporary files, a layer at a time.
  bool no_cache = false;
};

/// One image of one platform.
struct pulled_image {
  gantry::reference reference;  ///< its name; pull_options::name where that is given
  descriptor top;               ///< what the reference resolved to
  descriptor manifest;          ///< this platform's manifest; equal to \ref top when there is no index
  descriptor config;            ///< its digest is the image ID
  platform image_platform;      ///< which platform this one is for
};

/// What a pull did.
struct pull_result {
  std::vector<pulled_image> images;     ///< one for each name and platform
  std::size_t blobs = 0;                ///< distinct configs and layers of all images
  std::uint64_t bytes = 0;              ///< of these
  std::size_t blobs_reused = 0;         ///< of these, already in the store
  std::uint64_t bytes_reused = 0;       ///< of these
  std::size_t layers = 0;               ///< of the blobs, those that are no configs
  std::size_t layers_reused = 0;        ///< of these, already in the store
  std::uint64_t bytes_resumed = 0;      ///< kept from an earlier, interrupted run
  std::uint64_t bytes_received = 0;     ///< blob bytes that came over the network, repeated ones included
  std::uint64_t archive_size = 0;       ///< bytes of the archive or handed to a layer_sink, 0 when there is neither
  std::uint64_t store_size = 0;         ///< bytes of all blobs in the store afterwards
  std::chrono::milliseconds elapsed{};  ///< from the start of the operation to its end
};

}  // namespace gantry
