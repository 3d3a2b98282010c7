#include "store/lease.hpp"

#include <chrono>
#include <cstddef>
#include <exception>
#include <span>
#include <system_error>
#include <utility>

namespace gantry::store {
namespace {

constexpr std::string_view header_line = "gantry lease 1\n";
/// Its absence tells a torn lease.
constexpr std::string_view last_line = "end\n";
/// Ten thousand manifests with a thousand layers each are refused long before.
constexpr std::size_t lease_cap_bytes = std::size_t{64} << 20;
/// Where there are no locks, age has to tell whether anybody is still there.
constexpr std::chrono::hours unlocked_lease_life{7 * 24};

bool is_old(const std::filesystem::path& path) {
  std::error_code ec;
  const auto written = std::filesystem::last_write_time(path, ec);
  return !ec && std::filesystem::file_time_type::clock::now() - written > unlocked_lease_life;
}

/// What one lease file keeps; nothing when nobody stands behind it.
std::optional<leased_blobs> read_lease(const std::filesystem::path& path, bool look_only) {
  leased_blobs all;
  all.everything = true;
  auto opened = runtime::file::open(path, runtime::open_mode::update);
  if (!opened) {
    if (opened.error().code == errc::file_not_found) return std::nullopt;
    return all;
  }
  const auto outcome = opened->try_lock();
  const bool dead =
      outcome && (*outcome == runtime::lock_outcome::acquired || (*outcome == runtime::lock_outcome::unsupported && is_old(path)));
  if (dead) {
    // One that stays costs nothing but another look.
    if (!look_only) [[maybe_unused]]
      const auto removed = runtime::remove_file(path);
    return std::nullopt;
  }
  const auto text = runtime::read_file(path, lease_cap_bytes);
  auto listed = text ? parse_lease(*text) : std::nullopt;
  if (!listed) return all;
  leased_blobs some;
  some.digests = std::move(*listed);
  return some;
}

}  // namespace

lease& lease::operator=(lease&& other) noexcept {
  if (this == &other) return *this;
  release();
  file_ = std::move(other.file_);
  return *this;
}

void lease::narrow(const std::set<digest>& blobs) noexcept {
  if (!held()) return;
  try {
    const std::string text = to_text(blobs);
    // Torn, by a full disk or a lack of memory, it keeps everything, which is safe.
    [[maybe_unused]] const auto written = file_.write_at(0, std::as_bytes(std::span(text)));
  } catch (const std::exception&) {
    return;
  }
}

void lease::release() noexcept {
  if (!held()) return;
  // Before it is unlocked: a lease that can be locked is somebody else's to remove.
  [[maybe_unused]] const auto removed = runtime::remove_file(file_.path());
  file_ = {};
}

std::string to_text(const std::set<digest>& blobs) {
  std::string text(header_line);
  for (const digest& blob : blobs) text.append(blob.string()).append("\n");
  return text.append(last_line);
}

std::optional<std::set<digest>> parse_lease(std::string_view text) {
  if (!text.starts_with(header_line) || !text.ends_with(last_line)) return std::nullopt;
  text.remove_prefix(header_line.size());
  std::set<digest> blobs;
  for (;;) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (text.empty()) return line == last_line.substr(0, last_line.size() - 1) ? std::optional(std::move(blobs)) : std::nullopt;
    error_code ec;
    digest one = digest::parse(line, ec);
    if (ec) return std::nullopt;
    blobs.insert(std::move(one));
  }
}

result<leased_blobs> read_leases(const std::filesystem::path& directory, bool look_only) {
  leased_blobs all;
  std::error_code ec;
  for (std::filesystem::directory_iterator entry(directory, ec); !ec && entry != std::filesystem::directory_iterator();
       entry.increment(ec)) {
    std::optional<leased_blobs> one = read_lease(entry->path(), look_only);
    if (!one) continue;
    all.anything = true;
    all.everything = all.everything || one->everything;
    all.digests.merge(one->digests);
  }
  if (ec && ec != std::errc::no_such_file_or_directory) return system_failure(ec.value(), "cannot list", directory.string());
  return all;
}

}  // namespace gantry::store
