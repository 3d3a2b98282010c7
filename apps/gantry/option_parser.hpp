#pragma once

#include "options.hpp"
#include "settings/defaults.hpp"

#include <CLI/CLI.hpp>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gantry::app {

/// CLI11 with this program's manners: values are read by functions that return outcomes, unknown options are answered with the nearest
/// known one, nothing that may be a secret is repeated in a message.
class option_parser {
 public:
  /// \param command e.g. `gantry pull`
  /// \param operands what stands behind it apart from options, e.g. `IMAGE...`
  option_parser(const std::string& command, const std::string& operands, const std::string& description);

  CLI::App& app() noexcept { return app_; }

  /// An option whose text goes through \p read, which stores the value.
  CLI::Option* add(const std::string& names, const std::string& description, const std::string& value_name,
                   std::function<outcome<>(const std::string&)> read);

  /// The same for an option that may be given several times; \p read is called for each.
  CLI::Option* add_repeated(const std::string& names, const std::string& description, const std::string& value_name,
                            std::function<outcome<>(const std::string&)> read);

  /// An option with an optional `=HOST`.
  CLI::Option* add_hosts(const std::string& names, const std::string& description, std::vector<std::string>& into);

  /// Reads \p words, then the user's defaults for what they leave open. \returns the text of `--help` when it was asked for.
  outcome<std::optional<help_text>> parse(std::vector<std::string> words);

  /// For commands that must not depend on the user's file.
  void ignore_defaults() { takes_defaults_ = false; }

  /// Where \ref parse tells who chose what; must outlive it.
  void tell_origins(common_options& into) { told_ = &into; }

 private:
  problem unknown_option() const;
  problem in_plain_words(const CLI::ParseError& error) const;
  std::string see_help() const;
  outcome<> apply_defaults();
  outcome<std::string> apply(const user_defaults& defaults, const setting& one);
  /// Whether an option that excludes it was given on the command line.
  bool gives_way(const settable_option& known) const;
  void tell(const user_defaults& defaults, const std::map<std::string, std::string>& applied);
  help_text help() const;
  /// Whether help names it: it is no operand, and has an effect here.
  bool is_shown(const CLI::Option& option) const;
  /// `pull` of `gantry pull`.
  std::string name_of_command() const;

  CLI::App app_;
  std::string command_;
  std::string operands_;
  std::string usage_;
  std::vector<const CLI::Option*> with_host_;
  bool takes_defaults_ = true;
  common_options* told_ = nullptr;
  std::optional<problem> refused_;  ///< by a \ref add reader: CLI11's exceptions cannot carry it
};

/// Which options about the outcome a command has.
struct output_choice {
  bool report = true;  ///< --report, where there is a transfer to draw
  bool json = true;    ///< --json, where a result is printed
};

/// Adds the options that all commands share.
void add_common_options(option_parser& parser, common_options& into, output_choice choice = {});

/// Adds those of them that make sense for commands that work on the layer store alone.
void add_store_options(option_parser& parser, common_options& into, output_choice choice = {});

/// Adds --platform and -a/--arch. \param description of --platform
void add_platform_options(option_parser& parser, std::vector<platform>& into, const char* description, const char* group);

/// Adds -f/--format, the format of an archive that is written.
void add_format_option(option_parser& parser, archive_format& into, const char* group);

/// Rules between the shared options that no single option can check.
/// \param two_ends the command has --src-creds and --dest-creds
outcome<> check_common_options(const common_options& options, bool two_ends = false);

}  // namespace gantry::app
