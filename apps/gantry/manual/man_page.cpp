#include "manual/man_page.hpp"

#include "command.hpp"
#include "manual/examples.hpp"
#include "manual/tables.hpp"
#include "manual/variables.hpp"

#include <gantry/engine.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <span>
#include <sstream>

namespace gantry::app {
namespace {

/// Text that roff prints as it stands.
std::string roff(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if (c == '\'' && out.empty()) {
      out += "\\(aq";
    } else if (c == '.' && (out.empty() || out.back() == '\n')) {
      out += "\\&.";
    } else {
      out += c;
    }
  }
  return out;
}

/// Paragraphs, and among them lines that begin with two blanks: those stay as they are.
std::string remarks_text(const std::string& remarks) {
  std::string text = ".PP\n";
  bool as_it_is = false;
  std::istringstream lines(remarks);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("  ") != as_it_is) text += as_it_is ? ".fi\n" : ".nf\n";
    as_it_is = line.starts_with("  ");
    text += line.empty() ? ".PP\n" : roff(line) + "\n";
  }
  return as_it_is ? text + ".fi\n" : text;
}

std::string head(std::string_view name, std::string_view purpose) {
  std::string upper(name);
  std::transform(upper.begin(), upper.end(), upper.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return fmt::format(".TH {} 1 \"\" \"gantry {}\" \"User commands\"\n.ad l\n.nh\n.SH NAME\n{} \\- {}\n", roff(upper), version(), roff(name),
                     roff(purpose));
}

std::string options_text(const help_text& help) {
  std::string text;
  std::string group;
  for (const option_row& row : help.options) {
    if (row.group != group) text += fmt::format(".SS {}\n", roff(group = row.group));
    std::string names;
    for (const auto& name : row.names) names += fmt::format("{}\\fB{}\\fR", names.empty() ? "" : ", ", roff(name));
    if (row.value_may_lack) {
      names += fmt::format("[=\\fI{}\\fR]", roff(row.value));
    } else if (!row.value.empty()) {
      names += fmt::format(" \\fI{}\\fR", roff(row.value));
    }
    text += fmt::format(".TP\n{}\n{}\n", names, roff(row.description));
  }
  return text;
}

std::string example_text(const example& one) { return fmt::format(".TP\n\\fBgantry {}\\fR\n{}\n", roff(one.line), roff(one.purpose)); }

/// The first example of a command, for a page that has one of each.
std::string example_of(std::string_view command) {
  for (const example& one : examples()) {
    if (one.command == command) return example_text(one);
  }
  return {};
}

std::string examples_part(std::string_view command) {
  std::string text;
  for (const example& one : examples()) {
    if (one.command != command) continue;
    text += example_text(one);
  }
  return text.empty() ? text : ".SH EXAMPLES\n" + text;
}

std::string variables_text(std::span<const environment_variable> list) {
  std::string text;
  for (const environment_variable& one : list) text += fmt::format(".TP\n\\fB{}\\fR\n{}\n", roff(one.names), roff(one.purpose));
  return text;
}

/// Where things lie, and what is read beside them.
constexpr std::string_view files =
    ".SH FILES\n.TP\n\\fI~/.config/gantry/config.json\\fR\nDefaults of options; \\fBgantry explain\\fR tells the origin of each value.\n"
    ".TP\n\\fI~/.cache/gantry\\fR\nThe store of layers, below $XDG_CACHE_HOME where that is set. It may be removed when nothing runs.\n"
    ".TP\n\\fI~/.docker/config.json\\fR, \\fI$XDG_RUNTIME_DIR/containers/auth.json\\fR\nCredentials, as docker and podman keep them.\n"
    ".TP\n\\fI/etc/containers/registries.conf\\fR, \\fI/etc/containers/certs.d\\fR, \\fI/etc/docker/certs.d\\fR\n"
    "Mirrors and certificates of other programs, which are honoured.\n";

constexpr std::string_view exit_codes =
    ".SH EXIT STATUS\n0 done, 1 failed (network or registry), 2 usage, 3 not authorised, 4 not found, 5 integrity, 6 part of a list "
    "failed, 7 "
    "local storage, 8 rate limited or temporarily refused, 130 stopped by SIGINT, 141 nobody read the result, 143 stopped by SIGTERM.\n";

std::string program_page() {
  std::string text = head("gantry", "move container images between registries, files and a local store");
  text += ".SH SYNOPSIS\n\\fBgantry\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR...]\n.SH COMMANDS\n";
  for (const command& verb : commands()) {
    text +=
        fmt::format(".TP\n\\fB{}\\fR {}\n{}; see \\fBgantry\\-{}\\fR(1).\n", verb.name, roff(verb.usage), roff(verb.purpose), verb.name);
  }
  text += ".TP\n\\fBhelp\\fR [\\fICOMMAND\\fR]\nwhat a command does, its options and examples; with \\fB\\-\\-man\\fR its manual page.\n";
  text +=
      ".SH OPTIONS\nThe options of a command are in its page.\n.TP\n\\fB\\-h\\fR, \\fB\\-\\-help\\fR\nthe commands, or what the command "
      "does\n"
      ".TP\n\\fB\\-\\-version\\fR\nthe version, and the libraries that the program works with\n";
  text += ".SH EXAMPLES\n";
  for (const std::string_view verb : {"pull", "push", "copy", "sync", "serve"}) text += example_of(verb);
  text += ".SH ENVIRONMENT\n" + roff(mode_text()) + "\n" + variables_text(mode_variables());
  text += ".PP\nWith arguments, too:\n" + variables_text(other_variables());
  text += std::string(files) + std::string(exit_codes) + ".SH SEE ALSO\n";
  std::string others;
  for (const command& verb : commands()) others += fmt::format("{}\\fBgantry\\-{}\\fR(1)", others.empty() ? "" : ", ", verb.name);
  return text + others + "\n";
}

}  // namespace

std::optional<std::string> man_page(std::string_view command) {
  if (command.empty()) return program_page();
  const auto help = help_of(command);
  const auto all = commands();
  const auto verb = std::find_if(all.begin(), all.end(), [&](const auto& one) { return command == one.name; });
  if (!help || verb == all.end()) return std::nullopt;
  std::string text = head(fmt::format("gantry-{}", command), verb->purpose);
  text += fmt::format(".SH SYNOPSIS\n\\fB{}\\fR\n.SH DESCRIPTION\n{}\n", roff(help->usage), roff(help->description));
  if (!help->remarks.empty()) text += remarks_text(help->remarks);
  text += ".SH OPTIONS\n" + options_text(*help) + examples_part(command) + std::string(exit_codes);
  return text + ".SH SEE ALSO\n\\fBgantry\\fR(1)\n";
}

}  // namespace gantry::app
