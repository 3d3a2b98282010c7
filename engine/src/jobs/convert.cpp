#include "jobs/convert.hpp"

#include "archive/image_source.hpp"
#include "base/redact.hpp"
#include "jobs/export.hpp"
#include "jobs/extract_names.hpp"
#include "jobs/extract_plan.hpp"
#include "jobs/push_plan.hpp"
#include "jobs/tell_waiting.hpp"
#include "jobs/throwaway_store.hpp"
#include "runtime/file.hpp"
#include "store/content_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>

namespace gantry::jobs {
namespace {

using runtime::lane;
using runtime::offload;

using written_output = std::variant<archive_file, archive_stream>;

output output_of(const written_output& where) {
  return std::visit([](const auto& one) { return output(one); }, where);
}

archive_format format_of(const written_output& where) {
  return std::visit([](const auto& one) { return one.format; }, where);
}

/// Where what can only be read once lies meanwhile: beside the output, which has to have room anyway.
std::filesystem::path spool_directory(const written_output& where) {
  const auto* file = std::get_if<archive_file>(&where);
  if (file == nullptr) return temporary_directory();
  const std::filesystem::path above = std::filesystem::path(file->path).parent_path();
  return above.empty() ? "." : above;
}

/// An archive and all that is needed to write it.
struct prepared {
  std::shared_ptr<archive::image_source> source;
  std::shared_ptr<throwaway_store> scratch;  ///< what the format synology is made from: it must look into every layer first
  std::vector<archive::archived_image> images;
  std::vector<std::string> notes;  ///< for people
  std::optional<archive_export> out;
  blob_sums sums;
};

/// docker's own list knows images by REPOSITORY:TAG, and a tag alone is nothing that it could hold.
std::optional<std::string> nameless(const archive::archived_image& image, archive_format format, bool alone, const std::string& source) {
  const bool by_name = format == archive_format::docker || format == archive_format::synology;
  if (!by_name || !image.names.empty() || image.bare_tags.empty()) return std::nullopt;
  const std::string tag = clean_text(image.bare_tags.front(), 128);
  return fmt::format("{} calls image {} only '{}', without a repository: docker will load it without a name; {}", source,
                     image.top.digest.short_form(), tag,
                     alone
                         ? "give it one with --name REPOSITORY:TAG"
                         : fmt::format("'gantry convert oci:FILE:{} -o OUT --name REPOSITORY:TAG' names it in an archive of its own", tag));
}

/// The names that are kept of each image; an image without a list is left out.
result<name_plan> choose(const std::vector<archive::source_image>& images, const convert_options& options, const std::string& source) {
  if (images.empty()) return failure(errc::not_found, fmt::format("{} holds no image", source));
  name_plan plan;
  plan.names.resize(images.size());
  for (const reference& wanted : options.images) {
    bool found = false;
    for (std::size_t i = 0; i < images.size(); ++i) {
      const auto& names = images[i].content.names;
      if (std::find(names.begin(), names.end(), wanted) == names.end()) continue;
      plan.names[i].push_back(wanted);
      found = true;
    }
    if (!found) return failure(errc::not_found, fmt::format("{} has no image named {}", source, wanted.string()));
  }
  return plan;
}

/// Leaves \p wanted of \p image.
result<void> keep_platforms(archive::archived_image& image, const std::vector<platform>& wanted) {
  result<std::vector<const archive::archived_manifest*>> chosen = choose_manifests(image, wanted);
  if (!chosen) return chosen.error();
  add_attestations(image, *chosen);
  // An index of which all is kept stays as it is.
  if (chosen->size() == image.manifests.size()) return {};
  std::vector<archive::archived_manifest> kept;
  for (const archive::archived_manifest* one : *chosen) kept.push_back(*one);
  image.manifests = std::move(kept);
  image.indexes.clear();
  return {};
}

/// Everything before the first byte of the output. Blocking.
result<prepared> prepare(const archive_input& from, const convert_options& options, const std::atomic<bool>& stop,
                         std::function<void(const std::string&)> tell) {
  archive::source_options how;
  how.tell = std::move(tell);
  how.spool_directory = spool_directory(options.output);
  result<std::unique_ptr<archive::image_source>> opened = archive::open_image_source(from, how, stop);
  if (!opened) return opened.error();
  prepared made;
  made.source = std::move(*opened);
  const std::string label = archive::source_name(from);
  const result<name_plan> names = choose(made.source->images(), options, label);
  if (!names) return names.error();
  for (std::size_t i = 0; i < names->names.size(); ++i) {
    if (!options.images.empty() && names->names[i].empty()) continue;
    archive::archived_image& image = made.images.emplace_back(made.source->images()[i].content);
    if (!options.images.empty()) image.names = names->names[i];
    image.bare_tags = made.source->images()[i].tags;
    if (options.platforms.empty()) continue;
    if (const result<void> kept = keep_platforms(image, options.platforms); !kept) return kept.error();
  }
  if (options.name) {
    if (made.images.size() != 1) {
      return failure(errc::invalid_option,
                     fmt::format("{} holds {} images, and one name is given for all; choose one of them", label, made.images.size()));
    }
    made.images.front().names.assign(1, *options.name);
  }
  for (const archive::archived_image& image : made.images) {
    if (auto note = nameless(image, format_of(options.output), made.images.size() == 1, label)) made.notes.push_back(std::move(*note));
  }
  const auto complete = plan_blobs(*made.source, made.images, nullptr, label);
  if (!complete) return complete.error();
  made.sums = sums_of(*complete);
  if (format_of(options.output) == archive_format::synology) {
    auto scratch = throwaway_store::open(output_of(options.output));
    if (!scratch) return scratch.error();
    made.scratch = std::move(*scratch);
    for (const extracted_blob& one : *complete) {
      const result<void> taken = take_blob(
          *made.source, one, *made.scratch->store(), [](std::uint64_t) {}, stop);
      if (!taken) return taken.error();
    }
  } else if (const result<void> checked = made.source->check_layers(made.images, stop); !checked) {
    return checked.error();
  }
  result<archive_export> out =
      archive_export::prepare(output_of(options.output), made.images, {}, {}, false, {false, options.attestations});
  if (!out) return out.error();
  made.out = std::move(*out);
  return made;
}

std::vector<pulled_image> describe(const std::vector<archive::archived_image>& images) {
  std::vector<pulled_image> described;
  for (const archive::archived_image& image : images) {
    std::vector<reference> names = image.names;
    if (names.empty()) names.emplace_back();
    for (const reference& name : names) append_described(described, name, image);
  }
  return described;
}

}  // namespace

task<result<convert_result>> convert(transfer::context& shared, std::shared_ptr<transfer::operation> running, archive_input from,
                                     convert_options options, bool sync) {
  const auto started = std::chrono::steady_clock::now();
  auto begin = [from, options, running, tell = tell_waiting(shared, running)] {
    return prepare(from, options, running->stop_flag(), tell);
  };
  result<prepared> begun = co_await offload(shared.lanes, lane::files, std::move(begin));
  const std::string label = archive::source_name(from);
  if (!begun) co_return archive::of_source(label, begun.error());
  prepared made = std::move(*begun);
  for (const std::string& note : made.notes) running->events.emit(warning{note});
  for (const std::string& note : made.out->notes()) running->events.emit(warning{note});

  convert_result done;
  done.images = describe(made.images);
  done.blobs = made.sums.plan.blobs;
  done.bytes = made.sums.plan.bytes;
  done.layers = made.sums.layers;
  std::shared_ptr<model::blob_source> blobs = made.source;
  archive_export out = std::move(*made.out);
  result<std::uint64_t> size = std::uint64_t{0};
  if (made.scratch) {
    size = co_await archive_export::write(shared, running, made.scratch->store(), std::move(out), sync);
  } else {
    size = co_await archive_export::write_from(shared, running, blobs, std::move(out), sync);
  }
  if (!size) co_return archive::of_source(label, size.error());
  done.archive_size = *size;
  done.elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started);
  running->events.flush();
  co_return done;
}

}  // namespace gantry::jobs
