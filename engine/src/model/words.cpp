#include <gantry/words.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <numeric>

namespace gantry {
namespace {

// Damerau-Levenshtein distance (optimal string alignment: two letters that changed places count one), three rows at a time.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before.swap(last);
    last.swap(row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row.back();
}

bool take_number(std::string_view& text, std::uint64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool names_system(std::string_view word) {
  static constexpr std::string_view systems[] = {"linux", "windows", "darwin", "freebsd", "netbsd", "openbsd", "android", "wasip1"};
  return std::find(std::begin(systems), std::end(systems), word) != std::end(systems);
}

}  // namespace

std::string closest(std::string_view word, const std::vector<std::string>& known) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const auto& candidate : known) {
    // A word that only stops early is a likelier slip than its distance says.
    const bool prefix = word.size() >= 3 && candidate.starts_with(word);
    const std::size_t d = prefix ? 1 : distance(word, candidate);
    if (d < best_distance) {
      best_distance = d;
      best = candidate;
    }
  }
  return best;
}

std::string did_you_mean(const std::string& candidate) { return candidate.empty() ? std::string() : "did you mean '" + candidate + "'?"; }

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  static constexpr std::int64_t year_ms = 366LL * 24 * 3600 * 1000;
  std::int64_t total = 0;
  do {
    std::uint64_t value = 0;
    if (!take_number(text, value) || value > static_cast<std::uint64_t>(year_ms)) return std::nullopt;
    std::int64_t unit_ms = 1000;
    if (text.starts_with("ms")) {
      unit_ms = 1;
      text.remove_prefix(2);
    } else if (!text.empty()) {
      unit_ms = text[0] == 's' ? 1000 : text[0] == 'm' ? 60'000 : text[0] == 'h' ? 3'600'000 : text[0] == 'd' ? 86'400'000 : 0;
      text.remove_prefix(1);
    }
    if (unit_ms == 0 || static_cast<std::int64_t>(value) > year_ms / unit_ms) return std::nullopt;
    total += static_cast<std::int64_t>(value) * unit_ms;
  } while (!text.empty());
  if (total == 0 || total > year_ms) return std::nullopt;
  return std::chrono::milliseconds(total);
}

platform parse_architecture(std::string_view text, error_code& ec) {
  const std::string_view first = text.substr(0, text.find_first_of("/("));
  // Without the system in front, `arm/v7` would read as the operating system "arm".
  return platform::parse(text.empty() || names_system(first) ? std::string(text) : "linux/" + std::string(text), ec);
}

}  // namespace gantry
