#include "manual/tables.hpp"

#include "convert_options.hpp"
#include "copy_options.hpp"
#include "explain_options.hpp"
#include "extract_options.hpp"
#include "login_options.hpp"
#include "lookup_options.hpp"
#include "manual/completion_options.hpp"
#include "push_options.hpp"
#include "serve_options.hpp"
#include "store_options.hpp"
#include "sync_options.hpp"

#include <string>
#include <vector>

namespace gantry::app {
namespace {

// Nothing is asked about files while a parser prints its help.
bool no_path(const std::string&) { return false; }

template <class Parsed>
std::optional<help_text> taken(Parsed parsed) {
  if (!parsed) return std::nullopt;
  auto* help = std::get_if<help_text>(&*parsed);
  return help == nullptr ? std::nullopt : std::optional(std::move(*help));
}

}  // namespace

std::optional<help_text> help_of(std::string_view command) {
  std::vector<std::string> ask{"--help"};
  if (command == "pull") return taken(parse_pull(std::move(ask)));
  if (command == "save") return taken(parse_save(std::move(ask)));
  if (command == "bench") return taken(parse_bench(std::move(ask)));
  if (command == "push") return taken(parse_push(std::move(ask), no_path));
  if (command == "copy") return taken(parse_copy(std::move(ask)));
  if (command == "sync") return taken(parse_sync(std::move(ask), no_path));
  if (command == "inspect") return taken(parse_inspect(std::move(ask)));
  if (command == "digest") return taken(parse_digest(std::move(ask)));
  if (command == "tags") return taken(parse_tags(std::move(ask)));
  if (command == "repos") return taken(parse_repositories(std::move(ask)));
  if (command == "delete") return taken(parse_delete(std::move(ask)));
  if (command == "explain") return taken(parse_explain(std::move(ask)));
  if (command == "login") return taken(parse_login(std::move(ask)));
  if (command == "logout") return taken(parse_logout(std::move(ask)));
  if (command == "list") return taken(parse_list(std::move(ask)));
  if (command == "clean") return taken(parse_clean(std::move(ask)));
  if (command == "verify") return taken(parse_verify(std::move(ask)));
  if (command == "extract") return taken(parse_extract(std::move(ask)));
  if (command == "convert") return taken(parse_convert(std::move(ask)));
  if (command == "serve") return taken(parse_serve(std::move(ask)));
  if (command == "completion") return taken(parse_completion(std::move(ask)));
  return std::nullopt;
}

}  // namespace gantry::app
