#pragma once

#include "base/failure.hpp"
#include "registry/registry_client.hpp"
#include "runtime/stop.hpp"

#include <gantry/descriptor.hpp>
#include <gantry/reference.hpp>

#include <optional>
#include <string>

namespace gantry::registry {

/// HEAD /v2/<name>/manifests/<reference>: what a reference resolves to, for the price of a header. One attempt per place, in the order of
/// ask_sites.hpp. \returns nothing when the registry itself answers without a digest that can be used: get_manifest tells. errc::not_found
/// and the rest as get_manifest.
task<result<std::optional<descriptor>>> head_manifest(registry_client& from, reference image, runtime::stop_source& stop,
                                                      precedence whom = precedence::mirrors_first);

/// What a registry said of a manifest that it took.
struct stored_manifest {
  digest subject;  ///< `OCI-Subject`: it lists the manifest among the referrers of this one; empty when it did not say so
};

/// PUT /v2/<name>/manifests/<reference> (distribution-spec, "Pushing Manifests"). One attempt. \p image: where to, by tag, or by the digest
/// that \p bytes have. errc::digest_mismatch when the registry says that it has stored something else.
task<result<stored_manifest>> put_manifest(registry_client& to, reference image, descriptor manifest, std::string bytes,
                                           runtime::stop_source& stop);

/// DELETE /v2/<name>/manifests/<reference> (distribution-spec, "Deleting tags", "Deleting Manifests"). One attempt. By digest the manifest
/// goes and with it every tag that names it. errc::not_found; errc::unexpected_status, with a sentence that says what the registry cannot,
/// when it refuses to delete at all or by tag.
task<result<void>> delete_manifest(registry_client& from, reference image, runtime::stop_source& stop);

}  // namespace gantry::registry
