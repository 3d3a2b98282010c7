#include "store_options.hpp"

#include "image_names.hpp"
#include "option_parser.hpp"
#include "values.hpp"

#include <utility>

namespace gantry::app {
namespace {

/// Reads the words into what the parser was given. \returns the text of --help when that was asked for
outcome<std::optional<help_text>> read_words(option_parser& parser, std::vector<std::string> words, const common_options& common) {
  auto help = parser.parse(std::move(words));
  if (!help || *help) return help;
  if (auto checked = check_common_options(common); !checked) return checked.error();
  return help;
}

// Lines that begin with two blanks stay as they are, on a terminal and in a manual page of 80 columns.
constexpr const char* list_json_shape = R"(With --json:
  {"version": 1,
   "store": {"path", "blobs", "bytes", "partial_bytes",
             "quarantined_bytes"},
   "references": [
     {"name", "registry", "repository", "reference", "digest",
      "media_type", "path", "size", "pulled", "complete",
      "manifests": [
        {"digest", "media_type", "size", "path", "platform",
         "config_digest",
         "blobs": [
           {"digest", "size", "path", "media_type", "config",
            "compressed", "held"}]}]}]}

Sizes are bytes, paths absolute, "pulled" is UTC as in RFC 3339. Of an image that the store has for some platforms only, these are listed.)";

constexpr const char* clean_rules =
    R"(Blobs that no name needs go after a day, since an interrupted pull goes on with them; )"
    R"(partial data and damaged blobs in quarantine go after a week, what a killed 'gantry extract' left at once.
What a running gantry works with stays.

With --json, sizes in bytes:
  {"version": 1, "dry_run", "store",
   "references": [NAME...],
   "blobs": [{"digest", "size"}],
   "partial", "uploads", "freed", "remaining"}
)";

constexpr const char* verify_rules = R"(Damaged blobs go to quarantine/ in the store and are never served; one that cannot be moved is )"
                                     R"(told with the reason. A name whose record cannot be read is told; --repair writes it anew )"
                                     R"(where its registry still gives what the store has. Exit code 5 when something is damaged or )"
                                     R"(missing and was not repaired.

With --json:
  {"version": 1, "store", "blobs", "bytes", "references",
   "damaged": [
     {"digest", "size", "missing", "quarantined",
      "references": [NAME...], "repaired", "trouble"}]}
)";

}  // namespace

outcome<std::variant<list_arguments, help_text>> parse_list(std::vector<std::string> words) {
  list_arguments arguments;
  option_parser parser("gantry list", "", "List what the layer store holds: name, platforms, size, time of the last pull.");
  parser.app().footer(list_json_shape);
  add_store_options(parser, arguments.common, {.report = false});
  auto help = read_words(parser, std::move(words), arguments.common);
  if (!help) return help.error();
  if (*help) return std::variant<list_arguments, help_text>(std::move(**help));
  return std::variant<list_arguments, help_text>(std::move(arguments));
}

outcome<std::variant<clean_arguments, help_text>> parse_clean(std::vector<std::string> words) {
  clean_arguments arguments;
  std::vector<std::string> names;
  option_parser parser("gantry clean", "[REF...]",
                       "Remove from the layer store what nothing needs, and the names given here with the blobs that they alone need.");
  const auto group = "What to remove";
  auto& app = parser.app();
  app.footer(clean_rules);
  app.add_option("REF", names, "Names as 'gantry list' prints them; without a tag, :latest")->type_name("")->group("");
  app.add_flag("--all", arguments.all, "Every name, blob and part; asks first, and without a terminal wants --force")->group(group);
  parser
      .add("--older-than", "Names that were not pulled for so long: 12h, 30d, up to 366d", "TIME",
           [&arguments](const std::string& text) -> outcome<> {
             auto time = parse_duration("--older-than", text);
             if (!time) return time.error();
             arguments.older_than = *time;
             return {};
           })
      ->group(group);
  parser
      .add("--max-size", "As much as it takes to get down to this size, the least recently pulled first: 500M, 20G", "SIZE",
           [&arguments](const std::string& text) -> outcome<> {
             auto size = parse_size("--max-size", text);
             if (!size) return size.error();
             arguments.max_size = *size;
             return {};
           })
      ->group(group);
  app.add_flag("-n,--dry-run", arguments.dry_run, "Only tell what would go")->group(group);
  app.add_flag("-f,--force,-y,--yes", arguments.force, "Do not ask")->group(group);
  add_store_options(parser, arguments.common, {.report = false});
  auto help = read_words(parser, std::move(words), arguments.common);
  if (!help) return help.error();
  if (*help) return std::variant<clean_arguments, help_text>(std::move(**help));
  if (arguments.all && (!names.empty() || arguments.older_than || arguments.max_size))
    return usage_problem("--all removes everything: names, --older-than and --max-size have no meaning beside it");
  for (const auto& name : names) {
    auto image = parse_image(name);
    if (!image) return image.error();
    arguments.references.push_back(std::move(image->image));
  }
  return std::variant<clean_arguments, help_text>(std::move(arguments));
}

outcome<std::variant<verify_arguments, help_text>> parse_verify(std::vector<std::string> words) {
  verify_arguments arguments;
  option_parser parser("gantry verify", "", "Hash every blob of the layer store again.");
  parser.app().footer(verify_rules);
  parser.app()
      .add_flag("--repair", arguments.repair, "Fetch again what is damaged or missing, from the registries that the names give")
      ->group("What to verify");
  add_common_options(parser, arguments.common);
  auto help = read_words(parser, std::move(words), arguments.common);
  if (!help) return help.error();
  if (*help) return std::variant<verify_arguments, help_text>(std::move(**help));
  return std::variant<verify_arguments, help_text>(std::move(arguments));
}

}  // namespace gantry::app
