#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace gantry::test {

/// The images that the integration tests pull, in the storage of a docker-registry. They are made once per build tree (some hundred MB,
/// a few seconds) and shared by all tests and processes; registries started on it must not be written to.
///
/// | name | what |
/// | --- | --- |
/// | team/large:1.0 | OCI, five layers, some hundred MB of real files of this machine |
/// | team/multi:1.0 | OCI index: linux/amd64, linux/arm64, linux/arm/v7, attestation |
/// | team/classic:1.0 | Docker media types, three layers |
/// | team/classic-list:1.0 | Docker manifest list: linux/amd64, linux/arm64 |
/// | team/artifact:1.0 | a manifest that is no container image |
std::filesystem::path shelf();

/// The least that the layers of team/large take.
constexpr std::uint64_t large_bytes = 300'000'000;

}  // namespace gantry::test
