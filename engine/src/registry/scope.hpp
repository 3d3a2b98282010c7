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

}  // namespace gantry::registry
