#include "option_parser.hpp"

#include "idle_options.hpp"
#include "other_words.hpp"

#include <gantry/words.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <string_view>
#include <utility>

namespace gantry::app {
namespace {

/// Options of a group may be added in several places; they are read in one, where the first of them stands.
void put_groups_together(std::vector<option_row>& rows) {
  std::map<std::string, std::size_t> order;
  for (const option_row& row : rows) order.emplace(row.group, order.size());
  std::stable_sort(rows.begin(), rows.end(), [&](const auto& a, const auto& b) { return order.at(a.group) < order.at(b.group); });
}

}  // namespace

option_parser::option_parser(const std::string& command, const std::string& operands, const std::string& description)
    : app_(description, command),
      command_(command),
      operands_(operands),
      usage_(fmt::format("{}{}{} [OPTION...]", command, operands.empty() ? "" : " ", operands)) {
  app_.set_help_flag("-h,--help", "Print this help")->group("Messages");
}

CLI::Option* option_parser::add(const std::string& names, const std::string& description, const std::string& value_name,
                                std::function<outcome<>(const std::string&)> read) {
  auto* option = app_.add_option_function<std::string>(
      names,
      [this, read = std::move(read)](const std::string& text) {
        if (auto done = read(text); !done && !refused_) refused_ = done.error();
      },
      description);
  return option->type_name(value_name);
}

CLI::Option* option_parser::add_repeated(const std::string& names, const std::string& description, const std::string& value_name,
                                         std::function<outcome<>(const std::string&)> read) {
  auto* option = app_.add_option_function<std::vector<std::string>>(
      names,
      [this, read = std::move(read)](const std::vector<std::string>& texts) {
        for (const std::string& text : texts) {
          if (auto done = read(text); !done && !refused_) refused_ = done.error();
        }
      },
      description);
  // One value a time: what follows may be an image.
  return option->type_name(value_name)->allow_extra_args(false);
}

CLI::Option* option_parser::add_hosts(const std::string& names, const std::string& description, std::vector<std::string>& into) {
  auto* option = app_.add_flag(names, into, description);
  with_host_.push_back(option);
  return option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

outcome<std::optional<help_text>> option_parser::parse(std::vector<std::string> words) {
  std::reverse(words.begin(), words.end());  // CLI11 takes them from the back
  try {
    app_.parse(std::move(words));
  } catch (const CLI::CallForHelp&) {
    return std::optional(help());
  } catch (const CLI::ExtrasError&) {
    return unknown_option();
  } catch (const CLI::ParseError& error) {
    return in_plain_words(error);
  }
  if (refused_) return *refused_;
  if (auto applied = apply_defaults(); !applied) return applied.error();
  return std::optional<help_text>();
}

problem option_parser::in_plain_words(const CLI::ParseError& error) const {
  // CLI11 says the option's name first, and what is wrong with it in words of its own.
  const std::string said = error.what();
  for (const CLI::Option* option : app_.get_options()) {
    const std::string name = option->get_name();
    if (name.empty() || !said.starts_with(name + ": ")) continue;
    if (said.ends_with(" missing")) return usage_problem(fmt::format("{} needs a value: {}", name, option->get_type_name()), see_help());
    if (said.find(": At Most ") != std::string::npos)
      return usage_problem(fmt::format("{} is given more than once, and takes one value", name), see_help());
  }
  constexpr std::string_view conversion = "Could not convert: ";
  if (said.starts_with(conversion)) {
    const std::string name = said.substr(conversion.size(), said.find(' ', conversion.size()) - conversion.size());
    return usage_problem(fmt::format("{} takes no value", name), see_help());
  }
  return usage_problem(said, see_help());
}

std::string option_parser::see_help() const { return fmt::format("see '{} --help'", command_); }

bool option_parser::is_shown(const CLI::Option& option) const {
  if (option.get_group().empty()) return false;  // operands
  const auto& names = option.get_lnames();
  return names.empty() || !has_option(idle_options(name_of_command()), names.front());
}

std::string option_parser::name_of_command() const { return command_.substr(command_.find(' ') + 1); }

help_text option_parser::help() const {
  help_text made;
  made.usage = usage_;
  made.description = app_.get_description();
  made.remarks = app_.get_footer();
  for (const CLI::Option* option : app_.get_options()) {
    if (!is_shown(*option)) continue;
    option_row row;
    for (const auto& name : option->get_snames()) row.names.push_back("-" + name);
    for (const auto& name : option->get_lnames()) row.names.push_back("--" + name);
    const bool host = std::find(with_host_.begin(), with_host_.end(), option) != with_host_.end();
    row.value = host ? "HOST" : option->get_type_size() == 0 ? "" : option->get_type_name();
    row.value_may_lack = host;
    row.description = option->get_description();
    row.group = option->get_group();
    made.options.push_back(std::move(row));
  }
  // That there is help is known to who reads it.
  const auto is_help = [](const option_row& row) { return row.names.back() == "--help"; };
  std::stable_partition(made.options.begin(), made.options.end(), std::not_fn(is_help));
  put_groups_together(made.options);
  return made;
}

problem option_parser::unknown_option() const {
  std::string word;
  for (const auto& extra : app_.remaining()) {
    if (word.empty()) word = extra;
  }
  // Behind '=' may stand a misspelt option's secret.
  word.resize(std::min(word.size(), word.find('=')));
  // `-xSECRET`: only the letter is the option.
  if (word.size() > 2 && word[0] == '-' && word[1] != '-') word.resize(2);
  if (!word.starts_with('-')) {
    const std::string takes = operands_.empty() ? "no words, only options" : fmt::format("{} and options", operands_);
    return usage_problem(fmt::format("'{}' takes {}; '{}' is one word too many", command_, takes, word), see_help());
  }
  std::vector<std::string> known;
  for (const auto* option : app_.get_options()) {
    if (!is_shown(*option)) continue;
    for (const auto& name : option->get_lnames()) known.push_back("--" + name);
  }
  std::string hint;
  if (word.starts_with("--")) {
    const std::string own = own_option(word, known);
    hint = did_you_mean(own.empty() ? closest(word, known) : own);
  }
  return usage_problem(fmt::format("unknown option '{}'", word), hint.empty() ? see_help() : hint);
}

}  // namespace gantry::app
