#include "manual/completion.hpp"

#include "command.hpp"
#include "manual/completion_options.hpp"
#include "manual/tables.hpp"
#include "store_session.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gantry::app {
namespace {

constexpr std::string_view bash_head = R"(# bash completion of gantry, made by 'gantry completion bash'
_gantry_options() {
  case $1 in
)";

constexpr std::string_view bash_tail =
    R"bash(# Words as the shell will read them: split at blanks that nothing quotes. COMP_WORDS has image names in pieces, since they have colons.
_gantry_split() {
  local line=$1 quote= word= begun= c i
  words=()
  for ((i = 0; i < ${#line}; i++)); do
    c=${line:i:1}
    if [[ -n $quote && $c == "$quote" ]]; then quote=
    elif [[ $quote == "'" ]]; then word+=$c
    elif [[ $c == \\ ]]; then ((i += 1)); word+=${line:i:1}; begun=1
    elif [[ -n $quote ]]; then word+=$c
    elif [[ $c == [\'\"] ]]; then quote=$c; begun=1
    elif [[ $c == [[:space:]] ]]; then [[ -z $word$begun ]] || words+=("$word"); word= begun=
    else word+=$c
    fi
  done
  words+=("$word")
}
_gantry_files() {
  local found
  mapfile -t found < <(compgen -f -- "$word")
  ((${#found[@]})) || return
  COMPREPLY+=("${found[@]}")
  # Quotes what has blanks, and colons with it: only where there are files.
  compopt -o filenames 2> /dev/null
}
_gantry() {
  local word previous command= choices= ahead= found i
  local -a words
  _gantry_split "${COMP_LINE:0:COMP_POINT}"
  word=${words[-1]} previous=
  ((${#words[@]} > 1)) && previous=${words[-2]}
  for ((i = 1; i + 1 < ${#words[@]}; i++)); do
    [[ ${words[i]} != -* ]] && { command=${words[i]}; break; }
  done
  COMPREPLY=()
  if [[ -z $command ]]; then
    choices="$(_gantry_commands) help --help --version"
  elif [[ $word == --*=* ]]; then
    previous=${word%%=*} ahead=${word%%=*}= word=${word#*=}
    choices=$(_gantry_values "$command" "$previous")
    [[ $choices == @operands ]] && return
  elif [[ $word == -* ]]; then
    choices=$(_gantry_options "$command")
  else
    choices=$(_gantry_values "$command" "$previous")
  fi
  case $choices in
    @files) choices=; _gantry_files ;;
    @none) return ;;
    @operands)
      case $command in
        help) choices=$(_gantry_commands) ;;
        completion) choices="bash zsh fish" ;;
        pull | save | push | copy | inspect | digest | explain | clean | bench) choices=$(gantry completion --images 2> /dev/null) ;;
        *) choices= ;;
      esac
      case $command in
        push | inspect | digest | extract | import | convert | sync) _gantry_files ;;
      esac ;;
    *)
      # Of a list the last word is completed.
      case $previous in
        --platform | --arch | -a) [[ $word == *,* ]] && { ahead+=${word%,*},; word=${word##*,}; } ;;
      esac ;;
  esac
  if [[ -n $choices ]]; then
    mapfile -t found < <(compgen -W "$choices" -- "$word")
    COMPREPLY+=("${found[@]}")
  fi
  # What stands before the last colon or '=' is on the line already, where bash splits there.
  local kept= whole=$ahead$word
  [[ $COMP_WORDBREAKS == *=* && $whole == --*=* ]] && kept=${whole%%=*}=
  [[ $COMP_WORDBREAKS == *:* && ${whole#"$kept"} == *:* ]] && kept=${whole%"${whole##*:}"}
  for i in "${!COMPREPLY[@]}"; do
    COMPREPLY[i]=$ahead${COMPREPLY[i]}
    COMPREPLY[i]=${COMPREPLY[i]#"$kept"}
  done
}
complete -F _gantry gantry
)bash";

constexpr std::string_view zsh_tail = R"zsh(_gantry() {
  local -a choices
  if ((CURRENT == 2)); then
    choices=(${(f)"$(_gantry_commands)"})
    _describe command choices
    return
  fi
  local command=$words[2] previous=$words[CURRENT-1]
  if [[ $PREFIX == --*=* ]]; then
    previous=${PREFIX%%=*}
    compset -P '*='
    [[ "$(_gantry_values $command $previous)" == @operands ]] && return
  elif [[ $PREFIX == -* ]]; then
    choices=(${(f)"$(_gantry_options $command)"})
    _describe -o option choices
    return
  fi
  local values="$(_gantry_values $command $previous)"
  case $values in
    @files) _files ;;
    @none) ;;
    @operands)
      case $command in
        help) choices=(${(f)"$(_gantry_commands)"}); _describe command choices ;;
        completion) compadd bash zsh fish ;;
        pull|save|push|copy|inspect|digest|explain|clean|bench) compadd -- ${(f)"$(gantry completion --images 2> /dev/null)"} ;;
      esac
      case $command in
        push|inspect|digest|extract|import|convert|sync) _files ;;
      esac ;;
    *)
      [[ $previous == (--platform|--arch|-a) ]] && compset -P '*,'
      compadd -- ${=values} ;;
  esac
}
if [ "$funcstack[1]" = "_gantry" ]; then _gantry "$@"; else compdef _gantry gantry; fi
)zsh";

std::string single_quoted(std::string_view text, std::string_view quote) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += quote;
    } else {
      out += c;
    }
  }
  return out + "'";
}

/// What may stand behind an option: `@files`, `@none` for what nobody can guess, or words.
std::string values_of(const option_row& row) {
  const auto has = [&row](std::string_view name) { return std::find(row.names.begin(), row.names.end(), name) != row.names.end(); };
  if (has("--progress")) return "auto bar plain json none";
  if (has("--jobs")) return "auto";
  if (has("--format")) return "docker oci oci-dir synology";
  if (has("--platform")) return "linux/amd64 linux/arm64 linux/arm/v7 linux/arm/v6 linux/386 linux/ppc64le linux/s390x linux/riscv64";
  if (has("--arch")) return "amd64 arm64 arm/v7 arm/v6 386 ppc64le s390x riscv64";
  if (row.value.find("FILE") != std::string::npos || row.value.find("DIR") != std::string::npos) return "@files";
  // A list of words in small letters is a list of what there is.
  if (std::any_of(row.value.begin(), row.value.end(), [](char c) { return c >= 'A' && c <= 'Z'; })) return "@none";
  std::string words = row.value;
  std::replace(words.begin(), words.end(), '|', ' ');
  return words;
}

/// The one command that has a second name.
struct second_name {
  std::string_view command;
  std::string_view other;
};
constexpr second_name other_name{"extract", "import"};

/// The option of `help`, which has no table of options.
constexpr std::string_view manual_option = "--man";
constexpr std::string_view manual_purpose = "Print the manual page";

/// The command's name as a pattern of `case`, with its other name when it has one.
std::string names_of(std::string_view verb) {
  return verb == other_name.command ? fmt::format("{} | {}", verb, other_name.other) : std::string(verb);
}

/// A shell function `_gantry_values COMMAND PREVIOUS`; the same text in bash and zsh.
std::string values_function() {
  std::string text = "_gantry_values() {\n  case \"$1 $2\" in\n";
  for (const command& verb : commands()) {
    const auto help = help_of(verb.name);
    for (const option_row& row : help ? help->options : std::vector<option_row>()) {
      if (row.value.empty() || row.value_may_lack) continue;
      std::string patterns;
      for (const auto& name : row.names) {
        patterns += fmt::format("{}'{} {}'", patterns.empty() ? "" : " | ", verb.name, name);
        if (verb.name == other_name.command) patterns += fmt::format(" | '{} {}'", other_name.other, name);
      }
      text += fmt::format("    {}) echo {} ;;\n", patterns, single_quoted(values_of(row), "'\\''"));
    }
  }
  return text + "    *) echo @operands ;;\n  esac\n}\n";
}

std::string bash_script() {
  std::string text(bash_head);
  std::string verbs;
  for (const command& verb : commands()) {
    verbs += fmt::format("{}{}", verbs.empty() ? "" : " ", verb.name);
    const auto help = help_of(verb.name);
    std::string names;
    for (const option_row& row : help ? help->options : std::vector<option_row>()) {
      for (const auto& name : row.names) names += fmt::format("{}{}", names.empty() ? "" : " ", name);
    }
    text += fmt::format("    {}) echo '{}' ;;\n", names_of(verb.name), names);
  }
  text += fmt::format("    help) echo '{}' ;;\n", manual_option);
  text += "  esac\n}\n_gantry_commands() { echo '" + verbs + "'; }\n";
  return text + values_function() + std::string(bash_tail);
}

std::string zsh_script() {
  std::string text = "#compdef gantry\n# zsh completion of gantry, made by 'gantry completion zsh'\n_gantry_commands() {\n  print -rl --";
  for (const command& verb : commands()) text += " \\\n    " + single_quoted(fmt::format("{}:{}", verb.name, verb.purpose), "'\\''");
  text += "\n}\n_gantry_options() {\n  case $1 in\n";
  for (const command& verb : commands()) {
    text += fmt::format("    {}) print -rl --", names_of(verb.name));
    const auto help = help_of(verb.name);
    for (const option_row& row : help ? help->options : std::vector<option_row>()) {
      for (const auto& name : row.names) text += " \\\n      " + single_quoted(fmt::format("{}:{}", name, row.description), "'\\''");
    }
    text += " ;;\n";
  }
  text += fmt::format("    help) print -rl -- '{}:{}' ;;\n", manual_option, manual_purpose);
  return text + "  esac\n}\n" + values_function() + std::string(zsh_tail);
}

std::string fish_script() {
  std::string text = "# fish completion of gantry, made by 'gantry completion fish'\ncomplete -c gantry -f\n";
  const auto quoted = [](std::string_view words) { return single_quoted(words, "\\'"); };
  std::string verbs;
  text += "complete -c gantry -n __fish_use_subcommand -a help -d " + quoted("say what a command does") + "\n";
  for (const command& verb : commands()) {
    verbs += fmt::format("{}{}", verbs.empty() ? "" : " ", verb.name);
    text += fmt::format("complete -c gantry -n __fish_use_subcommand -a {} -d {}\n", verb.name, quoted(verb.purpose));
    const auto help = help_of(verb.name);
    for (const option_row& row : help ? help->options : std::vector<option_row>()) {
      text += fmt::format("complete -c gantry -n '__fish_seen_subcommand_from {}{}'", verb.name,
                          verb.name == other_name.command ? fmt::format(" {}", other_name.other) : std::string());
      for (const auto& name : row.names) text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      if (!row.value.empty() && !row.value_may_lack) {
        const std::string values = values_of(row);
        if (values == "@files") {
          text += " -rF";
        } else {
          text += " -x";
          if (values != "@none") text += " -a " + quoted(values);
        }
      }
      text += " -d " + quoted(row.description) + "\n";
    }
  }
  text +=
      "complete -c gantry -n '__fish_seen_subcommand_from pull save push copy inspect digest explain clean bench' "
      "-a '(gantry completion --images 2> /dev/null)'\n";
  text += "complete -c gantry -n '__fish_seen_subcommand_from push inspect digest extract import convert sync' -F\n";
  text += "complete -c gantry -n '__fish_seen_subcommand_from help' -a " + quoted(verbs) + "\n";
  text += fmt::format("complete -c gantry -n '__fish_seen_subcommand_from help' -l {} -d '{}'\n", manual_option.substr(2), manual_purpose);
  return text + "complete -c gantry -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'\n";
}

outcome<int> print_images(const completion_arguments& arguments, console& output) {
  session work(output, std::nullopt);
  engine keeper(store_engine_options(arguments.common, work));
  const auto answer = list_store(keeper, work, store_warnings::silent);
  if (answer.ec) return fail(answer, work, output, "the store cannot be listed");
  std::string names;
  for (const stored_reference& one : answer.result.references) names += one.reference.familiar() + "\n";
  return print_result(names);
}

}  // namespace

std::string completion_script(std::string_view shell) {
  if (shell == "bash") return bash_script();
  return shell == "zsh" ? zsh_script() : fish_script();
}

int completion_command(std::vector<std::string> words) {
  auto parsed = parse_completion(std::move(words));
  if (!parsed) return fail_early(parsed.error());
  if (const auto* help = std::get_if<help_text>(&*parsed)) return print_help(*help);
  const auto& arguments = std::get<completion_arguments>(*parsed);
  if (!arguments.images) return print_result(completion_script(arguments.shell));
  return run_with_console(arguments.common, [&](console& output) { return print_images(arguments, output); });
}

}  // namespace gantry::app
