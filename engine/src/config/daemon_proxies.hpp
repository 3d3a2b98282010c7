#pragma once

#include "base/failure.hpp"

#include <gantry/network.hpp>

#include <string>
#include <string_view>

namespace gantry::config {

/// The member `proxies` of docker's daemon.json (`http-proxy`, `https-proxy`, `no-proxy`): how this machine's docker reaches registries.
/// Its namesake in docker's config.json is for containers and says nothing about registries. \param name of the file, for messages \returns
/// errc::invalid_option for what is no daemon.json
result<proxy_settings> read_daemon_proxies(std::string_view text, const std::string& name);

/// \p said, each part of it that says nothing taken from \p more.
proxy_settings completed(proxy_settings said, const proxy_settings& more);

}  // namespace gantry::config
