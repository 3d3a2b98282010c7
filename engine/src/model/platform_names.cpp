#include "model/platform_names.hpp"

#include "base/ascii.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace gantry::model {
namespace {

template <std::size_t N>
bool one_of(const std::array<std::string_view, N>& list, std::string_view name) noexcept {
  return std::find(list.begin(), list.end(), name) != list.end();
}

}  // namespace

bool is_known_os(std::string_view name) noexcept {
  static constexpr std::array<std::string_view, 17> names{"aix",     "android", "darwin",  "dragonfly", "freebsd", "hurd",
                                                          "illumos", "ios",     "js",      "linux",     "nacl",    "netbsd",
                                                          "openbsd", "plan9",   "solaris", "windows",   "zos"};
  return one_of(names, name);
}

bool is_known_architecture(std::string_view name) noexcept {
  static constexpr std::array<std::string_view, 24> names{
      "386",    "amd64",    "amd64p32",  "arm",         "armbe", "arm64", "arm64be", "ppc64", "ppc64le", "loong64", "mips",    "mipsle",
      "mips64", "mips64le", "mips64p32", "mips64p32le", "ppc",   "riscv", "riscv64", "s390",  "s390x",   "sparc",   "sparc64", "wasm"};
  return one_of(names, name);
}

std::string normalise_os(std::string_view name) {
  std::string os = lower_case(name);
  return os == "macos" ? "darwin" : os;
}

void normalise_architecture(std::string& architecture, std::string& variant) {
  architecture = lower_case(architecture);
  variant = lower_case(variant);
  if (architecture == "i386") {
    architecture = "386";
    variant.clear();
  } else if (architecture == "x86_64" || architecture == "x86-64" || architecture == "amd64") {
    architecture = "amd64";
    if (variant == "v1") variant.clear();
  } else if (architecture == "aarch64" || architecture == "arm64") {
    architecture = "arm64";
    if (variant == "8" || variant == "v8" || variant == "v8.0") {
      variant.clear();
    } else if (variant == "9" || variant == "9.0" || variant == "v9.0") {
      variant = "v9";
    }
  } else if (architecture == "armhf") {
    architecture = "arm";
    variant = "v7";
  } else if (architecture == "armel") {
    architecture = "arm";
    variant = "v6";
  } else if (architecture == "arm") {
    if (variant.size() == 1 && variant[0] >= '5' && variant[0] <= '8') variant.insert(0, 1, 'v');
  }
}

std::optional<variant_version> parse_variant(std::string_view variant) noexcept {
  // Old indexes write arm64's variant "armv8".
  if (variant.starts_with("arm")) variant.remove_prefix(3);
  if (variant.starts_with('v')) variant.remove_prefix(1);
  variant_version version;
  const char* const end = variant.data() + variant.size();
  auto [next, error] = std::from_chars(variant.data(), end, version.major);
  if (error != std::errc() || version.major < 0) return std::nullopt;
  if (next == end) return version;
  if (*next != '.') return std::nullopt;
  const auto [last, minor_error] = std::from_chars(next + 1, end, version.minor);
  if (minor_error != std::errc() || last != end || version.minor < 0) return std::nullopt;
  return version;
}

}  // namespace gantry::model
