#pragma once

#include <gantry/options.hpp>

#include "http/client.hpp"
#include "http/routes.hpp"
#include "net/connector.hpp"

#include <cstddef>

namespace gantry::facade {

// What the options of an engine mean for its parts.

/// One per blob that is being hashed from the page cache, and a few that wait for a core; more blobs than that wait for their turn.
std::size_t hash_buffers_of(std::size_t cores);

/// Connections in total.
unsigned jobs_of(const engine_options& options);
/// Connections to one registry.
unsigned per_host_of(const engine_options& options);

/// Blocks for those who hash and write while their connections go on. Few connections have use for two each, many wait for the same disk.
std::size_t spare_buffers_of(std::size_t jobs);
/// A block for what each connection receives, and the spare ones.
std::size_t buffers_of(std::size_t jobs);

net::connect_limits connect_limits_of(const engine_options& options);
http::exchange_limits exchange_limits_of(const engine_options& options);

/// How origins are reached as far as the options tell: what is insecure is so for the registry that was named, on the port that was named.
http::routes routes_of(const engine_options& options);

}  // namespace gantry::facade
