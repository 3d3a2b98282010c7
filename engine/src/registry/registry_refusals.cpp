// What error answers mean, in words for people.
#include "registry/registry_client.hpp"
#include "registry/registry_host.hpp"

#include "http/retry_after.hpp"
#include "net/tls_error.hpp"
#include "registry/registry_error.hpp"
#include "registry/status.hpp"

#include <fmt/format.h>

#include <chrono>
#include <string_view>
#include <utility>

namespace gantry::registry {

namespace {

/// What somebody without the right to it wanted to do.
std::string_view done_by(http::method verb) {
  switch (verb) {
    case http::method::get:
    case http::method::head:
      break;
    case http::method::post:
    case http::method::put:
    case http::method::patch:
      return "written";
    case http::method::delete_:
      return "deleted";
  }
  return "read";
}

std::string authority_of(const std::string& address, const std::string& scheme) {
  const auto api = http::endpoint_of(address, scheme);
  return api ? api->authority() : std::string();
}

}  // namespace

task<failure> registry_client::refusal(std::string registry, std::string repository, std::string what, http::exchange reply) {
  const auto home = home_of(registry, repository);
  host& where = home ? host_for(*home) : host_for(registry);
  std::string local_name = home ? home->repository : repository;
  co_return co_await refusal_by(where, std::move(registry), std::move(repository), std::move(local_name), std::move(what),
                                std::move(reply));
}

task<failure> registry_client::refusal_by(host& where, std::string registry, std::string repository, std::string local_name,
                                          std::string what, http::exchange reply) {
  const std::string name = repository.empty() ? registry : registry + "/" + repository;
  const http::response_head head = reply.head();
  const http::origin answered = reply.asked();
  const std::string_view done = done_by(reply.verb());
  const result<std::string> body = co_await reply.read_all(error_body_limit);
  const std::string text = body ? *body : std::string();
  failure said = status_failure(what, head, text, std::chrono::system_clock::now());
  const std::string& words = said.text.server_message();
  // "Come back later" in other words than 429.
  if (said.retry_after && said.code == errc::server_error) said.code = make_error_code(errc::rate_limited);
  // What Go's servers say, and nginx.
  const bool wants_tls = text.find("HTTP request to an HTTPS server") != std::string::npos ||
                         text.find("plain HTTP request was sent to HTTPS port") != std::string::npos;
  if (head.status == 400 && wants_tls) {
    const std::string remedy =
        where.written.empty() ? "leave out --plain-http" : fmt::format("write https:// in place of http:// ({})", where.written);
    co_return failure(errc::tls_expected, fmt::format("{} speaks TLS and was asked in clear text; {}", where.registry, remedy), words);
  }
  if (head.status == 413) {
    co_return failure(
        said.code,
        fmt::format(
            "{}; something in front of {} limits the size of requests, and has to let larger ones pass (nginx: client_max_body_size)",
            said.text.message(), where.registry),
        words);
  }
  // What nginx says; TLS itself went well.
  if (head.status == 400 && text.find("No required SSL certificate was sent") != std::string::npos) {
    co_return net::client_certificate_wanted(where.registry);
  }
  std::string message;
  if (said.code == errc::unauthorized && answered.authority() != authority_of(where.address, answered.scheme)) {
    message = fmt::format("{} leads to {}, which asks for a login, and none goes along to another host; if that is the registry, name it",
                          where.registry, answered.string());
  } else if (said.code == errc::unauthorized) {
    message = fmt::format("{} does not exist or needs access: {} refused the request, made {}; {}", name, where.registry,
                          where.auth.identity(local_name), where.auth.way_in());
  } else if (said.code == errc::forbidden) {
    message =
        fmt::format("{} may not be {}: {} forbids it to the request, made {}", name, done, where.registry, where.auth.identity(local_name));
  } else if (said.code == errc::rate_limited) {
    message = said.retry_after
                  ? fmt::format("{} limits the rate of requests and asks to come back {} (asked {})", where.registry,
                                http::describe_wait(*said.retry_after, std::chrono::system_clock::now()), where.auth.identity(local_name))
                  : fmt::format("{} limits the rate of requests (asked {})", where.registry, where.auth.identity(local_name));
  } else {
    co_return said;
  }
  failure explained(said.code, std::move(message), words);
  explained.retry_after = said.retry_after;
  co_return explained;
}

task<failure> registry_client::refusal_at(site at, std::string what, http::exchange reply) {
  const reference& image = at.image;
  co_return co_await refusal_by(host_for(at.how), image.registry(), image.repository(), image.repository(), std::move(what),
                                std::move(reply));
}

task<failure> registry_client::blob_refusal(site at, gantry::digest blob, blob_request part, http::exchange reply) {
  const reference& image = at.image;
  std::string what = fmt::format("blob {} of {}", blob.short_form(), image.name());
  const http::response_head head = reply.head();
  const std::string where = reply.where();
  failure said = co_await refusal_at(std::move(at), std::move(what), std::move(reply));
  if (head.status != 416 || !part.range) co_return said;
  const failure refused = http::unsatisfied_range(*part.range, part.size, head);
  failure named(refused.code, fmt::format("{}, blob {}: {}", where, blob.short_form(), refused.text.message()), said.text.server_message());
  named.retry_after = said.retry_after;
  co_return named;
}

}  // namespace gantry::registry
