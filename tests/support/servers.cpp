#include "support/servers.hpp"

#include "support/socket.hpp"
#include "support/temp_dir.hpp"

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace gantry::test {
namespace {

namespace fs = std::filesystem;

void write_text(const fs::path& file, const std::string& text) {
  std::ofstream out(file);
  out << text;
  if (!out.flush()) throw std::runtime_error("cannot write " + file.string());
}

std::string config_text(const fs::path& directory, const registry_options& options, const test_certificates& certificates) {
  std::string text = "version: 0.1\nlog:\n  level: info\n  accesslog:\n    disabled: true\nstorage:\n  filesystem:\n    rootdirectory: ";
  text += options.storage.string() + "\n  delete:\n    enabled: " + (options.deletes ? "true" : "false") +
          "\n  maintenance:\n    uploadpurging:\n      enabled: false\n";
  text += "http:\n  addr: 127.0.0.1:0\n  secret: not-a-secret\n";
  if (options.tls) {
    text += "  tls:\n    certificate: " + certificates.certificate.string() + "\n    key: " + certificates.key.string() + "\n";
  }
  if (!options.username.empty()) {
    text += "auth:\n  htpasswd:\n    realm: test registry\n    path: " + (directory / "htpasswd").string() + "\n";
  }
  if (!options.token_realm.empty()) {
    text += "auth:\n  token:\n    realm: " + options.token_realm + "\n    service: " + options.token_service + "\n";
    text += "    issuer: " + options.token_issuer + "\n    rootcertbundle: " + options.token_certificate.string() + "\n";
  }
  return text;
}

}  // namespace

void await_port(child& server, std::uint16_t port, const fs::path& log) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (server.running() && std::chrono::steady_clock::now() < deadline) {
    try {
      connect_to_loopback(port);
      return;
    } catch (const std::system_error&) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  throw std::runtime_error("nobody listens on port " + std::to_string(port) + ": " + (fs::exists(log) ? slurp(log) : std::string()));
}

test_certificates make_certificates(const fs::path& directory) {
  test_certificates result{directory / "ca.pem", directory / "server.pem", directory / "server.key"};
  const std::string ca_key = (directory / "ca.key").string();
  const std::string request = (directory / "server.csr").string();
  run_or_throw({{"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                 "/CN=gantry test CA", "-keyout", ca_key, "-out", result.authority.string()}});
  run_or_throw({{"openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost",
                 "-keyout", result.key.string(), "-out", request}});
  write_text(directory / "server.ext", "subjectAltName=IP:127.0.0.1,IP:::1,DNS:localhost\nextendedKeyUsage=serverAuth\n");
  run_or_throw({{"openssl", "x509", "-req", "-in", request, "-CA", result.authority.string(), "-CAkey", ca_key, "-CAcreateserial", "-days",
                 "2", "-extfile", (directory / "server.ext").string(), "-out", result.certificate.string()}});
  return result;
}

docker_registry::docker_registry(const fs::path& directory, registry_options options) : log_(directory / "registry.log") {
  fs::create_directories(directory);
  fs::create_directories(options.storage);
  if (options.tls) certificates_ = make_certificates(directory);
  if (!options.username.empty()) {
    write_text(directory / "htpasswd", run_or_throw({{"htpasswd", "-niBC", "4", options.username}, {}, {}, options.password + "\n"}));
  }
  write_text(directory / "config.yml", config_text(directory, options, certificates_));
  server_ = std::make_unique<child>(command{{"docker-registry", "serve", (directory / "config.yml").string()}}, log_);

  // It asks the system for a free port and says in its log which one it got.
  const std::string marker = "listening on 127.0.0.1:";
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (server_->running() && std::chrono::steady_clock::now() < deadline) {
    const std::string text = log();
    if (const std::size_t at = text.find(marker); at != std::string::npos) {
      port_ = static_cast<std::uint16_t>(std::stoul(text.substr(at + marker.size(), 5)));
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  throw std::runtime_error("docker-registry does not start: " + log());
}

std::string docker_registry::log() const { return fs::exists(log_) ? slurp(log_) : std::string(); }

}  // namespace gantry::test
