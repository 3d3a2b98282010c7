#include "model/platform_match.hpp"

#include "model/platform_names.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <tuple>

namespace gantry::model {
namespace {

/// A candidate's os.features are what the image needs; the machine must have them all.
bool features_satisfied(const platform& wanted, const platform& candidate) {
  return std::all_of(candidate.os_features.begin(), candidate.os_features.end(), [&](const std::string& feature) {
    return std::find(wanted.os_features.begin(), wanted.os_features.end(), feature) != wanted.os_features.end();
  });
}

bool os_fits(const platform& wanted, const platform& candidate) {
  if (wanted.os != candidate.os) return false;
  return wanted.os != "windows" || windows_runs(wanted.os_version, candidate.os_version);
}

/// arm64 without a variant is v8, amd64 without one v1.
std::optional<variant_version> version_of(const platform& value) {
  if (!value.variant.empty()) return parse_variant(value.variant);
  if (value.architecture == "arm64") return variant_version{8, 0};
  if (value.architecture == "amd64") return variant_version{1, 0};
  if (value.architecture == "arm") return variant_version{7, 0};
  return std::nullopt;
}

/// Whether a machine of the version \p has runs code for \p needs, on the same architecture.
bool runs(const std::string& architecture, variant_version has, variant_version needs) {
  constexpr int oldest_arm = 5;      // containerd lists nothing older
  constexpr int newest_arm_v8 = 9;   // v8.9 is the last of the v8 line
  constexpr int v9_contains_v8 = 5;  // Armv9.n includes Armv8.(n+5)
  if (architecture == "amd64") return needs.minor == 0 && has.minor == 0 && needs.major >= 1 && needs <= has;
  if (architecture == "arm") return needs == has || (needs.minor == 0 && needs.major >= oldest_arm && needs < has);
  if (architecture != "arm64") return false;
  if (needs.major == has.major) return needs.minor <= has.minor;
  return has.major == 9 && needs.major == 8 && needs.minor <= std::min(has.minor + v9_contains_v8, newest_arm_v8);
}

struct windows_version {
  std::array<int, 3> parts{};  ///< major, minor, build
  int build() const noexcept { return parts[2]; }
};

std::optional<windows_version> parse_windows(std::string_view text) noexcept {
  windows_version version;
  for (std::size_t i = 0; i < version.parts.size(); ++i) {
    const char* const end = text.data() + text.size();
    const auto [next, error] = std::from_chars(text.data(), end, version.parts[i]);
    if (error != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(next - text.data()));
    if (text.empty()) return i + 1 == version.parts.size() ? std::optional(version) : std::nullopt;
    if (text.front() != '.') return std::nullopt;
    text.remove_prefix(1);
  }
  return version;
}

}  // namespace

bool windows_runs(std::string_view host, std::string_view image) {
  if (host.empty() || image.empty()) return true;
  const std::optional<windows_version> machine = parse_windows(host);
  const std::optional<windows_version> container = parse_windows(image);
  if (!machine || !container) return host == image;
  if (machine->parts[0] != container->parts[0] || machine->parts[1] != container->parts[1]) return false;
  constexpr int server_2022 = 20348;
  constexpr int server_2025 = 26100;
  if (machine->build() < server_2022) return machine->build() == container->build();
  // The release that the host's line began with: everything from it up to the host runs.
  const int oldest = machine->build() > server_2025 ? server_2025 : server_2022;
  return oldest <= container->build() && container->build() <= machine->build();
}

bool matches_strictly(const platform& wanted, const platform& candidate) {
  const platform a = normalise(wanted);
  const platform b = normalise(candidate);
  return os_fits(a, b) && a.architecture == b.architecture && a.variant == b.variant && features_satisfied(a, b);
}

bool matches(const platform& wanted, const platform& candidate) {
  if (matches_strictly(wanted, candidate)) return true;
  const platform a = normalise(wanted);
  const platform b = normalise(candidate);
  if (!os_fits(a, b) || !features_satisfied(a, b)) return false;
  if (a.architecture == "amd64" && b.architecture == "386") return b.variant.empty();
  const std::optional<variant_version> has = version_of(a);
  const std::optional<variant_version> needs = version_of(b);
  if (!has || !needs) return false;
  if (a.architecture == b.architecture) return runs(a.architecture, *has, *needs);
  // Every 64-bit arm runs 32-bit arm up to v8.
  return a.architecture == "arm64" && b.architecture == "arm" && runs("arm", {8, 0}, *needs);
}

bool matches_os(const platform& wanted, const platform& candidate) {
  const platform a = normalise(wanted);
  const platform b = normalise(candidate);
  return os_fits(a, b) && features_satisfied(a, b);
}

bool is_attestation(const descriptor& entry) {
  if (entry.annotations.contains("vnd.docker.reference.type")) return true;
  return entry.platform && entry.platform->os == "unknown" && entry.platform->architecture == "unknown";
}

digest attested(const descriptor& entry) {
  const auto found = entry.annotations.find("vnd.docker.reference.digest");
  if (found == entry.annotations.end()) return {};
  error_code ec;
  return digest::parse(found->second, ec);
}

namespace {

/// How well an entry fits, better ones greater.
struct fit {
  enum class variant_rank {
    undeclared,  ///< names no variant although one was asked for
    older,       ///< a variant that the wanted one includes
    same,        ///< the same after normalisation
    literal,     ///< spelled as it was asked for
  };
  bool features = false;  ///< none that were not asked for
  variant_rank rank = variant_rank::undeclared;
  variant_version variant;
  std::size_t feature_count = 0;  ///< satisfied os.features: more is more specific
  std::array<int, 3> windows{};

  auto key() const { return std::tie(features, rank, variant, feature_count, windows); }
};

std::optional<fit> fit_of(const platform& wanted, const platform& candidate) {
  const platform a = normalise(wanted);
  const platform b = normalise(candidate);
  if (!os_fits(a, b) || a.architecture != b.architecture) return std::nullopt;
  fit found;
  const std::optional<variant_version> has = version_of(a);
  const std::optional<variant_version> needs = version_of(b);
  if (needs) found.variant = *needs;
  if (a.variant == b.variant || (has && needs && *has == *needs)) {
    found.rank = wanted.variant == candidate.variant ? fit::variant_rank::literal : fit::variant_rank::same;
  } else if (has && needs && runs(a.architecture, *has, *needs)) {
    found.rank = fit::variant_rank::older;
  } else if (!candidate.variant.empty()) {
    return std::nullopt;
  }
  if (candidate.variant.empty() && found.rank == fit::variant_rank::undeclared) found.variant = {};
  found.features = features_satisfied(a, b);
  found.feature_count = found.features ? b.os_features.size() : 0;
  if (b.os == "windows" && !a.os_version.empty()) {
    if (const auto version = parse_windows(b.os_version)) found.windows = version->parts;
  }
  return found;
}

}  // namespace

const descriptor* choose(const index& from, const platform& wanted) {
  const descriptor* best = nullptr;
  fit best_fit;
  for (const descriptor& entry : from.manifests) {
    if (!entry.platform || is_attestation(entry)) continue;
    const std::optional<fit> candidate = fit_of(wanted, *entry.platform);
    if (!candidate || (best != nullptr && candidate->key() <= best_fit.key())) continue;
    best = &entry;
    best_fit = *candidate;
  }
  return best;
}

std::vector<platform> platforms_of(const index& from) {
  std::vector<platform> found;
  for (const descriptor& entry : from.manifests) {
    if (!entry.platform || is_attestation(entry)) continue;
    platform value = normalise(*entry.platform);
    if (std::find(found.begin(), found.end(), value) == found.end()) found.push_back(std::move(value));
  }
  return found;
}

std::vector<const descriptor*> without_platform(const index& from) {
  std::vector<const descriptor*> found;
  for (const descriptor& entry : from.manifests) {
    if (!entry.platform && !is_attestation(entry)) found.push_back(&entry);
  }
  return found;
}

}  // namespace gantry::model
