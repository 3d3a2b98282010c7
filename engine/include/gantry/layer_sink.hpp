#pragma once

#include <gantry/descriptor.hpp>
#include <gantry/error.hpp>
#include <gantry/platform.hpp>
#include <gantry/reference.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace gantry {

/// An image whose layers are about to be handed over.
struct streamed_image {
  gantry::reference reference;     ///< what it is called
  descriptor manifest;             ///< this platform's
  platform image_platform;         ///< which platform this one is for
  std::string config;              ///< the configuration's bytes, verified; empty for an artifact without one
  std::vector<descriptor> layers;  ///< in manifest order, from the base upwards; one may stand there twice
};

/// Takes the layers of images into the caller's own code, see \ref layer_stream.
///
/// Order: \ref begin_image, then for each of its layers that has not been handed over before \ref begin_layer, \ref write as often as it
/// takes, then \ref end_layer. Where that is not reached, or fails, \ref abandon_layer takes its place; a \ref begin_layer that fails has
/// begun nothing. A layer is handed over when all of it has arrived and its digest was right; its bytes are hashed once more on their way,
/// so that a disk that damages them shows before \ref end_layer.
///
/// Threads: one call at a time, all on one thread that the engine keeps for this operation alone. A call may block for as long as it likes:
/// that is how a slow taker slows the operation down. With pull_options::no_cache what waits for it stays within the larger of 64 MiB and
/// the largest layer; else it waits in the store. The operation completes only after the call that is under way has returned, after a
/// cancellation as well. No call comes after the operation has completed.
///
/// Errors: what a call returns other than success ends the operation with that code. What it throws does too: with the code of a
/// boost::system::system_error, else with errc::sink_failed and the exception's text in the diagnostics.
class layer_sink {
 public:
  virtual ~layer_sink() = default;

  /// An image begins; its layers follow. \returns an error ends the operation with it
  virtual error_code begin_image(const streamed_image& image) = 0;
  /// \p layer its size is that of the bytes as the registry has them
  virtual error_code begin_layer(const descriptor& layer) = 0;
  /// The next bytes of the layer; at most 1 MiB, valid during the call.
  virtual error_code write(std::span<const std::byte> bytes) = 0;
  /// All of the layer has been written.
  virtual error_code end_layer() = 0;
  /// The layer that was begun will not be completed: the operation has failed or was cancelled, or a call before this one did. Must not
  /// throw.
  virtual void abandon_layer() noexcept = 0;
};

/// Verified layers into the caller's code, in the order of the manifests, each as soon as it is here and those before it were taken.
struct layer_stream {
  /// Lives at least until the operation has completed. Null is errc::invalid_option.
  std::shared_ptr<layer_sink> sink;
  /// Layers compressed with gzip or zstd are inflated on the way: the sink gets tar. false: the bytes as the registry has them.
  bool inflate = false;
};

}  // namespace gantry
