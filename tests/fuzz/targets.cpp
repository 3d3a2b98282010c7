#include "fuzz/targets.hpp"

#include "archive/byte_input.hpp"
#include "archive/decoder.hpp"
#include "archive/tar_reader.hpp"
#include "config/docker_config.hpp"
#include "config/docker_daemon.hpp"
#include "config/hosts_toml.hpp"
#include "config/registries_conf.hpp"
#include "http/chunked.hpp"
#include "http/content_range.hpp"
#include "http/head_parser.hpp"
#include "http/redirect.hpp"
#include "http/url.hpp"
#include "model/image_config.hpp"
#include "model/manifest.hpp"
#include "net/connect_answer.hpp"
#include "registry/challenge.hpp"
#include "registry/listing.hpp"
#include "registry/registry_error.hpp"
#include "registry/token_response.hpp"
#include "serve/request_parser.hpp"
#include "store/blob_meta.hpp"
#include "store/journal.hpp"
#include "store/lease.hpp"
#include "store/reference_record.hpp"

#include <gantry/reference.hpp>
#include <gantry/sync_list.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace gantry::fuzz {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

void expect(bool holds, const char* promise) {
  if (!holds) broken(promise);
}

void read_reference(std::string_view text) {
  error_code ec;
  const reference name = reference::parse(text, ec);
  if (ec) return;
  const reference again = reference::parse(name.string(), ec);
  expect(!ec && again == name, "a reference is read back from what it is printed as");
  const std::string path = name.name();
  expect(path.find("..") == std::string::npos || path.find("/../") == std::string::npos, "no repository leads upwards");
}

void read_challenge(std::string_view text) {
  const auto found = registry::parse_challenges(text);
  if (found) registry::preferred(*found);
}

/// The answer to a request, whole and byte by byte.
void read_head(std::string_view text) {
  http::head_parser whole(http::method::get);
  const auto taken = whole.feed(bytes_of(text));
  http::head_parser pieces(http::method::get);
  bool refused = false;
  std::size_t used = 0;
  for (; used < text.size() && !pieces.done() && !refused; ++used) refused = !pieces.feed(bytes_of(text.substr(used, 1)));
  expect(refused == !taken, "a head is refused in pieces as in one");
  expect(refused || pieces.done() == whole.done(), "a head ends in pieces where it ends in one");
  if (taken && whole.done()) expect(used == *taken, "a head has one length");
}

void read_chunked(std::string_view text) {
  const auto decode = [&](std::size_t in_step, std::size_t out_step, std::string& body) {
    http::chunked_decoder decoder;
    std::vector<std::byte> out(out_step);
    std::size_t at = 0;
    while (at < text.size() && !decoder.done()) {
      const auto step = decoder.decode(bytes_of(text.substr(at, in_step)), out);
      if (!step) return false;
      expect(step->consumed != 0 || step->produced != 0, "a decoder goes on");
      body.append(reinterpret_cast<const char*>(out.data()), step->produced);
      at += step->consumed;
    }
    return true;
  };
  std::string whole;
  std::string pieces;
  const bool a = decode(text.size(), 4096, whole);
  const bool b = decode(1, 7, pieces);
  expect(a == b && (!a || whole == pieces), "a chunked body is the same in pieces");
}

void read_content_range(std::string_view text) {
  const auto found = http::parse_content_range({text});
  if (found)
    expect(found->range.first <= found->range.last && (!found->total || found->range.last < *found->total), "a range is inside its total");
}

void read_link(std::string_view text) {
  const auto asked = http::url::parse("https://registry.example/v2/a/tags/list");
  http::response_head answer;
  answer.headers.push_back({"Link", std::string(text)});
  const auto next = http::next_page(*asked, answer);
  if (next && *next) expect((*next)->origin == asked->origin, "a list goes on where it began");
}

void read_url(std::string_view text) {
  const auto absolute = http::url::parse(text);
  if (absolute) {
    const auto again = http::url::parse(absolute->string());
    expect(again && *again == *absolute, "a URL is read back from what it is printed as");
    for (const char c : absolute->target) expect(c > ' ' && c != '\x7f', "no blank or control character is in a target");
  }
  const auto base = http::url::parse("https://registry.example/v2/a/blobs/uploads/1?state=x");
  (void)http::url::resolve(*base, text);
}

void read_manifest(std::string_view text) {
  for (const char* declared : {"", "application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.v2+json"}) {
    (void)model::parse_document(text, declared);
  }
  (void)model::parse_descriptor(text);
}

void read_image_config(std::string_view text) {
  const auto config = model::parse_image_config(text);
  if (config) (void)model::chain_ids(config->diff_ids);
}

void read_docker_config(std::string_view text) {
  for (const auto& config : {config::docker_config::parse(text, "x"), config::docker_config::parse_legacy(text, "x")}) {
    if (!config) continue;
    (void)config->lookup("docker.io", "library/a");
    (void)config->lookup("registry.example:5000", "a/b/c");
    (void)config->helper_for("docker.io");
  }
}

void read_docker_daemon(std::string_view text) {
  const auto daemon = config::docker_daemon::parse(text, "x");
  if (daemon) (void)daemon->is_insecure("10.0.0.1:5000");
}

void read_registries_conf(std::string_view text) {
  const auto conf = config::registries_conf::parse(text, "x");
  if (conf) (void)conf->find("registry.example/a/b");
}

void read_hosts_toml(std::string_view text) { (void)config::hosts_toml::parse(text, "/etc/x/hosts.toml"); }

void read_sync_list(std::string_view text) {
  error_code ec;
  diagnostics why;
  (void)parse_sync_list(text, "images.json", ec, why);
}

void read_journal(std::string_view text) {
  error_code ec;
  const digest blob = digest::parse("sha256:" + std::string(64, 'a'), ec);
  constexpr std::uint64_t size = 10'000'000;
  const store::journal_codec codec(blob, size);
  // With the right header in front of it, too, which is not to be guessed.
  std::string journal(reinterpret_cast<const char*>(codec.header().data()), codec.header().size());
  journal += text;
  for (const std::string_view one : {text, std::string_view(journal)}) {
    const auto records = codec.decode(bytes_of(one));
    if (!records) continue;
    for (const store::journal_record& record : *records) {
      expect(record.length <= size && record.offset <= size - record.length, "a piece is inside its blob");
    }
  }
}

void read_store_documents(std::string_view text) {
  (void)store::parse_lease(text);
  (void)store::parse_meta(text);
  (void)store::parse_record(text);
}

class text_input final : public archive::byte_input {
 public:
  explicit text_input(std::string_view text) : text_(text) {}
  result<std::size_t> read(std::span<std::byte> into) override {
    const std::size_t count = std::min(into.size(), text_.size());
    if (count != 0) std::memcpy(into.data(), text_.data(), count);
    text_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view text_;
};

void read_tar(std::string_view text) {
  text_input input(text);
  archive::tar_reader reader(input);
  std::array<std::byte, 512> block{};
  for (;;) {
    const auto member = reader.next();
    if (!member || !*member) return;
    expect((*member)->name.find('\0') == std::string::npos && !(*member)->name.starts_with('/') &&
               ("/" + (*member)->name + "/").find("/../") == std::string::npos,
           "no member leads out of the archive");
    (void)reader.read(block);
  }
}

/// \param kind what the bytes are taken for
void inflate(std::string_view text, model::compression kind) {
  const auto decode = archive::make_decoder(kind);
  std::array<std::byte, 4096> out{};
  auto in = bytes_of(text);
  std::uint64_t given = 0;
  constexpr std::uint64_t enough = std::uint64_t{4} << 20;
  while (!in.empty() && given < enough) {
    const auto step = decode->step(in, out);
    if (!step) return;
    expect(step->taken != 0 || step->given != 0, "a decoder goes on");
    in = in.subspan(step->taken);
    given += step->given;
  }
  if (in.empty()) (void)decode->finish();
}

void read_gzip(std::string_view text) { inflate(text, model::compression::gzip); }
void read_zstd(std::string_view text) { inflate(text, model::compression::zstd); }

/// Requests to serve, one behind the other, in one piece and byte by byte.
void read_request(std::string_view text) {
  const auto feed = [&](std::size_t step) {
    std::string seen;
    serve::request_parser parser;
    for (std::size_t at = 0; at < text.size();) {
      at += parser.feed(bytes_of(text.substr(at, step)));
      if (!parser.complete()) continue;
      if (parser.refusal()) return seen + std::to_string(parser.refusal()->status);
      const serve::request_head& head = parser.head();
      expect(head.target.starts_with('/'), "a target begins with a slash");
      seen += head.method + " " + head.target + "\n";
      for (const http::header& field : head.headers) seen += field.name + ": " + field.value + "\n";
      if (head.has_body || !head.keep_alive) return seen;
      parser = {};
    }
    return seen;
  };
  expect(feed(text.size()) == feed(1), "requests are the same in pieces");
}

void read_connect(std::string_view text) {
  net::connect_answer answer;
  (void)answer.feed(bytes_of(text));
}

void read_lists(std::string_view text) {
  (void)registry::parse_tag_page(text, "x");
  (void)registry::parse_repository_page(text, "x");
}

void read_token(std::string_view text) { (void)registry::parse_token_response(text, {}); }

void read_error(std::string_view text) {
  const registry::registry_error error = registry::parse_registry_error(text);
  for (const char c : error.message) expect(c != '\x1b' && c != '\n' && c != '\r', "what a server says reaches no terminal raw");
}

constexpr target all[] = {
    {"reference", read_reference},
    {"challenge", read_challenge},
    {"head", read_head},
    {"chunked", read_chunked},
    {"content_range", read_content_range},
    {"link", read_link},
    {"url", read_url},
    {"manifest", read_manifest},
    {"image_config", read_image_config},
    {"docker_config", read_docker_config},
    {"docker_daemon", read_docker_daemon},
    {"registries_conf", read_registries_conf},
    {"hosts_toml", read_hosts_toml},
    {"sync_list", read_sync_list},
    {"journal", read_journal},
    {"store_documents", read_store_documents},
    {"tar", read_tar},
    {"gzip", read_gzip},
    {"zstd", read_zstd},
    {"request", read_request},
    {"connect", read_connect},
    {"lists", read_lists},
    {"token", read_token},
    {"error", read_error},
};

}  // namespace

std::span<const target> targets() noexcept { return all; }

void broken(const char* promise) {
  std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

}  // namespace gantry::fuzz
