#include "results.hpp"

#include "json_line.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <fstream>
#include <set>
#include <system_error>
#include <utility>

#include <unistd.h>

namespace gantry::app {
namespace {

problem write_problem(const std::filesystem::path& path, int reason) {
  return {exit_code::storage,
          fmt::format("{} cannot be written: {}", path.string(), std::generic_category().message(reason == 0 ? EIO : reason))};
}

bool put(const std::filesystem::path& path, const std::string& text, std::ios::openmode mode) {
  errno = 0;
  std::ofstream file(path, mode | std::ios::binary);
  file << text;
  file.close();
  return file.good();
}

/// Of an image of several platforms each has an element, and together they are one; what has no name is known by its digest.
std::size_t count_images(const std::vector<pulled_image>& images) {
  std::set<std::pair<std::string, std::string>> seen;
  for (const pulled_image& one : images)
    seen.emplace(one.reference.string(), one.reference.empty() ? one.top.digest.string() : std::string());
  return seen.size();
}

}  // namespace

std::string result_lines(const std::vector<image_output>& images) {
  std::string lines;
  std::set<std::string> seen;
  for (const auto& output : images) {
    const std::string path = output.path.empty() ? "-" : output.path;
    const std::string known_as = output.image.reference.string();
    const std::string line = fmt::format("{} {} {}\n", path, known_as.empty() ? "-" : known_as, output.image.top.digest.string());
    if (seen.insert(line).second) lines += line;
  }
  return lines;
}

std::string result_json(const std::vector<image_output>& images, const std::vector<failed_output>& failed) {
  std::vector<std::string> list;
  for (const auto& output : images) {
    json_object object;
    if (output.path.empty()) {
      object.add_raw("path", "null");
    } else {
      object.add("path", output.path);
    }
    object.add("name", output.image.reference.string()).add("digest", output.image.top.digest.string());
    object.add("manifest_digest", output.image.manifest.digest.string()).add("image_id", output.image.config.digest.string());
    object.add("platform", to_string(output.image.image_platform)).add("archive_size", output.archive_size);
    list.push_back(object.string());
  }
  std::vector<std::string> missing;
  for (const failed_output& one : failed) missing.push_back(json_object().add("name", one.name).add("error", one.message).string());
  json_object all;
  all.add("version", std::uint64_t{1}).add_raw("images", json_array(list)).add_raw("failed", json_array(missing));
  return all.string() + "\n";
}

std::string digest_lines(const std::vector<image_output>& images) {
  std::string lines;
  std::set<std::string> seen;
  for (const auto& output : images) {
    if (seen.insert(output.image.reference.string()).second) lines += output.image.top.digest.string() + "\n";
  }
  return lines;
}

run_summary summary_of(const extract_result& result) {
  run_summary summary;
  summary.images = count_images(result.images);
  summary.elapsed = result.elapsed;
  summary.totals.blobs = result.blobs;
  summary.totals.bytes = result.bytes;
  summary.totals.blobs_reused = result.blobs_reused;
  summary.totals.bytes_reused = result.bytes_reused;
  summary.totals.layers = result.layers;
  summary.totals.layers_reused = result.layers_reused;
  summary.totals.store_size = result.store_size;
  return summary;
}

run_summary summary_of(const convert_result& result) {
  run_summary summary;
  summary.images = count_images(result.images);
  summary.elapsed = result.elapsed;
  summary.totals.blobs = result.blobs;
  summary.totals.bytes = result.bytes;
  summary.totals.layers = result.layers;
  summary.totals.archive_size = result.archive_size;
  return summary;
}

archive_facts facts_of(const image_output& output) {
  archive_facts facts;
  if (!output.path.empty()) {
    std::error_code ec;
    const auto absolute = std::filesystem::absolute(output.path, ec);
    facts.path = ec ? output.path : absolute.lexically_normal().string();
    facts.name = absolute.filename().string();
  }
  facts.size = output.archive_size;
  facts.digest = output.image.top.digest.string();
  facts.manifest_digest = output.image.manifest.digest.string();
  facts.image_id = output.image.config.digest.string();
  return facts;
}

outcome<> write_file(const std::filesystem::path& path, const std::string& text) {
  std::error_code ec;
  // A device or pipe is written, not replaced.
  if (std::filesystem::exists(path, ec) && !std::filesystem::is_regular_file(path, ec)) {
    if (!put(path, text, std::ios::out)) return write_problem(path, errno);
    return {};
  }
  constexpr std::size_t kept = 200;  // a whole name may leave no room for what is put around it
  const auto temporary = path.parent_path() / fmt::format(".{}.{}.gantry-part", path.filename().string().substr(0, kept), ::getpid());
  if (!put(temporary, text, std::ios::out | std::ios::trunc)) {
    const int reason = errno;
    std::filesystem::remove(temporary, ec);
    return write_problem(path, reason);
  }
  std::filesystem::rename(temporary, path, ec);
  if (!ec) return {};
  const int reason = ec.value();
  std::filesystem::remove(temporary, ec);
  return write_problem(path, reason);
}

outcome<> append_file(const std::filesystem::path& path, const std::string& text) {
  if (!put(path, text, std::ios::out | std::ios::app)) return write_problem(path, errno);
  return {};
}

}  // namespace gantry::app
