#include "access_log.hpp"
#include "command.hpp"
#include "console.hpp"
#include "engine_setup.hpp"
#include "environment.hpp"
#include "failure_report.hpp"
#include "serve_options.hpp"
#include "session.hpp"
#include "values.hpp"

#include <gantry/engine.hpp>
#include <gantry/format.hpp>

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <set>
#include <utility>

namespace gantry::app {
namespace {

/// Each client is an open file; the usual soft limit of 1024 is meant for select(2).
void raise_file_limit(std::size_t connections) {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY) return;
  const rlim_t wanted = 2 * static_cast<rlim_t>(connections) + 256;
  if (files.rlim_cur >= wanted) return;
  files.rlim_cur = files.rlim_max == RLIM_INFINITY ? wanted : std::min(wanted, files.rlim_max);
  ::setrlimit(RLIMIT_NOFILE, &files);  // fewer clients, then
}

serve_options options_of(const serve_arguments& arguments) {
  serve_options options;
  options.listen = arguments.listen;
  options.tls_certificate = arguments.tls_certificate;
  options.tls_key = arguments.tls_key;
  options.htpasswd = arguments.htpasswd;
  options.limits = arguments.limits;
  return options;
}

outcome<int> serve(const serve_arguments& arguments, const environment& variables, console& output) {
  std::unique_ptr<access_log> log;
  if (!arguments.access_log.empty()) {
    auto opened = access_log::open(arguments.access_log);
    if (!opened) return opened.error();
    log = std::move(*opened);
  }
  raise_file_limit(arguments.limits.connections);
  std::set<std::string> named;
  if (!arguments.upstream.empty()) {
    const auto upstream = parse_registry(arguments.upstream, "--upstream");
    if (!upstream) return upstream.error();
    if (!upstream->path.empty())
      return usage_problem(fmt::format("--upstream takes a registry, not a path below it: '{}'", upstream->host));
    named.insert(upstream->host);
  }
  auto settings = make_engine_options(arguments.common, arguments.upstream, named, variables, false, output);
  if (!settings) return settings.error();

  session work(output, arguments.common.timeout);
  settings->log = work.debug_log();
  engine server(std::move(*settings));
  serve_options options = options_of(arguments);
  if (!named.empty()) options.upstream = *named.begin();
  options.on_started = [&output](const serve_started& started) {
    output.note(fmt::format("listening on {}://{}:{}", started.tls ? "https" : "http", started.address, started.port));
  };
  if (log) {
    options.on_request = [&output, &log, told = false](const served_request& request) mutable {
      if (log->write(request) || std::exchange(told, true)) return;
      output.warn("not all lines can be written to the access log");
    };
  }
  const auto ended = work.run<serve_result>(
      options, "serving", [&](diagnostics& text, auto token) { server.async_serve(std::move(options), text, std::move(token)); });
  if (const std::uint64_t lost = log ? log->close() : 0; lost != 0)
    output.warn(fmt::format("{} missing from the access log", lost == 1 ? "1 line is" : fmt::format("{} lines are", lost)));
  if (ended.ec) {
    const error_report report = report_failure(ended.ec, ended.text, {work.stop_signal(), {}}, "serving " + arguments.listen);
    output.error(report);
    return report.exit_code;
  }
  if (ended.result.cut != 0)
    output.warn(fmt::format("{} cut: {} longer than --stop-timeout",
                            ended.result.cut == 1 ? "1 connection was" : fmt::format("{} connections were", ended.result.cut),
                            ended.result.cut == 1 ? "its answer took" : "their answers took"));
  output.note(fmt::format("stopped after {} request{} and {}", ended.result.requests, ended.result.requests == 1 ? "" : "s",
                          format_bytes(ended.result.bytes)));
  return 0;
}

}  // namespace

int serve_command(std::vector<std::string> words) {
  auto parsed = parse_serve(std::move(words));
  if (!parsed) return fail_early(parsed.error());
  if (const auto* help = std::get_if<help_text>(&*parsed)) return print_help(*help);
  auto& arguments = std::get<serve_arguments>(*parsed);
  // A server has nothing that moves along a bar.
  if (arguments.common.progress == progress_mode::automatic) arguments.common.progress = progress_mode::none;
  return run_with_console(arguments.common, [&arguments](console& output) { return serve(arguments, process_environment(), output); });
}

}  // namespace gantry::app
