#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gantry::registry {

/// `repository:<name>:<actions>` with the actions sorted and unique; `*` swallows the others. Empty without actions.
std::string repository_scope(std::string_view repository, std::vector<std::string> actions);

/// Brings a list of scopes to one form, so that equal wishes are equal keys: sorted, one entry per resource with the union of its actions,
/// resources without actions dropped, what is no scope kept as it is.
std::vector<std::string> clean_scopes(const std::vector<std::string>& scopes);

/// Splits a scope parameter, which may hold several scopes separated by blanks, and cleans it.
std::vector<std::string> parse_scopes(std::string_view parameter);

/// The scope to ask a token for: what the challenge names, with the rights that the request needs for the same resources; resources that
/// the request needs besides (the source of a mount) are added. A challenge that names other resources alone has the last word: the
/// registry knows them by other names.
std::string join_scopes(std::string_view needed, std::string_view challenged);

}  // namespace gantry::registry
