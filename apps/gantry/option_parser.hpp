#pragma once

#include "options.hpp"

#include <CLI/CLI.hpp>

#include <functional>
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

  /// \returns the text of `--help` when it was asked for.
  outcome<std::optional<help_text>> parse(std::vector<std::string> words);

 private:
  problem unknown_option() const;
  help_text help() const;

  CLI::App app_;
  std::string command_;
  std::string usage_;
  std::vector<const CLI::Option*> with_host_;
  std::optional<problem> refused_;  ///< by a \ref add reader: CLI11's exceptions cannot carry it
};

/// Adds the options that all commands share.
void add_common_options(option_parser& parser, common_options& into);

/// Adds those of them that make sense for commands that work on the layer store alone.
void add_store_options(option_parser& parser, common_options& into);

/// Rules between the shared options that no single option can check.
outcome<> check_common_options(const common_options& options);

}  // namespace gantry::app
