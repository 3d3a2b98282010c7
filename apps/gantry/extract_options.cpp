#include "extract_options.hpp"

#include "file_words.hpp"
#include "option_parser.hpp"

#include <utility>

namespace gantry::app {
namespace {

constexpr const char* footer =
    "FILE is an archive of docker save, podman save or skopeo, or an OCI image layout as archive or directory, plain or compressed with "
    "gzip "
    "or zstd; - is standard input; with oci:, oci-archive: or docker-archive: in front, :IMAGE behind it names one image of it, as for "
    "skopeo.\n"
    "Without NAME the images get the names that the archive gives them, where the store has no other image under these; an archive that "
    "gives no name needs NAME.\nNAME is given to the image whatever the store had under it; when that was another image, it is said. Of an "
    "archive of several images NAME chooses one. Blobs that the archive lacks must be in the store.";

}  // namespace

outcome<std::variant<extract_arguments, help_text>> parse_extract(std::vector<std::string> words) {
  extract_arguments arguments;
  std::vector<std::string> operands;
  std::string file;
  option_parser parser("gantry extract", "FILE [NAME]", "Read images out of an archive or directory into the layer store.");
  auto& app = parser.app();
  app.footer(footer);
  app.add_option("FILE", operands, "The archive, then what the image is to be called")->type_name("")->group("");
  app.add_option("--file", file, "The archive, in place of the first word")->type_name("FILE|-")->group("What to read");
  app.add_flag("--force", arguments.force, "Let names that mean other images in the store mean these from now on")->group("What to read");
  add_store_options(parser, arguments.common);
  auto help = parser.parse(std::move(words));
  if (!help) return help.error();
  if (*help) return std::variant<extract_arguments, help_text>(std::move(**help));
  if (auto checked = check_common_options(arguments.common); !checked) return checked.error();
  if (!file.empty()) operands.insert(operands.begin(), std::move(file));
  if (operands.empty() || operands.front().empty()) return usage_problem("no archive is named", "e.g. 'gantry extract image.tar'");
  if (operands.size() > 2) return usage_problem("one archive and one name at most can be given", "see 'gantry extract --help'");
  arguments.file = parse_input(operands.front());
  if (operands.size() == 2) {
    auto name = parse_image(operands.back());
    if (!name) return name.error();
    arguments.name = std::move(name->image);
  }
  return std::variant<extract_arguments, help_text>(std::move(arguments));
}

}  // namespace gantry::app
