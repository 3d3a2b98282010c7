#include "model/tag_selection.hpp"

#include "base/redact.hpp"
#include "model/tag_pattern.hpp"
#include "model/version.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <regex>
#include <utility>

namespace gantry::model {
namespace {

// The matcher of the standard library recurses per character.
constexpr std::size_t longest_matched = 128;

result<void> keep_matching(std::vector<std::string>& tags, const std::string& expression) {
  if (const auto pattern = tag_pattern::compile(expression)) {
    std::erase_if(tags, [&](const std::string& tag) { return tag.size() > longest_matched || !pattern->matches(tag); });
    return {};
  }
  // Look-ahead and back references, at the cost that they have: who writes them answers for it.
  try {
    const std::regex pattern(expression, std::regex::ECMAScript | std::regex::optimize);
    std::erase_if(tags, [&](const std::string& tag) { return tag.size() > longest_matched || !std::regex_match(tag, pattern); });
  } catch (const std::regex_error&) {
    return failure(errc::invalid_option, fmt::format("'{}' is no regular expression that can be used", clean_text(expression)));
  }
  return {};
}

result<void> keep_versions(std::vector<std::string>& tags, std::string_view text) {
  const auto constraint = version_constraint::parse(text);
  if (!constraint) return constraint.error();
  std::vector<std::pair<version, std::string>> versions;
  for (std::string& tag : tags) {
    auto value = version::parse(tag);
    if (value && constraint->admits(*value)) versions.emplace_back(std::move(*value), std::move(tag));
  }
  // Equal versions, `1.2` and `v1.2.0`: the one that says more first.
  std::sort(versions.begin(), versions.end(), [](const auto& a, const auto& b) {
    if (const auto order = compare(a.first, b.first); order != 0) return order > 0;
    if (a.first.numbers != b.first.numbers) return a.first.numbers > b.first.numbers;
    return natural_compare(a.second, b.second) < 0;
  });
  tags.clear();
  for (auto& one : versions) tags.push_back(std::move(one.second));
  return {};
}

}  // namespace

result<std::vector<std::string>> select_tags(std::vector<std::string> tags, const tag_filter& filter) {
  if (!filter.regex.empty()) {
    if (auto matched = keep_matching(tags, filter.regex); !matched) return matched.error();
  }
  if (filter.semver) {
    if (auto ordered = keep_versions(tags, *filter.semver); !ordered) return ordered.error();
  } else if (filter.latest != 0) {
    std::sort(tags.begin(), tags.end(), [](const std::string& a, const std::string& b) { return natural_compare(a, b) > 0; });
  }
  if (filter.latest != 0 && tags.size() > filter.latest) tags.resize(filter.latest);
  return tags;
}

}  // namespace gantry::model
