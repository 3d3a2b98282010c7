#include "values.hpp"

#include <gantry/words.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace gantry::app {
namespace {

using std::chrono::milliseconds;

bool read_number(std::string_view& text, std::uint64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

template <class Parse>
outcome<std::vector<platform>> parse_list(std::string_view text, Parse parse) {
  std::vector<platform> list;
  for (;;) {
    const std::size_t comma = text.find(',');
    const std::string_view word = text.substr(0, comma);
    error_code ec;
    platform value = parse(word, ec);
    if (ec) {
      return usage_problem(fmt::format("'{}' is not a platform", word),
                           "platforms are written os/arch[/variant], e.g. linux/amd64 or linux/arm/v7");
    }
    if (std::find(list.begin(), list.end(), value) == list.end()) list.push_back(std::move(value));
    if (comma == std::string_view::npos) return list;
    text.remove_prefix(comma + 1);
  }
}

// Letters, digits, '.', '-', '_' and the brackets and colons of ports and IPv6 literals.
bool plain_host(std::string_view host) {
  return !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' || c == ':' ||
           c == '[' || c == ']';
  });
}

}  // namespace

outcome<unsigned> parse_count(std::string_view option, std::string_view text, unsigned least, unsigned most) {
  std::uint64_t value = 0;
  std::string_view rest = text;
  if (!read_number(rest, value) || !rest.empty() || value < least || value > most) {
    return usage_problem(fmt::format("{} takes a number from {} to {}, not '{}'", option, least, most, text));
  }
  return static_cast<unsigned>(value);
}

outcome<unsigned> parse_jobs(std::string_view option, std::string_view text) {
  if (text == "auto") return 0U;
  if (auto count = parse_count(option, text, 1, 256)) return count;
  return usage_problem(fmt::format("{} takes 'auto' or a number from 1 to 256, not '{}'", option, text));
}

outcome<milliseconds> parse_duration(std::string_view option, std::string_view text) {
  const auto value = gantry::parse_duration(text);
  if (!value)
    return usage_problem(fmt::format("{} takes a time such as 90 (seconds), 5m, 1h30m or 30d, up to 366d, not '{}'", option, text));
  return *value;
}

outcome<std::uint64_t> parse_size(std::string_view option, std::string_view text) {
  const auto refused = [&] { return usage_problem(fmt::format("{} takes a size such as 500M, 1.5G or 20GiB, not '{}'", option, text)); };
  std::string_view rest = text;
  std::uint64_t whole = 0;
  if (!read_number(rest, whole)) return refused();
  // Three digits behind the point are more than anybody means.
  std::uint64_t thousandths = 0;
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    std::uint64_t scale = 100;
    if (rest.empty() || rest[0] < '0' || rest[0] > '9') return refused();
    for (; !rest.empty() && rest[0] >= '0' && rest[0] <= '9'; rest.remove_prefix(1), scale /= 10)
      thousandths += static_cast<std::uint64_t>(rest[0] - '0') * scale;
  }
  static constexpr std::string_view letters = "kmgt";
  std::uint64_t unit = 1;
  const auto at_end = [&] { return rest.empty() || rest == "B" || rest == "b"; };
  if (!at_end()) {
    const char letter = rest[0] >= 'A' && rest[0] <= 'Z' ? static_cast<char>(rest[0] - 'A' + 'a') : rest[0];
    const std::size_t power = letters.find(letter);
    if (power == std::string_view::npos) return refused();
    rest.remove_prefix(1);
    const bool binary = rest.starts_with('i');
    if (binary) rest.remove_prefix(1);
    for (std::size_t i = 0; i <= power; ++i) unit *= binary ? 1024 : 1000;
  }
  if (!at_end()) return refused();
  if (whole > (std::uint64_t{1} << 62) / unit) return refused();
  return whole * unit + unit / 1000 * thousandths + unit % 1000 * thousandths / 1000;
}

outcome<std::uint64_t> parse_rate(std::string_view option, std::string_view text) {
  static constexpr std::uint64_t least = 1024;
  static constexpr std::uint64_t most = std::uint64_t{1} << 40;
  const auto refused = [&] {
    return usage_problem(fmt::format("{} takes bytes per second such as 500K, 10M or 1.5M, from 1K to 1024G, not '{}'", option, text));
  };
  std::uint64_t whole = 0;
  std::string_view rest = text;
  if (!read_number(rest, whole) || whole > most) return refused();
  double value = static_cast<double>(whole);
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    double place = 1;
    const std::size_t before = rest.size();
    while (!rest.empty() && rest[0] >= '0' && rest[0] <= '9') {
      place /= 10;
      value += place * (rest[0] - '0');
      rest.remove_prefix(1);
    }
    if (rest.size() == before) return refused();
  }
  static constexpr std::string_view units = "KMG";
  if (!rest.empty()) {
    const std::size_t unit = units.find(rest[0] >= 'a' ? static_cast<char>(rest[0] - 'a' + 'A') : rest[0]);
    if (unit == std::string_view::npos || rest.size() != 1) return refused();
    value *= static_cast<double>(std::uint64_t{1024} << (10 * unit));
  }
  if (value < static_cast<double>(least) || value > static_cast<double>(most)) return refused();
  return static_cast<std::uint64_t>(value);
}

outcome<std::vector<platform>> parse_platforms(std::string_view text) {
  return parse_list(text, [](std::string_view word, error_code& ec) { return platform::parse(word, ec); });
}

outcome<std::vector<platform>> parse_architectures(std::string_view text) {
  return parse_list(text, [](std::string_view word, error_code& ec) { return parse_architecture(word, ec); });
}

outcome<archive_format> parse_format(const std::string& text) {
  if (text == "docker") return archive_format::docker;
  if (text == "oci") return archive_format::oci;
  if (text == "oci-dir") return archive_format::oci_dir;
  if (text == "synology") return archive_format::synology;
  return usage_problem(fmt::format("--format takes docker, oci, oci-dir or synology, not '{}'", text));
}

outcome<> check_attestations(bool wanted, archive_format format) {
  if (!wanted || format != archive_format::synology) return {};
  return usage_problem("--attestations has no meaning for the format synology, which has no place for them",
                       "-f docker and -f oci keep them");
}

namespace {

std::string lower(std::string_view text) {
  std::string small(text);
  for (char& c : small) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return small;
}

/// \p host, with an optional port, as servers and certificates know it; a name without such a form is left as it is.
std::string ascii_form(std::string_view host) {
  const bool ascii = std::none_of(host.begin(), host.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
  if (ascii) return std::string(host);
  error_code ec;
  const reference any = reference::parse(std::string(host) + "/a", ec);
  return ec ? std::string(host) : any.registry();
}

}  // namespace

outcome<registry_word> parse_registry(std::string_view text, std::string_view option) {
  const auto refused = [option](std::string_view why) {
    return usage_problem(fmt::format("{} {}", option, why), "write HOST[:PORT], e.g. registry.example.com or localhost:5000");
  };
  registry_word word;
  std::string_view rest = text;
  const bool with_scheme = rest.find("://") != std::string_view::npos;
  if (with_scheme) {
    const std::string scheme = lower(rest.substr(0, rest.find("://")));
    if (scheme != "http" && scheme != "https") return refused("takes http:// and https:// addresses only");
    word.plain_http = scheme == "http";
    word.tls = scheme == "https";
    rest.remove_prefix(scheme.size() + 3);
  }
  // What stands before '@' may be a password: it is not repeated in the message.
  if (rest.find('@') != std::string_view::npos) return refused("holds user information, which belongs into -u and --password-stdin");
  if (rest.find_first_of("?#") != std::string_view::npos) return refused("takes no query or fragment");
  const std::size_t slash = rest.find('/');
  word.host = ascii_form(rest.substr(0, slash));
  std::string_view path = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
  while (path.ends_with('/')) path.remove_suffix(1);
  if (with_scheme && (path == "v1" || path == "v2")) path = {};
  word.path = std::string(path);
  if (!plain_host(word.host)) return refused(fmt::format("takes a host name, not '{}'", rest.substr(0, slash)));
  if (word.host == "index.docker.io" || word.host == "registry-1.docker.io") word.host = "docker.io";
  const bool qualified = word.host == "localhost" || word.host.find_first_of(".:") != std::string::npos;
  if (!qualified && option == registry_operand) {
    return usage_problem(fmt::format("'{}' is no registry's name without a dot or a port: it reads as a user of docker.io", word.host),
                         fmt::format("write its whole name or its port, e.g. {}:{}", word.host, word.plain_http ? 80 : 443));
  }
  if (!qualified) {
    return refused(fmt::format("'{0}' needs its port, e.g. {0}:{1}: without a dot or a port a name reads as a user of docker.io", word.host,
                               word.plain_http ? 80 : 443));
  }
  return word;
}

bool is_this_machine(std::string_view host) {
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1) == "[::1]";
  const std::string_view name = host.substr(0, host.rfind(':'));
  if (name == "localhost" || name.ends_with(".localhost")) return true;
  return name.starts_with("127.") && name.find_first_not_of("0123456789.") == std::string_view::npos;
}

outcome<mirror_setting> parse_mirror(std::string_view text) {
  const std::size_t equals = text.find('=');
  const auto refuse = [](std::string what) { return usage_problem(std::move(what), "e.g. --mirror docker.io=https://mirror.example"); };
  if (equals == std::string_view::npos) return refuse("--mirror takes HOST=URL");
  mirror_setting mirror;
  const std::string_view host = text.substr(0, equals);
  const std::size_t slash = std::min(host.find('/'), host.size());
  auto registry = parse_registry(host.substr(0, slash), "--mirror");
  if (!registry) return refuse(registry.error().message);
  mirror.registry = registry->host + std::string(host.substr(slash));
  while (mirror.registry.ends_with('/')) mirror.registry.pop_back();
  mirror.url = text.substr(equals + 1);
  std::string scheme;
  if (const std::size_t end = mirror.url.find("://"); end != std::string::npos) {
    scheme = lower(std::string_view(mirror.url).substr(0, end));
    if (scheme != "http" && scheme != "https") return refuse("--mirror: the URL is neither http nor https");
    mirror.url.replace(0, end, scheme);
  }
  const std::string_view rest = std::string_view(mirror.url).substr(scheme.empty() ? 0 : scheme.size() + 3);
  if (rest.find_first_of("@?# ") != std::string_view::npos) return refuse("--mirror: the URL has a user name, a query or a blank in it");
  const std::string_view named = rest.substr(0, rest.find('/'));
  // Behind a scheme nothing but a host can stand, so that a single word is one, as in daemon.json.
  std::string spelled(named);
  if (!scheme.empty() && !spelled.empty() && spelled.find(':') == std::string::npos) spelled += scheme == "http" ? ":80" : ":443";
  if (auto place = parse_registry(spelled, "--mirror"); !place) return refuse(place.error().message);
  mirror.url.replace(mirror.url.size() - rest.size(), named.size(), ascii_form(named));
  return mirror;
}

}  // namespace gantry::app
