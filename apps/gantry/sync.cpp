#include "engine_setup.hpp"
#include "failure_report.hpp"
#include "image_names.hpp"
#include "lookup.hpp"
#include "output_places.hpp"
#include "prompt.hpp"
#include "standard_output.hpp"
#include "sync_options.hpp"
#include "sync_results.hpp"

#include <gantry/sync.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <system_error>
#include <utility>

namespace gantry::app {
namespace {

constexpr std::size_t list_limit = std::size_t{8} << 20;

/// How messages call the list.
std::string name_of_list(const sync_arguments& arguments) { return arguments.list == "-" ? "standard input" : arguments.list; }

outcome<sync_list> read_list_file(const sync_arguments& arguments) {
  const bool standard_input = arguments.list == "-";
  const std::string name = name_of_list(arguments);
  std::ifstream file;
  if (!standard_input) {
    if (auto opened = open_list(file, name); !opened) return opened.error();
  }
  auto text = read_text(standard_input ? std::cin : file, name, list_limit);
  if (!text) return text.error();
  error_code ec;
  diagnostics why;
  sync_list list = parse_sync_list(*text, name, ec, why);
  if (ec) return usage_problem(why.message());
  if (list.entries.empty()) return usage_problem(fmt::format("{} names no image", name));
  if (!arguments.platforms.empty()) {
    for (sync_entry& entry : list.entries) {
      entry.platforms = arguments.platforms;
      entry.platform_timeouts.clear();
    }
  }
  return list;
}

/// The registries of both ends.
struct ends {
  std::set<std::string> sources;
  std::set<std::string> targets;
};

ends ends_of(const sync_list& list, const sync_arguments& arguments) {
  ends found;
  const auto* const to = std::get_if<push_prefix>(&arguments.to);
  for (const sync_entry& entry : list.entries) {
    if (!entry.source.empty()) found.sources.insert(entry.source.registry());
    if (entry.place) {
      found.targets.insert(entry.place->registry);
    } else if (to != nullptr) {
      found.targets.insert(to->registry);
    }
  }
  return found;
}

/// Each end answers for itself, the common options for what is at neither.
outcome<std::shared_ptr<credential_source>> credentials_of(const sync_list& list, const ends& registries, const sync_arguments& arguments,
                                                           const environment& variables, console& output) {
  if (!arguments.from.username.empty() && registries.sources.size() > 1) {
    return usage_problem(fmt::format("--src-creds is for one registry, and the list names {}", registries.sources.size()),
                         "log in to each with 'gantry login', or give --src-authfile");
  }
  if (!arguments.target.username.empty() && registries.targets.size() > 1) {
    return usage_problem(fmt::format("--dest-creds is for one registry, and the list has {} targets", registries.targets.size()),
                         "log in to each with 'gantry login', or give --dest-authfile");
  }
  std::vector<credential_side> sides;
  read_credentials read;
  for (const std::string& registry : registries.sources) {
    auto from = credentials_of_side(arguments.from, "--src-authfile", arguments.common.authfile, registry, variables, output, read);
    if (!from) return from.error();
    if (!registries.targets.contains(registry)) {
      sides.push_back({registry, {}, std::move(*from)});
      continue;
    }
    // One registry at both ends: repositories tell them apart.
    std::set<std::string> repositories;
    for (const sync_entry& entry : list.entries) {
      if (entry.source.registry() == registry) repositories.insert(entry.source.repository());
    }
    for (const std::string& repository : repositories) sides.push_back({registry, repository, *from});
  }
  for (const std::string& registry : registries.targets) {
    auto to = credentials_of_side(arguments.target, "--dest-authfile", arguments.common.authfile, registry, variables, output, read);
    if (!to) return to.error();
    sides.push_back({registry, {}, std::move(*to)});
  }
  auto others = credentials_of_side({}, "--authfile", arguments.common.authfile, {}, variables, output, read);
  if (!others) return others.error();
  return std::shared_ptr<credential_source>(std::make_shared<side_credentials>(std::move(sides), std::move(*others)));
}

outcome<sync_options> settings_of(const sync_arguments& arguments, const environment& variables, console& output) {
  sync_options options;
  options.to = arguments.to;
  options.allow_partial = arguments.allow_partial;
  options.referrers = arguments.referrers;
  options.force_upload = arguments.force_upload;
  options.dry_run = arguments.dry_run;
  options.find_unwanted = arguments.prune;
  if (arguments.shard) {
    options.shard = *arguments.shard;
  } else {
    auto found = shard_of_environment(variables);
    if (!found) return found.error();
    if (*found) {
      options.shard = (*found)->shard;
      output.note(fmt::format("part {} of {} of the list, as {} says", options.shard.number, options.shard.count, (*found)->origin));
    }
  }
  if (!arguments.no_lock) options.lock_file = arguments.lock.empty() ? lock_beside(arguments.list, options.shard) : arguments.lock;
  return options;
}

/// Whether the user wants these tags deleted.
outcome<bool> agreed(const std::vector<reference>& tags) {
  std::string question = fmt::format("{} not in the list:\n", tags.size() == 1 ? "1 tag is" : fmt::format("{} tags are", tags.size()));
  for (const reference& tag : tags) question += fmt::format("  {}\n", tag.string());
  const typed answer = prompt(question + "Delete them? [y/N] ", false);
  if (answer.signal != 0) return problem(static_cast<exit_code>(128 + answer.signal), "stopped; nothing was deleted");
  return answer.text && (*answer.text == "y" || *answer.text == "Y" || *answer.text == "yes");
}

/// What contradicts itself in a list is told as what cannot be read in it is: with the list's name in front of the entry's place.
diagnostics with_list_name(const error_code& ec, const diagnostics& text, const sync_arguments& arguments) {
  const bool of_entry = ec == make_error_code(errc::invalid_option) && text.message().starts_with("entry ");
  if (!of_entry) return text;
  return diagnostics(fmt::format("{}: {}", name_of_list(arguments), text.message()), text.server_message());
}

/// Why \p one failed, with the options that would help.
std::string why_of(const synced_image& one, const sync_arguments& arguments) {
  if (!arguments.common.username.empty() || one.source.empty()) return one.message;
  return with_account(one.message, account_options(one.message, one.source, std::vector<reference>(1, one.target)));
}

void report(const sync_result& result, const prune_result& pruned, const sync_arguments& arguments, console& output) {
  for (const synced_image& one : result.images) {
    const std::string target = one.target.tag().empty() ? one.target.name() : one.target.string();
    if (one.state == sync_state::failed) {
      output.failed(one.target);
      output.warn(
          with_server_words(fmt::format("entry {}: {} is not written: {}", one.entry, target, why_of(one, arguments)), one.server_message));
    }
    if (one.missing.empty()) continue;
    std::string missing;
    for (const platform& absent : one.missing) missing += (missing.empty() ? "" : ", ") + to_string(absent);
    const char* const state = one.state == sync_state::unchanged ? "unchanged and still" : "written";
    output.warn(fmt::format("entry {}: {} is {} without {}", one.entry, target, state, missing));
  }
  for (const kept_tag& one : pruned.kept) {
    output.warn(with_server_words(fmt::format("{} is not deleted: {}", one.name.string(), one.why), one.server_message));
  }
  output.note(sync_sentence(result, arguments.dry_run));
  if (!pruned.deleted.empty()) {
    const bool one = pruned.deleted.size() == 1;
    std::string text = fmt::format("{} tag{} that the list does not name {} deleted:", pruned.deleted.size(), one ? "" : "s",
                                   arguments.dry_run ? "would be"
                                   : one             ? "is"
                                                     : "are");
    for (const reference& tag : pruned.deleted) text += fmt::format("\n  {}", tag.string());
    output.note(text);
  }
  const auto unchanged =
      std::count_if(result.images.begin(), result.images.end(), [](const synced_image& one) { return one.state == sync_state::unchanged; });
  output.summary(upload_totals{result, result.images.size(), static_cast<std::size_t>(unchanged), result.elapsed, arguments.dry_run,
                               std::holds_alternative<std::string>(arguments.to)});
  // What a stop left undone has not failed.
  if (pruned.stopped) return;
  if (const auto failed = sync_failure(result, pruned, arguments.allow_partial)) output.error(report_problem(*failed));
}

/// Ends a run that was stopped while it deleted; what it had done by then has been told.
int stopped_pruning(const stop_cause& cause, console& output) {
  stop_cause why = cause;
  why.kept = false;
  error_report report = report_failure(make_error_code(errc::cancelled), diagnostics(), why, "prune");
  report.hint = "run the same command again: it deletes what is left";
  output.error(report);
  return report.exit_code;
}

outcome<int> sync(const sync_arguments& arguments, console& output) {
  if (arguments.prune && !arguments.yes && !arguments.dry_run && std::holds_alternative<std::string>(arguments.to)) {
    return usage_problem("--prune does not ask before it writes a directory without what the list does not name",
                         "--dry-run names what would go, --yes lets it go");
  }
  if (arguments.prune && !arguments.yes && !arguments.dry_run && !can_prompt()) {
    return usage_problem("--prune asks before it deletes, and there is no terminal to ask on", "--yes deletes without a question");
  }
  const environment variables = process_environment();
  auto list = read_list_file(arguments);
  if (!list) return list.error();
  auto options = settings_of(arguments, variables, output);
  if (!options) return options.error();
  if (!options->lock_file.empty()) {
    std::vector<output_place> places = common_outputs(arguments.common);
    places.insert(places.begin(), output_place{"--lock", options->lock_file});
    if (auto apart = check_distinct(places); !apart) return apart.error();
  }
  const ends registries = ends_of(*list, arguments);
  std::set<std::string> named = registries.sources;
  named.insert(registries.targets.begin(), registries.targets.end());
  common_options common = arguments.common;
  std::vector<mirror_setting> mirrors = list->mirrors();
  for (mirror_setting& one : mirrors) one.source = arguments.list;
  common.mirrors.insert(common.mirrors.end(), mirrors.begin(), mirrors.end());
  // -u is for the one registry that all ends are in.
  const bool sides = common.username.empty();
  if (auto serves = check_common_account(registries.sources, registries.targets); !sides && !serves) return serves.error();
  if (sides) common.authfile.clear();
  auto settings = make_engine_options(common, {}, named, variables, false, output);
  if (!settings) return settings.error();
  if (sides) {
    auto credentials = credentials_of(*list, registries, arguments, variables, output);
    if (!credentials) return credentials.error();
    settings->credentials = std::move(*credentials);
  }
  if (std::holds_alternative<push_prefix>(arguments.to)) output.resolves_targets(arguments.dry_run);
  session work(output, common.timeout);
  settings->log = work.debug_log();
  engine mover(*settings);
  const auto ended = work.run<sync_result>(*options, arguments.list, [&](diagnostics& text, auto token) {
    mover.async_sync(std::move(*list), *options, text, std::move(token));
  });
  if (ended.ec) return work.fail(ended.ec, with_list_name(ended.ec, ended.text, arguments), arguments.list);
  std::vector<reference> sources;
  for (const synced_image& one : ended.result.images) {
    if (!one.source.registry().empty()) sources.push_back(one.source);
  }
  work.tell_mirrors(*settings, sources);
  prune_result pruned;
  answer<prune_result> done;
  pruned.deleted = ended.result.dropped;
  const auto& unwanted = ended.result.unwanted;
  outcome<bool> wanted = !unwanted.empty();
  if (*wanted && !arguments.yes && !arguments.dry_run) wanted = agreed(unwanted);
  if (wanted && *wanted) {
    prune_options how;
    how.dry_run = arguments.dry_run;
    done = work.run<prune_result>(how, "prune",
                                  [&](diagnostics& text, auto token) { mover.async_prune(unwanted, how, text, std::move(token)); });
    pruned = std::move(done.result);
    // What was written and deleted before is told all the same.
    if (done.ec == make_error_condition(condition::cancelled)) pruned.stopped = true;
  }
  const std::string text = common.json ? sync_json(ended.result, pruned, arguments.dry_run) : sync_lines(ended.result, arguments.dry_run);
  const auto written = write_result(text);
  report(ended.result, pruned, arguments, output);
  if (!wanted) return wanted.error();
  if (pruned.stopped) return output.end(written, stopped_pruning(work.cause(), output));
  if (done.ec) return output.end(written, work.fail(done.ec, done.text, "prune"));
  return output.end(written, sync_status(ended.result, pruned));
}

bool is_directory(const std::string& path) {
  std::error_code ec;
  return std::filesystem::is_directory(path, ec);
}

}  // namespace

int sync_command(std::vector<std::string> words) {
  return run_parsed<sync_arguments>(parse_sync(std::move(words), is_directory), [](const sync_arguments& arguments) {
    return run_with_console(arguments.common, [&](console& output) { return sync(arguments, output); });
  });
}

}  // namespace gantry::app
