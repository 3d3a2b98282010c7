#include "copy_options.hpp"
#include "failure_report.hpp"
#include "json_line.hpp"
#include "lookup.hpp"
#include "standard_output.hpp"

#include <gantry/copy.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>

namespace gantry::app {
namespace {

/// `name digest`, one line an image; behind it in a dry run what would become of it, for it must not read like what is there.
std::string lines(const copy_result& result, bool dry_run) {
  std::string text;
  for (const auto& image : result.images) {
    text += fmt::format("{} {}{}\n", image.target.string(), image.top.digest.string(), dry_run ? dry_run_word(image.unchanged) : "");
  }
  return text;
}

std::string json(const copy_result& result, bool dry_run) {
  std::vector<std::string> images;
  for (const auto& image : result.images) {
    json_object one;
    one.add("name", image.target.string()).add("source", image.source.string()).add("digest", image.top.digest.string());
    images.push_back(one.add("unchanged", image.unchanged).add("referrers", std::uint64_t{image.referrers}).string());
  }
  std::vector<std::string> failed;
  for (const auto& missing : result.failed) {
    json_object one;
    one.add("name", missing.target.string()).add("source", missing.source.string()).add("error", missing.message);
    if (!missing.server_message.empty()) one.add("server_message", missing.server_message);
    failed.push_back(one.string());
  }
  json_object all;
  all.add("version", std::uint64_t{1}).add("dry_run", dry_run).add_raw("images", json_array(images)).add_raw("failed", json_array(failed));
  add_counts(all, result);
  return all.string() + "\n";
}

/// Each end answers for itself, the common options for what is at neither.
outcome<std::shared_ptr<credential_source>> credentials_of(const copy_arguments& arguments, const environment& variables, console& output) {
  std::set<std::string> written;
  for (const reference& one : arguments.targets) written.insert(one.registry());
  if (!arguments.to.username.empty() && written.size() > 1) {
    return usage_problem(fmt::format("--dest-creds is for one registry, and {} are named as targets", written.size()),
                         "log in to each with 'gantry login', or give --dest-authfile");
  }
  std::vector<credential_side> sides;
  read_credentials read;
  // Requests about one repository are made as one user: who is named for the target alone reads there, too.
  const bool in_place = std::any_of(arguments.targets.begin(), arguments.targets.end(),
                                    [&](const reference& one) { return one.name() == arguments.source.name(); });
  if (in_place && arguments.from.is_given() && arguments.to.is_given() && !(arguments.from == arguments.to)) {
    return usage_problem(fmt::format("source and target are both in {}, and two accounts are given for it", arguments.source.name()),
                         "give the one that may read and write there");
  }
  const bool by_target = in_place && !arguments.from.is_given();
  auto from = credentials_of_side(by_target ? arguments.to : arguments.from, by_target ? "--dest-authfile" : "--src-authfile",
                                  arguments.common.authfile, arguments.source.registry(), variables, output, read);
  if (!from) return from.error();
  sides.push_back({arguments.source.registry(), arguments.source.repository(), std::move(*from)});
  for (const reference& target : arguments.targets) {
    auto to = credentials_of_side(arguments.to, "--dest-authfile", arguments.common.authfile, target.registry(), variables, output, read);
    if (!to) return to.error();
    sides.push_back({target.registry(), target.repository(), std::move(*to)});
  }
  auto others = credentials_of_side({}, "--authfile", arguments.common.authfile, {}, variables, output, read);
  if (!others) return others.error();
  return std::shared_ptr<credential_source>(std::make_shared<side_credentials>(std::move(sides), std::move(*others)));
}

int copy(const copy_arguments& arguments, console& output) {
  const auto fail = [&](const error_report& report) {
    output.error(report);
    return report.exit_code;
  };
  std::set<std::string> named{arguments.source.registry()};
  std::set<std::string> written;
  for (const reference& target : arguments.targets) written.insert(target.registry());
  const environment variables = process_environment();
  // -u is for the one registry that all ends are in.
  const bool sides = arguments.common.username.empty();
  if (auto serves = check_common_account(named, written); !sides && !serves) return fail(report_problem(serves.error()));
  named.insert(written.begin(), written.end());
  common_options common = arguments.common;
  if (sides) common.authfile.clear();
  auto settings = make_engine_options(common, {}, named, variables, false, output);
  if (!settings) return fail(report_problem(settings.error()));
  if (sides) {
    auto credentials = credentials_of(arguments, variables, output);
    if (!credentials) return fail(report_problem(credentials.error()));
    settings->credentials = std::move(*credentials);
  }
  if (arguments.all_tags || arguments.targets.size() > 1) output.resolves_targets(arguments.dry_run);
  session work(output, arguments.common.timeout);
  settings->log = work.debug_log();
  engine mover(*settings);
  copy_options options;
  options.platforms = arguments.platforms;
  options.referrers = arguments.referrers;
  options.all_tags = arguments.all_tags;
  options.force_upload = arguments.force_upload;
  options.cache = arguments.cache;
  options.dry_run = arguments.dry_run;
  const auto ended = work.run<copy_result>(options, arguments.object, [&](diagnostics& text, auto token) {
    mover.async_copy(arguments.source, arguments.targets, options, text, std::move(token));
  });
  work.tell_mirrors(*settings, std::vector<reference>(1, arguments.source));
  if (ended.ec) {
    stop_cause why = work.cause();
    if (!sides) return work.fail(ended.ec, ended.text, arguments.object, why);
    why.account = account_options(ended.text.message(), arguments.source, arguments.targets);
    const diagnostics text(with_account(ended.text.message(), why.account), ended.text.server_message());
    return work.fail(ended.ec, text, arguments.object, why);
  }
  const std::string text = arguments.common.json ? json(ended.result, arguments.dry_run) : lines(ended.result, arguments.dry_run);
  const auto printed = write_result(text);
  const auto& images = ended.result.images;
  const auto unchanged = std::count_if(images.begin(), images.end(), [](const copied_image& one) { return one.unchanged; });
  for (const auto& missing : ended.result.failed) {
    output.failed(missing.target);
    const std::vector<reference> target(1, missing.target);
    const std::string why =
        sides ? with_account(missing.message, account_options(missing.message, missing.source, target)) : missing.message;
    output.warn(with_server_words(fmt::format("{} was not copied to {}: {}", missing.source.string(), missing.target.string(), why),
                                  missing.server_message));
  }
  output.summary(upload_totals{ended.result, images.size(), static_cast<std::size_t>(unchanged), ended.result.elapsed, arguments.dry_run});
  if (ended.result.failed.empty()) return output.end(printed, static_cast<int>(exit_code::done));
  const std::size_t asked = images.size() + ended.result.failed.size();
  // As with lists: where nothing came, the first failure says what kind of trouble it is.
  const exit_code status = images.empty() ? exit_code_of(ended.result.failed.front().code) : exit_code::partial;
  return output.end(printed,
                    fail(report_problem(problem(status, fmt::format("{} of {} copies failed", ended.result.failed.size(), asked)))));
}

}  // namespace

int copy_command(std::vector<std::string> words) {
  return run_parsed<copy_arguments>(parse_copy(std::move(words)), [](const copy_arguments& arguments) {
    return run_with_console(arguments.common, [&arguments](console& output) { return outcome<int>(copy(arguments, output)); });
  });
}

}  // namespace gantry::app
