#include "archive/image_source.hpp"
#include "archive/image_tree.hpp"
#include "base/format.hpp"
#include "jobs/inspect.hpp"
#include "jobs/push_plan.hpp"
#include "jobs/tell_waiting.hpp"
#include "jobs/throwaway_store.hpp"
#include "model/manifest.hpp"
#include "model/media_type.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <utility>

namespace gantry::jobs {
namespace {

using runtime::lane;
using runtime::offload;

result<inspected_manifest> inspect_manifest(archive::image_source& source, const archive::archived_manifest& held, const std::string& label,
                                            bool with_config) {
  inspected_manifest seen;
  seen.manifest = held.manifest;
  seen.image_platform = held.platform;
  seen.attestation = held.attestation;
  if (held.config) seen.config = *held.config;
  seen.layers = held.layers;
  seen.size = content_size(seen.config, seen.layers);
  const std::string digest_text = held.manifest.digest.string();
  auto document =
      archive::read_blob(source, held.manifest, model::document_limit, fmt::format("the manifest {} of {}", digest_text, label));
  if (!document) return document.error();
  seen.document = std::move(*document);
  if (!with_config || held.platform.os.empty() || !held.config) return seen;
  auto config = archive::read_blob(source, *held.config, model::document_limit, fmt::format("the configuration of {}", digest_text));
  if (!config) return config.error();
  seen.config_document = std::move(*config);
  return seen;
}

result<inspect_result> inspect_image(archive::image_source& source, const archive::source_image& image, const std::string& label,
                                     const inspect_options& options) {
  inspect_result found;
  for (const reference& name : image.content.names) {
    if (found.reference.empty()) found.reference = name;
    found.names.push_back(name.string());
  }
  if (found.names.empty()) found.names = image.tags;
  found.top = image.content.top;
  auto top = archive::read_blob(source, found.top, model::document_limit, fmt::format("the manifest of {}", label));
  if (!top) return top.error();
  found.document = std::move(*top);
  std::vector<const archive::archived_manifest*> wanted;
  if (options.platforms.empty()) {
    for (const archive::archived_manifest& one : image.content.manifests) wanted.push_back(&one);
  } else {
    auto chosen = choose_manifests(image.content, options.platforms);
    if (!chosen) return failure(chosen.error().code, fmt::format("{}: {}", label, chosen.error().text.message()));
    wanted = std::move(*chosen);
  }
  for (const archive::archived_manifest* one : wanted) {
    auto seen = inspect_manifest(source, *one, label, options.configs);
    if (!seen) return seen.error();
    found.manifests.push_back(std::move(*seen));
  }
  return found;
}

/// What the images of \p found name and \p source lacks, in a sentence; empty when it is all there. Foreign layers are elsewhere by nature.
std::string left_out(archive::image_source& source, const std::vector<inspect_result>& found, const std::string& label) {
  constexpr std::size_t most_shown = 3;
  std::set<digest> seen;
  std::string shown;
  std::size_t count = 0;
  std::uint64_t bytes = 0;
  const auto look = [&](const descriptor& blob) {
    if (!blob.digest || model::is_foreign_layer(blob.media_type) || !seen.insert(blob.digest).second || source.holds(blob)) return;
    if (count++ < most_shown) shown += (shown.empty() ? "" : ", ") + blob.digest.string();
    bytes += blob.size;
  };
  for (const inspect_result& image : found) {
    for (const inspected_manifest& one : image.manifests) {
      look(one.config);
      for (const descriptor& layer : one.layers) look(layer);
    }
  }
  if (count == 0) return {};
  return fmt::format("{} lacks {} blob{} of what is shown, {}: {}{}; 'gantry extract' completes it in a store that has them", label, count,
                     count == 1 ? "" : "s", format_bytes(bytes), shown, count > most_shown ? ", ..." : "");
}

/// What was found, and a sentence about what is not there.
struct looked_into {
  inspect_files_result found;
  std::string note;
};

/// Blocking, for long where an archive has to be inflated.
result<looked_into> look_into(const archive_input& from, const inspect_options& options, const std::atomic<bool>& stop,
                              std::function<void(const std::string&)> tell) {
  archive::source_options how;
  how.tell = std::move(tell);
  how.spool_directory = temporary_directory();
  const auto opened = archive::open_image_source(from, how, stop);
  if (!opened) return opened.error();
  const std::string label = archive::source_name(from);
  inspect_files_result done;
  for (const archive::source_image& image : (*opened)->images()) {
    const std::vector<reference>& names = image.content.names;
    if (!options.name.empty() && std::find(names.begin(), names.end(), options.name) == names.end()) continue;
    auto found = inspect_image(**opened, image, label, options);
    if (!found) return found.error();
    done.images.push_back(std::move(*found));
  }
  if (!done.images.empty()) {
    std::string note = left_out(**opened, done.images, label);
    return looked_into{std::move(done), std::move(note)};
  }
  if (options.name.empty()) return failure(errc::not_found, fmt::format("{} holds no image", label));
  return failure(errc::not_found,
                 fmt::format("{} has no image named {}; without a name all that it holds is shown", label, options.name.string()));
}

}  // namespace

task<result<inspect_files_result>> inspect_files(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                                                 archive_input from, inspect_options options) {
  auto call = [from = std::move(from), options = std::move(options), running, tell = tell_waiting(shared, running)] {
    return look_into(from, options, running->stop_flag(), tell);
  };
  result<looked_into> seen = co_await offload(shared.lanes, lane::files, std::move(call));
  if (!seen) co_return seen.error();
  if (!seen->note.empty()) running->events.emit(warning{seen->note});
  running->events.flush();
  co_return std::move(seen->found);
}

}  // namespace gantry::jobs
