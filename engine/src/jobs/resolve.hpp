#pragma once

#include "base/failure.hpp"
#include "model/image_config.hpp"
#include "model/index_words.hpp"
#include "model/manifest.hpp"
#include "store/document_store.hpp"
#include "transfer/context.hpp"

#include <gantry/descriptor.hpp>
#include <gantry/platform.hpp>
#include <gantry/reference.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace gantry::jobs {

using runtime::task;

/// Which manifests of an index are wanted.
struct platform_choice {
  std::vector<platform> platforms;  ///< each must be there; empty: this machine's
  bool all = false;                 ///< everything that the index names
  bool opaque = false;              ///< with \ref all: what an index names and is no manifest is no error
  bool nameless = false;            ///< with \ref all: no configuration is fetched just to know what an image runs on
};

/// One manifest that will be fetched completely; its bytes are among the documents.
struct resolved_manifest {
  descriptor entry;  ///< as its index names it, or the top itself
  model::manifest content;
  gantry::platform image_platform;  ///< of the index entry or the config; empty fields for what is no image
  bool attestation = false;
};

/// What a reference came to; all are among the documents.
struct resolved_image {
  reference name;      ///< where it is fetched from
  reference known_as;  ///< what it is called from here on; mostly the same
  descriptor top;
  std::vector<descriptor> indexes;  ///< top first; only when everything that they name is among \ref manifests
  std::vector<resolved_manifest> manifests;
  std::vector<descriptor> opaque;               ///< what the indexes name beside them: of other media types, see platform_choice::opaque
  std::shared_ptr<model::index_words> words{};  ///< of the top, when that is an index
  reference stored_as{};                        ///< the name of the record that led here; empty when the registry was asked
};

/// Turns a name into manifests: asks the registry once for a tag, and goes by digest from there, through \ref store::document_store where
/// that has the bytes.
class resolver {
 public:
  /// All arguments must outlive the resolver.
  /// \param on_new_content called when a registry has named content that the store does not have under this name, before the rest is
  /// resolved; may be empty
  /// \param offline whether only the store is asked, and only platforms that it holds completely count
  resolver(transfer::context& shared, transfer::operation& running, std::shared_ptr<store::document_store> store,
           std::function<void(const reference&)> on_new_content = {}, bool offline = false)
      : shared_(shared), running_(running), store_(std::move(store)), on_new_content_(std::move(on_new_content)), offline_(offline) {}

  /// errc::not_found; errc::platform_not_found names the platforms there are; errc::malformed_document, unsupported_document,
  /// limit_exceeded for what the registry served.
  task<result<resolved_image>> resolve(reference image, platform_choice choice);

  /// The bytes of a configuration, through the documents at hand.
  task<result<std::string>> read_config(reference image, descriptor config) {
    return fetch_small_blob(std::move(image), std::move(config));
  }

  /// Configurations that had to be fetched to learn what a manifest runs on; at hand now, though not from an earlier run.
  const std::set<digest>& fetched() const noexcept { return fetched_; }

 private:
  struct served {
    descriptor top;
    std::string bytes;
  };
  task<result<served>> fetch_top(reference image);
  /// Whether the tag leads where it led before, asked by HEAD where a GET would be counted; false also when nobody knows.
  task<bool> is_still(reference image, descriptor known);
  task<result<std::string>> fetch_document(reference image, descriptor entry);
  task<result<std::string>> fetch_small_blob(reference image, descriptor blob);
  task<result<void>> keep(descriptor entry, std::string bytes);
  task<result<model::manifest>> fetch_manifest(reference image, descriptor entry);
  task<result<void>> flatten(resolved_image& found, model::index& leaves, std::vector<descriptor>& indexes, std::vector<descriptor> entries,
                             unsigned depth);
  task<result<void>> name_platforms(reference image, model::index& leaves);
  task<result<gantry::platform>> platform_of(reference image, const model::manifest& manifest);
  task<result<resolved_image>> resolve_single(resolved_image found, model::manifest content, platform_choice choice);
  task<result<resolved_image>> resolve_index(resolved_image found, model::index content, platform_choice choice);

  transfer::context& shared_;
  transfer::operation& running_;
  std::shared_ptr<store::document_store> store_;
  std::function<void(const reference&)> on_new_content_;
  bool offline_;
  std::set<digest> held_;  ///< manifests that the store holds completely of the image that is being resolved; offline only
  std::set<digest> fetched_;
};

}  // namespace gantry::jobs
