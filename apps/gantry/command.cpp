#include "command.hpp"

#include "annotation.hpp"
#include "arguments.hpp"
#include "failure_report.hpp"
#include "manual/help_page.hpp"
#include "manual/man_page.hpp"
#include "manual/program_help.hpp"
#include "other_words.hpp"
#include "progress/terminal.hpp"
#include "progress/text.hpp"
#include "settings/defaults.hpp"
#include "standard_output.hpp"
#include "values.hpp"

#include <gantry/engine.hpp>
#include <gantry/words.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include <fcntl.h>

namespace gantry::app {
namespace {

constexpr int standard_output = 1;
constexpr int standard_error = 2;

/// Where a command line that cannot be read wants events as JSON; 0: nowhere.
int& early_events() {
  static int descriptor = 0;
  return descriptor;
}

/// What was run, as it may be shown.
std::string& command_line() {
  static std::string text;
  return text;
}

/// What the options say about it that can be read whatever stands beside them.
int descriptor_of_events(const std::vector<std::string>& words) {
  bool json = false;
  int descriptor = standard_error;
  for (std::size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
    const std::size_t equals = words[i].find('=');
    const std::string name = words[i].substr(0, equals);
    if (name != "--progress" && name != "--progress-fd") continue;
    const std::string value = equals != std::string::npos ? words[i].substr(equals + 1) : i + 1 < words.size() ? words[i + 1] : "";
    if (name == "--progress") {
      json = value == "json";
    } else if (const auto number = parse_count(name, value, standard_error, 65'535);
               number && ::fcntl(static_cast<int>(*number), F_GETFD) >= 0) {
      descriptor = static_cast<int>(*number);
    }
  }
  return json || descriptor != standard_error ? descriptor : 0;
}

constexpr command table[] = {
    {"pull", "IMAGE...", "Pull images into archives that docker, podman, containerd and skopeo load", pull_command, "Pull and save"},
    {"save", "REF...", "Write images of the store into one archive, without a network", save_command, "Pull and save"},
    {"extract", "FILE [NAME]", "Read images out of an archive or directory into the layer store", extract_command, "Pull and save"},
    {"convert", "IN -o OUT", "Write images of an archive or directory into another archive", convert_command, "Pull and save"},
    {"push", "SOURCE TARGET", "Push images of the store, an archive or a directory to a registry", push_command, "Into registries"},
    {"copy", "SOURCE TARGET...", "Copy an image from registry to registry", copy_command, "Into registries"},
    {"sync", "FILE --to REGISTRY", "Bring a list of images to a registry, and keep it up to date", sync_command, "Into registries"},
    {"delete", "REFERENCE", "Delete a tag or a manifest in a registry", delete_command, "Into registries"},
    {"inspect", "IMAGE|FILE", "Show what an image consists of", inspect_command, "Looking"},
    {"digest", "IMAGE", "Print the digest that a name resolves to", digest_command, "Looking"},
    {"tags", "REPOSITORY", "List the tags of a repository", tags_command, "Looking"},
    {"repos", "REGISTRY[/PATH]", "List the repositories of a registry", repos_command, "Looking"},
    {"explain", "IMAGE", "Say which address, credentials, certificates and settings an image would get", explain_command, "Looking"},
    {"bench", "IMAGE", "Measure how many connections are best for an image", bench_command, "Looking"},
    {"list", "", "List what the layer store holds", list_command, "Store"},
    {"clean", "[REF...]", "Remove from the layer store what is named or not needed", clean_command, "Store"},
    {"verify", "", "Hash the layer store again, and repair it", verify_command, "Store"},
    {"serve", "", "Serve the store as a read-only registry", serve_command, "Store"},
    {"login", "REGISTRY", "Check a user name and a password, and keep them for the commands to come", login_command, "Accounts"},
    {"logout", "REGISTRY", "Forget the credentials of a registry", logout_command, "Accounts"},
    {"completion", "bash|zsh|fish", "Print a shell's completion script", completion_command, "Help"},
};

std::size_t help_width() {
  return help_columns(is_terminal(standard_output) ? size_of_terminal(standard_output).width : 0, process_environment()("COLUMNS"));
}

std::string version_text() {
  std::string text = fmt::format("gantry {}\n", version());
  for (const library_version& one : library_versions()) text += fmt::format("{} {}\n", one.name, one.version);
  return text;
}

const command* find_command(std::string_view name) {
  if (name == "import") name = "extract";
  const auto all = commands();
  const auto found = std::find_if(all.begin(), all.end(), [&](const command& verb) { return name == verb.name; });
  return found == all.end() ? nullptr : &*found;
}

int unknown_command(const std::string& word) {
  std::vector<std::string> known{"help"};
  for (const auto& verb : commands()) known.emplace_back(verb.name);
  const bool option = word.starts_with('-');
  if (option) known = {"--help", "--version"};
  std::string hint = hint_for_command(word);
  if (hint.empty()) hint = did_you_mean(closest(word, known));
  if (hint.empty() && option) hint = "options stand behind a command, e.g. 'gantry pull --progress plain nginx:1.25'";
  if (hint.empty()) hint = "see 'gantry --help'";
  // What stands behind '=' may be a secret.
  return fail_early(
      usage_problem(fmt::format("unknown {} '{}'", option ? "option" : "command", word.substr(0, word.find('='))), std::move(hint)));
}

int run_help(std::vector<std::string> words) {
  if (words.empty() || words.front() == "--help" || words.front() == "-h") return print_result(program_help(help_width()));
  const bool manual = words.front() == "--man";
  if (manual) words.erase(words.begin());
  if (manual && words.empty()) return print_result(*man_page({}));
  // A word that is not looked at would be taken for one that was understood.
  if (words.size() > 1) {
    return fail_early(
        usage_problem(fmt::format("help takes one command; '{}' is one word too many", words[1].substr(0, words[1].find('='))),
                      fmt::format("e.g. 'gantry help {}'", words.front())));
  }
  if (words.front() == "help") return manual ? print_result(*man_page({})) : print_result(program_help(help_width()));
  const command* verb = find_command(words.front());
  if (verb == nullptr) return unknown_command(words.front());
  if (manual) {
    if (const auto page = man_page(verb->name)) return print_result(*page);
  }
  return verb->run(std::vector<std::string>(1, "--help"));
}

}  // namespace

std::span<const command> commands() { return table; }

int fail_early(const problem& what) {
  // Whoever reads, as `head` does, has seen enough: no failure to be told, and no success of the whole either.
  if (what.code == exit_code::broken_pipe) return static_cast<int>(what.code);
  const error_report report = report_problem(what);
  const int events = early_events();
  if (events >= standard_error) make_json_renderer(events)->error(report);
  if (events == standard_error) return static_cast<int>(what.code);
  write_all(standard_error, error_text(report, wants_color(standard_error), known_columns(standard_error)));
  if (wants_annotations(process_environment())) write_all(standard_error, github_annotation(report));
  return static_cast<int>(what.code);
}

int run_with_console(const common_options& common, const std::function<outcome<int>(console&)>& body,
                     const std::filesystem::path& to_be_made) {
  auto output = console::open(common, to_be_made);
  if (!output) return fail_early(output.error());
  (*output)->runs(command_line());
  auto status = body(**output);
  if (!status) (*output)->error(report_problem(status.error()));
  int code = status ? *status : static_cast<int>(status.error().code);
  if (auto written = (*output)->write_report(code); !written) {
    (*output)->error(report_problem(written.error()));
    if (code == 0) code = static_cast<int>(written.error().code);
  }
  return code;
}

int print_result(const std::string& text) {
  const auto written = write_result(text);
  return written ? 0 : fail_early(written.error());
}

int print_help(const help_text& what) { return print_result(help_page(what, help_width())); }

int run_program(std::vector<std::string> words) {
  early_events() = descriptor_of_events(words);
  // Without words there is the environment, which has the image's name, and may have passwords.
  command_line() = words.empty() ? "IMAGE_REF=" + process_environment()("IMAGE_REF") + " gantry" : shown_command(words);
  current_defaults() = [] { return load_user_defaults(process_environment()); };
  if (words.empty()) {
    if (const auto status = environment_command()) return *status;
    write_all(standard_error, program_help(help_width()));
    return static_cast<int>(exit_code::usage);
  }
  const std::string first = words.front();
  words.erase(words.begin());
  if (first == "--help" || first == "-h") return print_result(program_help(help_width()));
  if (first == "help") return run_help(std::move(words));
  if (first == "--version") return print_result(version_text());
  const command* verb = find_command(first);
  return verb == nullptr ? unknown_command(first) : verb->run(std::move(words));
}

}  // namespace gantry::app
