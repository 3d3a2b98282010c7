#include "model/version.hpp"

#include "base/ascii.hpp"
#include "base/redact.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

namespace gantry::model {
namespace {

bool is_identifier_char(char c) noexcept { return is_digit(c) || is_lower(c) || is_upper(c) || c == '-'; }

bool is_number(std::string_view text) noexcept { return !text.empty() && std::all_of(text.begin(), text.end(), is_digit); }

/// Dot-separated identifiers. Numbers in pre-releases have no leading zeros (section 9), those in build data may (section 10).
bool are_identifiers(std::string_view text, bool zeros_allowed) noexcept {
  for (;;) {
    const std::size_t dot = text.find('.');
    const std::string_view one = text.substr(0, dot);
    if (one.empty() || !std::all_of(one.begin(), one.end(), is_identifier_char)) return false;
    if (!zeros_allowed && is_number(one) && one.size() > 1 && one.front() == '0') return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

std::optional<std::uint64_t> take_number(std::string_view& text) noexcept {
  std::size_t length = 0;
  while (length < text.size() && is_digit(text[length])) ++length;
  if (length == 0 || (length > 1 && text.front() == '0')) return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + length, value);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(length);
  return value;
}

std::strong_ordering compare_identifiers(std::string_view a, std::string_view b) noexcept {
  const bool a_number = is_number(a);
  const bool b_number = is_number(b);
  if (a_number != b_number) return a_number ? std::strong_ordering::less : std::strong_ordering::greater;
  if (a_number && a.size() != b.size()) return a.size() <=> b.size();
  return a.compare(b) <=> 0;
}

std::strong_ordering compare_prereleases(std::string_view a, std::string_view b) noexcept {
  if (a.empty() || b.empty()) return a.empty() <=> b.empty();  // a release comes after its pre-releases
  for (;;) {
    const std::size_t a_dot = a.find('.');
    const std::size_t b_dot = b.find('.');
    if (const auto order = compare_identifiers(a.substr(0, a_dot), b.substr(0, b_dot)); order != 0) return order;
    const bool a_ends = a_dot == std::string_view::npos;
    const bool b_ends = b_dot == std::string_view::npos;
    if (a_ends || b_ends) return b_ends <=> a_ends;  // more identifiers come later
    a.remove_prefix(a_dot + 1);
    b.remove_prefix(b_dot + 1);
  }
}

bool same_numbers(const version& a, const version& b) noexcept { return a.major == b.major && a.minor == b.minor && a.patch == b.patch; }

/// The first version behind all that begin with the first \p numbers of \p value; \p overflow when there is none.
version after(const version& value, unsigned numbers, bool& overflow) {
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  version next;
  next.major = value.major;
  if (numbers == 1) {
    overflow = value.major == most;
    ++next.major;
    return next;
  }
  next.minor = value.minor;
  if (numbers == 2) {
    overflow = value.minor == most;
    ++next.minor;
    return next;
  }
  next.patch = value.patch;
  overflow = value.patch == most;
  ++next.patch;
  return next;
}

}  // namespace

std::optional<version> version::parse(std::string_view text) {
  if (text.starts_with('v')) text.remove_prefix(1);
  version value;
  std::uint64_t* const parts[] = {&value.major, &value.minor, &value.patch};
  value.numbers = 0;
  for (std::uint64_t* const part : parts) {
    if (value.numbers > 0) {
      if (!text.starts_with('.')) break;
      text.remove_prefix(1);
    }
    const auto number = take_number(text);
    if (!number) return std::nullopt;
    *part = *number;
    ++value.numbers;
  }
  if (text.starts_with('-')) {
    const std::size_t plus = text.find('+');
    value.prerelease = text.substr(1, plus == std::string_view::npos ? plus : plus - 1);
    if (!are_identifiers(value.prerelease, false)) return std::nullopt;
    text.remove_prefix(plus == std::string_view::npos ? text.size() : plus);
  }
  if (text.starts_with('+')) {
    value.build = text.substr(1);
    if (!are_identifiers(value.build, true)) return std::nullopt;
    text = {};
  }
  if (!text.empty()) return std::nullopt;
  return value;
}

std::strong_ordering compare(const version& a, const version& b) noexcept {
  if (const auto order = a.major <=> b.major; order != 0) return order;
  if (const auto order = a.minor <=> b.minor; order != 0) return order;
  if (const auto order = a.patch <=> b.patch; order != 0) return order;
  return compare_prereleases(a.prerelease, b.prerelease);
}

result<version_constraint> version_constraint::parse(std::string_view text) {
  version_constraint made;
  for (;;) {
    const std::size_t bar = text.find("||");
    std::string_view one = text.substr(0, bar);
    alternative all;
    for (;;) {
      const std::size_t begin = one.find_first_not_of(" ,\t");
      if (begin == std::string_view::npos) break;
      one.remove_prefix(begin);
      // An operator may stand apart from its version: `>= 1.2`.
      std::size_t end = one.find_first_not_of("<>=!~^");
      if (end == std::string_view::npos) end = one.size();
      end = one.find_first_not_of(" \t", end);
      end = end == std::string_view::npos ? one.size() : one.find_first_of(" ,\t", end);
      if (auto read_word = read(one.substr(0, end), all); !read_word) return read_word.error();
      one.remove_prefix(std::min(end, one.size()));
    }
    made.alternatives_.push_back(std::move(all));
    if (bar == std::string_view::npos) return made;
    text.remove_prefix(bar + 2);
  }
}

result<void> version_constraint::read(std::string_view word, alternative& into) {
  const auto wrong = [&] {
    return failure(errc::invalid_option,
                   fmt::format("'{}' is no version comparison such as >=1.2, ^1.4, ~1.25.3 or 1.x", clean_text(word)));
  };
  std::size_t split = word.find_first_not_of("<>=!~^");
  if (split == std::string_view::npos) return wrong();
  const std::string_view sign = word.substr(0, split);
  std::string_view text = word.substr(split);
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);

  bool open = false;  // ends in a wildcard
  std::string_view bare = text.starts_with('v') ? text.substr(1) : text;
  if (bare == "*" || bare == "x" || bare == "X") {
    if (!sign.empty() && sign != "=") return wrong();
    return {};
  }
  for (const std::string_view wildcard : {".*.*", ".x.x", ".X.X", ".*", ".x", ".X"}) {
    if (!text.ends_with(wildcard)) continue;
    text.remove_suffix(wildcard.size());
    open = true;
    break;
  }
  const auto bound = version::parse(text);
  if (!bound) return wrong();
  if (open && (bound->numbers == 3 || !bound->prerelease.empty())) return wrong();

  const auto between = [&](const version& first, unsigned numbers) {
    bool overflow = false;
    const version end = after(first, numbers, overflow);
    into.push_back({comparison::greater_equal, first});
    if (!overflow) into.push_back({comparison::less, end});
  };
  const bool partial = bound->numbers < 3 && bound->prerelease.empty();
  if (sign.empty() || sign == "=" || sign == "==") {
    if (partial) {
      between(*bound, bound->numbers);
    } else {
      into.push_back({comparison::equal, *bound});
    }
  } else if (sign == "~") {
    between(*bound, std::min(bound->numbers, 2U));
  } else if (sign == "^") {
    unsigned fixed = 1;
    if (bound->major == 0 && bound->numbers > 1) fixed = bound->minor == 0 && bound->numbers > 2 ? 3 : 2;
    between(*bound, fixed);
  } else if (open) {
    return wrong();
  } else if (sign == "!=") {
    into.push_back({comparison::unequal, *bound});
  } else if (sign == "<") {
    into.push_back({comparison::less, *bound});
  } else if (sign == ">=") {
    into.push_back({comparison::greater_equal, *bound});
  } else if (sign == "<=" || sign == ">") {
    // `<=1.2` has 1.2.7 in it, `>1.2` has not.
    bool overflow = false;
    const version end = after(*bound, bound->numbers, overflow);
    const bool upper = sign == "<=";
    if (!partial) {
      into.push_back({upper ? comparison::less_equal : comparison::greater, *bound});
    } else if (!overflow) {
      into.push_back({upper ? comparison::less : comparison::greater_equal, end});
    } else if (!upper) {
      return wrong();
    }
  } else {
    return wrong();
  }
  return {};
}

bool version_constraint::admits(const version& value) const noexcept {
  const auto holds = [&](const comparator& one) {
    const auto order = compare(value, one.bound);
    switch (one.how) {
      case comparison::equal:
        return order == 0;
      case comparison::unequal:
        return order != 0;
      case comparison::less:
        return order < 0;
      case comparison::less_equal:
        return order <= 0;
      case comparison::greater:
        return order > 0;
      case comparison::greater_equal:
        return order >= 0;
    }
    return false;
  };
  return std::any_of(alternatives_.begin(), alternatives_.end(), [&](const alternative& all) {
    if (!std::all_of(all.begin(), all.end(), holds)) return false;
    if (value.prerelease.empty()) return true;
    return std::any_of(all.begin(), all.end(),
                       [&](const comparator& one) { return !one.bound.prerelease.empty() && same_numbers(one.bound, value); });
  });
}

std::strong_ordering natural_compare(std::string_view a, std::string_view b) noexcept {
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() && j < b.size()) {
    if (!is_digit(a[i]) || !is_digit(b[j])) {
      if (a[i] != b[j]) return static_cast<unsigned char>(a[i]) <=> static_cast<unsigned char>(b[j]);
      ++i;
      ++j;
      continue;
    }
    const auto run = [](std::string_view text, std::size_t& at) {
      while (at < text.size() && text[at] == '0') ++at;
      const std::size_t begin = at;
      while (at < text.size() && is_digit(text[at])) ++at;
      return text.substr(begin, at - begin);
    };
    const std::string_view left = run(a, i);
    const std::string_view right = run(b, j);
    if (left.size() != right.size()) return left.size() <=> right.size();
    if (const int order = left.compare(right); order != 0) return order <=> 0;
  }
  if (const auto order = (a.size() - i) <=> (b.size() - j); order != 0) return order;
  return a.compare(b) <=> 0;
}

}  // namespace gantry::model
