#pragma once

#include "outcome.hpp"

#include <gantry/network.hpp>
#include <gantry/platform.hpp>
#include <gantry/pull.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::app {

/// A whole number between \p least and \p most. \param option its name, for the message.
outcome<unsigned> parse_count(std::string_view option, std::string_view text, unsigned least, unsigned most);

/// `auto` (0) or 1..256 connections. \param option named in messages
outcome<unsigned> parse_jobs(std::string_view option, std::string_view text);

/// `90`, `90s`, `5m`, `1h30m`, `500ms`; a bare number counts seconds. Zero and more than a year are refused.
outcome<std::chrono::milliseconds> parse_duration(std::string_view option, std::string_view text);

/// `1500`, `500M`, `1.5GB`, `20GiB`: bytes, with k, M, G, T for powers of 1000 and Ki, Mi, Gi, Ti for powers of 1024.
outcome<std::uint64_t> parse_size(std::string_view option, std::string_view text);

/// Bytes per second: `500K`, `10M`, `1.5M`, `2G` or a bare number; K, M and G count 1024. At least 1 KiB, at most 1 TiB.
outcome<std::uint64_t> parse_rate(std::string_view option, std::string_view text);

/// A comma-separated list of `os/arch[/variant]`, without duplicates.
outcome<std::vector<platform>> parse_platforms(std::string_view text);

/// The same for `--arch`, where the operating system may be left out: `arm64`, `arm/v7`, `x86_64`.
outcome<std::vector<platform>> parse_architectures(std::string_view text);

/// What `--format` says: docker, oci, oci-dir or synology.
outcome<archive_format> parse_format(const std::string& text);

/// What `--attestations` says of itself in every command that has it.
inline constexpr const char* attestations_help =
    "Keep attestations with one platform: the archive names an index of both, which skopeo and podman take as OCI only on a machine of "
    "that platform";

/// Whether a format has a place for what `--attestations` asks for.
outcome<> check_attestations(bool wanted, archive_format format);

/// What messages call a registry that no option gave.
inline constexpr std::string_view registry_operand = "the registry";

/// What `--registry` says.
struct registry_word {
  std::string host;         ///< host and optional port, as in reference::registry
  std::string path;         ///< repository prefix without slashes at its ends; usually empty
  bool plain_http = false;  ///< the scheme http:// was written
  bool tls = false;         ///< the scheme https:// was written

  friend bool operator==(const registry_word&, const registry_word&) = default;
};

/// Reads `HOST[:PORT][/PATH]` with or without `http://` or `https://`. A path `v1` or `v2` behind a scheme is the API's and is left out.
/// User information, queries and fragments are refused. \param option named in messages; \ref registry_operand for a word of the command
outcome<registry_word> parse_registry(std::string_view text, std::string_view option = "--registry");

/// Whether a registry, `HOST[:PORT]`, is on this machine: `localhost`, names below it, and loopback addresses.
bool is_this_machine(std::string_view host);

/// What `--mirror` says: `HOST[:PORT][/PATH]=[http[s]://]HOST[:PORT][/PATH]`. User information and queries are refused.
outcome<mirror_setting> parse_mirror(std::string_view text);

}  // namespace gantry::app
