#include "serve_options.hpp"

#include "option_parser.hpp"
#include "values.hpp"

#include <utility>

namespace gantry::app {
namespace {

void add_serving(option_parser& parser, serve_arguments& into) {
  const auto group = "Serving";
  auto& app = parser.app();
  app.add_option("--listen", into.listen, "Address and port; port 0 takes any that is free (default 127.0.0.1:5000)")
      ->type_name("ADDRESS:PORT")
      ->group(group);
  app.add_option("--tls-cert", into.tls_certificate, "Certificate chain, PEM: serve over TLS")->type_name("FILE")->group(group);
  app.add_option("--tls-key", into.tls_key, "Its key, PEM")->type_name("FILE")->group(group);
  app.add_option("--upstream", into.upstream, "Fetch what the store lacks from this registry, and keep it")
      ->type_name("REGISTRY")
      ->group(group);
  app.add_option("--htpasswd", into.htpasswd, "Let in these users only; made with 'htpasswd -B', read at the start")
      ->type_name("FILE")
      ->group(group);
  app.add_option("--access-log", into.access_log, "Append a line for each request; - is standard output")
      ->type_name("FILE|-")
      ->group(group);
  parser
      .add("--max-connections", "Clients at once (default 4096)", "N",
           [&into](const std::string& text) -> outcome<> {
             auto count = parse_count("--max-connections", text, 1, 1'000'000);
             if (!count) return count.error();
             into.limits.connections = *count;
             return {};
           })
      ->group(group);
  parser
      .add("--stop-timeout", "How long a stop waits for answers that are under way (default 30s)", "TIME",
           [&into](const std::string& text) -> outcome<> {
             auto time = parse_duration("--stop-timeout", text);
             if (!time) return time.error();
             into.limits.graceful = *time;
             return {};
           })
      ->group(group);
}

outcome<> check(const serve_arguments& arguments) {
  if (arguments.tls_certificate.empty() != arguments.tls_key.empty()) return usage_problem("--tls-cert and --tls-key go together");
  if (arguments.upstream.empty() && !arguments.common.username.empty()) {
    return usage_problem("-u is for the upstream registry, and none is named",
                         "add --upstream REGISTRY; --htpasswd names who may log in here");
  }
  return check_common_options(arguments.common);
}

}  // namespace

outcome<std::variant<serve_arguments, help_text>> parse_serve(std::vector<std::string> words) {
  serve_arguments arguments;
  option_parser parser("gantry serve", "",
                       "Serve the images of the store as a read-only registry: to docker, podman, skopeo, containerd, and gantry itself. "
                       "nginx:1.25 is HOST:PORT/docker.io/library/nginx:1.25 there; a mirror of docker.io finds it as library/nginx.");
  add_serving(parser, arguments);
  add_common_options(parser, arguments.common, {.json = false});
  auto help = parser.parse(std::move(words));
  if (!help) return help.error();
  if (*help) return std::variant<serve_arguments, help_text>(std::move(**help));
  if (auto checked = check(arguments); !checked) return checked.error();
  return std::variant<serve_arguments, help_text>(std::move(arguments));
}

}  // namespace gantry::app
