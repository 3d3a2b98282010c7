#include "jobs/upload_sessions.hpp"

#include "model/digester.hpp"
#include "runtime/file.hpp"

#include <fmt/format.h>

#include <string_view>
#include <system_error>
#include <utility>

namespace gantry::jobs {
namespace {

constexpr std::size_t session_file_limit = std::size_t{64} << 10;

/// The first line of the file; its name is made of it.
std::string session_owner(const std::string& registry, const std::string& repository, const digest& blob) {
  return fmt::format("{}/{}@{}\n", registry, repository, blob.string());
}

std::filesystem::path session_file(const std::filesystem::path& directory, const std::string& owner) {
  return directory / model::digest_of(owner).string().substr(std::string_view("sha256:").size());
}

}  // namespace

task<std::optional<http::url>> upload_sessions::find(std::string registry, std::string repository, digest blob) {
  auto read = [directory = directory_, owner = session_owner(registry, repository, blob)]() -> std::optional<http::url> {
    const auto text = runtime::read_file(session_file(directory, owner), session_file_limit);
    if (!text || !text->starts_with(owner)) return std::nullopt;
    auto where = http::url::parse(std::string_view(*text).substr(owner.size()));
    return where ? std::optional(std::move(*where)) : std::nullopt;
  };
  co_return co_await runtime::offload(workers_, runtime::lane::files, std::move(read));
}

task<> upload_sessions::keep(std::string registry, std::string repository, digest blob, std::optional<http::url> session) {
  auto write = [directory = directory_, owner = session_owner(registry, repository, blob), session = std::move(session)]() -> bool {
    const std::filesystem::path file = session_file(directory, owner);
    if (!session) return static_cast<bool>(runtime::remove_file(file));
    runtime::write_options how;
    how.sync = false;
    how.permissions = 0600;
    return runtime::make_directories(directory, 0700) && runtime::atomic_write_file(file, owner + session->string(), how);
  };
  co_await runtime::offload(workers_, runtime::lane::files, std::move(write));
}

std::size_t upload_sessions::forget(const std::filesystem::path& directory, std::chrono::seconds age, bool look_only) {
  std::size_t gone = 0;
  std::error_code ec;
  const auto now = std::filesystem::file_time_type::clock::now();
  for (std::filesystem::directory_iterator i(directory, ec), end; !ec && i != end; i.increment(ec)) {
    std::error_code unknown;
    const auto written = i->last_write_time(unknown);
    if (unknown || now - written < age) continue;
    if (look_only || runtime::remove_file(i->path())) ++gone;
  }
  return gone;
}

}  // namespace gantry::jobs
