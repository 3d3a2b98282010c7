#pragma once

#include "console.hpp"
#include "outcome.hpp"

#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace gantry::app {

/// A verb of the command line.
struct command {
  const char* name;
  const char* usage;    ///< what follows the name
  const char* purpose;  ///< one line
  int (*run)(std::vector<std::string> words);
  const char* group;  ///< its heading in the help text
};

/// All verbs, in the order of the help text; those of one group together.
std::span<const command> commands();

/// Runs the program. \param words the arguments behind the program's name \returns the exit status
int run_program(std::vector<std::string> words);

/// Prints a problem that came up before there was a console. \returns its exit status
int fail_early(const problem& what);

/// Prints what was asked for on standard output. \returns 0, or 7 when it could not be written; 141, without a word, as
/// for any program that SIGPIPE ends, when whoever reads has gone away
int print_result(const std::string& text);

/// Prints a command's help, laid out for the terminal that standard output is. \returns as \ref print_result
int print_help(const help_text& help);

/// Opens the console of a command and runs \p body with it; its problem is printed. \returns the exit status
/// \param to_be_made as of console::open
int run_with_console(const common_options& common, const std::function<outcome<int>(console&)>& body,
                     const std::filesystem::path& to_be_made = {});

// One file each.
int pull_command(std::vector<std::string> words);
int serve_command(std::vector<std::string> words);
int push_command(std::vector<std::string> words);
int copy_command(std::vector<std::string> words);
int sync_command(std::vector<std::string> words);
int inspect_command(std::vector<std::string> words);
int digest_command(std::vector<std::string> words);
int tags_command(std::vector<std::string> words);
int repos_command(std::vector<std::string> words);
int delete_command(std::vector<std::string> words);
int save_command(std::vector<std::string> words);
int explain_command(std::vector<std::string> words);
int login_command(std::vector<std::string> words);
int logout_command(std::vector<std::string> words);
int list_command(std::vector<std::string> words);
int clean_command(std::vector<std::string> words);
int verify_command(std::vector<std::string> words);
int convert_command(std::vector<std::string> words);
int extract_command(std::vector<std::string> words);
int bench_command(std::vector<std::string> words);
int completion_command(std::vector<std::string> words);

/// Environment mode. \returns nothing when IMAGE_REF is not set
std::optional<int> environment_command();

}  // namespace gantry::app
