#include "engine_setup.hpp"

#include "authority_variables.hpp"
#include "credentials.hpp"
#include "values.hpp"

#include <gantry/credentials.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <iostream>
#include <memory>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace gantry::app {
namespace {

// Says now, with the file's name, what would otherwise show as a failed connection or login later.
outcome<> check_readable(const char* option, const std::string& path) {
  // Not opened: of a pipe that would be its only reader.
  if (::faccessat(AT_FDCWD, path.c_str(), R_OK, AT_EACCESS) == 0) return {};
  const int reason = errno;
  const exit_code code = reason == ENOENT || reason == ENOTDIR ? exit_code::not_found : exit_code::storage;
  return problem(code, fmt::format("{}: {} cannot be read: {}", option, path, std::generic_category().message(reason)));
}

/// Authorities and proxies as the variables of other tools and the options say.
outcome<> set_up_network(const common_options& options, const environment& variables, console& output, engine_options& engine) {
  for (const std::string& problem : problems_of_authorities(variables)) output.warn(problem);
  // In the order in which Python's requests looks at them.
  for (const char* name : {"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}) {
    const std::string bundle = variables(name);
    if (bundle.empty()) continue;
    if (auto readable = check_readable(name, bundle); !readable) return readable.error();
    engine.ca_bundles.emplace_back(bundle);
    break;
  }
  if (!options.ca_cert.empty()) {
    if (auto readable = check_readable("--ca-cert", options.ca_cert); !readable) return readable.error();
    engine.ca_cert = options.ca_cert;
  }
  engine.proxies = proxy_settings::from_environment(variables);
  if (engine.proxies.http.empty()) engine.proxies.http = options.spare_proxy;
  if (engine.proxies.https.empty()) engine.proxies.https = options.spare_proxy;
  if (!options.proxy.empty()) {
    engine.proxies.http = engine.proxies.https = options.proxy;
    engine.proxies.cgi = false;
    engine.proxies.loopback = true;
  }
  engine.mirrors = options.mirrors;
  if (options.host_config) engine.host_files = host_config::of_this_machine(variables);
  return {};
}

outcome<std::shared_ptr<credential_source>> flag_credentials(const common_options& options, const std::set<std::string>& named) {
  if (options.username.empty()) return std::shared_ptr<credential_source>();
  if (named.size() != 1) {
    const std::string count = named.empty() ? "none is" : fmt::format("{} are", named.size());
    return usage_problem(fmt::format("-u is for one registry, and {} named", count),
                         "name one registry at a time, or log in to each with 'gantry login'");
  }
  credential value;
  value.username = options.username;
  value.origin = "command line";
  if (options.password_stdin) {
    auto password = read_password();
    if (!password) return password.error();
    value.password = std::move(*password);
  } else {
    value.password = options.password.value_or(std::string());
  }
  // A mirror, or the host that a registry was moved to, is not the one that is named.
  std::string elsewhere = fmt::format("--username is for {} alone", *named.begin());
  return std::shared_ptr<credential_source>(std::make_shared<bound_credential>(*named.begin(), std::move(value), std::move(elsewhere)));
}

/// What files and helpers know. \param option that named \p authfile
outcome<std::shared_ptr<credential_source>> kept_credentials(const std::string& authfile, const char* option, const environment& variables,
                                                             console& output) {
  if (!authfile.empty()) {
    if (auto readable = check_readable(option, authfile); !readable) return readable.error();
  }
  diagnostics trouble;
  auto kept = usual_credentials(search_of(authfile, variables, output), &trouble);
  if (!trouble.message().empty()) return problem(exit_code::not_authorised, trouble.message());
  return kept;
}

outcome<std::shared_ptr<credential_source>> all_credentials(const common_options& options, const std::set<std::string>& named,
                                                            const environment& variables, bool from_environment, console& output) {
  std::vector<std::shared_ptr<credential_source>> sources;
  auto flags = flag_credentials(options, named);
  if (!flags) return flags.error();
  if (*flags) sources.push_back(std::move(*flags));
  const std::string registry = from_environment && named.size() == 1 ? *named.begin() : std::string();
  for (auto& source : environment_credentials(variables, registry, [&](const std::string& text) { output.warn(text); })) {
    sources.push_back(std::move(source));
  }
  auto files = kept_credentials(options.authfile, "--authfile", variables, output);
  if (!files) return files.error();
  sources.push_back(std::move(*files));
  return std::shared_ptr<credential_source>(std::make_shared<credential_chain>(std::move(sources)));
}

}  // namespace

std::string host_of(const std::string& url) {
  const std::size_t scheme = url.find("://");
  const std::size_t begin = scheme == std::string::npos ? 0 : scheme + 3;
  return url.substr(begin, url.find('/', begin) - begin);
}

outcome<std::string> read_password() {
  constexpr std::size_t longest = 64 * 1024;
  // All of it: keys of service accounts are passwords of many lines.
  std::string password(longest + 1, '\0');
  std::cin.read(password.data(), static_cast<std::streamsize>(password.size()));
  password.erase(static_cast<std::size_t>(std::cin.gcount()));
  if (password.size() > longest) return usage_problem("--password-stdin: standard input is longer than 64 KiB, too long for a password");
  if (password.ends_with('\n')) password.pop_back();
  if (password.ends_with('\r')) password.pop_back();
  if (password.empty()) return usage_problem("--password-stdin: standard input is empty");
  return password;
}

credential_search search_of(const std::string& authfile, const environment& variables, console& output) {
  credential_search search;
  search.authfile = authfile;
  search.variables = variables;
  search.warn = [&output](const std::string& text) { output.warn_later(text); };  // helpers run on worker threads
  return search;
}

outcome<std::shared_ptr<credential_source>> credentials_of_side(const side_options& side, const char* option, const std::string& authfile,
                                                                const std::string& registry, const environment& variables, console& output,
                                                                read_credentials& read) {
  std::vector<std::shared_ptr<credential_source>> sources;
  if (!side.username.empty()) {
    credential value;
    value.username = side.username;
    value.password = side.password;
    value.origin = "command line";
    sources.push_back(std::make_shared<bound_credential>(registry, std::move(value)));
  }
  if (!read.variables) read.variables = environment_credentials(variables, {}, [&](const std::string& text) { output.warn(text); });
  sources.insert(sources.end(), read.variables->begin(), read.variables->end());
  const std::string& file = side.authfile.empty() ? authfile : side.authfile;
  std::shared_ptr<credential_source>& known = read.files[file];
  if (!known) {
    auto kept = kept_credentials(file, side.authfile.empty() ? "--authfile" : option, variables, output);
    if (!kept) return kept.error();
    known = std::move(*kept);
  }
  sources.push_back(known);
  return std::shared_ptr<credential_source>(std::make_shared<credential_chain>(std::move(sources)));
}

std::set<std::string> registries_of(const std::vector<image_request>& images) {
  std::set<std::string> registries;
  for (const auto& request : images) registries.insert(request.image.registry());
  return registries;
}

outcome<std::set<std::string>> expand_hosts(std::string_view option, const std::vector<std::string>& hosts,
                                            const std::set<std::string>& named) {
  std::set<std::string> all;
  for (const auto& host : hosts) {
    if (host == named_registry) {
      all.insert(named.begin(), named.end());
      continue;
    }
    auto word = parse_registry(host, option);
    if (!word) return word.error();
    all.insert(std::move(word->host));
  }
  return all;
}

outcome<engine_options> make_engine_options(const common_options& options, const std::string& registry, const std::set<std::string>& named,
                                            const environment& variables, bool from_environment, console& output) {
  engine_options engine;
  engine.cache_dir = options.cache_dir;
  engine.jobs = options.jobs;
  engine.max_per_host = options.max_per_host;
  engine.limit_rate = options.limit_rate;
  engine.attempts = options.retries + 1;
  engine.sync = options.sync;
  if (auto set = set_up_network(options, variables, output, engine); !set) return set.error();
  auto insecure = expand_hosts("--insecure", options.insecure, named);
  if (!insecure) return insecure.error();
  auto plain = expand_hosts("--plain-http", options.plain_http, named);
  if (!plain) return plain.error();
  if (!registry.empty()) {
    auto word = parse_registry(registry);
    if (!word) return word.error();
    if (word->plain_http) plain->insert(word->host);
    if (word->tls) engine.tls_only.insert(word->host);
  }
  // A scheme that was written is kept to.
  engine.tls_only.insert(options.tls_only.begin(), options.tls_only.end());
  for (const auto& host : engine.tls_only) {
    if (!plain->contains(host)) continue;
    return usage_problem(fmt::format("{} is asked for with https:// and with --plain-http", host), "leave one of them out");
  }
  for (const mirror_setting& mirror : engine.mirrors) {
    const std::string host = host_of(mirror.url);
    if (named.contains(mirror.registry.substr(0, mirror.registry.find('/')))) output.may_ask_mirror(host);
    if (!mirror.url.starts_with("https://")) continue;
    if (!plain->contains(host)) continue;
    return usage_problem(fmt::format("the mirror {} is asked for with https:// and with --plain-http", host), "leave one of them out");
  }
  for (const auto& host : *insecure)
    output.warn(fmt::format("the certificate of {} is not checked: anybody on the way can pose as it", host));
  for (const auto& host : *plain) {
    // Between programs of one machine nobody is on the way. Of two ends it is said which were meant.
    if (is_this_machine(host)) {
      if (named.size() > 1) output.note(fmt::format("{} is spoken to in plain http", host));
      continue;
    }
    output.warn(fmt::format("{} is spoken to in plain http: anybody on the way can read and change what travels", host));
  }
  engine.insecure = std::move(*insecure);
  engine.plain_http = std::move(*plain);
  auto credentials = all_credentials(options, named, variables, from_environment, output);
  if (!credentials) return credentials.error();
  engine.credentials = std::move(*credentials);
  return engine;
}

}  // namespace gantry::app
