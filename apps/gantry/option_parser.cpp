#include "option_parser.hpp"

#include "manual/examples.hpp"

#include <gantry/words.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace gantry::app {

namespace {

class help_formatter final : public CLI::Formatter {
 public:
  explicit help_formatter(std::string usage) : usage_(std::move(usage)) { column_width(44); }
  std::string make_usage(const CLI::App*, std::string) const override { return "Usage: " + usage_ + "\n"; }

 private:
  std::string usage_;
};

}  // namespace

option_parser::option_parser(const std::string& command, const std::string& operands, const std::string& description)
    : app_(description, command),
      command_(command),
      usage_(fmt::format("{}{}{} [OPTION...]", command, operands.empty() ? "" : " ", operands)) {
  app_.set_help_flag("-h,--help", "Print this help");
  app_.formatter(std::make_shared<help_formatter>(usage_));
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
    return usage_problem(error.what(), fmt::format("see '{} --help'", command_));
  }
  if (refused_) return *refused_;
  return std::optional<help_text>();
}

help_text option_parser::help() const {
  help_text made;
  made.text = app_.help() + examples_text(command_);
  made.usage = usage_;
  made.description = app_.get_description();
  made.remarks = app_.get_footer();
  for (const CLI::Option* option : app_.get_options()) {
    if (option->get_group().empty()) continue;  // operands
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
  return made;
}

problem option_parser::unknown_option() const {
  std::string word;
  for (const auto& extra : app_.remaining()) {
    if (word.empty()) word = extra;
  }
  // Behind '=' may stand a misspelt option's secret.
  word = word.substr(0, word.find('='));
  // `-xSECRET`: only the letter is the option.
  if (word.size() > 2 && word[0] == '-' && word[1] != '-') word.resize(2);
  std::vector<std::string> known;
  for (const auto* option : app_.get_options()) {
    for (const auto& name : option->get_lnames()) known.push_back("--" + name);
  }
  std::string hint = word.starts_with("--") ? did_you_mean(closest(word, known)) : std::string();
  if (hint.empty()) hint = fmt::format("see '{} --help'", command_);
  return usage_problem(fmt::format("unknown option '{}'", word), std::move(hint));
}

}  // namespace gantry::app
