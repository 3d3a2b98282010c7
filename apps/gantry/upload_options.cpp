#include "upload_options.hpp"

#include "json_line.hpp"
#include "option_parser.hpp"
#include "values.hpp"

#include <gantry/format.hpp>

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <utility>

namespace gantry::app {

void add_upload_options(option_parser& parser, upload_arguments& into) {
  auto& app = parser.app();
  const auto what = "What";
  parser
      .add("--platform", "Only these platforms: os/arch[/variant][,...] (default everything, byte for byte)", "LIST",
           [&into](const std::string& text) -> outcome<> {
             auto list = parse_platforms(text);
             if (!list) return list.error();
             into.platforms = std::move(*list);
             return {};
           })
      ->group(what);
  parser
      .add("-a,--arch", "The same, linux in front left out", "LIST",
           [&into](const std::string& text) -> outcome<> {
             auto list = parse_architectures(text);
             if (!list) return list.error();
             into.platforms = std::move(*list);
             return {};
           })
      ->group(what);
  app.add_flag("--all-platforms", into.all_platforms, "Everything (the default)")->group(what);
  const auto how = "How";
  app.add_flag("--skip-existing", into.skip_existing, "Leave out what the registry has (the default)")->group(how);
  app.add_flag("--force-upload", into.force_upload, "Upload without asking what the registry has")->group(how);
  app.add_flag("--dry-run", into.dry_run, "Only say what would be done; nothing is written or deleted")->group(how);
}

outcome<> check_upload_options(const upload_arguments& arguments) {
  if (arguments.force_upload && arguments.skip_existing) return usage_problem("--skip-existing and --force-upload exclude each other");
  if (arguments.all_platforms && !arguments.platforms.empty())
    return usage_problem("--platform, --arch and --all-platforms exclude each other");
  return {};
}

void add_counts(json_object& into, const upload_counts& counts) {
  into.add("blobs", std::uint64_t{counts.blobs}).add("bytes", counts.bytes).add("blobs_present", std::uint64_t{counts.blobs_present});
  into.add("blobs_mounted", std::uint64_t{counts.blobs_mounted}).add("blobs_uploaded", std::uint64_t{counts.blobs_uploaded});
  into.add("bytes_uploaded", counts.bytes_uploaded);
}

std::string upload_summary(const upload_counts& counts, std::size_t images, std::size_t unchanged, std::chrono::milliseconds elapsed,
                           bool dry_run, bool to_directory) {
  const char* const sent = to_directory ? "written" : "uploaded";
  std::string text = dry_run ? "dry run: " : "";
  const char* between = "";
  const auto add = [&](const std::string& part) {
    text += between + part;
    between = ", ";
  };
  const auto blobs = [](std::size_t number) { return fmt::format("{} blob{}", number, number == 1 ? "" : "s"); };
  if (counts.blobs_uploaded > 0) {
    add(fmt::format("{} of {}, {}, {}{}", counts.blobs_uploaded, blobs(counts.blobs), format_bytes(counts.bytes_uploaded),
                    dry_run ? "would be " : "", sent));
  } else if (counts.blobs_mounted == 0) {
    add(to_directory ? "nothing to write" : "nothing to upload");
    between = ": ";
  }
  if (counts.blobs_mounted > 0) {
    add(fmt::format("{} {} from other repositories",
                    counts.blobs_uploaded > 0 ? std::to_string(counts.blobs_mounted) : blobs(counts.blobs_mounted),
                    dry_run ? "would be mounted" : "mounted"));
  }
  if (counts.blobs_present > 0) {
    const bool alone = counts.blobs_uploaded == 0 && counts.blobs_mounted == 0;
    add(fmt::format("{} there already", alone ? blobs(counts.blobs_present) : std::to_string(counts.blobs_present)));
  }
  if (unchanged > 0) between = "; ";
  if (unchanged > 0 && images == 1) add("the image is unchanged");
  if (unchanged > 0 && images > 1) add(fmt::format("{} of {} images unchanged", unchanged, images));
  return text + fmt::format("; {}", format_duration(elapsed));
}

}  // namespace gantry::app
