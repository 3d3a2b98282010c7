#include "option_parser.hpp"
#include "values.hpp"

#include <fmt/format.h>

#include <utility>

namespace gantry::app {
namespace {

constexpr unsigned standard_error = 2;
constexpr unsigned most_descriptor = 65'535;

outcome<> read_progress(const std::string& text, progress_mode& into) {
  static constexpr std::pair<const char*, progress_mode> modes[] = {{"auto", progress_mode::automatic},
                                                                    {"bar", progress_mode::bar},
                                                                    {"plain", progress_mode::plain},
                                                                    {"json", progress_mode::json},
                                                                    {"none", progress_mode::none}};
  for (const auto& [name, mode] : modes) {
    if (text == name) {
      into = mode;
      return {};
    }
  }
  return usage_problem(fmt::format("--progress takes auto, bar, plain, json or none, not '{}'", text));
}

void add_place_options(option_parser& parser, common_options& into, const char* group) {
  parser.app()
      .add_option("--cache-dir", into.cache_dir, "Layer store (default $GANTRY_CACHE_DIR, else ~/.cache/gantry)")
      ->type_name("DIR")
      ->group(group);
  parser.app()
      .add_flag_callback(
          "--no-sync", [&into] { into.sync = false; },
          "Do not force finished files to the disk: faster; a power cut may spoil them, for later runs as well")
      ->group(group);
}

void add_transfer_options(option_parser& parser, common_options& into) {
  const auto group = "Transfer";
  parser
      .add("-j,--jobs,--workers,--max-concurrent,--max-concurrent-downloads", "Connections at a time (default auto)", "N|auto",
           [&into](const std::string& text) -> outcome<> {
             auto jobs = parse_jobs("--jobs", text);
             if (!jobs) return jobs.error();
             into.jobs = *jobs;
             return {};
           })
      ->group(group);
  parser
      .add("--max-per-host", "Connections to one host (default max(16, N))", "N",
           [&into](const std::string& text) -> outcome<> {
             auto count = parse_count("--max-per-host", text, 1, 256);
             if (!count) return count.error();
             into.max_per_host = *count;
             return {};
           })
      ->group(group);
  parser
      .add("--limit-rate", "Bytes per second in all, e.g. 500K or 10M, where K is 1024 (default none)", "RATE",
           [&into](const std::string& text) -> outcome<> {
             auto rate = parse_rate("--limit-rate", text);
             if (!rate) return rate.error();
             into.limit_rate = *rate;
             return {};
           })
      ->group(group);
  parser
      .add("--retries,--retry-attempts", "Further attempts after an error answer (default 5); cut connections do not count", "N",
           [&into](const std::string& text) -> outcome<> {
             auto count = parse_count("--retries", text, 0, 1000);
             if (!count) return count.error();
             into.retries = *count;
             return {};
           })
      ->group(group);
  parser
      .add("--timeout", "Limit for the whole operation: 90, 5m, 1h30m (default none)", "TIME",
           [&into](const std::string& text) -> outcome<> {
             auto time = parse_duration("--timeout", text);
             if (!time) return time.error();
             into.timeout = *time;
             return {};
           })
      ->group(group);
  add_place_options(parser, into, group);
}

void add_registry_options(option_parser& parser, common_options& into) {
  const auto group = "Registry";
  auto& app = parser.app();
  app.add_option("-u,--username", into.username, "User name for the named registry")->type_name("USER")->group(group);
  app.add_option("-p,--password", into.password, "Password or token; --password-stdin keeps it out of the history")
      ->type_name("PASS")
      ->group(group);
  app.add_flag("--password-stdin", into.password_stdin, "Read the password from standard input")->group(group);
  app.add_option("--authfile", into.authfile, "Credentials in docker's form (default ~/.docker/config.json)")
      ->type_name("FILE")
      ->group(group);
  parser.add_hosts("--insecure,--skip-tls", "Do not check the certificate of the named registry (--insecure=HOST: of HOST)", into.insecure)
      ->group(group);
  parser.add_hosts("--plain-http", "Speak plain http to the named registry (--plain-http=HOST: to HOST)", into.plain_http)->group(group);
  app.add_option("--ca-cert", into.ca_cert, "Additional certificate authorities, PEM")->type_name("FILE")->group(group);
  app.add_option("--proxy", into.proxy, "[http|https|socks5]://[USER:PASS@]HOST[:PORT], not for $NO_PROXY")->type_name("URL")->group(group);
  parser
      .add_repeated("--mirror", "Ask URL before HOST, e.g. docker.io=https://m.example; repeatable", "HOST=URL",
                    [&into](const std::string& text) -> outcome<> {
                      auto mirror = parse_mirror(text);
                      if (!mirror) return mirror.error();
                      into.mirrors.push_back(std::move(*mirror));
                      return {};
                    })
      ->group(group);
  app.add_flag_callback(
         "--no-host-config", [&into] { into.host_config = false; }, "Leave aside what docker, podman and containerd are configured with")
      ->group(group);
}

void add_output_options(option_parser& parser, common_options& into, output_choice choice) {
  const auto group = "Messages";
  auto& app = parser.app();
  parser
      .add("--progress", "auto, bar, plain, json or none (default auto)", "MODE",
           [&into](const std::string& text) { return read_progress(text, into.progress); })
      ->group(group);
  parser
      .add("--progress-fd", "Events of --progress json to descriptor N, e.g. 3 with 3> FILE", "N",
           [&into](const std::string& text) -> outcome<> {
             auto number = parse_count("--progress-fd", text, standard_error, most_descriptor);
             if (!number) return number.error();
             into.progress_fd = static_cast<int>(*number);
             return {};
           })
      ->group(group);
  app.add_flag("-q,--quiet", into.quiet, "Print errors and warnings only")->group(group);
  app.add_flag("-v,--verbose", into.verbose, "Also print how hosts answer, redirects and mirrors that fail")->group(group);
  app.add_flag("--debug", into.debug, "Print every request and decision, without secrets")->group(group);
  app.add_option("--log-file", into.log_file, "Append time, level and message of everything to a file")->type_name("FILE")->group(group);
  if (choice.report) {
    app.add_option("--report", into.report, "Write a page that shows what the transfer did, for any browser")
        ->type_name("FILE.html")
        ->group(group);
  }
  if (choice.json) app.add_flag("--json", into.json, "Print the result as JSON")->group(group);
}

}  // namespace

void add_common_options(option_parser& parser, common_options& into, output_choice choice) {
  parser.tell_origins(into);
  add_transfer_options(parser, into);
  add_registry_options(parser, into);
  add_output_options(parser, into, choice);
}

void add_store_options(option_parser& parser, common_options& into, output_choice choice) {
  add_place_options(parser, into, "Store");
  add_output_options(parser, into, choice);
}

void add_platform_options(option_parser& parser, std::vector<platform>& into, const char* description, const char* group) {
  parser
      .add("--platform", description, "LIST",
           [&into](const std::string& text) -> outcome<> {
             auto list = parse_platforms(text);
             if (!list) return list.error();
             into = std::move(*list);
             return {};
           })
      ->group(group);
  parser
      .add("-a,--arch", "The same, linux in front left out: amd64, arm64, arm/v7", "LIST",
           [&into](const std::string& text) -> outcome<> {
             auto list = parse_architectures(text);
             if (!list) return list.error();
             into = std::move(*list);
             return {};
           })
      ->group(group);
}

void add_format_option(option_parser& parser, archive_format& into, const char* group) {
  parser
      .add(
          "-f,--format",
          "docker (for docker from 25 on, podman, containerd and skopeo; the default), oci, oci-dir (a directory), or synology (for docker "
          "before 25 and DSM)",
          "FORMAT",
          [&into](const std::string& text) -> outcome<> {
            const auto format = parse_format(text);
            if (!format) return format.error();
            into = *format;
            return {};
          })
      ->group(group);
}

outcome<> check_common_options(const common_options& options, bool two_ends) {
  const bool has_password = options.password.has_value() || options.password_stdin;
  if (options.password && options.password_stdin) return usage_problem("--password and --password-stdin exclude each other");
  if (!options.username.empty() && !has_password) {
    return usage_problem("--username needs a password",
                         two_ends ? "--src-creds and --dest-creds USER:PASSWORD give each end its own; for one account at both, "
                                    "--password-stdin reads the password from standard input"
                                  : "--password-stdin reads it from standard input, -p gives it");
  }
  if (options.username.empty() && has_password) return usage_problem("a password needs a user name", "give it with -u USER");
  if (options.username.find(':') != std::string::npos)
    return usage_problem("a user name cannot contain ':'", "give the password with --password-stdin");
  if (options.quiet && (options.verbose || options.debug)) return usage_problem("--quiet and --verbose or --debug exclude each other");
  return {};
}

}  // namespace gantry::app
