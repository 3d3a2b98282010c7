#pragma once

#include "model/manifest.hpp"

#include <gantry/descriptor.hpp>
#include <gantry/platform.hpp>

#include <string_view>
#include <vector>

namespace gantry::model {

/// Whether a machine of platform \p wanted runs \p candidate: older variants, 386 on amd64 and 32-bit arm on arm64 included
/// (containerd's `Only`). Not what chooses from an index, see \ref choose.
bool matches(const platform& wanted, const platform& candidate);

/// The same platform after normalisation (containerd's `OnlyStrict`).
bool matches_strictly(const platform& wanted, const platform& candidate);

/// The same operating system, whatever the architecture.
bool matches_os(const platform& wanted, const platform& candidate);

/// Whether Windows of version \p host runs a container of \p image ("10.0.20348.3091"; the fourth part does not matter): below build 20348
/// the builds must be equal, later ones run everything since the previous long-term release. An empty version runs with all.
bool windows_runs(std::string_view host, std::string_view image);

/// Build attestations that BuildKit stores beside the images: platform unknown/unknown, or the annotation vnd.docker.reference.type.
bool is_attestation(const descriptor& entry);

/// The digest of the manifest that an attestation describes, from its annotation vnd.docker.reference.digest; empty when there is none.
digest attested(const descriptor& entry);

/// The entry of \p from that fits \p wanted best: the same operating system and architecture, never another one; the variant that was asked
/// for, then older ones from the newest down, then one that names no variant. Satisfied os.features and, for Windows, the newest version
/// that still runs come first. Of equals the first listed. Attestations and entries without platform are never chosen. \returns null when
/// none fits. Valid as long as \p from.
const descriptor* choose(const index& from, const platform& wanted);

/// The platforms there are, normalised, in the order of the index, each once, attestations left out.
std::vector<platform> platforms_of(const index& from);

/// Entries that name no platform; only their configuration tells what they run on. Valid as long as \p from.
std::vector<const descriptor*> without_platform(const index& from);

}  // namespace gantry::model
